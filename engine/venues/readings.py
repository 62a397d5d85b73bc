"""How a message that cannot be read, or not at once, becomes a verdict instead of an exception: alike at every venue.

Called by `engine.venues.<venue>.parse`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

from engine.venues import checks
from engine.venues.base import Parsed, Verdict
from engine.venues.checks import Implausible

Asked = TypeVar("Asked")

UNREADABLE: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""What decoding raises on bytes that are no JSON, or not of the shape."""

_EMPTY_TEXT: Final = re.compile(r':\s*""')
"""A field sent empty. Cannot occur inside a JSON string, where a quote is escaped."""


def rejected(venue: str, what: object) -> Parsed:
    """Malformed, or a value that cannot be true."""
    return Parsed(Verdict.REJECTED, detail=checks.detail(venue, what))


def unknown(venue: str, what: str) -> Parsed:
    """Well-formed, and of a kind that is not handled."""
    return Parsed(Verdict.UNKNOWN, detail=checks.detail(venue, f"not handled: {what}"))


def read_again(venue: str, read: Callable[[], Parsed], fault: Exception) -> Parsed:
    """The second reading of a frame whose fields did not fit the kind its text hinted at, which was `fault`."""
    try:
        return read()
    except UNREADABLE:
        return rejected(venue, fault)
    except Implausible as second:
        return rejected(venue, second)


def read_answer(
    venue: str,
    read: Callable[[Asked, str, int, str, int], Parsed],
    asked: Asked,
    request: str,
    status: int,
    body: str,
    recv_ns: int,
) -> Parsed:
    """The answer to a REST request as `read(asked, request, status, body, recv_ns)` has it, whatever the body."""
    try:
        return read(asked, request, status, body, recv_ns)
    except (*UNREADABLE, Implausible) as fault:
        return rejected(venue, f"{request.partition('?')[0]}: {fault}")


def with_empty_fields(decode: Callable[[str], Any]) -> Callable[[str], Any]:
    """`decode` for messages whose fields without a value come as "": they are read as None."""

    def tolerant(text: str) -> Any:
        try:
            return decode(text)
        except msgspec.ValidationError:
            emptied = _EMPTY_TEXT.sub(":null", text)
            if emptied == text:
                raise
            return decode(emptied)

    return tolerant
