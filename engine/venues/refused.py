"""Shared parts of the venues' refusals: the cool-down that a header requests, and the message shown to the user.

Called by `engine.venues.<venue>.refusals`, which know what a status and a code mean at their venue.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from engine.text import clean
from engine.venues.live import Refusal

Kind = Literal["busy", "limited", "banned", "region", "wrong"]

MAX_REST_S: Final = 3600.0
"""Longest cool-down accepted from a header unless a venue documents longer ones; a longer one is taken for a fault and
cut to this."""

_SHOWN_CHARS: Final = 160
_READ_CHARS: Final = 2000

NO_ANSWER: Final = Refusal("busy", 0.0, "HTTP 200 with a body that is no answer of the venue")


def told(kind: Kind, rest_s: float, status: int, code: object, said: str, code_name: str = "code") -> Refusal:
    """A refusal with the venue's message, cleaned; `code` is None if the body has none."""
    named = f"HTTP {status}" if code is None else f"HTTP {status} {code_name} {code}"
    return Refusal(kind, rest_s, clean(f"{named}: {said}" if said else named, _SHOWN_CHARS))


def beginning(body: str) -> str:
    """The beginning of a body that is not the venue's error envelope, as one line."""
    return " ".join(body[:_READ_CHARS].split())


def asked_rest_s(headers: Mapping[str, str], most_s: float = MAX_REST_S) -> float:
    """Seconds of a numeric `Retry-After`, at most `most_s`; 0 if there is none. Header names in lower case."""
    asked = headers.get("retry-after", "")
    return min(float(asked), most_s) if asked.isascii() and asked.isdigit() and len(asked) < 10 else 0.0
