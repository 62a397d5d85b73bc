"""The execution of episodes: bends fair values, taker leans, pace and books by phase, and records the truth.

Stepped by `engine.simulator.market.driver` at every tick of the regimes. The truth is the plan at an episode's start
and the outcome at its end. It is for judging detection; the market itself must never read it.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from engine.simulator.episodes import Episode
from engine.simulator.happenings import Happening
from engine.simulator.market.chance import Chance
from engine.simulator.market.line import Line
from engine.simulator.market.matching import thin_book
from engine.simulator.market.plan import Plan
from engine.simulator.market.positioning import Positioning
from engine.simulator.market.regimes import Regimes
from engine.simulator.market.scripts import SCRIPTS, Phase

KEPT_TRUTHS: Final = 4_096
STEER: Final = 0.10
"""Share of the gap to the script's price that fair value closes per tick."""
MAX_PUSH: Final = 0.004
"""Largest log move per tick."""


class _Act:
    """One running episode."""

    def __init__(self, number: int, episode: Episode, lines: list[Line], level: float) -> None:
        self.number = number
        self.episode = episode
        self.lines = lines
        self.level = level
        self.phases = SCRIPTS[episode.kind]
        self.at = -1
        self.records: list[dict[str, Any]] = []
        self.before: list[tuple[int, int, int, int, int, int]] = []
        self.low = self.high = level

    def bounds(self, at: int) -> tuple[int, int]:
        """Start and end of a phase."""
        episode = self.episode
        begin = self.phases[at - 1].until if at else 0.0
        return (episode.start_ms + round(begin * episode.duration_ms),
                episode.start_ms + round(self.phases[at].until * episode.duration_ms))  # fmt: skip

    def target(self, ms: int) -> float:
        """Log price that the script wants at `ms`."""
        begin, end = self.bounds(self.at)
        before = self.phases[self.at - 1].move if self.at else 0.0
        share = min(1.0, (ms - begin) / max(1, end - begin))
        move = before + (self.phases[self.at].move - before) * share
        return self.level + move * self.episode.direction * self.episode.strength


