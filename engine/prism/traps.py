"""Trap flags: warnings against following a score that are no reason to hide the row.

Called by `engine.pipeline` through `Scorer.traps` for the newest scan. Reads the view and the inputs of the scan's own
readings, so a flag rests on the same figures as the score. A flag is raised for the side that would be taken; unknown
figures raise nothing. No flag changes a score or a gate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Bools, Floats
from engine.figures import usd_text
from engine.market.view import Bars, MarketView
from engine.prism.board import Board, Status
from engine.prism.depth import Depth
from engine.prism.liquidation_pressure import elapsed_of_minute, trailing
from engine.prism.mood import breadth
from engine.prism.roster import Roster
from engine.prism.row_memo import Memory, Part
from engine.prism.scales import ratio

MOVE_FRAC: Final = 0.005
"""Change over 1 h from which price counts as moving: half a percent."""
SPOT_GAP: Final = 0.10
"""Net share of volume by which spot lags the perpetual: the width of a balanced market (0.45 to 0.55 bought)."""
INTEREST_FALL: Final = 0.01
"""Fall of open interest in base units over 1 h that is more than noise."""
STRETCHED: Final = 0.95
"""%B of the last price in the 4h bands."""
BAND_BARS, BAND_WIDTH = 20, 2.0
"""John Bollinger's defaults: mean of 20 closes and twice their standard deviation."""
THIN_MOVE_FRAC: Final = 0.01
MINUTES_A_DAY: Final = 1440.0
WICK_BARS: Final = 3
"""Newest closed 15m bars that are searched for a wick."""
WICK_BEFORE: Final = 20
"""Bars before it whose extreme it must have passed."""
WICK_SHARE: Final = 0.5
MARKET_MOVE_FRAC: Final = 0.005
MARKET_BREADTH: Final = 0.35
"""At most this share of rows rising, or at least 1 minus it, means that the market moves one way."""
CROWD_RATIO: Final = 3.0
FORCED_MINUTES: Final = 15
FORCED_SHARE: Final = 0.05
"""Liquidations of 15 m on the trade's side, less the other's, as a share of the volume of 15 m."""


@dataclass(frozen=True, slots=True)
class Trap:
    """One flag of one row."""

    name: str
    saw: str


@dataclass(frozen=True, slots=True)
class Traps:
    """All flags for both sides."""

    raised: Bools
    """`[2, rows, T]`: long, short; flags in the order of `TRAPS`."""
    saw: Floats
    """`[2, rows, T, 2]`: the two figures behind each flag."""

    def of(self, row: int, side: int) -> tuple[Trap, ...]:
        """The flags against taking `side` (+1, -1; none for 0) of a row."""
        if side == 0:
            return ()
        place = 0 if side > 0 else 1
        return tuple(
            Trap(name, words(side, *self.saw[place, row, number].tolist()))
            for number, (name, words) in enumerate(TRAPS.items())
            if self.raised[place, row, number]
        )


def _word(side: int, long: str, short: str) -> str:
    return long if side > 0 else short


def _percent(frac: float, digits: int = 1) -> str:
    return f"{frac * 100:+.{digits}f} %"


TRAPS: Final[dict[str, Callable[[int, float, float], str]]] = {
    "hype_without_spot": lambda side, perp, spot: (
        f"perp {_word(side, 'buying', 'selling')} {_percent(perp)} of volume, spot {_percent(spot)} over 15 m"
    ),
    "open_interest_falling": lambda side, interest, price: (
        f"open interest {_percent(interest)} while price {_percent(price)} in 1 h: positions close"
    ),
    "overheated_funding": lambda side, rate, band: (
        f"{_word(side, 'longs', 'shorts')} pay {abs(rate) * 100:.4f} %, beyond the band of {band * 100:.4f} %"
    ),
    "overextended": lambda side, percent_b, _: (
        f"4h %B {percent_b:.2f} {_word(side, '>', '<')} {_word(side, f'{STRETCHED:.2f}', f'{1 - STRETCHED:.2f}')}"
    ),
    "thin_book": lambda side, depth, minute: (
        f"{_word(side, 'bids', 'asks')} within 1 % hold {depth / minute * 60:.0f} s of usual volume ({usd_text(depth)})"
    ),
    "stop_hunt_wick": lambda side, level, wick: (
        f"15m wick through {level:.6g}, the {_word(side, 'high', 'low')} of {WICK_BEFORE} bars, and back: "
        f"{wick * 100:.0f} % of its range"
    ),
    "against_the_market": lambda side, leader, rising: (
        f"BTC {_percent(leader)} in 1 h, {rising * 100:.0f} % of the market rising"
    ),
    "crowded": lambda side, accounts, limit: (
        f"{accounts:.2f} accounts long per short {_word(side, '≥', '≤')} {limit:.2f}: "
        f"crowded {_word(side, 'long', 'short')}"
    ),
    "liquidation_driven": lambda side, forced, share: (
        f"{usd_text(forced)} more {_word(side, 'shorts than longs', 'longs than shorts')} liquidated in 15 m, "
        f"{share * 100:.0f} % of volume"
    ),
}
"""By name, the text of a flag from the side and its two figures."""


