"""The interface between the console and the engine: what the screen may request.

The engine publishes whole snapshots: for live markets from a process of its own (`tui.engine_process`), for a recording
from a thread. The console pulls the newest one at its own pace and sends back a few requests. No call but `close`
may wait for the engine: a request is noted and takes effect in a later snapshot. Tests implement it by hand.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from engine.snapshot import Snapshot


class Source(Protocol):
    """A running engine as the console sees it."""

    def latest(self) -> Snapshot | None:
        """The newest snapshot, or None before the first scan. The same object until there is a newer one."""

    def focus(self, venue: str, symbol: str) -> None:
        """Fill `Snapshot.focus` for this instrument from the next scan on."""

    def hold(self, keys: Collection[tuple[str, str]]) -> None:
        """Keep trades and full depth of these (venue, symbol) subscribed, whatever their rank."""

    def set_preset(self, name: str) -> None:
        """Publish snapshots under this preset. The screen shows the change at once from `Snapshot.rankings`."""

    def pause(self, paused: bool) -> None:
        """Pause or resume a replay. Live and demo streams are never paused."""

    def step(self) -> None:
        """Advance a paused replay by one scan."""

    def seek(self, at_ms: int) -> None:
        """Move a replay to this event time, milliseconds since the epoch."""

    def set_speed(self, speed: float) -> None:
        """Set a replay's speed as a multiple of real time; infinity: as fast as possible."""

    def close(self, timeout_s: float) -> None:
        """End the engine; return once it has ended or after `timeout_s` seconds, whichever comes first."""

    def alive(self) -> bool:
        """Whether the engine's thread or process is still running."""

    def failure(self) -> str | None:
        """In words, why the engine ended by itself; None while it is healthy."""
