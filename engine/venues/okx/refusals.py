"""Classification of OKX's failed REST answers.

Called by `live` for every answer. HTTP may be 200 with a code that is not "0", so a known code decides before the
status. Sources: okx.com/docs-v5, error codes (pages of 2026-06-29 to 2026-07-22).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from engine.venues import refused
from engine.venues.live import Refusal
from engine.venues.okx import limits, wire
from engine.venues.readings import UNREADABLE
from engine.venues.refused import Kind

_WELL: Final = '{"code":"0",'
_ENVELOPE: Final = msgspec.json.Decoder(wire.Response)


def refusal(status: int, headers: Mapping[str, str], body: str) -> Refusal | None:
    """What a failed answer means; None for a success. Never raises, whatever the body."""
    if status == 200 and body.startswith(_WELL):
        return None
    code, said = _read(body)
    if status == 200 and code == "0":
        return None
    if status == 200 and code is None:
        return refused.NO_ANSWER
    kind, rest_s = _meaning(status, code, headers)
    return refused.told(kind, rest_s, status, code, said)


def _read(body: str) -> tuple[str | None, str]:
    """The venue's code and message; without an envelope, None and the body's beginning."""
    try:
        envelope = _ENVELOPE.decode(body)
    except UNREADABLE:
        return None, refused.beginning(body)
    return envelope.code, envelope.msg


def _meaning(status: int, code: str | None, headers: Mapping[str, str]) -> tuple[Kind, float]:
    if code in limits.BUSY_CODES:
        return "busy", 0.0
    if status == 429 or code in limits.LIMIT_CODES:
        return "limited", max(limits.LIMIT_REST_S, refused.asked_rest_s(headers))
    if status in (403, 451):
        # Sent by the firewall in front of the venue, which refuses regions and networks and states no duration.
        return "region", limits.REGION_REST_S
    if status == 408 or status >= 500 or 200 < status < 400 or status < 200:
        return "busy", 0.0
    return "wrong", 0.0