def traps(view: MarketView, board: Board, roster: Roster, depth: Depth, memory: Memory) -> Traps:
    """All flags of all rows, from the view and the board of one scan."""
    raised, saw = np.zeros((2, view.rows, len(TRAPS)), dtype=np.bool_), np.full((2, view.rows, len(TRAPS), 2), np.nan)
    kinds = (_hype, _interest, _funding, _stretched, _thin, _wick, _market, _crowd, _forced)
    ground = _Ground(view, board, roster, depth, memory)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        for place, side in enumerate((1.0, -1.0)):
            for number, kind in enumerate(kinds):
                mask, first, second = kind(ground, side)
                raised[place, :, number] = mask & np.isfinite(first) & np.isfinite(second)
                saw[place, :, number, 0], saw[place, :, number, 1] = first, second
    return Traps(raised, saw)


@dataclass(frozen=True, slots=True)
class _Ground:
    view: MarketView
    board: Board
    roster: Roster
    depth: Depth
    memory: Memory

    def input(self, component: str, name: str) -> Floats:
        """An input of a reading; NaN in rows where its component does not count."""
        reading = self.board.readings[component]
        return np.where(reading.status == Status.OK, reading.inputs[name][0], np.nan)

    def raw(self, component: str) -> Floats:
        """The raw value of a reading; NaN in rows where it does not count."""
        reading = self.board.readings[component]
        return np.where(reading.status == Status.OK, reading.raw, np.nan)

    def moved(self, side: float, least: float = MOVE_FRAC) -> Bools:
        return np.asarray(side * self.view.derivatives.change_1h_frac >= least)


_Found = tuple[NDArray[np.bool_], Floats, Floats]


def _hype(ground: _Ground, side: float) -> _Found:
    """Price runs on perpetual flow that spot does not share."""
    perp, spot = ground.input("trade_flow", "net_share_15m"), ground.input("trade_flow", "spot_net_share_15m")
    return ground.moved(side) & (side * perp > 0.0) & (side * (perp - spot) >= SPOT_GAP), perp, spot


def _interest(ground: _Ground, side: float) -> _Found:
    """A move in which positions are closed. In base units, since the dollar value follows price by itself.

    Both changes are position heat's, over the same four closed 15m slots: a price that has moved since the last slot
    says nothing about open interest, which is not known yet.
    """
    interest, price = (
        np.expm1(ground.input("position_heat", f"{what}, 1 h change")) for what in ("open interest", "price")
    )
    return (side * price >= MOVE_FRAC) & (interest <= -INTEREST_FALL), interest, price


def _funding(ground: _Ground, side: float) -> _Found:
    """The side pays more than in 95 % of the symbol's settlements (or than 5 bp per 8 h, while those are few)."""
    rate, band = ground.input("funding", "predicted"), ground.input("funding", "band")
    return side * rate > band, rate, band


def _stretched(ground: _Ground, side: float) -> _Found:
    """Price is near or beyond the edge of its 4h bands, on the trade's side."""
    bars = ground.view.bars["4h"]
    middle, spread = ground.memory["bands 4h"].of((bars.revision,), lambda part: _bands(bars, part))
    percent_b = (ground.view.derivatives.last - middle) / (2.0 * BAND_WIDTH * spread) + 0.5
    return percent_b > STRETCHED if side > 0 else percent_b < 1.0 - STRETCHED, percent_b, percent_b


