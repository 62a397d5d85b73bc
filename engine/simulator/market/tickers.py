"""Rolling 24 h statistics of every instrument, cheap enough to query all of them every second.

Called by `engine.simulator.world`. Closed quarters of an hour are summed once a quarter, closed minutes are added once
a minute; only the forming minute is read on each call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from engine.simulator.happenings import Ticker
from engine.simulator.market.candles import Candles
from engine.simulator.market.driver import Driver
from engine.simulator.market.line import Line
from engine.simulator.market.past import Past, grouped

QUARTER_MS: Final = 900_000
QUARTERS: Final = 96


class Tickers:
    """Tickers of all instruments."""

    def __init__(self, driver: Driver, candles: Candles, past: Callable[[int], Past | None]) -> None:
        self._driver = driver
        self._candles = candles
        self._past = past
        self._quarter = -1
        self._minute_ms = -1
        self._day: dict[int, list[int]] = {}
        self._forming: list[list[int]] = []
        self._totals: list[list[int]] = []

    def ticker(self, line: Line) -> Ticker:
        """The ticker of one instrument: the forming quarter of an hour and the 95 before it."""
        driver = self._driver
        bars = driver.bars
        if bars.end_ms != self._minute_ms:
            self._minute_ms = bars.end_ms
            self._forming = bars.all_forming(QUARTER_MS).tolist()
            self._totals = driver.minute_totals()
            if bars.end_ms // QUARTER_MS != self._quarter:
                self._quarter = bars.end_ms // QUARTER_MS
                self._day.clear()
        row = line.index
        if (day := self._day.get(row)) is None:
            day = self._day[row] = self._sum(line)
        formed, then = self._forming[row], self._totals[row]
        opened, high, low, steps, quote, fills = day
        if formed[8]:
            opened, high = opened or formed[0], max(high, formed[1])
            low = min(low, formed[2]) if low else formed[2]
            steps, quote, fills = steps + formed[4], quote + formed[6], fills + formed[8]
        if line.open:
            opened, high = opened or line.open, max(high, line.high)
            low = min(low, line.low) if low else line.low
            steps += line.buy_steps + line.sell_steps - then[0] - then[1]
            quote += line.buy_quote + line.sell_quote - then[2] - then[3]
            fills += line.fills - then[4]
        last = line.last
        opened_ms = max((self._quarter - QUARTERS + 1) * QUARTER_MS, line.instrument.listed_ms)
        return Ticker(
            driver.now_ms, opened_ms, opened or last, high or last, low or last, last, line.last_steps, steps, quote,
            fills, line.fill_id - fills + 1, line.fill_id,
        )  # fmt: skip

    def _sum(self, line: Line) -> list[int]:
        """(open, high, low, steps, quote, fills) of the closed quarters; zeros if there are none."""
        first = max(self._quarter - QUARTERS + 1, line.instrument.listed_ms // QUARTER_MS)
        count = self._quarter - first
        if count <= 0:
            return self._with_head(line, [0] * 6)
        row = line.index
        _, rows = self._candles.rows(row, self._past(row), lambda: self._driver.forming(line), QUARTER_MS, first, count)
        one = grouped(rows, len(rows))[0].tolist()
        return self._with_head(line, [one[0], one[1], one[2], one[4], one[6], one[8]])

    def _with_head(self, line: Line, day: list[int]) -> list[int]:
        """`day` with the generated part of the forming quarter, if the world started within that quarter."""
        past = self._past(line.index)
        if past is None or not (head := self._candles.head(line.index, past, QUARTER_MS, self._quarter)):
            return day
        opened, high, low, steps, quote, fills = day
        return [opened or head[0], max(high, head[1]), min(low or head[2], head[2]), steps + head[4], quote + head[6],
                fills + head[8]]  # fmt: skip
