"""What it means when Binance does not answer as asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.venues.binance.live import BinanceLive
from engine.venues.live import VenueLive
from tests.engine.venues.refused_answers import check_refused

USDM: VenueLive = BinanceLive("binance-usdm")
SPOT: VenueLive = BinanceLive("binance-spot")
LIVE = {one.venue: one for one in (USDM, SPOT)}
NS = 1_786_820_700_000_000_000
MS = NS // 1_000_000

GEO = (
    '{"code":0,"msg":"Service unavailable from a restricted location according to \'b. Eligibility\' in '
    'https://www.binance.com/en/terms."}'
)
BAN = '{"code":-1003,"msg":"Way too many requests; IP banned until 1786820880000. Please use the websocket."}'
DATE = {"date": "Sat, 15 Aug 2026 19:05:00 GMT"}


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind", "rest_s", "words"),
    [
        (429, {}, '{"code":-1003,"msg":"Too many requests"}', "limited", 60.0, ("HTTP 429", "-1003", "Too many")),
        (429, {"retry-after": "17"}, "", "limited", 17.0, ("HTTP 429",)),
        (429, {"retry-after": "soon"}, "", "limited", 60.0, ()),
        (418, {"retry-after": "900"}, BAN, "banned", 900.0, ("HTTP 418",)),
        (418, DATE, BAN, "banned", 180.0, ("banned until",)),
        (418, {}, BAN, "banned", 120.0, ()),
        (418, {}, "", "banned", 120.0, ("HTTP 418",)),
        (418, DATE, BAN.replace("1786820880000", "9986820880000"), "banned", 259_200.0, ()),
        (429, DATE, BAN, "banned", 180.0, ()),
        (451, {}, GEO, "region", 3600.0, ("HTTP 451", "restricted location")),
        (403, {}, "<html>\x1b[31mRequest blocked", "region", 3600.0, ("HTTP 403", "blocked")),
        (503, {}, '{"code":-1008,"msg":"Request throttled by system-level protection."}', "busy", 0.0, ("-1008",)),
        (502, {}, "Bad Gateway", "busy", 0.0, ("HTTP 502", "Bad Gateway")),
        (400, {}, '{"code":-1003,"msg":"Too much request weight used"}', "limited", 60.0, ("-1003",)),
        (400, {}, '{"code":-1001,"msg":"Internal error"}', "busy", 0.0, ("-1001",)),
        (400, {}, '{"code":-1121,"msg":"Invalid symbol."}', "wrong", 0.0, ("HTTP 400", "-1121", "Invalid symbol.")),
        (404, {}, "", "wrong", 0.0, ("HTTP 404",)),
        (200, {}, "<html>login to the network", "busy", 0.0, ("HTTP 200",)),
    ],
)
def test_refusals(
    status: int, headers: dict[str, str], body: str, kind: str, rest_s: float, words: tuple[str, ...]
) -> None:
    for live in (USDM, SPOT):
        check_refused(live, status, headers, body, (kind, rest_s, words))


@given(st.integers(100, 599), st.dictionaries(st.sampled_from(["retry-after", "date"]), st.text()), st.text())
def test_no_answer_makes_it_raise(status: int, headers: dict[str, str], body: str) -> None:
    found = USDM.refusal(status, headers, body)
    assert found is None or found.rest_s >= 0.0
    assert found is not None or status == 200
    USDM.next_page("GET /fapi/v1/aggTrades?symbol=A&startTime=1&endTime=9&limit=1", body)
    USDM.server_time_ms(body)
