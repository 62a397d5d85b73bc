"""The schedule of episodes: those of the spec, or a seeded plan that never ends.

Read by `engine.simulator.market.stage`. The plan runs through all kinds in shuffled order before any repeats, starts
within the first minute, and mixes large and small coins. It uses keyed noise, so that it does not depend on what
happens in the market.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.simulator.episodes import Episode, EpisodeKind
from engine.simulator.market.chance import share_of
from engine.simulator.market.scripts import SCRIPTS

FIRST_MS: Final = 30_000
GAP_MS: Final = (50_000, 170_000)
LENGTH_MS: Final = (240_000, 660_000)
CALM_ASSETS: Final = 36
NEEDS_SPOT: Final = "spot_led_breakout"
_MOSTLY_DOWN: Final = ("cascade_reversal",)
_MOSTLY_UP: Final = ("perp_led_pump", "squeeze", "spot_led_breakout")


class Plan:
    """Episodes in order of their start."""

    def __init__(
        self, seed: int, start_ms: int, given: Sequence[Episode] | None, both: Sequence[str], perp_only: Sequence[str]
    ) -> None:
        """`both`: assets with perpetual and spot, most traded first; `perp_only`: without spot."""
        self._seed = seed
        self._at = start_ms + FIRST_MS
        self._given = None if given is None else sorted(given, key=lambda one: (one.start_ms, one.asset))
        self._both = list(both)
        self._any = [*both, *perp_only]
        self._small = list(perp_only) or list(both)
        self._number = 0
        self._recent: list[str] = []
        # A spot-led episode needs an asset with a spot market.
        self._kinds = [kind for kind in SCRIPTS if both or kind != NEEDS_SPOT]
        for one in given or ():
            if one.kind == NEEDS_SPOT and one.asset in perp_only:
                raise ValueError(f"episode {one.kind}: the world has no spot market of {one.asset}")
            if one.start_ms < start_ms:
                raise ValueError(
                    f"episode {one.kind} of {one.asset} starts at {one.start_ms}, before the world's start {start_ms}"
                )
            if one.asset not in self._any:
                raise ValueError(f"episode {one.kind}: the world has no perpetual on {one.asset}")
            if one.direction not in (-1, 1) or one.duration_ms <= 0:
                raise ValueError(f"episode {one.kind} of {one.asset} needs direction 1 or -1 and a duration above 0")

    def next(self) -> Episode | None:
        """The next episode; None if there are no more."""
        if self._given is not None:
            return self._given.pop(0) if self._given else None
        if not self._any:
            return None
        seed, number = self._seed, self._number
        self._number += 1
        lap, place = divmod(number, len(self._kinds))
        order = sorted(self._kinds, key=lambda kind: share_of(seed, "kind", lap, kind))
        kind: EpisodeKind = order[place]
        drawn = share_of(seed, "direction", number)
        up = drawn < 0.15 if kind in _MOSTLY_DOWN else drawn < 0.8 if kind in _MOSTLY_UP else drawn < 0.5
        asset = self._asset(kind, number)
        length = int(LENGTH_MS[0] + (LENGTH_MS[1] - LENGTH_MS[0]) * share_of(seed, "length", number))
        strength = 0.85 + 0.5 * share_of(seed, "strength", number)
        if asset in ("BTC", "ETH"):
            strength *= 0.75
        episode = Episode(kind, asset, self._at, length, 1 if up else -1, round(strength, 3))
        gap = GAP_MS[0] + (GAP_MS[1] - GAP_MS[0]) * share_of(seed, "gap", number)
        # In a small world episodes are spaced wider, or no asset would ever be calm.
        self._at += int(gap * max(1.0, CALM_ASSETS / len(self._any)))
        return episode

    def _asset(self, kind: EpisodeKind, number: int) -> str:
        among = self._small if kind == "thin_book_spike" else self._both or self._any
        for turn in range(12):
            chosen = among[int(len(among) * share_of(self._seed, "asset", number, turn) ** 1.3)]
            if chosen not in self._recent:
                break
        self._recent = [*self._recent, chosen][-min(12, len(among) - 1) :] if len(among) > 1 else []
        return chosen
