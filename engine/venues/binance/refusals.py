"""Classification of Binance's failed REST answers.

Called by `live` for every answer. The status decides; a code in the body separates refused requests (`-1121`) from
limits exceeded and from temporary faults of the venue. Sources: the venue's documentation of limits (spot 2026-07-21,
USD-M 2026-05-28); futures do not document `Retry-After`, and state the end of a ban in the body.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

import msgspec

from engine.venues import refused
from engine.venues.binance import limits, wire
from engine.venues.live import Refusal
from engine.venues.readings import UNREADABLE
from engine.venues.refused import Kind

_BODY: Final = msgspec.json.Decoder(wire.Refused)
_BANNED_UNTIL: Final = re.compile(r"banned until ([0-9]{13})(?![0-9])")
_PLACE: Final = ("restricted location", "eligibility", "cloudfront", "country", "region")


def refusal(status: int, headers: Mapping[str, str], body: str) -> Refusal | None:
    """What a failed answer means; None for a success. Never raises, whatever the body.

    The end of a ban is given in the venue's wall clock: its length is measured from the `date` of the answer, and
    without a date the shortest ban is assumed.
    """
    if status == 200:
        if body[:1] in ("{", "["):
            return None
        return refused.NO_ANSWER
    code, said = _read(body)
    kind, rest_s = _meaning(status, headers, code, said)
    return refused.told(kind, rest_s, status, code, said)


def _read(body: str) -> tuple[int | None, str]:
    """The venue's code and message; if the body is not an error object, None and the body's beginning."""
    try:
        found = _BODY.decode(body)
    except UNREADABLE:
        return None, refused.beginning(body)
    return found.code, found.msg


def _meaning(status: int, headers: Mapping[str, str], code: int | None, said: str) -> tuple[Kind, float]:
    if status == 418 or "banned until" in said:
        return "banned", _banned_s(headers, said)
    if status == 429:
        return "limited", refused.asked_rest_s(headers, limits.BAN_REST_MAX_S) or limits.LIMIT_REST_S
    if status in (403, 451):
        # 403 comes from the firewall: it states no duration, and another host may accept us.
        return "region", limits.REGION_REST_S
    if code in limits.LIMIT_CODES:
        return "limited", limits.LIMIT_REST_S
    if status == 408 or status >= 500 or status < 400 or code in limits.BUSY_CODES:
        return "busy", 0.0
    if any(word in said.lower() for word in _PLACE):
        return "region", limits.REGION_REST_S
    return "wrong", 0.0


def _banned_s(headers: Mapping[str, str], said: str) -> float:
    asked = refused.asked_rest_s(headers, limits.BAN_REST_MAX_S)
    if asked:
        return asked
    until, date = _BANNED_UNTIL.search(said), _date_s(headers)
    if until is None or date is None:
        return limits.BAN_REST_S
    return min(max(int(until[1]) / 1000.0 - date, 1.0), limits.BAN_REST_MAX_S)


def _date_s(headers: Mapping[str, str]) -> float | None:
    """The `date` of an answer, in seconds of the epoch; None if absent or malformed."""
    try:
        return parsedate_to_datetime(headers.get("date", "")).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
