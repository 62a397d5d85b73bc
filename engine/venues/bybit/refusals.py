"""Classification of Bybit's failed REST answers.

Called by `live` for every answer. HTTP is 200 on most errors, so `retCode` decides. 403 means an address over its limit
or a region that the venue does not serve, and only the message tells which. Sources: `docs/v5/guide.mdx`,
`docs/v5/error.mdx`, `docs/v5/rate-limit/rate-limit.mdx`; the page of a refused country was measured in 2026-09.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from engine.venues import refused
from engine.venues.bybit import limits, wire
from engine.venues.live import Refusal
from engine.venues.readings import UNREADABLE
from engine.venues.refused import Kind

_WELL: Final = '{"retCode":0,'
_ENVELOPE: Final = msgspec.json.Decoder(wire.Response, strict=False)
_OVER_LIMIT: Final = ("too frequent", "rate limit", "too many")
_PLACE: Final = ("cloudfront", "country", "region", "restricted", "not available in your")


def refusal(status: int, headers: Mapping[str, str], body: str) -> Refusal | None:
    """What a failed answer means; None for a success. Never raises, whatever the body."""
    if status == 200 and body.startswith(_WELL):
        return None
    code, said = _read(body)
    if status == 200:
        if code == 0:
            return None
        if code is None:
            return refused.NO_ANSWER
        kind, rest_s = _of_code(code)
    else:
        kind, rest_s = _of_status(status, code, said.lower(), headers)
    return refused.told(kind, rest_s, status, code, said, "retCode")


def _read(body: str) -> tuple[int | None, str]:
    """`retCode` and the venue's message; without an envelope, None and the body's beginning."""
    try:
        envelope = _ENVELOPE.decode(body)
    except UNREADABLE:
        return None, refused.beginning(body)
    return envelope.retCode, envelope.retMsg


def _of_code(code: int) -> tuple[Kind, float]:
    if code in limits.VISITS_CODES:
        return "limited", limits.VISITS_REST_S
    if code in limits.PROTECTION_CODES:
        return "limited", limits.PROTECTION_REST_S
    if code in limits.BAN_CODES:
        return "limited", limits.REST_BAN_S
    if code in limits.REGION_CODES:
        return "region", limits.REGION_REST_S
    return ("busy", 0.0) if code in limits.BUSY_CODES else ("wrong", 0.0)


def _of_status(status: int, code: int | None, said: str, headers: Mapping[str, str]) -> tuple[Kind, float]:
    if status == 403:
        if any(word in said for word in _OVER_LIMIT):
            return "limited", limits.REST_BAN_S
        if code in limits.REGION_CODES or any(word in said for word in _PLACE):
            return "region", limits.REGION_REST_S
        # No reason given: the cool-down that is needed after too many requests does no harm for a region either.
        return "limited", limits.REST_BAN_S
    if status == 429:
        return "limited", max(limits.PROTECTION_REST_S, refused.asked_rest_s(headers))
    if status == 451:
        return "region", limits.REGION_REST_S
    if status == 408 or status >= 500 or status < 400:
        return "busy", 0.0
    if code is not None and code != 0:
        return _of_code(code)
    return "wrong", 0.0