class Stage:
    """All episodes of a world."""

    def __init__(
        self, plan: Plan, by_asset: dict[str, list[Line]], regimes: Regimes, positioning: Positioning, chance: Chance,
        assets: Sequence[str],
    ) -> None:  # fmt: skip
        self._plan = plan
        self._by_asset = by_asset
        self._regimes = regimes
        self._positioning = positioning
        self._chance = chance
        self._places = {name: at for at, name in enumerate(assets)}
        self._running: list[_Act] = []
        self._coming: list[tuple[int, int, Episode]] = []
        self._number = 0
        self._truths: deque[dict[str, Any]] = deque(maxlen=KEPT_TRUTHS)
        self.build = [0.0] * sum(len(lines) for lines in by_asset.values())
        """By instrument: the share of traded size by which a script grows open interest; 0 without one."""
        self._fetch()

    def truths(self) -> list[dict[str, Any]]:
        """Truth records since the last call."""
        held = list(self._truths)
        self._truths.clear()
        return held

    def busy(self, asset: str) -> bool:
        """Whether an episode of `asset` is running."""
        return any(act.episode.asset == asset for act in self._running)

    def step(self, ms: int, out: list[Happening]) -> None:
        """A tick at `ms`: start episodes that are due, bend the running ones, finish those that are over."""
        coming = self._coming
        while coming and coming[0][0] <= ms:
            _, number, episode = heapq.heappop(coming)
            self._begin(number, episode, ms)
            self._fetch()
        if not self._running:
            return
        push, level = self._regimes.push, self._regimes.level
        for act in list(self._running):
            place = self._places[act.episode.asset]
            now = float(level[place])
            act.low, act.high = min(act.low, now), max(act.high, now)
            while act.at < len(act.phases) and ms >= act.bounds(max(act.at, 0))[1 if act.at >= 0 else 0]:
                self._next_phase(act, ms, now, out)
            if act.at >= len(act.phases):
                self._running.remove(act)
                push[place] = 0.0
                continue
            gap = act.target(ms) - now
            push[place] = max(-MAX_PUSH, min(MAX_PUSH, gap * STEER))

    def _fetch(self) -> None:
        while len(self._coming) < 4:
            episode = self._plan.next()
            if episode is None:
                return
            self._number += 1
            heapq.heappush(self._coming, (episode.start_ms, self._number, episode))

    def _begin(self, number: int, episode: Episode, ms: int) -> None:
        lines = [line for line in self._by_asset.get(episode.asset, []) if line.trading]
        if not lines or self.busy(episode.asset):
            return
        place = self._places[episode.asset]
        act = _Act(number, episode, lines, float(self._regimes.level[place]))
        self._running.append(act)
        spot = any(not line.perp for line in lines)
        phases = []
        for at, phase in enumerate(act.phases):
            begin, end = act.bounds(at)
            phases.append({
                "name": phase.name, "start_ms": begin, "end_ms": end,
                "move_log": phase.move * episode.direction * episode.strength,
                "faces": {face: way * episode.direction for face, way in phase.faces.items()},
                "perp_taker_lean": phase.perp_lean * episode.direction,
                "spot_taker_lean": phase.spot_lean * episode.direction if spot else None,
            })  # fmt: skip
        self._truths.append({
            "record": "plan", "episode": number, "kind": episode.kind, "asset": episode.asset,
            "direction": episode.direction, "strength": episode.strength, "start_ms": episode.start_ms,
            "end_ms": episode.start_ms + episode.duration_ms, "told_ms": ms,
            "instruments": [[line.instrument.venue, line.instrument.symbol] for line in lines], "phases": phases,
        })  # fmt: skip

    def _next_phase(self, act: _Act, ms: int, level: float, out: list[Happening]) -> None:
        if act.at >= 0:
            self._close_phase(act, ms, level)
        act.at += 1
        if act.at >= len(act.phases):
            self._finish(act, ms, level)
            return
        act.before = [_counts(line) for line in act.lines]
        act.records.append({"name": act.phases[act.at].name, "start_ms": ms, "level": level})
        self._bend(act, act.phases[act.at], ms, out)

    def _bend(self, act: _Act, phase: Phase, ms: int, out: list[Happening]) -> None:
        way, strength = act.episode.direction, act.episode.strength
        regimes, positioning = self._regimes, self._positioning
        for line in act.lines:
            row = line.index
            perp = line.perp
            regimes.script_lean[row] = (phase.perp_lean if perp else phase.spot_lean) * way
            regimes.script_free[row] = 0.0
            regimes.script_act[row] = phase.perp_act if perp else phase.spot_act
            line.pull = 0.3 if phase.drawn or (perp and phase.perp_lean) else 0.0
            line.depth = phase.depth
            line.tilt = phase.tilt * way
            if perp:
                regimes.script_stray[row] = phase.stray * way * strength
                positioning.script_skew[row] = phase.skew * way
                self.build[row] = phase.build
                if phase.crowd and line.oi > 0:
                    self._plant(line, phase.crowd * way, strength)
            if phase.depth < 0.2 and line.trading:
                thin_book(line, ms, max(0.12, 2 * phase.depth), self._chance.uniform, out)

    def _plant(self, line: Line, side: int, strength: float) -> None:
        """Add late, highly leveraged positions close to the price: a thirtieth of open interest, liquidated within
        about 6 % (for strength 1)."""
        ladder = line.longs if side > 0 else line.shorts
        uniform = self._chance.uniform
        for _ in range(24):
            distance = 0.007 + 0.055 * uniform()
            ladder.place(line.last * (1 - side * distance * min(1.5, strength)), line.oi // 700)

    def _close_phase(self, act: _Act, ms: int, level: float) -> None:
        record = act.records[-1]
        record |= {"end_ms": ms, "moved_log": round(level - record.pop("level"), 6)}
        for name, perp in (("perp", True), ("spot", False)):
            sums = [0] * 6
            usd = [0.0, 0.0]
            for line, then in zip(act.lines, act.before, strict=True):
                if line.perp is not perp:
                    continue
                done = [now - was for now, was in zip(_counts(line), then, strict=True)]
                sums = [total + one for total, one in zip(sums, done, strict=True)]
                usd[0] += done[0] * line.instrument.quote_unit
                usd[1] += done[1] * line.instrument.quote_unit
            record[f"{name}_bought_usd"], record[f"{name}_sold_usd"] = round(usd[0]), round(usd[1])
            if perp:
                record |= {"liquidations_long": sums[2], "liquidations_short": sums[3]}

    def _finish(self, act: _Act, ms: int, level: float) -> None:
        regimes = self._regimes
        for line in act.lines:
            row = line.index
            regimes.script_lean[row] = regimes.script_stray[row] = self._positioning.script_skew[row] = 0.0
            regimes.script_act[row] = regimes.script_free[row] = 1.0
            line.pull, line.depth, line.tilt = 0.3, 1.0, 0.0
            self.build[row] = 0.0
        self._truths.append({
            "record": "outcome", "episode": act.number, "kind": act.episode.kind, "asset": act.episode.asset,
            "direction": act.episode.direction, "start_ms": act.episode.start_ms, "end_ms": ms,
            "moved_log": round(level - act.level, 6), "highest_log": round(act.high - act.level, 6),
            "lowest_log": round(act.low - act.level, 6), "phases": act.records,
        })  # fmt: skip


def _counts(line: Line) -> tuple[int, int, int, int, int, int]:
    return (line.buy_quote, line.sell_quote, line.liquidations_long, line.liquidations_short,
            line.liquidated_long_steps, line.liquidated_short_steps)  # fmt: skip
