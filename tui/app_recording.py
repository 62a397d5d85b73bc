"""Actions that control the playback of a recording: pause, step, speed, seek.

Mixed into `tui.app.PrismApp`, which dispatches actions to these methods. Live markets and demos are never controlled. A
request shows up in snapshots only a moment later; until then the next key starts from the request, not the snapshot.
"""

from __future__ import annotations

from math import inf, isfinite
from typing import TYPE_CHECKING, Final

from tui.console import ConsoleApp

if TYPE_CHECKING:
    from engine.snapshot import ReplayStatus

SPEEDS: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, inf)


class RecordingControls(ConsoleApp):
    """See the module."""

    def do_replay_pause(self) -> None:
        replay = self._recording()
        if replay is not None and not self._is_over(replay):
            self.source.pause(self._wish("paused", not self._wished("paused", replay.paused)))

    def do_replay_step(self) -> None:
        replay = self._recording()
        if replay is not None and self._is_over(replay):
            return
        if replay is not None and not self._wished("paused", replay.paused):
            self.source.pause(self._wish("paused", True))
        self.source.step()

    def do_speed(self, step: str) -> None:
        replay = self._recording()
        if replay is not None:
            now = self._wished("speed", replay.speed)
            place = min(range(len(SPEEDS)), key=lambda i: _distance(SPEEDS[i], now))
            speed = self._wish("speed", SPEEDS[min(len(SPEEDS) - 1, max(0, place + int(step)))])
            self.source.set_speed(speed)
            self.tell(f"speed {f'{speed:g}x' if isfinite(speed) else 'as fast as possible'}")

    def do_seek(self, by_ms: str) -> None:
        replay = self._recording()
        if replay is not None and not (int(by_ms) > 0 and self._is_over(replay)):
            under_way = self._wished("seek", replay.seek_ms)
            target = max(replay.start_ms, (replay.at_ms if under_way is None else under_way) + int(by_ms))
            if replay.end_ms is not None:
                target = min(target, replay.end_ms)
            self.source.seek(self._wish("seek", target))
            self.refresh_view()

    def _is_over(self, replay: ReplayStatus) -> bool:
        """Whether the recording has ended and no seek leads back into it; says so."""
        over = replay.finished and self._wished("seek", replay.seek_ms) is None
        if over:
            self.tell(f"the recording has ended; {self.keymap.text('replay_back')} seeks back")
        return over


def _distance(one: float, other: float) -> float:
    return 0.0 if one == other else abs(one - other) if isfinite(one) and isfinite(other) else inf
