"""Shared error handling of the parsers: a message that cannot be read becomes a verdict, never an exception.

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
"""What decoding raises on bytes that are not JSON, or not of the expected shape."""

_EMPTY_TEXT: Final = re.compile(r':\s*""')
"""A field sent empty. The pattern cannot match inside a JSON string, which escapes its quotes."""


def rejected(venue: str, what: object) -> Parsed:
    """The verdict on a malformed message, or one with a value that cannot be true."""
    return Parsed(Verdict.REJECTED, detail=checks.detail(venue, what))


def unknown(venue: str, what: str) -> Parsed:
    """The verdict on a well-formed message of a kind that is not handled."""
    return Parsed(Verdict.UNKNOWN, detail=checks.detail(venue, f"not handled: {what}"))


def read_again(venue: str, read: Callable[[], Parsed], fault: Exception) -> Parsed:
    """Second attempt at a frame whose fields did not fit the kind that its text hinted at. `fault` is the error of the
    first attempt."""
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
    """The result of `read(asked, request, status, body, recv_ns)` on a REST answer, rejected if the body cannot be
    read."""
    try:
        return read(asked, request, status, body, recv_ns)
    except (*UNREADABLE, Implausible) as fault:
        return rejected(venue, f"{request.partition('?')[0]}: {fault}")


def with_empty_fields(decode: Callable[[str], Any]) -> Callable[[str], Any]:
    """Wraps `decode` for messages that send "" for a field without a value: such fields are read as None."""

    def tolerant(text: str) -> Any:
        try:
            return decode(text)
        except msgspec.ValidationError:
            emptied = _EMPTY_TEXT.sub(":null", text)
            if emptied == text:
                raise
            return decode(emptied)

    return tolerant
