"""The lines of a capture as typed records, and their validation.

Made by the capture reader and, live, by the transport; consumed by the pipeline, by inspection and by the recorder.
Nothing here may open files or parse the venues' messages: `text` and `body` stay as received.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from engine.text import clean

VERSION: Final = 1
VENUES: Final = frozenset({"binance-usdm", "binance-spot", "bybit-linear", "bybit-spot", "okx", "bitget-usdt"})
"""Every venue name that version 1 of the format knows."""

_MAX_REASON_CHARS: Final = 120

SIMULATED: Final = "the built-in exchange simulator"
"""The note of a capture that was recorded from it."""


class Header(msgspec.Struct, frozen=True):
    """First line of a capture. The strings are cleaned, safe to show."""

    created: str
    source: str
    note: str


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One text frame of a WebSocket."""

    t: int
    """Receive time, nanoseconds since the epoch, UTC."""
    venue: str
    connection: str
    text: str


class Response(msgspec.Struct, frozen=True, gc=False):
    """One REST response."""

    t: int
    venue: str
    request: str
    """`GET /path?query`."""
    status: int
    body: str


class ConnectionEvent(msgspec.Struct, frozen=True, gc=False):
    """A connection was opened, closed, or failed; or one subscription of it, as `connection#kind:symbol`."""

    t: int
    venue: str
    connection: str
    what: Literal["open", "close", "error"]


Record = Frame | Response | ConnectionEvent


class BadLine(msgspec.Struct, frozen=True):
    """A line that is not a record: its place and the reason, cleaned."""

    file: str
    line: int
    """Counted from 1; the header is line 1."""
    reason: str


class WireLine(msgspec.Struct, gc=False):
    """A line after the header as it is in the file; unknown keys are ignored."""

    t: Annotated[int, msgspec.Meta(gt=0, le=2**63 - 1)]
    v: str
    c: str | None = None
    d: str | None = None
    r: str | None = None
    s: int | None = None
    x: Literal["open", "close", "error"] | None = None


DECODE_LINE: Final = msgspec.json.Decoder(WireLine).decode


def record_of(line: WireLine) -> Record:
    """The record in a decoded line. Raises ValueError that says which key is missing."""
    if line.x is not None:
        return ConnectionEvent(line.t, line.v, line.c or "", line.x)
    if line.d is None:
        raise ValueError("has no `d` (a frame or body) and no `x` (a connection event)")
    if line.r is not None:
        if line.s is None:
            raise ValueError("a response without `s`, its status")
        return Response(line.t, line.v, line.r, line.s, line.d)
    if line.c is None:
        raise ValueError("has neither `c` (the connection of a frame) nor `r` (the request of a response)")
    return Frame(line.t, line.v, line.c, line.d)


def header_of(raw: bytes) -> Header:
    """The header in the first line of a file. Raises ValueError that says what is wrong with it."""
    try:
        keys = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ValueError("its first line is not JSON") from None
    if not isinstance(keys, dict) or "capture" not in keys:
        raise ValueError("its first line is not a capture header")
    version = keys["capture"]
    if type(version) is not int or version != VERSION:
        raise ValueError(f"it is of version {clean(str(version), 20)}, and this program reads version {VERSION}")
    text = {key: clean(str(keys.get(key, ""))) for key in ("created", "source", "note")}
    return Header(**text)


def reason_of(error: BaseException) -> str:
    """Why a line was rejected, short and safe to show."""
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return clean(str(error), _MAX_REASON_CHARS)


def is_cut(error: BaseException) -> bool:
    """Whether a line was rejected because its JSON is truncated."""
    return isinstance(error, msgspec.DecodeError) and "truncated" in str(error)
