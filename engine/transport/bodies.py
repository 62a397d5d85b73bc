"""Bodies of HTTP answers: read whole and inflated, never beyond a bound.

Called by `engine.transport.live_net` for every answer. A body that inflates a thousandfold is given up at the bound and
not after it was inflated. Nothing here knows what a body means.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from typing import Final

from engine.transport.net import Failed

ENCODINGS: Final = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})
"""What `body_of` understands."""
MAX_MEMBERS: Final = 1_000
"""Members of one gzip body: each costs its own start, and an empty one adds nothing to what was inflated."""
_GZIP_OR_ZLIB: Final = 32 + zlib.MAX_WBITS
_RAW: Final = -zlib.MAX_WBITS


async def body_of(chunks: AsyncIterator[bytes], encoding: str, max_bytes: int, host: str) -> bytes:
    """The body that comes in `chunks`, inflated. Raises Failed: `oversize` over `max_bytes`, sent or inflated; `reset`
    where compressed data ends early; `protocol` where they are no such data or of an unknown encoding."""
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
    """gzip, also of several members, zlib, and the bare deflate that some servers send for `deflate`."""

    def __init__(self, host: str, max_bytes: int) -> None:
        self._host = host
        self._max_bytes = max_bytes
        self._member = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._begun = False
        self._members = 1

    def more(self, data: bytes, room: int) -> bytes:
        """What `data` inflates to, at most one byte more than `room`."""
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
        """After all data."""
        if self._begun and not self._member.eof:
            raise Failed("reset", f"{self._host}: the answer broke off")


def _oversize(host: str, max_bytes: int) -> Failed:
    return Failed("oversize", f"{host}: an answer of more than {max_bytes:,} bytes")
