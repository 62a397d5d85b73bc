"""Writes captures: the counterpart of the reader, for the demo's recordings and the tests.

The same calls give the same bytes: no file name, clock or machine property may enter the compressed stream. What to
record is the caller's decision.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Literal, Self

import msgspec
import zstandard

from engine.errors import CaptureError
from engine.text import clean
from engine.transport.capture_records import VERSION

_GZIP_LEVEL: Final = 6
_ZSTD_LEVEL: Final = 9


class CaptureWriter:
    """One capture file, plain or compressed by its ending; replaces an existing file. Use as a context manager.

    Raises CaptureError for another ending, OSError if the file cannot be written.
    """

    def __init__(self, path: Path | str, created: str, source: str, note: str = "") -> None:
        """`created` is ISO 8601 in UTC; the caller sets it, because nothing here reads a clock."""
        path = Path(path)
        if not path.name.endswith((".jsonl", ".jsonl.gz", ".jsonl.zst")):
            raise CaptureError(f"{clean(str(path))}: a capture's name ends in .jsonl, .jsonl.gz or .jsonl.zst")
        self._encoder = msgspec.json.Encoder()
        self._raw: IO[bytes] = path.open("wb")
        self._out: IO[bytes] = self._raw
        if path.suffix == ".gz":
            self._out = gzip.GzipFile("", "wb", _GZIP_LEVEL, self._raw, mtime=0)  # type: ignore[assignment]
        elif path.suffix == ".zst":
            self._out = zstandard.ZstdCompressor(_ZSTD_LEVEL).stream_writer(self._raw, closefd=False)
        self._write({"capture": VERSION, "created": created, "source": source, "note": note})

    def frame(self, t: int, venue: str, connection: str, text: str) -> None:
        """A text frame received at `t`, nanoseconds since the epoch, UTC."""
        self._write({"t": t, "v": venue, "c": connection, "d": text})

    def response(self, t: int, venue: str, request: str, status: int, body: str) -> None:
        """A REST response; `request` is `GET /path?query`."""
        self._write({"t": t, "v": venue, "r": request, "s": status, "d": body})

    def event(self, t: int, venue: str, connection: str, what: Literal["open", "close", "error"]) -> None:
        """A connection event."""
        self._write({"t": t, "v": venue, "c": connection, "x": what})

    def close(self) -> None:
        """Finish the file; closing twice is harmless."""
        if self._out is not self._raw and not self._out.closed:
            self._out.close()
        self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _write(self, line: dict[str, object]) -> None:
        self._out.write(self._encoder.encode(line) + b"\n")
