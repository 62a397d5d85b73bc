"""How often the simulated Binance may be asked: by weight, by count for statistics and funding; 429, bans that last."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest

from engine.simulator.exchanges.binance.exchange import Binance
from engine.simulator.exchanges.binance.requests import BAN_MS, BANNED_AFTER
from engine.transport.live_failures import lowered
from engine.venues.binance.live import BinanceLive
from tests.engine.simulator.exchanges.binance.talks import SPOT_REST, talk_of
from tests.engine.simulator.exchanges.talk import Talk
from tests.engine.simulator.market.market_worlds import MINUTE, small

USDM_REST = "https://fapi.binance.com"
FAPI = "/fapi/v1"
DATA = "/futures/data"
HOSTS = {"binance-usdm": (USDM_REST, FAPI), "binance-spot": (SPOT_REST, "/api/v3")}


@pytest.fixture
def alone() -> Talk:
    return talk_of(small(1, 10.0))


@pytest.mark.parametrize("venue", list(HOSTS))
def test_weights_are_those_that_we_reckon_with(alone: Talk, venue: str) -> None:
    """The client's table and the venue's were written apart; the header says what the venue counted."""
    live = BinanceLive(venue)
    alone.rest_origin, _ = HOSTS[venue]
    used = 0.0
    for request in (
        *live.listing_requests(),
        live.depth_request("BTCUSDT"),
        *(live.candles_request("BTCUSDT", "1m", limit) for limit in (10, 99, 100, 499, 500, 1000)),
        live.trades_request("BTCUSDT", alone.world.now_ms - 1_000, alone.world.now_ms) or "",
        live.time_request(),
    ):
        path, _, query = request.removeprefix("GET ").partition("?")
        answer = alone.ask(path, **dict(parse_qsl(query)))
        assert answer.status == 200, request
        used += sum(weight for _, weight in live.cost(request).pools)
        ((_, counted),) = live.used_weight(lowered(answer.headers))
        assert counted == used, request


@pytest.mark.parametrize(("venue", "most"), [("binance-usdm", 2400), ("binance-spot", 6000)])
def test_2400_and_6000_a_minute_then_429_then_a_ban_that_lasts(venue: str, most: int) -> None:
    world = small(1, 10.0)
    exchange = Binance(world)
    origin, base = HOSTS[venue]
    began = world.now_ms // MINUTE * MINUTE + MINUTE

    def ask(at_ms: int, address: str = "one") -> Any:
        return exchange.rest(origin, f"{base}/ping", {}, address, at_ms)

    for number in range(most):
        assert ask(began + 1_000).status == 200, number
    assert ask(began + 1_000, "other").headers["X-MBX-USED-WEIGHT-1M"] == "1"
    refused = ask(began + 2_000)
    body = json.loads(refused.body)
    assert (refused.status, body["code"], refused.headers["X-MBX-USED-WEIGHT-1M"]) == (429, -1003, str(most + 1))
    assert body["msg"].startswith(f"Too many requests; current limit is {most} requests per minute.")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    live = BinanceLive(venue)
    refusal = live.refusal(429, lowered(refused.headers), refused.body.decode())
    assert refusal is not None
    assert (refusal.kind, refusal.rest_s) == ("limited", float(refused.headers["Retry-After"]))
    # The window passes and all is well again.
    assert exchange.rest(origin, f"{base}/ping", {}, "one", began + MINUTE).status == 200
    later = began + MINUTE
    for _ in range(most - 1):
        ask(later)
    assert [ask(later).status for _ in range(BANNED_AFTER)] == [429] * BANNED_AFTER
    banned = ask(later)
    assert banned.status == 418
    said = json.loads(banned.body)["msg"]
    assert said.startswith(f"Way too many requests; IP banned until {later + BAN_MS}.")
    refusal = live.refusal(418, lowered(banned.headers), banned.body.decode())
    assert refusal is not None
    assert (refusal.kind, refusal.rest_s) == ("banned", BAN_MS / 1_000)
    assert ask(later, "other").status == 200
    for after_ms, status in ((MINUTE, 418), (BAN_MS - 1, 418), (BAN_MS, 200)):
        assert ask(later + after_ms).status == status


@pytest.mark.parametrize(("path", "most"), [(f"{DATA}/openInterestHist", 1000), (f"{FAPI}/fundingInfo", 500)])
def test_statistics_and_funding_are_counted_by_five_minutes_apart_from_the_weight(path: str, most: int) -> None:
    world = small(1, 10.0)
    exchange = Binance(world)
    now_ms = world.now_ms // (5 * MINUTE) * 5 * MINUTE
    query = {"symbol": "BTCUSDT", "period": "1d", "limit": "1"}
    statuses = [exchange.rest(USDM_REST, path, query, "one", now_ms).status for _ in range(most + 1)]
    assert statuses == [200] * most + [429]
    assert exchange.rest(USDM_REST, path, query, "one", now_ms + 4 * MINUTE).status == 429
    assert exchange.rest(USDM_REST, f"{FAPI}/ping", {}, "one", now_ms).status == 200
    assert exchange.rest(USDM_REST, path, query, "one", now_ms + 5 * MINUTE).status == 200


def test_a_scale_multiplies_the_limit() -> None:
    world = small(1, 10.0)
    exchange = Binance(world, 2.0)
    answers = [exchange.rest(USDM_REST, f"{FAPI}/ping", {}, "one", world.now_ms) for _ in range(4_801)]
    assert [answer.status for answer in answers] == [200] * 4_800 + [429]
    limits = json.loads(exchange.rest(USDM_REST, f"{FAPI}/exchangeInfo", {}, "two", world.now_ms).body)["rateLimits"]
    assert limits[0]["limit"] == 4_800
