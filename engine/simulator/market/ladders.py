"""The liquidation ladder: position sizes by liquidation price, for one side of one perpetual.

Filled as positions open (`engine.simulator.market.positions`), thinned as they close, and emptied from the near end
when the mark price reaches it. It holds only leveraged positions; the rest of open interest is never liquidated.
"""

from __future__ import annotations

import math
from typing import Final

BIN: Final = 0.002
"""Width of a rung, as a share of the price."""
MAX_RUNGS: Final = 160
DISTANCES: Final = (0.008, 0.012, 0.017, 0.025, 0.036, 0.048, 0.065, 0.095, 0.14, 0.19)
"""Distances of liquidation from entry, at leverages from 100 down to 5, less maintenance margin."""
SHARES: Final = (0.03, 0.05, 0.09, 0.14, 0.16, 0.15, 0.13, 0.11, 0.08, 0.06)
"""Shares of the positions at these distances."""


class Ladder:
    """`sign` 1: longs, liquidated below the price; -1: shorts, liquidated above."""

    __slots__ = ("_rungs", "_sign", "total")

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._rungs: dict[int, int] = {}
        self.total = 0
        """Steps on all rungs."""

    def open(self, ticks: float, steps: int, draw: float) -> None:
        """Add a position of `steps` opened at `ticks`, with a leverage picked by `draw`, 0 to 1."""
        at = 0
        for at, share in enumerate(SHARES):  # noqa: B007
            draw -= share
            if draw < 0:
                break
        self.place(ticks * (1 - self._sign * DISTANCES[at]), steps)

    def place(self, ticks: float, steps: int) -> None:
        """Add `steps` with the liquidation price `ticks`."""
        if steps <= 0 or ticks < 1:
            return
        rung = round(math.log(ticks) / BIN)
        rungs = self._rungs
        rungs[rung] = rungs.get(rung, 0) + steps
        self.total += steps
        if len(rungs) > MAX_RUNGS:
            # The farthest rung is the least likely to be reached.
            far = min(rungs) if self._sign > 0 else max(rungs)
            self.total -= rungs.pop(far)

    def close(self, steps: int) -> None:
        """Remove positions of `steps` closed by their owners, from the oldest rungs first."""
        rungs = self._rungs
        while steps > 0 and rungs:
            rung = next(iter(rungs))
            held = rungs[rung]
            if held > steps:
                rungs[rung] = held - steps
                self.total -= steps
                return
            del rungs[rung]
            self.total -= held
            steps -= held

    def nearest(self) -> float:
        """Price in ticks of the nearest rung; 0 (longs) or infinity (shorts) if there is none."""
        if not self._rungs:
            return 0.0 if self._sign > 0 else math.inf
        return math.exp((max(self._rungs) if self._sign > 0 else min(self._rungs)) * BIN)

    def take(self) -> int:
        """Remove the nearest rung and return its steps."""
        if not self._rungs:
            return 0
        steps = self._rungs.pop(max(self._rungs) if self._sign > 0 else min(self._rungs))
        self.total -= steps
        return steps

    def __len__(self) -> int:
        return len(self._rungs)
