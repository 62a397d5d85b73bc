"""Trade flow: taker buying against taker selling, from the tape, or from closed candles if trades are not streamed.

Called by `engine.prism.orderflow`. Every part is a share of the symbol's own volume, so none of them changes when its
prices or sizes are multiplied by a constant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Final, NamedTuple

import numpy as np

from engine.arrays import Bools, Floats, Ints
from engine.market.view import Bars, Counts, MarketView, Tape
from engine.prism.board import Reading, Status
from engine.prism.draft import Draft, blend
from engine.prism.freshness import bars_stale, tape_stale
from engine.prism.notes import Notes
from engine.prism.roster import Roster, named
from engine.prism.row_memo import ALL, Memory, Part
from engine.prism.scales import banded, ratio, tilt

MINUTES: Final = (1, 5, 15)
COVERED: Final = 0.8
"""Share of a window that must be after the first trade seen for the window to count."""
BAND: Final = 0.1
"""A buy share of 0.5 +- BAND is strong; half of it is the edge of balanced (see `banded`)."""
WEIGHTS: Final = {
    "share 1 m": 0.15,
    "share 5 m": 0.20,
    "share 15 m": 0.20,
    "large trades": 0.15,
    "cvd slope": 0.15,
    "spot less perp": 0.15,
}
LARGE_SCALE: Final = 4.0
SLOPE_SCALE: Final = 4.0
"""The slope is on the scale of (buy - sell) / volume, whose 0.2 (a buy share of 0.6) is strong."""
SPOT_SCALE: Final = 2.0
"""Half of that: a difference of two such shares is twice as wide."""
FULL_TRADES: Final = 30
"""Trades of a window from which its parts count in full. With n tossed coins the share is 0.5 +- 0.5 / sqrt(n): 0.09 at
30, which is a strong share by chance alone."""
RAW_MINUTES: Final = (5, 15, 1)
"""The raw value is of the first of these windows that holds trades."""


class Flow(NamedTuple):
    """Figures of each window, NaN if it is not covered: `[rows]` by minutes of `MINUTES`."""

    delta: dict[int, Floats]
    """Taker buys less taker sells, quote currency."""
    volume: dict[int, Floats]
    large_delta: Floats
    """The same for large trades over 5 minutes."""
    slope: Floats
    """Slope of CVD over 15 minutes, as change per window over the window's volume."""
    trades: dict[int, Floats]
    """Number of trades; NaN also if the candles do not count them."""
    streamed: Bools
    """From the tape; otherwise from candles."""
    newest_ms: Ints
    """Newest trade, or the end of the newest candle used."""


def slope_weights(n: int) -> Floats:
    """`[n]` weights w such that sum(w * delta) is n times the least-squares slope of cumsum(delta).

    With k the index of a step, the slope is sum((k - mean) * cvd_k) / sum((k - mean)^2), and cvd_k is the sum of the
    deltas up to k, so each delta collects the weights from its own step on. A steady imbalance b of the volume
    gives b.
    """
    k = np.arange(n, dtype=np.float64) - (n - 1) / 2.0
    total = float((k * k).sum())
    if total == 0.0:
        return np.full(n, np.nan)
    weights: Floats = np.cumsum(k[::-1])[::-1] / total * n
    return weights


def _window_sums(seconds: Floats | Counts) -> dict[int, Floats]:
    """Sums `[rows]` over the windows of `MINUTES`, each second added once."""
    total = np.zeros(len(seconds))
    sums: dict[int, Floats] = {}
    end = width = seconds.shape[1]
    for minutes in MINUTES:
        start = max(0, width - minutes * 60)
        # Counts stay 32-bit within a window: summed as 64-bit they would take three times as long.
        total = total + seconds[:, start:end].sum(axis=1, dtype=seconds.dtype)
        sums[minutes], end = total, start
    return sums


