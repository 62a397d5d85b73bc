"""Writes what the venues send to a folder of capture files, as it comes: `prism record`.

Given to the live engine as a second taker of its records, and called from its loop, so each call does a bounded bit of
work and never raises: what goes wrong stops the recording, in words. A file is complete at every moment but for the
last second of records, because a compressed block is finished that often; whoever is killed loses no more than that.
Time is that of the records; no clock is read here.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final, cast

import msgspec
import zstandard

from engine.text import clean
from engine.transport.capture_records import VERSION, ConnectionEvent, Frame, Record

FILE_BYTES: Final = 128 * 2**20
"""Compressed size at which the next file is begun."""
FILE_NS: Final = 3_600 * 10**9
"""Time of records after which the next file is begun."""
FLUSH_NS: Final = 10**9
FREE_BYTES: Final = 512 * 2**20
"""Room that is left to others on the disk."""
LEVEL: Final = 3
"""Of zstd: about 2 us a record of 300 bytes, so that 20,000 a second take a small part of a core."""

_ENCODE: Final = msgspec.json.Encoder().encode


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


class _Whole:
    """Writes all that it is given or raises: a file that takes a part of it, as on a disk that is nearly full, would
    have a hole in its compressed stream, behind which nothing can be read."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw

    def write(self, data: bytes) -> int:
        """Raises OSError."""
        left = memoryview(data)
        while left:
            left = left[self._raw.write(left) :]
        return len(data)


class Recorder:
    """One recording. `take` is a sink of records; close it at the end."""

    def __init__(
        self,
        folder: Path,
        *,
        max_bytes: int,
        note: str = "",
        source: str = "prism record",
        file_bytes: int = FILE_BYTES,
        free_bytes: Callable[[Path], int] = _free_bytes,
    ) -> None:
        """`max_bytes`: compressed size of all files together at which it stops. Raises OSError where `folder` cannot
        be looked at. Files that are there already are left alone and do not count."""
        self.records = 0
        self.files = 0
        self.stopped = ""
        """In words why nothing is written any more; empty while it goes on."""
        self._folder = folder
        self._max_bytes = max_bytes
        self._note = note
        self._source = source
        self._file_bytes = file_bytes
        self._free_bytes = free_bytes
        self._before = 0
        self._raw: BinaryIO | None = None
        self._out: zstandard.ZstdCompressionWriter | None = None
        self._began_ns = 0
        self._flushed_ns = 0
        self._check_room()

    @property
    def bytes_written(self) -> int:
        """Compressed bytes of all files."""
        return self._before + (self._raw.tell() if self._raw is not None and not self._raw.closed else 0)

    def take(self, record: Record) -> None:
        """One record, in order of arrival. Never raises."""
        if self.stopped:
            return
        try:
            if self._out is None or self._is_full(record.t):
                self._next_file(record.t)
            assert self._out is not None
            self._out.write(_ENCODE(_line(record)) + b"\n")
            self.records += 1
            if record.t - self._flushed_ns >= FLUSH_NS or record.t < self._flushed_ns:
                self._flush(record.t)
        except (OSError, zstandard.ZstdError) as error:
            self._stop(f"the recording in {self._where()} ended: {_reason(error)}")

    def close(self) -> None:
        """Finish the last file; closing twice is harmless."""
        self._stop(self.stopped or "the recording was closed")

    def _is_full(self, t: int) -> bool:
        assert self._raw is not None
        return self._raw.tell() >= self._file_bytes or t - self._began_ns >= FILE_NS

    def _next_file(self, t: int) -> None:
        self._finish()
        moment = datetime.fromtimestamp(t / 1e9, tz=UTC)
        self.files += 1
        name = f"capture-{moment:%Y%m%dT%H%M%SZ}-{self.files:04d}.jsonl.zst"
        # Exclusive: a file of another recording is never overwritten.
        self._raw = raw = (self._folder / name).open("xb", buffering=0)
        self._out = zstandard.ZstdCompressor(LEVEL).stream_writer(cast(BinaryIO, _Whole(raw)), closefd=False)
        self._began_ns = self._flushed_ns = t
        created = moment.isoformat(timespec="seconds").replace("+00:00", "Z")
        header = {"capture": VERSION, "created": created, "source": self._source, "note": self._note}
        self._out.write(_ENCODE(header) + b"\n")
        self._out.flush(zstandard.FLUSH_BLOCK)

    def _flush(self, t: int) -> None:
        assert self._out is not None
        self._out.flush(zstandard.FLUSH_BLOCK)
        self._flushed_ns = t
        if self.bytes_written >= self._max_bytes:
            self._stop(f"the recording has reached its size of {self._max_bytes / 2**20:.0f} MiB")
        else:
            self._check_room()

    def _check_room(self) -> None:
        free = self._free_bytes(self._folder)
        if free < FREE_BYTES:
            left = f"{FREE_BYTES / 2**20:.0f} MiB are left to others"
            words = f"only {free / 2**20:.0f} MiB are free on its disk, and {left}; free some space and begin another"
            self._stop(f"the recording in {self._where()} ended: {words}")

    def _stop(self, words: str) -> None:
        self.stopped = words
        try:
            self._finish()
        except (OSError, zstandard.ZstdError) as error:
            self.stopped = f"{words}; its last file could not be finished ({_reason(error)}) and is read up to there"

    def _where(self) -> str:
        return clean(str(self._folder), 200)

    def _finish(self) -> None:
        out, raw = self._out, self._raw
        self._out = None
        if out is None or raw is None:
            return
        try:
            out.close()  # type: ignore[no-untyped-call]
        finally:
            self._before += raw.tell()
            raw.close()


def _reason(error: OSError | zstandard.ZstdError) -> str:
    return clean((error.strerror if isinstance(error, OSError) else None) or str(error), 200)


def _line(record: Record) -> dict[str, object]:
    if isinstance(record, Frame):
        return {"t": record.t, "v": record.venue, "c": record.connection, "d": record.text}
    if isinstance(record, ConnectionEvent):
        return {"t": record.t, "v": record.venue, "c": record.connection, "x": record.what}
    return {"t": record.t, "v": record.venue, "r": record.request, "s": record.status, "d": record.body}