def _bands(bars: Bars, rows: Part) -> tuple[Floats, ...]:
    """Mean and deviation of the newest 20 closes, NaN below 20 of them; the deviation also if price never moved."""
    if bars.close.shape[1] < BAND_BARS:
        nothing = np.full(len(bars.count[rows]), np.nan)
        return nothing, nothing
    close = bars.close[rows, -BAND_BARS:]
    middle, spread = close.mean(axis=1), close.std(axis=1)
    return middle, np.where(spread > 1e-9 * middle, spread, np.nan)


def _thin(ground: _Ground, side: float) -> _Found:
    """After a move, the depth that an exit would trade against is less than a minute of usual volume."""
    counts = ground.board.readings["liquidity"].status == Status.OK
    # A book that is not known as far as 1 % does not prove that depth is thin: its depth is NaN.
    resting = ground.depth.bid_1pct_usd if side > 0 else ground.depth.ask_1pct_usd
    exit_usd, minute = np.where(counts, resting, np.nan), ground.view.derivatives.volume_24h_usd / MINUTES_A_DAY
    return ground.moved(side, THIN_MOVE_FRAC) & (exit_usd < minute), exit_usd, minute


def _wick(ground: _Ground, side: float) -> _Found:
    """Stops beyond a 20-bar extreme on the trade's side were taken, and the bar closed back inside."""
    bars = ground.view.bars["15m"]
    level, share = ground.memory[f"wick {side:+.0f}"].of((bars.revision,), lambda part: _swept(bars, side, part))
    return np.isfinite(level), level, share


def _swept(bars: Bars, side: float, rows: Part) -> tuple[Floats, ...]:
    """The extreme that the newest such wick went through, and the wick's share of its bar; NaN: none."""
    # Mirrored, a sweep of lows is a sweep of highs.
    tips, tails = (bars.high, bars.low) if side > 0 else (bars.low, bars.high)
    tip, tail = side * tips[rows], side * tails[rows]
    opened, close = side * bars.open[rows], side * bars.close[rows]
    level, share = np.full((2, len(tip)), np.nan)
    width = tip.shape[1]
    for at in range(width - 1, max(WICK_BEFORE, width - WICK_BARS) - 1, -1):
        edge = tip[:, at - WICK_BEFORE : at].max(axis=1)
        wick = ratio(tip[:, at] - np.maximum(opened[:, at], close[:, at]), tip[:, at] - tail[:, at])
        fresh = np.isnan(level) & (tip[:, at] > edge) & (close[:, at] < edge) & (wick >= WICK_SHARE)
        level, share = np.where(fresh, side * edge, level), np.where(fresh, wick, share)
    return level, share


def _market(ground: _Ground, side: float) -> _Found:
    """BTC and the breadth of the universe move the other way."""
    view = ground.view
    change = view.derivatives.change_1h_frac
    heads = ground.roster.leaders["BTC"]
    known = change[heads][np.isfinite(change[heads])]
    leader = float(np.median(known)) if known.size else float("nan")
    rising = breadth(view)
    wide = rising <= MARKET_BREADTH if side > 0 else rising >= 1.0 - MARKET_BREADTH
    against = side * leader <= -MARKET_MOVE_FRAC and bool(wide)
    mask = np.full(view.rows, against)
    mask[heads] = False
    return mask, np.full(view.rows, leader), np.full(view.rows, rising)


def _crowd(ground: _Ground, side: float) -> _Found:
    """Of all venues that publish the ratio, as it is scored; a venue that publishes none has the same crowd."""
    accounts = ground.raw("long_short_ratio")
    limit = CROWD_RATIO if side > 0 else 1.0 / CROWD_RATIO
    over = accounts >= limit if side > 0 else accounts <= limit
    return over, accounts, np.full(ground.view.rows, limit)


def _forced(ground: _Ground, side: float) -> _Found:
    """The move is driven by forced orders, which end when the positions are gone."""
    feed = ground.view.liquidations
    known = (feed.since_ms >= 0) & (ground.board.readings["liquidations"].status == Status.OK)
    elapsed = elapsed_of_minute(ground.view.at_ms)
    short, long = (trailing(usd, FORCED_MINUTES, elapsed) for usd in (feed.short_usd, feed.long_usd))
    net = np.where(known, side * (short - long), np.nan)
    share = ratio(net, ground.input("trade_flow", "volume_15m"))
    return ground.moved(side, 0.0) & (share >= FORCED_SHARE), net, share
