"""Snapshots on their way between two processes: taken apart into frames, and put together again.

The engine's process writes them, the console's reads them (`tui.engine_process.remote`, `tui.engine_process.child`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import IntEnum
from typing import Any, Final

import numpy as np

from engine.snapshot import Snapshot
from tui.engine_process.wire import Kind, packed, unpacked

NO_ROWS: Final = np.empty((0, 0))


class Part(IntEnum):
    """Parts that are sent only when they changed. Being the same object over there too lets the screens see that."""

    INSTRUMENTS = 0
    TREND = 1


class PictureWriter:
    """Takes snapshots apart into frames."""

    def __init__(self, send: Callable[[Kind, bytes], None]) -> None:
        self._send = send
        self._sent: dict[Part, Any] = {}

    def write(self, snapshot: Snapshot) -> None:
        """Send a snapshot, and before it the parts that are not those of the one before."""
        for part, held in ((Part.INSTRUMENTS, snapshot.instruments), (Part.TREND, snapshot.columns.trend)):
            if self._sent.get(part) is not held:
                self._sent[part] = held
                self._send(Kind.PART, packed((part, held)))
        columns = replace(snapshot.columns, trend=NO_ROWS)
        self._send(Kind.PICTURE, packed(replace(snapshot, instruments=(), columns=columns)))


class PictureReader:
    """Puts the newest snapshot together again. `take` is one thread's, `latest` another's."""

    def __init__(self) -> None:
        self._parts: dict[Part, Any] = {}
        self._newest: tuple[bytes, dict[Part, Any]] | None = None
        self._shown: Snapshot | None = None

    def take(self, kind: Kind, body: bytes) -> None:
        """A part or a picture, in the order of the pipe. A picture that nobody looked at is replaced unread."""
        if kind == Kind.PART:
            part, held = unpacked(body)
            self._parts = {**self._parts, part: held}
        else:
            self._newest = (body, self._parts)

    def latest(self) -> Snapshot | None:
        """The newest; the same object until there is a newer one; None before the first."""
        newest = self._newest
        if newest is None:
            return self._shown
        body, parts = newest
        bare: Snapshot = unpacked(body)
        columns = replace(bare.columns, trend=parts[Part.TREND])
        self._shown = replace(bare, instruments=parts[Part.INSTRUMENTS], columns=columns)
        if self._newest is newest:
            self._newest = None
        return self._shown
