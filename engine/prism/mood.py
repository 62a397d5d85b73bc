"""Mood: the state of the market (BTC, ETH and the breadth of the universe) and of the symbol itself.

Called by `engine.prism.sentiment`. Reads closed 15m bars over 24 h and the 1 h and 24 h changes, all in units of each
symbol's own volatility, so it does not depend on price or size.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.arrays import Bools, Floats, Ints
from engine.market.view import MarketView
from engine.prism.board import Reading, Status
from engine.prism.draft import Draft, blend
from engine.prism.freshness import bars_stale
from engine.prism.roster import WHOLE_MARKET, Roster, named
from engine.prism.row_memo import Memory
from engine.prism.scales import ratio

TIMEFRAME: Final = "15m"
DAY_BARS: Final = 96
LEAST_BARS: Final = 33
"""8 hours of returns needed for a volatility."""
RECENT_BARS: Final = 16
"""4 hours."""
HOUR_BARS: Final = 4
WEIGHTS: Final = {"volatility": 0.3, "momentum": 0.3, "volume": 0.2, "trend": 0.2}
MARKET_SHARE: Final = 0.5
BREADTH_SCALE: Final = 4.0
"""Scale of (share of rising rows - 0.5): three quarters rising is 0.76."""
LEAST_BREADTH: Final = 10
"""Rows with a known change needed for a breadth."""


def _mean(values: Floats) -> Floats:
    """Row means of the known values; NaN if none is known."""
    known = np.isfinite(values)
    return ratio(np.where(known, values, 0.0).sum(axis=1), known.sum(axis=1).astype(np.float64))


def pulse(view: MarketView, memory: Memory) -> dict[str, Floats]:
    """The four parts of every row's own mood, -1..1 `[rows]`, NaN if not known.

    With sigma the root mean square of up to 96 15m log returns: momentum is the mean of tanh(r_1h / 2 sigma) and
    tanh(r_24h / sigma sqrt 96); trend is tanh(2 ln(close / mean close) / (sigma sqrt 96)); volatility is
    tanh(log2(sigma of 4 h / sigma)) and volume tanh(log2(mean of 1 h / mean of 24 h)), both magnitudes, signed by
    the direction of the last hour.
    """
    facts = view.derivatives
    sigma, heat, busy, trend = _of_bars(view, memory)
    hour_move, day_move = (
        np.log1p(np.where(change > -1.0, change, np.nan)) for change in (facts.change_1h_frac, facts.change_24h_frac)
    )
    side = np.sign(facts.change_1h_frac)
    return {
        "volatility": heat * side,
        "momentum": blend(
            {
                "1h": (0.5, np.tanh(ratio(hour_move, 2.0 * sigma))),
                "24h": (0.5, np.tanh(ratio(day_move, sigma * np.sqrt(DAY_BARS)))),
            }
        ),
        "volume": busy * side,
        "trend": trend,
    }


def _of_bars(view: MarketView, memory: Memory) -> tuple[Floats, ...]:
    bars = view.bars[TIMEFRAME]
    stale = bars_stale(view, bars)
    return memory["mood"].of(
        (bars.revision, stale),
        lambda part: _day(bars.close[part], bars.volume_usd[part], bars.count[part], stale[part]),
    )


def usual_day(view: MarketView, memory: Memory) -> Floats:
    """`[rows]` a usual day's move, as a logarithm: the root mean square of up to 96 15m returns, times sqrt 96."""
    return np.asarray(_of_bars(view, memory)[0] * np.sqrt(DAY_BARS))


def _day(close: Floats, volume: Floats, count: Ints, stale: Bools) -> tuple[Floats, ...]:
    """The inputs of `pulse` from the bars: sigma, magnitudes of volatility and of volume, and trend."""
    close = np.where(stale[:, None], np.nan, close[:, -(DAY_BARS + 1) :])
    volume = np.where(np.isnan(close), np.nan, volume[:, -(DAY_BARS + 1) :])
    step = np.diff(np.log(close), axis=1)
    enough = count >= LEAST_BARS
    sigma = np.where(enough, np.sqrt(_mean(step * step)), np.nan)
    recent = step[:, -RECENT_BARS:]
    day = sigma * np.sqrt(DAY_BARS)
    with np.errstate(divide="ignore", invalid="ignore"):
        heat = np.log2(ratio(np.sqrt(_mean(recent * recent)), sigma))
        busy = np.log2(ratio(_mean(volume[:, -HOUR_BARS:]), _mean(volume[:, -DAY_BARS:])))
    trend = np.tanh(2.0 * ratio(np.log(close[:, -1]) - np.log(_mean(close)), day))
    return sigma, np.tanh(heat), np.where(enough, np.tanh(busy), np.nan), trend


