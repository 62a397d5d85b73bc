"""Reads lines from a plain, gzip or zstd file in bounded memory, even if the file is damaged or truncated.

Used only by the capture reader. Lines must not be interpreted here. A compressed stream that ends early is normal (a
killed recorder): what could be read is yielded, and `Lines.torn` says why reading stopped.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import zstandard

MAX_LINE_BYTES: Final = 64 * 1024 * 1024
"""Longest line accepted. The longest recorded body, a listing of every instrument of a venue, is under 3 MiB."""
_BLOCK: Final = 1024 * 1024
_ZSTD_FEED: Final = 1024
"""Compressed bytes passed to zstd at once: its densest block is 4 bytes for 128 KiB, so at most 32 MiB come back."""
_ZSTD_WINDOW: Final = 128 * 1024 * 1024
"""Largest window accepted: that of `zstd --long=27`, the most that the zstd tool opens without a special flag."""
_GZIP: Final = 31
"""`wbits` of zlib for a gzip header and trailer with the largest window."""

ENDINGS: Final = (".jsonl", ".jsonl.gz", ".jsonl.zst")
OVERLONG: Final = b"\0overlong"
"""Stands for a line longer than `MAX_LINE_BYTES`; compare by identity. It is not JSON, so no decoder accepts it."""


class _TornStream(Exception):
    """The compressed stream cannot be read further."""


class Lines:
    """The lines of one file without their newlines, in lists of about one block each. Iterate once.

    A line longer than `MAX_LINE_BYTES` is yielded as `OVERLONG`. Once the iteration has ended, `unterminated` says
    whether the last line had no newline, and `torn` why the stream could not be read to its end; empty if it could.
    Raises OSError.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.torn = ""
        self.unterminated = False

    def __iter__(self) -> Iterator[list[bytes]]:
        carry: list[bytes] = []
        carried = 0
        for block in self._blocks():
            pieces = block.split(b"\n")
            carried += len(pieces[0])
            if carried > MAX_LINE_BYTES:
                carry.clear()
            else:
                carry.append(pieces[0])
            if len(pieces) == 1:
                continue
            pieces[0] = _joined(carry, carried)
            carry = [pieces.pop()]
            carried = len(carry[0])
            yield pieces
        if carried:
            self.unterminated = True
            yield [_joined(carry, carried)]

    def _blocks(self) -> Iterator[bytes]:
        read = _READERS[self._path.suffix]
        with self._path.open("rb", buffering=0) as file:
            try:
                yield from read(file)
            except _TornStream as torn:
                self.torn = str(torn)


def _joined(carry: list[bytes], carried: int) -> bytes:
    return OVERLONG if carried > MAX_LINE_BYTES else b"".join(carry)


def _plain(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(_BLOCK):
        yield block


def _gunzip(file: BinaryIO) -> Iterator[bytes]:
    decoder = zlib.decompressobj(_GZIP)
    try:
        while chunk := file.read(_BLOCK):
            while chunk:
                if decoder.eof:
                    # Members may follow one another, with zero bytes between them as padding.
                    chunk = chunk.lstrip(b"\0")
                    if not chunk:
                        break
                    decoder = zlib.decompressobj(_GZIP)
                block = decoder.decompress(chunk, _BLOCK)
                chunk = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
                if block:
                    yield block
        if not decoder.eof and (block := decoder.flush()):
            yield block
    except zlib.error as error:
        raise _TornStream(f"the gzip stream is damaged ({error})") from None
    if not decoder.eof:
        raise _TornStream("the gzip stream ends early")


def _unzstd(file: BinaryIO) -> Iterator[bytes]:
    opened = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    decoder = opened.decompressobj()
    try:
        while chunk := file.read(_BLOCK):
            at = 0
            while at < len(chunk):
                if decoder.eof:
                    decoder = opened.decompressobj()
                feed = chunk[at : at + _ZSTD_FEED]
                block = decoder.decompress(feed)
                at += len(feed) - len(decoder.unused_data)
                # In pieces: splitting 32 MiB of empty lines at once would take too much memory.
                yield from (block[begin : begin + _BLOCK] for begin in range(0, len(block), _BLOCK))
    except zstandard.ZstdError as error:
        raise _TornStream(f"the zstd stream is damaged ({error})") from None
    if not decoder.eof:
        raise _TornStream("the zstd stream ends early")


_READERS: Final = {".jsonl": _plain, ".gz": _gunzip, ".zst": _unzstd}
