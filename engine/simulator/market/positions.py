"""Open interest as it changes, and liquidations that trade into the book.

Called by `engine.simulator.market.driver`: after trades, at every tick of the mark prices, and when a forced order is
due. A liquidation is a taker order like any other: it moves the price and so brings the next one closer.
"""

from __future__ import annotations

from heapq import heappush
from math import inf
from typing import Final

import numpy as np

from engine.arrays import Floats
from engine.simulator.happenings import Happening, Liquidation, OpenInterestChanged
from engine.simulator.market.chance import Chance
from engine.simulator.market.line import Line
from engine.simulator.market.matching import take

SHIFT: Final = 13
"""Bits of a slot in the schedule's keys."""
FORCED: Final = 4_096
"""Slots from here on are forced orders, by instrument."""
FORCED_LEVELS: Final = 30
"""Most levels that a forced order sweeps."""
MOST_FORCED: Final = 8
"""Most pending liquidations per instrument; the venue takes over any more, and they never trade."""


class Positions:
    """Positions of all perpetuals."""

    def __init__(
        self, lines: list[Line], build: list[float], flow: list[float], heap: list[int], chance: Chance
    ) -> None:
        """`build`, `flow` and `heap` are shared with the stage and the driver."""
        self._lines = lines
        self._build = build
        self._flow = flow
        self._heap = heap
        self._chance = chance
        self._longs_at = np.zeros(len(lines))
        self._shorts_at = np.full(len(lines), inf)
        self._forced_due = [False] * len(lines)

    def watch(self, line: Line) -> None:
        """Positions of `line` changed: update the prices at which the next ones are liquidated."""
        self._longs_at[line.index] = line.longs.nearest()
        self._shorts_at[line.index] = line.shorts.nearest()

    def check(self, ms: int, marks: Floats) -> None:
        """Liquidate the positions reached by the mark prices `marks` (ticks)."""
        hit = (marks <= self._longs_at) | (marks >= self._shorts_at)
        if hit.any():
            for row in hit.nonzero()[0].tolist():
                self._liquidate(self._lines[row], ms, float(marks[row]))

    def _liquidate(self, line: Line, ms: int, mark: float) -> None:
        """The mark price reached the nearest rung: its positions become forced orders, in pieces."""
        row = line.index
        sells = mark <= self._longs_at[row]
        ladder = line.longs if sells else line.shorts
        price = self._longs_at[row] if sells else self._shorts_at[row]
        steps = min(ladder.take(), line.oi // 50)
        bankruptcy = max(1, round(price * (0.9955 if sells else 1.0045)))
        uniform = self._chance.uniform
        while steps > 0 and len(line.forced) < MOST_FORCED:
            piece = min(steps, max(1, int(steps * (0.2 + 0.8 * uniform()))))
            if steps - piece < line.order_steps * 0.5:
                piece = steps
            line.forced.append((bool(sells), piece, bankruptcy))
            steps -= piece
        self.watch(line)
        if line.forced and not self._forced_due[row] and line.trading:
            self._forced_due[row] = True
            heappush(self._heap, (ms + 1 + int(uniform() * 200)) << SHIFT | (FORCED + row))

    def force(self, line: Line, ms: int, out: list[Happening]) -> None:
        """One piece of a liquidation trades into the book."""
        row = line.index
        self._forced_due[row] = False
        if not line.trading or not line.forced:
            line.forced.clear()
            return
        sells, steps, bankruptcy = line.forced.popleft()
        before = line.sell_steps if sells else line.buy_steps
        traded = take(line, ms, not sells, steps, FORCED_LEVELS, out)
        done = (line.sell_steps if sells else line.buy_steps) - before
        if done:
            # The closing order's limit is never better than its fill (true of all 2,501 recorded ones): if the market
            # has passed the position's bankruptcy price, the venue has repriced the order.
            fill = (2 * traded + done) // (2 * done)
            limit = min(bankruptcy, fill) if sells else max(bankruptcy, fill)
            out.append(Liquidation(line.instrument, ms, "long" if sells else "short", done, limit, traded))
            self._flow[row] += -traded if sells else traded
            line.heat = min(line.most_heat, line.heat + line.jump)
            line.oi = max(1, line.oi - done)
            if sells:
                line.liquidations_long += 1
                line.liquidated_long_steps += done
            else:
                line.liquidations_short += 1
                line.liquidated_short_steps += done
        if done < steps:
            line.forced.appendleft((sells, steps - done, bankruptcy))
        if line.forced:
            self._forced_due[row] = True
            heappush(self._heap, (ms + 60 + int(self._chance.uniform() * 400)) << SHIFT | (FORCED + row))

    def tell(self, line: Line, ms: int, out: list[Happening]) -> None:
        """About once a second: positions opened and closed by the trades since the last call."""
        line.oi_due = ms + 1_000
        last = line.last
        traded = line.churn // last
        line.churn = 0
        row = line.index
        uniform = self._chance.uniform
        home = line.oi_home
        build = self._build[row]
        growth = build or max(-0.4, min(0.4, 1.5 * (1.0 - line.oi / home)))
        grown = int(traded * (growth + 0.5 * (uniform() - 0.5)))
        most = max(line.oi // 50, home // 400)
        grown = max(-most, min(most, grown))
        if build:
            # What a script builds up persists for a while: the level to revert to follows.
            line.oi_home = max(1, home + grown // 2)
        else:
            line.oi_home += (line.oi_usual - home) // 4_000
        line.oi = max(1, line.oi + grown)
        # A twentieth of what traded were leveraged positions that changed hands; their liquidation prices move.
        moved = traded // 20
        opened = moved + max(0, grown) // 3
        closed = moved + max(0, -grown) // 3
        line.longs.close(closed)
        line.shorts.close(closed)
        line.longs.open(last, opened, uniform())
        line.shorts.open(last, opened, uniform())
        self.watch(line)
        if line.oi != line.oi_told:
            line.oi_told = line.oi
            out.append(OpenInterestChanged(line.instrument, ms, line.oi))