def _sums_of_tape(tape: Tape, rows: Part) -> tuple[Floats, ...]:
    """Bought, sold and trades over each window of `MINUTES`, net large trades of 5 m, and the slope's weighted sum."""
    bought, sold, seconds = tape.buy_usd[rows], tape.sell_usd[rows], tape.buy_usd.shape[1]
    buy, sell, count = _window_sums(bought), _window_sums(sold), _window_sums(tape.trades[rows])
    last = slice(max(0, seconds - 300), None)
    large = tape.large_buy_usd[rows, last].sum(axis=1) - tape.large_sell_usd[rows, last].sum(axis=1)
    first = max(0, seconds - 900)
    weights = slope_weights(seconds - first)
    # einsum and not a matrix product: a row's sum must not depend on the row's position.
    slope = np.einsum("ij,j->i", bought[:, first:], weights) - np.einsum("ij,j->i", sold[:, first:], weights)
    return (*buy.values(), *sell.values(), *count.values(), large, slope)


def _tape_flow(view: MarketView, memory: Memory) -> Flow:
    tape = view.tape
    seconds = tape.buy_usd.shape[1]
    streamed = tape.since_ms >= 0
    known_ms = np.where(streamed, np.minimum(view.at_ms - tape.since_ms, seconds * 1000), -1)
    if tape.revision is None:
        sums = _sums_of_tape(tape, ALL)
    else:
        # Without a trade within the axis all sums are 0, whatever the second.
        second = view.at_ms // 1000
        moves = np.where(tape.newest_ms // 1000 > second - seconds, second, 0)
        sums = memory["tape"].of((tape.revision, moves), partial(_sums_of_tape, tape))
    buy, sell, count = (dict(zip(MINUTES, sums[at : at + 3], strict=True)) for at in (0, 3, 6))
    large, slope = sums[9:]
    covered = {minutes: known_ms >= COVERED * minutes * 60_000 for minutes in MINUTES}
    delta = {m: np.where(covered[m], buy[m] - sell[m], np.nan) for m in MINUTES}
    total = {m: np.where(covered[m], buy[m] + sell[m], np.nan) for m in MINUTES}
    return Flow(
        delta=delta,
        volume=total,
        large_delta=np.where(np.isfinite(tape.large_usd), large, np.nan),
        slope=ratio(slope, total[15]),
        trades={m: np.where(covered[m], count[m], np.nan) for m in MINUTES},
        streamed=streamed,
        newest_ms=tape.newest_ms,
    )


def _last_bars(bars: Bars, n: int, rows: Part) -> tuple[Floats, Floats, Floats]:
    """Delta, volume and trades of the newest n closed bars, `[rows, n]`, NaN if there are fewer or no taker volumes;
    trades also if they are not counted."""
    if bars.volume_usd.shape[1] < n:
        nothing = np.full((len(bars.count[rows]), n), np.nan)
        return nothing, nothing, nothing
    volume, trades = bars.volume_usd[rows, -n:], bars.trades[rows, -n:]
    return 2.0 * bars.buy_usd[rows, -n:] - volume, volume, np.where(trades >= 0, trades, np.nan)


def _sums_of_bars(bars: Bars, length: int, rows: Part) -> tuple[Floats, ...]:
    """Delta, volume and trades over each window that bars of `length` minutes can give; for 1m bars, then the slope."""
    sums: list[Floats] = []
    for minutes in MINUTES:
        if minutes >= length:
            sums += [values.sum(axis=1) for values in _last_bars(bars, minutes // length, rows)]
    if length == 1:
        net, total, _ = _last_bars(bars, 15, rows)
        sums.append(ratio((net * slope_weights(15)).sum(axis=1), total.sum(axis=1)))
    return tuple(sums)


def _candle_flow(view: MarketView, memory: Memory) -> Flow:
    """The same from closed 1m bars, else 5m bars (which have no 1 minute window)."""
    rows = view.rows
    delta, volume, trades = ({minutes: np.full(rows, np.nan) for minutes in MINUTES} for _ in range(3))
    slope, newest_ms = np.full(rows, np.nan), np.full(rows, -1, dtype=np.int64)
    free = np.ones(rows, dtype=np.bool_)
    for name, length in (("1m", 1), ("5m", 5)):
        bars = view.bars.get(name)
        if bars is None or bars.open_ms.shape[1] == 0:
            continue
        use = free & np.isfinite(bars.buy_usd[:, -1]) & ~bars_stale(view, bars)
        free &= ~use
        sums = iter(memory[f"trade_flow {name}"].of((bars.revision,), partial(_sums_of_bars, bars, length)))
        for minutes in MINUTES:
            if minutes >= length:
                for held in (delta, volume, trades):
                    held[minutes] = np.where(use, next(sums), held[minutes])
        if length == 1:
            slope = np.where(use, next(sums), slope)
        newest_ms = np.where(use, bars.open_ms[:, -1] + bars.interval_ms, newest_ms)
    return Flow(delta, volume, np.full(rows, np.nan), slope, trades, np.zeros(rows, dtype=np.bool_), newest_ms)


def flow_of(view: MarketView, memory: Memory) -> Flow:
    """The tape if the row's trades are streamed, else candles.

    While a tape is too young for the longest window, candles that cover it are preferred: a new subscription to a
    symbol's trades must not leave it with less data than before.
    """
    tape = _tape_flow(view, memory)
    whole = np.isfinite(tape.volume[MINUTES[-1]])
    if whole.all():
        return tape
    candles = _candle_flow(view, memory)
    used = tape.streamed & (whole | ~np.isfinite(candles.volume[MINUTES[-1]]))
    return Flow(
        delta={m: np.where(used, tape.delta[m], candles.delta[m]) for m in MINUTES},
        volume={m: np.where(used, tape.volume[m], candles.volume[m]) for m in MINUTES},
        large_delta=np.where(used, tape.large_delta, np.nan),
        slope=np.where(used, tape.slope, candles.slope),
        trades={m: np.where(used, tape.trades[m], candles.trades[m]) for m in MINUTES},
        streamed=used,
        newest_ms=np.where(used, tape.newest_ms, candles.newest_ms),
    )


def _legs(view: MarketView, flow: Flow, stale: Bools) -> tuple[Floats, Floats]:
    """Net share of volume over 15 m of the row and of its spot leg. The leg's is NaN unless both come from the same
    kind of source up to the same time: a closed candle is not compared with a live tape."""
    spot = view.spot_rows
    legs = np.maximum(spot, 0)
    aligned = (flow.streamed & flow.streamed[legs] & ~stale[legs]) | (
        ~flow.streamed & ~flow.streamed[legs] & (flow.newest_ms == flow.newest_ms[legs])
    )
    share = ratio(flow.delta[15], flow.volume[15])
    return share, np.where((spot >= 0) & aligned, share[legs], np.nan)


def _evidence(trades: Floats) -> Floats:
    """How far a part counts, 0..1, by the number of trades that it rests on; 1 if they are not counted."""
    return np.where(np.isnan(trades), 1.0, np.clip(trades / FULL_TRADES, 0.0, 1.0))


def _parts(
    flow: Flow, share: dict[int, Floats], large: Floats, spot: Floats, legs: Ints
) -> dict[str, tuple[float, Floats]]:
    """Weight and score of each part; its distance from 50 is scaled by the evidence of its window."""
    sure = {m: _evidence(flow.trades[m]) for m in MINUTES}
    both = np.minimum(sure[15], sure[15][np.maximum(legs, 0)])
    scores = [(banded((share[m] - 0.5) / BAND), sure[m]) for m in MINUTES]
    scores += [(tilt(LARGE_SCALE * large), sure[5]), (tilt(SLOPE_SCALE * flow.slope), sure[15])]
    scores.append((tilt(SPOT_SCALE * spot), both))
    return {
        name: (weight, 50.0 + (score - 50.0) * counts)
        for (name, weight), (score, counts) in zip(WEIGHTS.items(), scores, strict=True)
    }


def _note_few(draft: Draft, flow: Flow, quiet: Bools) -> None:
    """Note how many trades there are in the longest window, if they do not count in full."""
    told = quiet
    for minutes in reversed(MINUTES):
        trades = flow.trades[minutes]
        few = ~told & (trades < FULL_TRADES)
        draft.note_values(few, trades, 1.0, partial(_few, minutes))
        told = told | np.isfinite(trades)


def _few(minutes: int, trades: float) -> str:
    return f"{trades:.0f} trade{'' if trades == 1.0 else 's'} in {minutes} m, {FULL_TRADES} count in full"


def _raw(share: dict[int, Floats]) -> tuple[Floats, Mapping[int, str]]:
    """The raw value `[rows]` and the units of those that are not of the usual window."""
    raw, notes = share[RAW_MINUTES[0]], Notes(len(share[RAW_MINUTES[0]]))
    for minutes in RAW_MINUTES[1:]:
        instead = np.isnan(raw) & np.isfinite(share[minutes])
        notes.add(instead, f"frac, {minutes} m")
        raw = np.where(instead, share[minutes], raw)
    return raw, notes.build()


def trade_flow(view: MarketView, roster: Roster, memory: Memory) -> Reading:
    """Reading of `trade_flow`; raw is the taker buy share over 5 minutes, or if they hold no trades, 15 or 1.

    OK as soon as one window holds trades; a part's distance from 50 is multiplied by n / 30 if its window holds n < 30
    of them. A row whose 15 minutes are covered and empty is OK at 50: no trades is a measurement without a direction.
    """
    flow = flow_of(view, memory)
    stale = tape_stale(view, roster)
    draft = Draft(view.rows)
    draft.refuse(~roster.usd, Status.MISSING, "not quoted in dollars")
    draft.refuse(flow.streamed & stale, Status.STALE, "no trade on the venue for over 120 s")
    silent = ~flow.streamed & (flow.newest_ms < 0)
    draft.refuse(silent, Status.MISSING, "trades not streamed, no current candles with taker volume")
    share = {m: ratio((flow.delta[m] + flow.volume[m]) / 2.0, flow.volume[m]) for m in MINUTES}
    large = ratio(flow.large_delta, flow.volume[5])
    net, spot_net = _legs(view, flow, stale)
    spot = spot_net - net
    parts = _parts(flow, share, large, spot, view.spot_rows)
    score = blend(parts)
    quiet = np.isnan(score) & (flow.volume[15] == 0.0)
    score = np.where(quiet, 50.0, score)
    warming = np.isnan(score)
    _refuse_warming(draft, warming & flow.streamed, (view.at_ms - view.tape.since_ms) / 1000.0)
    draft.refuse(warming, Status.WARMING, "warming: too few candles")
    draft.note(~flow.streamed & (view.tape.since_ms < 0), "from candles")
    draft.note(~flow.streamed & (view.tape.since_ms >= 0), "from candles until the tape covers 15 m")
    draft.note(quiet, "no trades in 15 m")
    _note_few(draft, flow, quiet)
    draft.note_absent({name: (w, np.where(quiet, 50.0, v)) for name, (w, v) in parts.items()})
    for m in MINUTES:
        draft.input(f"buy_share_{m}m", share[m], "frac", flow.newest_ms)
        draft.input(f"trades_{m}m", flow.trades[m], "count", flow.newest_ms)
    draft.input("volume_15m", flow.volume[15], "usd", flow.newest_ms)
    draft.input("large_trade", view.tape.large_usd, "usd", view.tape.newest_ms)
    draft.input("large_net_share_5m", large, "frac", flow.newest_ms)
    draft.input("cvd_slope_15m", flow.slope, "frac", flow.newest_ms)
    draft.input("net_share_15m", net, "frac", flow.newest_ms)
    draft.input("spot_net_share_15m", spot_net, "frac", flow.newest_ms)
    draft.input("spot_less_perp_15m", spot, "frac", flow.newest_ms)
    instruments, spot_rows = view.instruments, view.spot_rows
    draft.source(
        np.isfinite(spot), lambda row: named(instruments[spot_rows[row]]), "spot_net_share_15m", "spot_less_perp_15m"
    )
    raw, other_units = _raw(share)
    return replace(draft.finish(raw, "frac", score), other_units=other_units)


def _refuse_warming(draft: Draft, mask: Bools, known_s: Floats) -> None:
    """Refuse with how much of the tape is known, and with the lack of trades if that is the reason."""
    least, most = (COVERED * MINUTES[place] * 60 for place in (0, -1))
    young = mask & (known_s < least)
    draft.refuse_values(young, Status.WARMING, known_s, 1.0, lambda s: f"warming: {s:.0f}/{least:.0f} s of trades")
    draft.refuse_values(
        mask, Status.WARMING, known_s, 1.0, lambda s: f"warming: no trades lately, {s:.0f}/{most:.0f} s of tape"
    )
