"""The part of the console that steers a recording: hold, step, speed, seek.

Mixed into `tui.app.PrismApp`, whose table of actions calls the methods. Live markets and demos are never steered.
"""

from __future__ import annotations

from math import inf, isfinite
from typing import Final

from tui.console import ConsoleApp

SPEEDS: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, inf)


class RecordingControls(ConsoleApp):
    """See the module."""

    def do_replay_pause(self) -> None:
        replay = self._recording()
        if replay is not None:
            self.source.pause(not replay.paused)

    def do_replay_step(self) -> None:
        replay = self._recording()
        if replay is not None and not replay.paused:
            self.source.pause(True)
        self.source.step()

    def do_speed(self, step: str) -> None:
        replay = self._recording()
        if replay is not None:
            place = min(range(len(SPEEDS)), key=lambda i: _distance(SPEEDS[i], replay.speed))
            speed = SPEEDS[min(len(SPEEDS) - 1, max(0, place + int(step)))]
            self.source.set_speed(speed)
            self.tell(f"speed {f'{speed:g} times' if isfinite(speed) else 'as fast as it goes'}")

    def do_seek(self, by_ms: str) -> None:
        replay = self._recording()
        if replay is not None:
            self.source.seek(max(replay.start_ms, replay.at_ms + int(by_ms)))


def _distance(one: float, other: float) -> float:
    return 0.0 if one == other else abs(one - other) if isfinite(one) and isfinite(other) else inf
