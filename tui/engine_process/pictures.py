"""Sends snapshots between two processes: splits them into frames and reassembles them.

The engine's process writes them, the console's reads them (`tui.engine_process.child`, `tui.engine_process.remote`).
Most of a snapshot changes only with a scan, so in between only what differs is sent. Nothing here may load numpy or the
snapshot's types: the console starts to read before it has loaded them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import fields, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from tui.engine_process.wire import Kind, packed, unpacked

if TYPE_CHECKING:
    from engine.snapshot import Focus, Snapshot


class Part(IntEnum):
    """Parts that are sent only when they changed. If unchanged they are the same objects in the console too, and the
    screens rely on that."""

    INSTRUMENTS = 0
    TREND = 1
    SCAN = 2
    """The first snapshot of a scan, without the two above and without its focus."""
    FOCUS = 3
    """The first focus of a scan, or of another symbol."""


class PictureWriter:
    """Splits snapshots into frames."""

    def __init__(self, send: Callable[[Kind, bytes], None]) -> None:
        self._send = send
        self._sent: Snapshot | None = None
        self._sent_focus: Focus | None = None

    def write(self, snapshot: Snapshot) -> None:
        """Send the parts that changed since the previous snapshot, and how this one differs from them."""
        sent, focus, sent_focus = self._sent, snapshot.focus, self._sent_focus
        if sent is None or sent.instruments is not snapshot.instruments:
            self._part(Part.INSTRUMENTS, snapshot.instruments)
        if sent is None or sent.columns.trend is not snapshot.columns.trend:
            self._part(Part.TREND, snapshot.columns.trend)
        if sent is None or _of_scan(sent) != _of_scan(snapshot):
            columns = replace(snapshot.columns, trend=snapshot.columns.trend[:0])
            self._part(Part.SCAN, replace(snapshot, instruments=(), columns=columns, focus=None))
            self._sent = sent = snapshot
        if focus is not None and (sent_focus is None or sent_focus.charts is not focus.charts):
            self._part(Part.FOCUS, focus)
            self._sent_focus = sent_focus = focus
        changes = _changes(replace(sent, focus=None), replace(snapshot, focus=None))
        self._send(Kind.PICTURE, packed((changes, None if focus is None else _changes(sent_focus, focus))))

    def _part(self, part: Part, held: object) -> None:
        self._send(Kind.PART, packed((part, packed(held))))


def _of_scan(snapshot: Snapshot) -> tuple[int, ...]:
    """The large objects that a snapshot shares with all others of its scan, by identity."""
    return id(snapshot.instruments), id(snapshot.columns), id(snapshot.board), id(snapshot.rankings)


def _changes(before: Any, now: Any) -> dict[str, Any]:
    """The fields of `now` that are not the same objects as in `before`."""
    return {one.name: held for one in fields(now) if (held := getattr(now, one.name)) is not getattr(before, one.name)}


class _Held:
    """A part as it came, unpacked when it is first read."""

    __slots__ = ("_body", "_held")

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self._held: Any = None

    def read(self) -> Any:
        """What it is; the same object every time. Raises UnpicklingError."""
        if self._body is not None:
            self._held, self._body = unpacked(self._body), None
        return self._held


class PictureReader:
    """Reassembles the newest snapshot. One thread calls `take`, another `latest`, which alone unpacks what is large."""

    def __init__(self) -> None:
        self._parts: dict[Part, _Held] = {}
        self._newest: deque[tuple[bytes, dict[Part, _Held]]] = deque(maxlen=1)
        """The newest snapshot not read yet. A deque, because popping it is atomic across the two threads."""
        self._of_scan: tuple[tuple[_Held, ...], Snapshot] | None = None
        """The newest SCAN that was read, completed, and the parts that it consists of."""
        self._shown: Snapshot | None = None

    def take(self, kind: Kind, body: bytes) -> None:
        """Take a part or a snapshot, in the order of the pipe. A snapshot not read yet is replaced."""
        if kind == Kind.PART:
            part, held = unpacked(body)
            self._parts = {**self._parts, part: _Held(held)}
        else:
            self._newest.append((body, self._parts))

    def latest(self) -> Snapshot | None:
        """The newest snapshot, the same object until there is a newer one; None before the first."""
        if not self._newest:
            return self._shown
        body, parts = self._newest.pop()
        changes, of_focus = unpacked(body)
        focus = None if of_focus is None else replace(parts[Part.FOCUS].read(), **of_focus)
        self._shown = replace(self._completed(parts), **changes, focus=focus)
        return self._shown

    def _completed(self, parts: dict[Part, _Held]) -> Snapshot:
        held = (parts[Part.SCAN], parts[Part.INSTRUMENTS], parts[Part.TREND])
        if self._of_scan is None or self._of_scan[0] != held:
            scan, instruments, trend = (one.read() for one in held)
            columns = replace(scan.columns, trend=trend)
            self._of_scan = held, replace(scan, instruments=instruments, columns=columns)
        return self._of_scan[1]
