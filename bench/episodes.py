"""Whether the faces react to scripted episodes with known truth: `python -m bench.episodes`.

The simulated market plays each of its scripted episodes (`engine.simulator.market.scripts`) on one asset. The engine
follows all venues over real sockets, on a clock that runs as fast as the machine allows. A script says which faces a
phase should move, and in which direction. Every such face of every perpetual on the asset is compared with its level
before the phase. Printed: how many perpetuals moved in the right direction by at least `STEP` points at some time in
the phase, the median of their largest moves in that direction, and the median time to that step. A market without an
episode is measured for as long and printed too, because scores also drift by themselves. Nothing was fitted to this
output; `docs/episodes.md` shows a run.
"""

from __future__ import annotations

import argparse
import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final, get_args

import numpy as np
from numpy.typing import NDArray

from engine.prism.board import FACES
from engine.simulator.episodes import Episode, EpisodeKind
from engine.simulator.market.scripts import SCRIPTS, Phase
from tests.faults.rig import START_NS, Rig

STEP: Final = 5.0
"""Least change of a face's score, in points, that counts as a move."""
CALM_S: Final = 180
"""Time before an episode begins."""
LOOK_S: Final = 5.0
ASSETS: Final = 3
ASSET: Final = "ETH"
CALM: Final = "no episode"

Faces = NDArray[np.float64]


@dataclass
class Line:
    """One face in one phase of one kind of episode, over all runs and perpetuals."""

    moves: list[float] = field(default_factory=list)
    """Largest moves in the right direction, points."""
    times_s: list[float] = field(default_factory=list)
    """Times to the step, of the perpetuals that reached it."""


async def played(episode: Episode, seed: int, *, calm: bool = False) -> tuple[list[int], list[Faces]]:
    """Run the market through an episode, or for as long without it. Returns times in Unix milliseconds, and at each the
    asset's face scores `[perpetuals, faces]`."""
    episodes = () if calm else (episode,)
    times: list[int] = []
    scores: list[Faces] = []
    async with Rig(seed=seed, assets=ASSETS, rate=60.0, episodes=episodes, scan_ms=1_000, step_ms=100) as rig:
        rows = [
            row
            for row, one in enumerate(rig.snapshot.instruments)
            if one.asset == episode.asset and one.kind == "perp" and one.quote_is_usd
        ]
        end_ns = (episode.start_ms + episode.duration_ms) * 1_000_000
        while rig.clock.now_ns() < end_ns:
            await rig.run(LOOK_S)
            times.append(rig.clock.now_ns() // 1_000_000)
            scores.append(rig.snapshot.board.face_score[rows].copy())
    return times, scores


class Table:
    """Results of all runs, by episode, phase, and face with its expected direction."""

    def __init__(self) -> None:
        self.lines: dict[tuple[str, str, str], Line] = defaultdict(Line)

    def judge(self, kind: str, episode: Episode, phases: Sequence[Phase], seen: tuple[list[int], list[Faces]]) -> None:
        """Add one run."""
        at, held = np.array(seen[0]), np.stack(seen[1])
        begin = episode.start_ms
        for phase in phases:
            end = episode.start_ms + round(phase.until * episode.duration_ms)
            before = np.nanmean(held[(at > begin - 60_000) & (at <= begin)], axis=0)
            inside = np.flatnonzero((at > begin) & (at <= end))
            for face, way in phase.faces.items():
                if way:
                    place = FACES.index(face)
                    moved = (held[inside, :, place] - before[:, place]) * way * episode.direction
                    line = self.lines[kind, phase.name, f"{face} {'+' if way > 0 else '-'}"]
                    self._add(line, moved, (at[inside] - begin) / 1000.0)
            begin = end

    def _add(self, line: Line, moved: Faces, times_s: Faces) -> None:
        for perp in moved.T:
            if np.isfinite(perp).any():
                line.moves.append(float(np.nanmax(perp)))
                made = np.flatnonzero(perp >= STEP)
                if made.size:
                    line.times_s.append(float(times_s[made[0]]))

    def __str__(self) -> str:
        rows = [
            "| episode | phase | face | moved 5 points the right way | median farthest move | median time until then |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        for (kind, phase, face), line in self.lines.items():
            when = f"{median(line.times_s):.0f} s" if line.times_s else "-"
            share = f"{len(line.times_s)} of {len(line.moves)}"
            name = kind.replace("_", " ")
            rows.append(f"| {name} | {phase} | {face} | {share} | {median(line.moves):+.1f} | {when} |")
        return "\n".join(rows)


async def main() -> None:
    """Run and print."""
    options = argparse.ArgumentParser(prog="python -m bench.episodes", description=__doc__.split("\n", 1)[0])
    options.add_argument("--minutes", type=float, default=30.0, help="length of each episode")
    options.add_argument("--seeds", type=int, default=1, help="markets to play each in, both ways")
    options.add_argument("--kind", action="append", choices=[*get_args(EpisodeKind), CALM], help="only these")
    given = options.parse_args()
    table = Table()
    start_ms = START_NS // 1_000_000 + CALM_S * 1000
    kinds: list[EpisodeKind] = list(get_args(EpisodeKind))
    length_ms = round(given.minutes * 60_000)
    for seed in range(5, 5 + given.seeds):
        for kind in kinds:
            for direction in (1, -1):
                episode = Episode(kind, ASSET, start_ms, length_ms, direction)
                if given.kind is None or kind in given.kind:
                    table.judge(kind, episode, SCRIPTS[kind], await played(episode, seed))
        if given.kind is None or CALM in given.kind:
            nothing = Episode("stop_hunt", ASSET, start_ms, length_ms, 1)
            seen = await played(nothing, seed, calm=True)
            for name, way in (("up", 1), ("down", -1)):
                phases = [Phase(name, part / 3, 0.0, faces=dict.fromkeys(FACES, way)) for part in (1, 2, 3)]
                table.judge(CALM, nothing, phases, seen)
    print(table)


if __name__ == "__main__":
    asyncio.run(main())