def leaders(view: MarketView, roster: Roster) -> Ints:
    """The most traded row of BTC and of ETH, if they exist; ties by venue and symbol."""
    chosen = []
    for rows in roster.leaders.values():
        if rows.size:
            volume = np.nan_to_num(view.derivatives.volume_24h_usd[rows], nan=-1.0)
            chosen.append(int(rows[np.lexsort((roster.order[rows], -volume))[0]]))
    return np.array(chosen, dtype=np.int64)


def breadth(view: MarketView) -> float:
    """Share of rankable rows that rose over 1 h, of those with a known change; NaN below 10 such rows."""
    change = view.derivatives.change_1h_frac[view.rankable]
    known = change[np.isfinite(change)]
    return float((known > 0.0).sum() / known.size) if known.size >= LEAST_BREADTH else float("nan")


def mood(view: MarketView, roster: Roster, memory: Memory) -> Reading:
    """Reading of `mood`; raw is the mean of all parts, -1..1.

    Each part is half the market's and half the symbol's; the market's is the mean of BTC and ETH, and for momentum of
    the breadth too. A row without any known part of its own has no mood: the market's alone would be the same for all.
    """
    own = pulse(view, memory)
    heads = leaders(view, roster)
    wide = breadth(view)
    tilt_of_breadth = float(np.tanh(BREADTH_SCALE * (wide - 0.5)))
    parts: dict[str, tuple[float, Floats]] = {}
    market: dict[str, Floats] = {}
    for name, weight in WEIGHTS.items():
        voices = [float(own[name][head]) for head in heads.tolist()]
        voices += [tilt_of_breadth] if name == "momentum" else []
        heard = [voice for voice in voices if np.isfinite(voice)]
        market[name] = np.full(view.rows, sum(heard) / len(heard) if heard else np.nan)
        part = blend({"market": (MARKET_SHARE, market[name]), "symbol": (1.0 - MARKET_SHARE, own[name])})
        parts[name] = (weight, part)
    mixed = blend(parts)
    draft = Draft(view.rows)
    bars = view.bars[TIMEFRAME]
    silent = np.logical_and.reduce([np.isnan(values) for values in own.values()])
    if np.count_nonzero(silent):
        draft.refuse(silent & bars_stale(view, bars), Status.STALE, "candles late")
    draft.refuse_values(
        silent, Status.WARMING, bars.count.astype(np.float64), 1.0, lambda n: f"warming: {n:.0f}/33 bars of 15m"
    )
    draft.note_absent({name: (WEIGHTS[name], values) for name, values in own.items()})
    closed_ms = np.where(bars.open_ms[:, -1] >= 0, bars.open_ms[:, -1] + bars.interval_ms, -1)
    for name, values in own.items():
        draft.input(f"own_{name}", values, "-1..1", closed_ms)
    for name, values in market.items():
        draft.input(f"market_{name}", values, "-1..1", None)
    draft.input("breadth_1h", np.full(view.rows, wide), "frac", None)
    draft.input("change_1h", view.derivatives.change_1h_frac, "frac", view.derivatives.last_ms)
    draft.input("change_24h", view.derivatives.change_24h_frac, "frac", view.derivatives.last_ms)
    everyone = np.ones(view.rows, dtype=np.bool_)
    instruments = view.instruments
    led = ", ".join(named(instruments[head]) for head in heads.tolist())
    draft.source(everyone, lambda _: WHOLE_MARKET, "breadth_1h")
    draft.source(everyone, lambda _: ", ".join(filter(None, (led, WHOLE_MARKET))), "market_momentum")
    if led:
        draft.source(everyone, lambda _: led, *(f"market_{name}" for name in market if name != "momentum"))
    return draft.finish(mixed, "-1..1", 50.0 + 50.0 * mixed)
