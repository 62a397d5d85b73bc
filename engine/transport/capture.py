"""Reads captures: recordings of what venues sent, with receive times.

Used by replay, by inspection and by the tests. A capture is one file of JSON lines, plain or compressed, or a folder of
such files, merged by time. Reading must never fail half-way: bad lines are counted and skipped, a torn end is a notice,
and memory stays bounded. Only the venue parsers interpret the messages, never this module.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from engine.errors import CaptureError
from engine.text import clean
from engine.transport.capture_lines import ENDINGS, MAX_LINE_BYTES, OVERLONG, Lines
from engine.transport.capture_records import (
    DECODE_LINE,
    VENUES,
    BadLine,
    ConnectionEvent,
    Frame,
    Header,
    Record,
    Response,
    header_of,
    is_cut,
    reason_of,
    record_of,
)

__all__ = ["BadLine", "CaptureReader", "ConnectionEvent", "Frame", "Header", "Record", "Response"]

MAX_SAMPLES: Final = 20
"""Bad lines and unknown venues that are described individually; all are counted."""
MAX_BAD_RUN: Final = 1_000_000
"""After this many bad lines in a row the rest of a file is not read: a few kilobytes can inflate to hundreds of
millions of them."""
END_BYTES: Final = 64 * 2**20
"""Compressed size of the files, besides the newest, that are read to find the end of a capture."""
LAST_LINES: Final = 8
"""Number of last lines searched for the last record: the very last may be torn."""
MOST_LINES: Final = 20_000_000
"""After this many lines that search is given up: a small file may inflate to any number of them."""
_HINT: Final = (
    "A capture is a .jsonl, .jsonl.gz or .jsonl.zst file that begins with a capture header, or a folder of such files."
)

_NEVER: Final = 2**63
_OTHER_VENUES: Final = "(others)"


class CaptureReader:
    """The records of a capture: of one file in its order, of several merged by receive time.

    The counts and notices describe the newest iteration and are complete once it ends; iterating again resets them.
    Raises CaptureError if the capture cannot be read at all: absent, empty, not a capture, another version.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        try:
            self.header, self._files, self._skipped = _opened(self.path)
        except OSError as error:
            raise CaptureError(f"{clean(str(path))}: cannot be read: {error.strerror}") from error
        self._reset()

    def _reset(self) -> None:
        self.files = len(self._files)
        self.lines = 0
        """Complete lines after the headers, bad ones included."""
        self.bad_lines = 0
        self.bad_samples: list[BadLine] = []
        """The first `MAX_SAMPLES` bad lines."""
        self.unknown_venues: dict[str, int] = {}
        """Lines of venues that the format does not know, by cleaned name; they are not yielded."""
        self.first_ns: int | None = None
        self.last_ns: int | None = None
        """Earliest and latest receive time of the yielded records."""
        self._torn: list[str] = []

    @property
    def notices(self) -> list[str]:
        """Notices for the user about the capture, one sentence each, cleaned."""
        notices = [*self._skipped, *self._torn]
        if self.bad_lines:
            notices.append(f"{_lines(self.bad_lines)} could not be read and {_were(self.bad_lines)} skipped")
            notices += [f"{bad.file}: line {bad.line} skipped: {bad.reason}" for bad in self.bad_samples]
        for venue, lines in self.unknown_venues.items():
            notices.append(f"{_lines(lines)} of the unknown venue {venue!r} {_were(lines)} skipped")
        return notices

    def end_ns(self) -> int | None:
        """Receive time of the last record; None if none is found. In a large folder only the file that begins last and
        as many others as `END_BYTES` allows are searched.

        Files are read to their end, but only their last lines are decoded: seconds for gigabytes. Does not change the
        counts, so another thread may iterate meanwhile. Raises OSError.
        """
        files = self._files if len(self._files) == 1 else sorted(self._files, key=_first_ns, reverse=True)
        found: list[int] = []
        left = END_BYTES
        for place, file in enumerate(files):
            left -= file.stat().st_size if place else 0
            if left < 0:
                break
            if (last := _last_ns(file)) is not None:
                found.append(last)
        return max(found, default=None)

    def __iter__(self) -> Iterator[Record]:
        self._reset()
        if len(self._files) == 1:
            yield from self._records(self._files[0])
        else:
            yield from self._merged()

    def _merged(self) -> Iterator[Record]:
        """All files merged by receive time, ties by file name; a file is opened only when its first record is due."""
        waiting = sorted(((_first_ns(file), index) for index, file in enumerate(self._files)), reverse=True)
        heap: list[tuple[int, int, Record, Iterator[Record]]] = []
        while waiting or heap:
            while waiting and (not heap or waiting[-1][0] <= heap[0][0]):
                index = waiting.pop()[1]
                records = self._records(self._files[index])
                if (record := next(records, None)) is not None:
                    heapq.heappush(heap, (record.t, index, record, records))
            if not heap:
                return
            _, index, record, records = heap[0]
            yield record
            if (following := next(records, None)) is None:
                heapq.heappop(heap)
            else:
                heapq.heapreplace(heap, (following.t, index, following, records))

    def _records(self, path: Path) -> Iterator[Record]:
        """The records of one file; updates the counts."""
        lines = Lines(path)
        number = 0
        first, last = _NEVER, 0
        refused: BadLine | None = None
        cut = False
        bad_run = 0
        for batch in lines:
            if bad_run >= MAX_BAD_RUN:
                self._torn.append(f"{clean(path.name)}: not read beyond line {number}, after {bad_run} bad lines")
                self._count_bad(refused)
                refused = None
                break
            for raw in batch:
                number += 1
                if number == 1:
                    continue
                try:
                    line = DECODE_LINE(raw)
                    record = record_of(line)
                except (ValueError, RecursionError) as error:
                    # Not counted until more follows: at the very end of the file it may be a torn line.
                    self._count_bad(refused)
                    refused = _bad_line(path, number, raw, error)
                    cut = is_cut(error)
                    bad_run += 1
                    continue
                bad_run = 0
                if line.v not in VENUES:
                    self._count_unknown(line.v)
                    continue
                if line.t < first:
                    first = line.t
                if line.t > last:
                    last = line.t
                yield record
        self.lines += max(number - 1, 0)
        if refused is not None and refused.line == number and (cut or lines.unterminated):
            self.lines -= 1
            self._torn.append(f"{refused.file}: its last line, line {number}, is torn and was dropped")
        else:
            self._count_bad(refused)
        if lines.torn:
            self._torn.append(f"{clean(path.name)}: {lines.torn} at line {number}; nothing after it could be read")
        self._widen(first, last)

    def _count_bad(self, bad: BadLine | None) -> None:
        if bad is not None:
            self.bad_lines += 1
            if len(self.bad_samples) < MAX_SAMPLES:
                self.bad_samples.append(bad)

    def _count_unknown(self, venue: str) -> None:
        name = clean(venue, 40)
        if name not in self.unknown_venues and len(self.unknown_venues) >= MAX_SAMPLES:
            name = _OTHER_VENUES
        self.unknown_venues[name] = self.unknown_venues.get(name, 0) + 1

    def _widen(self, first: int, last: int) -> None:
        if last:
            self.first_ns = first if self.first_ns is None else min(first, self.first_ns)
            self.last_ns = last if self.last_ns is None else max(last, self.last_ns)


