"""Sends snapshots between two processes: splits them into frames and reassembles them.

The engine's process writes them, the console's reads them (`tui.engine_process.child`, `tui.engine_process.remote`).
Nothing here may load numpy or the snapshot's types: the console starts to read before it has loaded them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from tui.engine_process.wire import Kind, packed, unpacked

if TYPE_CHECKING:
    from engine.snapshot import Snapshot


class Part(IntEnum):
    """Parts that are sent only when they changed. If unchanged they are the same object in the console too, and the
    screens rely on that."""

    INSTRUMENTS = 0
    TREND = 1


class PictureWriter:
    """Splits snapshots into frames."""

    def __init__(self, send: Callable[[Kind, bytes], None]) -> None:
        self._send = send
        self._sent: dict[Part, Any] = {}

    def write(self, snapshot: Snapshot) -> None:
        """Send a snapshot, and before it the parts that changed since the previous one."""
        for part, held in ((Part.INSTRUMENTS, snapshot.instruments), (Part.TREND, snapshot.columns.trend)):
            if self._sent.get(part) is not held:
                self._sent[part] = held
                self._send(Kind.PART, packed((part, held)))
        columns = replace(snapshot.columns, trend=snapshot.columns.trend[:0])
        self._send(Kind.PICTURE, packed(replace(snapshot, instruments=(), columns=columns)))


class PictureReader:
    """Reassembles the newest snapshot. One thread calls `take`, another `latest`."""

    def __init__(self) -> None:
        self._parts: dict[Part, Any] = {}
        self._newest: deque[tuple[bytes, dict[Part, Any]]] = deque(maxlen=1)
        """The newest snapshot not read yet. A deque, because popping it is atomic across the two threads."""
        self._shown: Snapshot | None = None

    def take(self, kind: Kind, body: bytes) -> None:
        """Take a part or a snapshot, in the order of the pipe. A snapshot not read yet is replaced."""
        if kind == Kind.PART:
            part, held = unpacked(body)
            self._parts = {**self._parts, part: held}
        else:
            self._newest.append((body, self._parts))

    def latest(self) -> Snapshot | None:
        """The newest snapshot, the same object until there is a newer one; None before the first."""
        if not self._newest:
            return self._shown
        body, parts = self._newest.pop()
        bare: Snapshot = unpacked(body)
        columns = replace(bare.columns, trend=parts[Part.TREND])
        self._shown = replace(bare, instruments=parts[Part.INSTRUMENTS], columns=columns)
        return self._shown
