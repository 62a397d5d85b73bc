"""Reads and inflates the bodies of HTTP answers, up to a limit.

Called by `engine.transport.live_net` for every answer. Inflating stops at the limit, so a decompression bomb is never
inflated whole. Bodies must not be interpreted here.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from typing import Final

from engine.transport.net import Failed

ENCODINGS: Final = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})
"""Content encodings that `body_of` understands."""
MAX_MEMBERS: Final = 1_000
"""Most members of one gzip body: each has a set-up cost, and an empty one adds nothing to the inflated size."""
_GZIP_OR_ZLIB: Final = 32 + zlib.MAX_WBITS
_RAW: Final = -zlib.MAX_WBITS


async def body_of(chunks: AsyncIterator[bytes], encoding: str, max_bytes: int, host: str) -> bytes:
    """The body read from `chunks`, inflated. Raises Failed: `oversize` over `max_bytes`, sent or inflated; `reset` if
    compressed data ends early; `protocol` if it is not valid compressed data or has an unknown encoding."""
    encoding = encoding.strip().lower()
    if encoding not in ENCODINGS:
        raise Failed("protocol", f"{host}: answers in the encoding {encoding}, which was not asked for")
    inflate = None if encoding in ("", "identity") else _Inflating(host, max_bytes)
    body = bytearray()
    sent = 0
    async for chunk in chunks:
        sent += len(chunk)
        body += chunk if inflate is None else inflate.more(chunk, max_bytes - len(body))
        if max(sent, len(body)) > max_bytes:
            raise _oversize(host, max_bytes)
    if inflate is not None:
        inflate.end()
    return bytes(body)


class _Inflating:
    """Inflates gzip (also several members), zlib, and the raw deflate that some servers send for `deflate`."""

    def __init__(self, host: str, max_bytes: int) -> None:
        self._host = host
        self._max_bytes = max_bytes
        self._member = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._begun = False
        self._members = 1

    def more(self, data: bytes, room: int) -> bytes:
        """Inflate `data`. Raises Failed if the result is longer than `room`."""
        found = bytearray()
        while data:
            if not self._begun:
                self._begun = True
                if data[0] != 0x1F and data[0] & 0x0F != 8:
                    self._member = zlib.decompressobj(_RAW)
            elif self._member.eof:
                self._members += 1
                if self._members > MAX_MEMBERS:
                    raise Failed("oversize", f"{self._host}: an answer of more than {MAX_MEMBERS:,} gzip members")
                self._member = zlib.decompressobj(_GZIP_OR_ZLIB)
            try:
                found += self._member.decompress(data, room - len(found) + 1)
            except zlib.error as error:
                raise Failed("protocol", f"{self._host}: compressed data that do not inflate: {error}") from None
            if len(found) > room:
                raise _oversize(self._host, self._max_bytes)
            data = self._member.unused_data
        return bytes(found)

    def end(self) -> None:
        """Call it after all data. Raises Failed if the data ended early."""
        if self._begun and not self._member.eof:
            raise Failed("reset", f"{self._host}: the answer broke off")


def _oversize(host: str, max_bytes: int) -> Failed:
    return Failed("oversize", f"{host}: an answer of more than {max_bytes:,} bytes")
