"""The initial state of a world's lines: traits, first prices, positions, books and histories.

Called once by `engine.simulator.world`. Everything uses keyed noise, except book sizes: they come from the stream of
resting orders, in the order of instruments.
"""

from __future__ import annotations

from typing import Final

from engine.simulator.market.catalogue import Catalogue
from engine.simulator.market.chance import Chance, share_of
from engine.simulator.market.driver import DAY_MS
from engine.simulator.market.history import AssetHistory
from engine.simulator.market.ladders import DISTANCES, SHARES
from engine.simulator.market.line import Line
from engine.simulator.market.matching import fill_book
from engine.simulator.market.past import Past
from engine.simulator.market.traits import rates, shape

KEPT_TRADES_S: Final = 180.0
"""Trades are kept for about this long."""
KEPT_TRADES: Final = 200_000
"""Most trades kept over all instruments, about."""
LEVERAGED: Final = 0.35
"""Share of open interest that may be liquidated."""
LEFT_NEAR: Final = 0.06
"""Share of that part which is still open within reach after the days before the start."""


def lines_of(found: Catalogue, seed: int, rate: float, start_ms: int, chance: Chance) -> tuple[list[Line], list[float]]:
    """All lines in their initial state, and the trades and book changes per second that each should have."""
    paces = rates(found.volume_usd, rate)
    keep_s = min(KEPT_TRADES_S, KEPT_TRADES / rate)
    lines: list[Line] = []
    for row, one in enumerate(found.instruments):
        asset = found.asset_of[row]
        price = found.assets[asset].price * one.multiplier
        # Venues never quote exactly the same price.
        aside = 1.0 + 3e-4 * (share_of(seed, one.venue, one.symbol, "aside") - 0.5)
        line = Line(one, asset, price * aside / one.tick_size, max(100, int(paces[row] * keep_s)))
        shape(line, price, found.volume_usd[row], paces[row])
        line.trading = one.listed_ms <= start_ms
        line.fills_a_day = max(9_000.0, paces[row] * 40_000.0)
        age_days = max(0.0, (start_ms - one.listed_ms) / DAY_MS)
        line.fill_id = int(line.fills_a_day * (age_days + 2.0))
        line.trade_id = int(line.fill_id * 0.6)
        if line.perp:
            _position(line, found.volume_usd[row])
        if line.trading:
            line.update_id = 1_000_000 + row * 7_919
            line.book_ms = start_ms
            fill_book(line, start_ms, line.start_ticks, chance.resting, None)
        lines.append(line)
    return lines, paces


def _position(line: Line, volume_usd: float) -> None:
    """Set open interest at the start, and the liquidation prices of its leveraged part."""
    one = line.instrument
    steps_a_day = volume_usd / (line.start_ticks * one.quote_unit)
    line.oi_usual = line.oi_home = max(10, int(steps_a_day * (0.3 + 0.6 * share_of(0, one.symbol, "oi"))))
    if not line.trading:
        return
    line.start_oi = line.oi = line.oi_told = line.oi_home
    for distance, share in zip(DISTANCES, SHARES, strict=True):
        for part in (0.85, 1.15, 1.6):
            steps = int(line.oi * LEVERAGED * share * LEFT_NEAR / 3)
            line.longs.place(line.start_ticks * (1 - distance * part), steps)
            line.shorts.place(line.start_ticks * (1 + distance * part), steps)


class Pasts:
    """Histories of the instruments, built on first use."""

    def __init__(self, found: Catalogue, lines: list[Line], seed: int, start_ms: int) -> None:
        self._found = found
        self._lines = lines
        self._seed = seed
        self._start_ms = start_ms
        self._histories: dict[int, AssetHistory] = {}
        self._pasts: dict[int, Past | None] = {}

    def of(self, row: int) -> Past | None:
        """The history of one instrument; None if it was not listed before the start."""
        if row not in self._pasts:
            self._pasts[row] = self._made(row)
        return self._pasts[row]

    def _made(self, row: int) -> Past | None:
        found, line = self._found, self._lines[row]
        one = line.instrument
        if one.listed_ms >= self._start_ms:
            return None
        place = found.asset_of[row]
        if (history := self._histories.get(place)) is None:
            asset = found.assets[place]
            weight = 0.72 if asset.symbol_type == "crypto" else 0.1
            history = AssetHistory(asset.name, self._seed, asset.daily_sigma, weight, self._start_ms)
            self._histories[place] = history
        steps_a_day = found.volume_usd[row] / (line.start_ticks * one.quote_unit)
        return Past(history, line.start_ticks, steps_a_day, line.fills_a_day)


def stages(lines: list[Line]) -> tuple[list[str], list[str]]:
    """Assets suited to episodes, most traded first: those with perpetual and spot, and those with perpetuals only."""
    kinds: dict[str, set[bool]] = {}
    for line in lines:
        if line.trading and not line.instrument.tradfi:
            kinds.setdefault(line.instrument.asset, set()).add(line.perp)
    both = [name for name, held in kinds.items() if len(held) == 2]
    return both, [name for name, held in kinds.items() if held == {True}]
