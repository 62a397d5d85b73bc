"""Records what the venues send to a folder of capture files: `prism record`.

The live engine passes its records to it, from its event loop, so each call must do a bounded amount of work and never
raise: an error stops the recording, with a message. A compressed block is finished every second, so at any moment a
file is complete except for the last second of records, and a killed program loses no more than that. Time is that of
the records; no clock may be read here.
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
from engine.written import Written

FILE_BYTES: Final = 128 * 2**20
"""Compressed size at which the next file starts."""
FILE_NS: Final = 3_600 * 10**9
"""Time span of records after which the next file starts."""
FLUSH_NS: Final = 10**9
FREE_BYTES: Final = 512 * 2**20
"""Free disk space that is left to other programs."""
LEVEL: Final = 3
"""zstd level: about 2 us per record of 300 bytes, so that 20,000 records a second take a small part of a core."""

_ENCODE: Final = msgspec.json.Encoder().encode


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


class _Whole:
    """Writes all data or raises. A partial write, as on a nearly full disk, would leave a hole in the compressed
    stream, after which nothing can be read."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw

    def write(self, data: bytes) -> int:
        """Raises OSError."""
        left = memoryview(data)
        while left:
            left = left[self._raw.write(left) :]
        return len(data)


class Recorder:
    """One recording. `take` is its sink for records; close it at the end."""

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
        """`max_bytes`: compressed size of all files together at which it stops; existing files are left alone and do
        not count. Raises OSError if the free space of `folder` cannot be read."""
        self.records = 0
        self.files = 0
        self.stopped = ""
        """Why writing has stopped, as text; empty while it continues."""
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

    def written(self) -> Written:
        """What has been written so far."""
        return Written(self.records, self.bytes_written, self.files, self.stopped)

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
            left = f"{FREE_BYTES / 2**20:.0f} MiB are reserved for other programs"
            words = f"only {free / 2**20:.0f} MiB are free on its disk, and {left}; free some space and begin another"
            self._stop(f"the recording in {self._where()} ended: {words}")

    def _stop(self, words: str) -> None:
        self.stopped = words
        try:
            self._finish()
        except (OSError, zstandard.ZstdError) as error:
            self.stopped = (
                f"{words}; its last file could not be finished ({_reason(error)}) and is readable up to that point"
            )

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
