"""Classification of Bitget's failed REST answers.

Called by `live` for every answer. Sources: the classic change log (rates, release windows) and the error code page; the
body of HTTP 429 is not documented.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from engine.venues import refused
from engine.venues.bitget import limits, wire
from engine.venues.live import Refusal
from engine.venues.readings import UNREADABLE
from engine.venues.refused import Kind

_WELL: Final = '{"code":"00000"'
_ENVELOPE: Final = msgspec.json.Decoder(wire.Response, strict=False)


def refusal(status: int, headers: Mapping[str, str], body: str) -> Refusal | None:
    """What a failed answer means; None for a success. Never raises, whatever the body."""
    if status == 200 and body.startswith(_WELL):
        return None
    code, said = _read(body)
    if status == 200 and code == limits.SUCCESS_CODE:
        return None
    if status == 200 and code is None:
        return refused.NO_ANSWER
    kind, rest_s = _meaning(status, code, headers)
    return refused.told(kind, rest_s, status, code, said)


def _read(body: str) -> tuple[str | None, str]:
    """`code` and the venue's message; without an envelope, None and the body's beginning."""
    try:
        envelope = _ENVELOPE.decode(body)
    except UNREADABLE:
        return None, refused.beginning(body)
    return str(envelope.code), envelope.msg or ""


def _meaning(status: int, code: str | None, headers: Mapping[str, str]) -> tuple[Kind, float]:
    if status == 429 or code in limits.RATE_LIMIT_CODES:
        # An endpoint's window is a second; only exceeding the minute of the address needs the long cool-down.
        over_endpoint = headers.get(limits.REMAINING_HEADER) == "0"
        return "limited", limits.ENDPOINT_REST_S if over_endpoint else limits.REST_BAN_S
    if code in limits.BUSY_CODES:
        return "busy", 0.0
    if status in (403, 451):
        return "region", limits.REGION_REST_S
    if status == 408 or status >= 500 or (status < 400 and status != 200):
        return "busy", 0.0
    return "wrong", 0.0
