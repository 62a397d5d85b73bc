"""Trade flow: who lifts and who hits, from the tape, or from closed candles where trades are not streamed.

Called by `engine.prism.orderflow`. Every part is a share of the symbol's own volume, so none of them
changes when its prices or its sizes are multiplied by a constant.
"""

from __future__ import annotations

from functools import partial
from typing import Final, NamedTuple

import numpy as np

from engine.market.view import Bars, Bools, Floats, Ints, MarketView, Tape
from engine.prism.board import Reading, Status
from engine.prism.draft import Draft, blend
from engine.prism.freshness import bars_stale, tape_stale
from engine.prism.roster import Roster, named
from engine.prism.row_memo import ALL, Memory, Part
from engine.prism.scales import banded, ratio, tilt

MINUTES: Final = (1, 5, 15)
COVERED: Final = 0.8
"""Share of a window that must lie after the first trade seen for the window to count."""
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


class Flow(NamedTuple):
    """What is known of each window, NaN where it is not covered: `[rows]` by minutes of `MINUTES`."""

    delta: dict[int, Floats]
    """Taker buys less taker sells, quote currency."""
    volume: dict[int, Floats]
    large_delta: Floats
    """Of large trades over 5 minutes."""
    slope: Floats
    """Slope of CVD over 15 minutes, as change per window over the window's volume."""
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


def _window_sums(seconds: Floats) -> dict[int, Floats]:
    """Sums `[rows]` over the windows of `MINUTES`, each second added once."""
    total = np.zeros(len(seconds))
    sums: dict[int, Floats] = {}
    end = width = seconds.shape[1]
    for minutes in MINUTES:
        start = max(0, width - minutes * 60)
        total = total + seconds[:, start:end].sum(axis=1)
        sums[minutes], end = total, start
    return sums


def _sums_of_tape(tape: Tape, rows: Part) -> tuple[Floats, ...]:
    """Bought and sold over each window of `MINUTES`, net large trades of 5 m, and the weighted sum of the slope."""
    bought, sold, seconds = tape.buy_usd[rows], tape.sell_usd[rows], tape.buy_usd.shape[1]
    buy, sell = _window_sums(bought), _window_sums(sold)
    last = slice(max(0, seconds - 300), None)
    large = tape.large_buy_usd[rows, last].sum(axis=1) - tape.large_sell_usd[rows, last].sum(axis=1)
    first = max(0, seconds - 900)
    weights = slope_weights(seconds - first)
    # einsum and not a matrix product: a row's sum must not depend on where the row stands.
    slope = np.einsum("ij,j->i", bought[:, first:], weights) - np.einsum("ij,j->i", sold[:, first:], weights)
    return (*buy.values(), *sell.values(), large, slope)


