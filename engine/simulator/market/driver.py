"""The event loop of the simulated market: pops due events off one heap, executes them, and schedules what follows.

Events are ordered by (millisecond, slot), and random numbers are drawn in that order, so that the size of the time
steps changes nothing. Each instrument has one pending event; events that concern all instruments (minutes, funding,
regimes, listings) have lower slots and come first. Owned by `engine.simulator.world`.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush, heapreplace
from math import exp
from typing import Final

import numpy as np

from engine.simulator.happenings import (
    Announced,
    Delisted,
    FundingSettled,
    Happening,
    Listed,
    OpenInterestChanged,
)
from engine.simulator.market.chance import Chance
from engine.simulator.market.line import Line
from engine.simulator.market.live_bars import LiveBars
from engine.simulator.market.matching import empty_book, fill_book, quote, take
from engine.simulator.market.past import WIDTH, Rows
from engine.simulator.market.positioning import POINT_MS, Points, Positioning
from engine.simulator.market.positions import FORCED, SHIFT, Positions
from engine.simulator.market.regimes import TICK_MS, Regimes
from engine.simulator.market.stage import Stage
from engine.simulator.market.traits import MEMORY_S, TAKERS

MINUTE, POINT, FUNDING, LISTING, TICK = range(5)
FIRST: Final = 16
MOST_LEVELS: Final = 7
"""Most levels that a taker order sweeps."""
ANNOUNCED_BEFORE_MS: Final = 120_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
MEMORY_MS: Final = 1_000.0 * MEMORY_S
HEAT_FADE: Final = 1.0 / MEMORY_MS


class Driver:
    """The schedule and everything that it moves."""

    def __init__(
        self, lines: list[Line], regimes: Regimes, positioning: Positioning, stage: Stage, bars: LiveBars,
        points: Points, chance: Chance, start_ms: int,
    ) -> None:  # fmt: skip
        if FIRST + len(lines) > FORCED:
            raise ValueError(f"a world holds {FORCED - FIRST} instruments, not {len(lines)}: ask for fewer assets")
        self.lines = lines
        self.regimes = regimes
        self.positioning = positioning
        self.stage = stage
        self.bars = bars
        self.points = points
        self.now_ms = start_ms
        self.events = 0
        """Number of instrument events so far, a measure of work done."""
        self._chance = chance
        self._flow = [0.0] * len(lines)
        self._ticks = 0
        self._priced = -1
        self._mark: list[int] = []
        self._index: list[int] = []
        self._rate: list[int] = []
        self._marks: Rows = np.zeros((len(lines), 5), dtype=np.int64)
        self._funding: dict[int, list[tuple[int, int, int]]] = {}
        self._listings: list[tuple[int, int, int]] = []
        self._heap: list[int] = []
        self._positions = Positions(lines, stage.build, self._flow, self._heap, chance)
        self._schedule(start_ms)

    def _schedule(self, start_ms: int) -> None:
        heap = self._heap
        for slot, period in ((MINUTE, 60_000), (POINT, POINT_MS), (FUNDING, HOUR_MS), (TICK, TICK_MS)):
            heap.append(((start_ms // period + 1) * period) << SHIFT | slot)
        for line in self.lines:
            one = line.instrument
            if line.trading:
                heap.append((start_ms + self._pause(line, 1.0)) << SHIFT | (FIRST + line.index))
                line.at = start_ms
                if line.perp:
                    self._positions.watch(line)
            else:
                announced = max(start_ms + 1, one.listed_ms - ANNOUNCED_BEFORE_MS)
                self._listings.append((announced, 0, line.index))
                self._listings.append((max(announced + 1, one.listed_ms), 1, line.index))
            if one.delisted_ms is not None and one.delisted_ms > start_ms:
                self._listings.append((one.delisted_ms, 2, line.index))
        heapify(self._listings)
        if self._listings:
            heap.append(self._listings[0][0] << SHIFT | LISTING)
        heapify(heap)

    def _pause(self, line: Line, act: float) -> int:
        return int(self._chance.wait() * 1_000.0 / (line.base * act)) + 1

    def run(self, to_ms: int) -> Iterator[Happening]:
        """Everything that happens up to and including `to_ms`."""
        heap, lines, limit = self._heap, self.lines, (to_ms + 1) << SHIFT
        chance, regimes, flow, positions = self._chance, self.regimes, self._flow, self._positions
        uniform, wait, order, resting = chance.uniform, chance.wait, chance.order, chance.resting
        mask = (1 << SHIFT) - 1
        fairs, leans, acts = regimes.fair, regimes.lean, regimes.act
        out: list[Happening] = []
        while heap[0] < limit:
            key = heap[0]
            slot = key & mask
            ms = key >> SHIFT
            if slot < FIRST or slot >= FORCED:
                heappop(heap)
                if slot < FIRST:
                    self._system(slot, ms, out)
                    fairs, leans, acts = regimes.fair, regimes.lean, regimes.act
                else:
                    positions.force(lines[slot - FORCED], ms, out)
                if out:
                    self.now_ms = ms
                    yield from out
                    out.clear()
                continue
            row = slot - FIRST
            line = lines[row]
            if not line.trading:
                heappop(heap)
                continue
            fair, act = fairs[row], acts[row]
            heat = line.heat * exp((line.at - ms) * HEAT_FADE)
            line.at = ms
            if uniform() < TAKERS:
                mid = (line.bid_keys[-1] - line.ask_keys[-1]) * 0.5
                drawn = (fair - mid) / line.scale
                if drawn > 1.0:
                    drawn = 1.0
                elif drawn < -1.0:
                    drawn = -1.0
                chosen = 0.5 + leans[row] + line.pull * drawn - uniform()
                size = order()
                traded = take(
                    line, ms, chosen > 0, int(line.order_steps * size * (1.0 + 0.15 * min(heat, 8.0))) + 1,
                    MOST_LEVELS, out,
                )  # fmt: skip
                # Takers who merely follow fair value carry no information: only flow beyond that moves it.
                flow[row] += traded * ((1.0 if chosen > 0 else -1.0) - 2.0 * line.pull * drawn)
                heat += line.jump / act * (0.55 + (0.55 * size if size < 3.0 else 1.65))
                if heat > line.most_heat:
                    heat = line.most_heat
                if line.perp:
                    line.churn += traded
                    if ms >= line.oi_due:
                        positions.tell(line, ms, out)
            else:
                quote(line, ms, fair, act, uniform, resting, out)
            line.heat = heat
            pause = wait() * 1_000.0 / (line.base * act * (1.0 + heat))
            if pause > MEMORY_MS and heat > 0.1:
                # The heat fades before the next event: draw the rest of the pause at the pace that remains.
                pause = MEMORY_MS + wait() * 1_000.0 / (line.base * act * (1.0 + 0.3 * heat))
            heapreplace(heap, (ms + int(pause + 0.5)) << SHIFT | slot)
            if out:
                self.now_ms = ms
                self.events += 1
                yield from out
                out.clear()
        self.now_ms = to_ms

    def _system(self, slot: int, ms: int, out: list[Happening]) -> None:
        heap = self._heap
        if slot == TICK:
            self._tick(ms, out)
            heappush(heap, (ms + TICK_MS) << SHIFT | TICK)
        elif slot == MINUTE:
            self._close_minute()
            heappush(heap, (ms + 60_000) << SHIFT | MINUTE)
        elif slot == POINT:
            marks = np.rint(self.regimes.mark_ticks() * 100).astype(np.int64)
            interest = np.array([line.oi for line in self.lines], dtype=np.int64)
            self.points.add(ms, interest, marks, self.positioning.skew, self.positioning.top)
            heappush(heap, (ms + POINT_MS) << SHIFT | POINT)
        elif slot == FUNDING:
            self._settle(ms, out)
            heappush(heap, (ms + HOUR_MS) << SHIFT | FUNDING)
        else:
            while self._listings and self._listings[0][0] <= ms:
                _, what, row = heappop(self._listings)
                self._listing(what, self.lines[row], ms, out)
            if self._listings:
                heappush(heap, self._listings[0][0] << SHIFT | LISTING)

    def _tick(self, ms: int, out: list[Happening]) -> None:
        regimes = self.regimes
        self.stage.step(ms, out)
        regimes.step(self._flow)
        self._flow[:] = [0.0] * len(self.lines)
        self._ticks += 1
        if self._ticks % 4 == 0:
            regimes.premium = self.positioning.step(regimes.stray)
        marks = regimes.mark_ticks()
        self._positions.check(ms, marks)

    def _settle(self, ms: int, out: list[Happening]) -> None:
        hour = ms // HOUR_MS
        marks = self.regimes.mark_ticks()
        for line in self.lines:
            if not line.perp or not line.trading or hour % line.instrument.funding_interval_h:
                continue
            row = line.index
            rate, mark = self.positioning.rate(row), round(marks[row] * 100)
            self.positioning.settle(row, rate)
            held = self._funding.setdefault(row, [])
            held.append((ms, rate, mark))
            del held[:-400]
            out.append(FundingSettled(line.instrument, ms, rate, mark))

    def settled(self, row: int) -> list[tuple[int, int, int]]:
        """(ms, rate, mark) of the last 400 settlements since the world began, oldest first."""
        return self._funding.get(row, [])

    def marks(self, row: int) -> tuple[int, int]:
        """Mark and index price of one instrument, in hundredths of a tick."""
        if self._priced != self._ticks:
            self._priced = self._ticks
            regimes = self.regimes
            self._mark = np.rint(regimes.mark_ticks() * 100).astype(np.int64).tolist()
            self._index = np.rint(regimes.index_ticks() * 100).astype(np.int64).tolist()
            self._rate = self.positioning.rates()
        return self._mark[row], self._index[row]

    def rate(self, row: int) -> int:
        """Predicted funding rate, 1e-8 per interval."""
        self.marks(row)
        return self._rate[row]

    def _listing(self, what: int, line: Line, ms: int, out: list[Happening]) -> None:
        if what == 0:
            out.append(Announced(line.instrument, ms))
            return
        if what == 1:
            line.trading = True
            line.at = ms
            out.append(Listed(line.instrument, ms))
            fill_book(line, ms, self.regimes.fair[line.index], self._chance.resting, out)
            # A new listing trades at its busiest pace at first.
            line.heat = line.most_heat
            if line.perp:
                self._positions.watch(line)
            heappush(self._heap, (ms + 1) << SHIFT | (FIRST + line.index))
            return
        empty_book(line, ms, out)
        line.trading = False
        line.ended = True
        line.forced.clear()
        line.longs.close(line.longs.total)
        line.shorts.close(line.shorts.total)
        self._positions.watch(line)
        if line.oi:
            line.oi = line.oi_told = 0
            out.insert(len(out) - 1, OpenInterestChanged(line.instrument, ms, 0))
        out.append(Delisted(line.instrument, ms))

    def end(self, row: int, ms: int) -> None:
        """Delist an instrument at `ms`, which must be in the future."""
        heappush(self._listings, (ms, 2, row))
        heappush(self._heap, ms << SHIFT | LISTING)

    def _close_minute(self) -> None:
        lines = self.lines
        totals = np.array(
            [(line.buy_steps, line.sell_steps, line.buy_quote, line.sell_quote, line.fills) for line in lines],
            dtype=np.int64,
        )
        done = totals - self._marks
        self._marks = totals
        rows = np.empty((len(lines), WIDTH), dtype=np.int64)
        rows[:, :4] = [(line.open, line.high, line.low, line.last) if line.open else (line.last,) * 4 for line in lines]
        rows[:, 4] = done[:, 0] + done[:, 1]
        rows[:, 5] = done[:, 0]
        rows[:, 6] = done[:, 2] + done[:, 3]
        rows[:, 7] = done[:, 2]
        rows[:, 8] = done[:, 4]
        for line in lines:
            line.open = 0
        self.bars.close_minute(rows)

    def minute_totals(self) -> list[list[int]]:
        """Per instrument, as of the start of the forming minute: bought and sold steps, both in quote, and fills."""
        totals: list[list[int]] = self._marks.tolist()
        return totals

    def forming(self, line: Line) -> Rows:
        """`[1, 9]`: the forming minute."""
        then = self._marks[line.index].tolist()
        bought, sold = line.buy_steps - then[0], line.sell_steps - then[1]
        valued = line.buy_quote - then[2]
        prices = (line.open, line.high, line.low, line.last) if line.open else (line.last,) * 4
        return np.array(
            [[*prices, bought + sold, bought, valued + line.sell_quote - then[3], valued, line.fills - then[4]]],
            dtype=np.int64,
        )