def _bad_line(path: Path, number: int, raw: bytes, error: Exception) -> BadLine:
    reason = f"longer than {MAX_LINE_BYTES >> 20} MiB" if raw is OVERLONG else reason_of(error)
    return BadLine(clean(path.name), number, reason)


def _last_ns(path: Path) -> int | None:
    """Receive time of a file's last record; None if it has none, or more than `MOST_LINES` lines."""
    tail: list[bytes] = []
    number = 0
    for batch in Lines(path):
        tail = [*tail, *batch][-LAST_LINES:]
        number += len(batch)
        if number > MOST_LINES:
            return None
    for raw in reversed(tail):
        try:
            return DECODE_LINE(raw).t
        except (ValueError, RecursionError):
            continue
    return None


def _first_ns(path: Path) -> int:
    """Receive time of a file's first record; 0 if it has none."""
    number = 0
    for batch in Lines(path):
        for raw in batch:
            number += 1
            if number == 1:
                continue
            try:
                return DECODE_LINE(raw).t
            except (ValueError, RecursionError):
                continue
        if number > MAX_BAD_RUN:
            break
    return 0


def _opened(path: Path) -> tuple[Header, list[Path], list[str]]:
    """The header, the files to read, and notices on files left out. Raises CaptureError and OSError."""
    name = clean(str(path))
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.name.endswith(ENDINGS) and _is_plain_file(file))
        if not files:
            raise CaptureError(f"{name}: no capture in this folder. {_HINT}")
    elif not path.exists():
        raise CaptureError(f"{name}: no such file or folder. {_HINT}")
    elif not path.is_file() or not path.name.endswith(ENDINGS):
        raise CaptureError(f"{name}: not a capture by its name. {_HINT}")
    else:
        return _header(path), [path], []
    headers: list[Header] = []
    kept: list[Path] = []
    notices: list[str] = []
    for file in files:
        if file.stat().st_size == 0:
            # A recorder that is killed just after it opened a new file leaves this behind.
            notices.append(f"{clean(file.name)}: empty, left out")
        else:
            headers.append(_header(file))
            kept.append(file)
    if not kept:
        raise CaptureError(f"{name}: every capture in this folder is empty. {_HINT}")
    return headers[0], kept, notices


def _is_plain_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _header(path: Path) -> Header:
    """The header of one file. Raises CaptureError, and OSError if the file cannot be opened."""
    name = clean(str(path))
    lines = Lines(path)
    batch = next(iter(lines), None)
    if batch is None:
        raise CaptureError(f"{name}: {lines.torn or 'empty'}; expected a capture header. {_HINT}")
    try:
        return header_of(batch[0])
    except ValueError as error:
        raise CaptureError(f"{name}: not a capture this program can read: {error}. {_HINT}") from None


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"