def _tape_flow(view: MarketView, memory: Memory) -> Flow:
    tape = view.tape
    seconds = tape.buy_usd.shape[1]
    streamed = tape.since_ms >= 0
    known_ms = np.where(streamed, np.minimum(view.at_ms - tape.since_ms, seconds * 1000), -1)
    if tape.revision is None:
        sums = _sums_of_tape(tape, ALL)
    else:
        # Where nobody traded within the axis there is nothing but zeros, whatever the second.
        second = view.at_ms // 1000
        moves = np.where(tape.newest_ms // 1000 > second - seconds, second, 0)
        sums = memory["tape"].of((tape.revision, moves), partial(_sums_of_tape, tape))
    buy, sell = dict(zip(MINUTES, sums[:3], strict=True)), dict(zip(MINUTES, sums[3:6], strict=True))
    large, slope = sums[6:]
    covered = {minutes: known_ms >= COVERED * minutes * 60_000 for minutes in MINUTES}
    delta = {m: np.where(covered[m], buy[m] - sell[m], np.nan) for m in MINUTES}
    total = {m: np.where(covered[m], buy[m] + sell[m], np.nan) for m in MINUTES}
    return Flow(
        delta=delta,
        volume=total,
        large_delta=np.where(np.isfinite(tape.large_usd), large, np.nan),
        slope=ratio(slope, total[15]),
        streamed=streamed,
        newest_ms=tape.newest_ms,
    )


def _last_bars(bars: Bars, n: int, rows: Part) -> tuple[Floats, Floats]:
    """Delta and volume of the newest n closed bars, `[rows, n]`, NaN where there are fewer or no taker volumes."""
    if bars.volume_usd.shape[1] < n:
        nothing = np.full((len(bars.count[rows]), n), np.nan)
        return nothing, nothing
    volume = bars.volume_usd[rows, -n:]
    return 2.0 * bars.buy_usd[rows, -n:] - volume, volume


def _sums_of_bars(bars: Bars, length: int, rows: Part) -> tuple[Floats, ...]:
    """Delta and volume over each window that bars of `length` minutes have; of 1m bars the slope at the end."""
    sums: list[Floats] = []
    for minutes in MINUTES:
        if minutes >= length:
            net, total = _last_bars(bars, minutes // length, rows)
            sums += [net.sum(axis=1), total.sum(axis=1)]
    if length == 1:
        net, total = _last_bars(bars, 15, rows)
        sums.append(ratio((net * slope_weights(15)).sum(axis=1), total.sum(axis=1)))
    return tuple(sums)


def _candle_flow(view: MarketView, memory: Memory) -> Flow:
    """The same from closed 1m bars, else 5m bars (which have no 1 minute window)."""
    rows = view.rows
    delta = {minutes: np.full(rows, np.nan) for minutes in MINUTES}
    volume = {minutes: np.full(rows, np.nan) for minutes in MINUTES}
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
                delta[minutes] = np.where(use, next(sums), delta[minutes])
                volume[minutes] = np.where(use, next(sums), volume[minutes])
        if length == 1:
            slope = np.where(use, next(sums), slope)
        newest_ms = np.where(use, bars.open_ms[:, -1] + bars.interval_ms, newest_ms)
    return Flow(delta, volume, np.full(rows, np.nan), slope, np.zeros(rows, dtype=np.bool_), newest_ms)


def flow_of(view: MarketView, memory: Memory) -> Flow:
    """The tape where the row's trades are streamed, else candles.

    While a tape is too young for the longest window, candles that cover it go before it: a symbol whose trades have
    just been subscribed knows no less of its flow than it did without them.
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
        streamed=used,
        newest_ms=np.where(used, tape.newest_ms, candles.newest_ms),
    )


def _legs(view: MarketView, flow: Flow, stale: Bools) -> tuple[Floats, Floats]:
    """Net share of volume over 15 m of the row and of its spot leg; the leg's is NaN unless both come from the same
    kind of source up to the same time: a closed candle is not set against a running tape."""
    spot = view.spot_rows
    legs = np.maximum(spot, 0)
    aligned = (flow.streamed & flow.streamed[legs] & ~stale[legs]) | (
        ~flow.streamed & ~flow.streamed[legs] & (flow.newest_ms == flow.newest_ms[legs])
    )
    share = ratio(flow.delta[15], flow.volume[15])
    return share, np.where((spot >= 0) & aligned, share[legs], np.nan)


def trade_flow(view: MarketView, roster: Roster, memory: Memory) -> Reading:
    """Reading of `trade_flow`; raw is the taker buy share over 5 minutes.

    OK as soon as one window holds trades. A row whose 15 minutes are covered and empty is OK at 50: nobody
    traded, which was measured and has no direction.
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
    values = [banded((share[m] - 0.5) / BAND) for m in MINUTES]
    values += [tilt(LARGE_SCALE * large), tilt(SLOPE_SCALE * flow.slope), tilt(SPOT_SCALE * spot)]
    parts = {name: (weight, value) for (name, weight), value in zip(WEIGHTS.items(), values, strict=True)}
    score = blend(parts)
    quiet = np.isnan(score) & (flow.volume[15] == 0.0)
    score = np.where(quiet, 50.0, score)
    warming = np.isnan(score)
    _refuse_warming(draft, warming & flow.streamed, (view.at_ms - view.tape.since_ms) / 1000.0)
    draft.refuse(warming, Status.WARMING, "warming: too few candles")
    draft.note(~flow.streamed & (view.tape.since_ms < 0), "from candles")
    draft.note(~flow.streamed & (view.tape.since_ms >= 0), "from candles until the tape covers 15 m")
    draft.note(quiet, "no trades in 15 m")
    draft.note_absent({name: (w, np.where(quiet, 50.0, v)) for name, (w, v) in parts.items()})
    for m in MINUTES:
        draft.input(f"buy_share_{m}m", share[m], "frac", flow.newest_ms)
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
    return draft.finish(share[5], "frac", score)


def _refuse_warming(draft: Draft, mask: Bools, known_s: Floats) -> None:
    """Say how much of the tape is known, and that nobody traded in it where that is why nothing can be read."""
    least, most = (COVERED * MINUTES[place] * 60 for place in (0, -1))
    young = mask & (known_s < least)
    draft.refuse_values(young, Status.WARMING, known_s, 1.0, lambda s: f"warming: {s:.0f}/{least:.0f} s of trades")
    draft.refuse_values(
        mask, Status.WARMING, known_s, 1.0, lambda s: f"warming: no trades lately, {s:.0f}/{most:.0f} s of tape"
    )
