"""The seam between the console and the engine: what the screen may ask for.

The engine publishes whole snapshots, of a live market from a process of its own (`tui.engine_process`), of a recording
from a thread; the console pulls the newest one at its own pace and sends back a handful of wishes. No call here may
wait for the engine: a wish is noted and takes effect with a later snapshot. Tests feed one by hand.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from engine.snapshot import Snapshot


class Source(Protocol):
    """A running engine as the console sees it."""

    def latest(self) -> Snapshot | None:
        """The newest picture, or None before the first scan. The same object until there is a newer one."""

    def focus(self, venue: str, symbol: str) -> None:
        """Fill `Snapshot.focus` for this instrument from the next scan on."""

    def hold(self, keys: Collection[tuple[str, str]]) -> None:
        """Keep trades and full depth of these (venue, symbol) coming, whatever their rank."""

    def set_preset(self, name: str) -> None:
        """Publish with this preset in force; the screen shows the change at once from `Snapshot.rankings`."""

    def pause(self, paused: bool) -> None:
        """Hold a replay, or let it go on. Live and demo streams are never held."""

    def step(self) -> None:
        """Advance a held replay by one scan."""

    def seek(self, at_ms: int) -> None:
        """Move a replay to this event time, milliseconds since the epoch."""

    def set_speed(self, speed: float) -> None:
        """Times real time; infinity for as fast as possible."""

    def close(self, timeout_s: float) -> None:
        """End the engine; return once it ended or after `timeout_s` seconds, whichever comes first."""

    def alive(self) -> bool:
        """Whether the engine's thread still runs."""

    def failure(self) -> str | None:
        """In words why the engine ended by itself; None while it is well."""
