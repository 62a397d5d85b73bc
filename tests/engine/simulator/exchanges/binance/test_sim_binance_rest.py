"""The simulated Binance's REST answers: as recorded, as our parser reads them, within the venue's limits.

The recorder of 2020 to 2025 sorted the names and cut the lists, so names and kinds are compared and not their order.
"""

from __future__ import annotations

import gzip
import itertools
import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import pytest

from engine.events import BookSnapshot, Candle, Funding, MarkPrice, OpenInterest, Ratio, Ticker, Trade
from engine.simulator.exchanges.binance import rows
from engine.simulator.exchanges.binance.exchange import Binance
from engine.transport.live_failures import lowered
from engine.venues.base import Parsed, Verdict
from engine.venues.binance.live import BinanceLive
from engine.venues.binance.parse import BinanceParser
from tests.engine.simulator.exchanges.binance.talks import MARKET, SPOT, SPOT_REST, pushed, subscribe, talk_of
from tests.engine.simulator.exchanges.shape import Shapes
from tests.engine.simulator.exchanges.talk import Talk
from tests.engine.simulator.market.market_worlds import HOUR, MINUTE, found, small
from tests.recorded import recorded

NS = 1_000_000
USDM_REST = "https://fapi.binance.com"
FAPI = "/fapi/v1"
DATA = "/futures/data"
API = "/api/v3"
PERP: Mapping[str, str | int] = {"symbol": "BTCUSDT"}
HOSTS = {"binance-usdm": (USDM_REST, FAPI), "binance-spot": (SPOT_REST, API)}


@pytest.fixture(scope="module")
def talk() -> Talk:
    made = talk_of(small(20, 300.0))
    made.run(20_000)
    return made


def get(talk: Talk, path: str, **query: str | int) -> Any:
    """The body, from the host that the path belongs to; no address asks too often."""
    talk.rest_origin = SPOT_REST if path.startswith(API) else USDM_REST
    answer = talk.ask_as(f"{path}{query}", path, **query)
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


def read(talk: Talk, venue: str, request: str) -> Parsed:
    """What our parser makes of the answer to one of our own requests."""
    talk.rest_origin = HOSTS[venue][0]
    path, _, query = request.removeprefix("GET ").partition("?")
    answer = talk.ask_as(request, path, **dict(parse_qsl(query)))
    return BinanceParser(venue).response(request, answer.status, answer.body.decode(), talk.world.now_ms * NS)


def answers() -> dict[str, list[Any]]:
    """Recorded bodies by path; those of coin-margined contracts (`pair`) left out."""
    found: dict[str, list[Any]] = defaultdict(list)
    for line in recorded("rest", "binance_rest_public.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row["data"] and "pair=" not in row["query"] and "code" not in row["data"]:
            found[row["path"]].append(row["data"])
    return found


def sorted_names(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: sorted_names(value[name]) for name in sorted(value)}
    return [sorted_names(one) for one in value] if isinstance(value, list) else value


def shape(*bodies: Any) -> Shapes:
    made = Shapes()
    for body in bodies:
        made.take(sorted_names(body))
    return made


@pytest.mark.recorded
@pytest.mark.parametrize(
    ("path", "query", "since"),
    [
        (f"{FAPI}/klines", {**PERP, "interval": "5m"}, ()),
        (f"{FAPI}/aggTrades", PERP, ("nq",)),
        (f"{FAPI}/trades", PERP, ()),
        (f"{FAPI}/depth", {**PERP, "limit": 100}, ()),
        (f"{FAPI}/ticker/24hr", PERP, ()),
        (f"{FAPI}/ticker/24hr", {}, ()),
        (f"{FAPI}/ticker/bookTicker", PERP, ("lastUpdateId",)),
        (f"{FAPI}/ticker/price", PERP, ()),
        (f"{FAPI}/openInterest", PERP, ()),
        (f"{FAPI}/premiumIndex", PERP, ()),
        (f"{FAPI}/fundingRate", PERP, ("markPrice", "rateType")),
        (f"{FAPI}/fundingInfo", {}, ()),
        (f"{FAPI}/time", {}, ()),
        (f"{DATA}/openInterestHist", {**PERP, "period": "5m"}, ("CMCCirculatingSupply",)),
        (f"{DATA}/globalLongShortAccountRatio", {**PERP, "period": "5m"}, ()),
        (f"{DATA}/topLongShortAccountRatio", {**PERP, "period": "5m"}, ()),
        (f"{DATA}/topLongShortPositionRatio", {**PERP, "period": "5m"}, ()),
        (f"{DATA}/takerlongshortRatio", {**PERP, "period": "5m"}, ()),
        (f"{API}/klines", {**PERP, "interval": "5m"}, ()),
        (f"{API}/trades", PERP, ()),
        (f"{API}/depth", {**PERP, "limit": 100}, ()),
        (f"{API}/ticker/24hr", PERP, ()),
        (f"{API}/ticker/bookTicker", PERP, ()),
        (f"{API}/ticker/price", PERP, ()),
    ],
)
def test_answers_are_made_as_recorded_ones(
    talk: Talk, path: str, query: dict[str, str | int], since: tuple[str, ...]
) -> None:
    """`since`: fields that came after the recording, by the SDK of 2026."""
    ours = get(talk, path, **query)
    held = [body for body in answers()[path] if isinstance(body, list) == isinstance(ours, list)]
    assert held, "nothing of that kind was recorded"
    assert ours
    for row in ours if isinstance(ours, list) else [ours]:
        for name in since:
            assert row.pop(name) is not None
    seen, made = shape(*held), shape(ours)
    assert seen.faults(made) == []
    assert {name for name in seen.kinds if not name.endswith(".")} == set(made.kinds)
    if path.startswith((API, DATA)) or path.endswith(("premiumIndex", "fundingRate", "fundingInfo")):
        assert seen.decimal_faults(made) == []


@pytest.mark.recorded
def test_listings_are_made_as_recorded_ones(talk: Talk) -> None:
    for path, only in ((f"{FAPI}/exchangeInfo", ()), (f"{API}/exchangeInfo", ())):
        seen, ours = shape(*answers()[path]), shape(get(talk, path))
        # Names and kinds; which filters an instrument has differs.
        faults = [fault for fault in seen.faults(ours) if not fault.startswith(".symbols[].filters[] has")]
        assert faults == [], only
    with gzip.open(recorded("captures", "binance-usdm-2021-07-22.jsonl.gz"), "rt") as lines:
        body = next(
            json.loads(row["d"]) for row in map(json.loads, lines) if row.get("r") == "GET /fapi/v1/exchangeInfo"
        )
    ours_now = get(talk, f"{FAPI}/exchangeInfo")
    # In the order of 2021, with what came since; a plan of settlement is no longer told.
    known, given = list(body["symbols"][0]), list(ours_now["symbols"][0])
    assert [name for name in known if name != "settlePlan"] == [name for name in given if name in known]
    assert set(given) - set(known) == {"maxMoveOrderLimit", "permissionSets"}
    assert list(body) == list(ours_now)
    spot = get(talk, f"{API}/exchangeInfo")
    for one in spot["symbols"]:
        by_kind = {entry["filterType"]: entry for entry in one["filters"]}
        assert len(by_kind["LOT_SIZE"]["stepSize"].partition(".")[2]) == 8
        held = found(talk.world, "binance-spot", one["symbol"])
        assert float(by_kind["PRICE_FILTER"]["tickSize"]) == float(held.tick)


def test_our_parser_reads_every_answer(talk: Talk) -> None:
    now_ms = talk.world.now_ms
    for venue in HOSTS:
        live = BinanceLive(venue)
        kinds = set()
        listed = read(talk, venue, live.listing_requests()[0])
        assert len(listed.listing) == len(talk.world.listed(venue))
        by_symbol = {one.symbol: one for one in listed.listing}
        for one in talk.world.listed(venue):
            held = by_symbol[one.symbol]
            assert held.tick == pytest.approx(float(one.tick))
            assert held.step == pytest.approx(float(one.step))
        trades = live.trades_request("BTCUSDT", now_ms - 3_000, now_ms)
        assert trades is not None
        asked = [live.candles_request("BTCUSDT", "1m", 100), live.depth_request("BTCUSDT"), trades]
        asked += [poll.request for poll in live.polls(listed.listing)]
        for request in asked:
            parsed = read(talk, venue, request)
            assert parsed.verdict is Verdict.ACCEPTED, (request, parsed.detail)
            kinds |= {type(event) for event in parsed.events}
        assert kinds >= {Candle, BookSnapshot, Ticker, Trade}
        if venue == "binance-usdm":
            assert kinds >= {Funding, OpenInterest, Ratio, MarkPrice}
        talk.rest_origin = HOSTS[venue][0]
        answer = talk.ask(live.time_request().removeprefix("GET "))
        assert live.server_time_ms(answer.body.decode()) == now_ms


@pytest.mark.parametrize(("venue", "most"), [("binance-usdm", 1500), ("binance-spot", 1000)])
def test_candles_are_oldest_first_and_keep_to_the_times_asked_for(talk: Talk, venue: str, most: int) -> None:
    one = found(talk.world, venue, "BTCUSDT")
    path = f"{HOSTS[venue][1]}/klines"
    query: dict[str, str | int] = {**PERP, "interval": "1m"}
    newest = get(talk, path, **query, limit=10)
    assert newest == [rows.kline(one, bar) for bar in talk.world.candles(one, "1m", 10)]
    starts = [row[0] for row in newest]
    assert starts == list(range(talk.world.now_ms // MINUTE * MINUTE - 9 * MINUTE, talk.world.now_ms, MINUTE))
    assert len(get(talk, path, **query)) == 500
    assert 500 < len(get(talk, path, **query, limit=5_000)) <= most
    assert get(talk, path, **query, limit=3, endTime=starts[4]) == newest[2:5]
    assert get(talk, path, **query, startTime=starts[2], endTime=starts[4]) == newest[2:5]
    # From a start alone it is the first bars after it, not the newest.
    assert get(talk, path, **query, startTime=starts[2], limit=3) == newest[2:5]
    assert get(talk, path, **query, startTime=starts[2] - 1, limit=3) == newest[2:5]
    assert get(talk, path, **query, startTime=starts[2] + 1, limit=3) == newest[3:6]
    assert get(talk, path, **query, startTime=talk.world.now_ms + HOUR) == []


@pytest.mark.parametrize(
    "name",
    ["openInterestHist", "globalLongShortAccountRatio", "topLongShortPositionRatio", "takerlongshortRatio"],
)
def test_statistics_are_oldest_first_and_keep_to_the_times_asked_for(talk: Talk, name: str) -> None:
    path, query = f"{DATA}/{name}", {**PERP, "period": "5m"}
    newest = get(talk, path, **query, limit=20)
    stamps = [row["timestamp"] for row in newest]
    assert [after - before for before, after in itertools.pairwise(stamps)] == [5 * MINUTE] * 19
    assert len(get(talk, path, **query)) == 30
    assert get(talk, path, **query, limit=4, endTime=stamps[9]) == newest[6:10]
    assert get(talk, path, **query, limit=4, startTime=stamps[9]) == newest[9:13]
    assert get(talk, path, **query, startTime=stamps[3], endTime=stamps[9]) == newest[3:10]


def test_ratios_add_up_and_interest_is_that_of_now(talk: Talk) -> None:
    for row in get(talk, f"{DATA}/globalLongShortAccountRatio", **PERP, period="5m"):
        long, short = float(row["longAccount"]), float(row["shortAccount"])
        assert long + short == pytest.approx(1.0)
        assert float(row["longShortRatio"]) == pytest.approx(long / short, abs=5e-4)
    one = found(talk.world, "binance-usdm", "BTCUSDT")
    now = float(get(talk, f"{FAPI}/openInterest", **PERP)["openInterest"])
    assert now == pytest.approx(talk.world.open_interest(one) * one.step_base)
    last = get(talk, f"{DATA}/openInterestHist", **PERP, period="5m", limit=1)[0]
    assert float(last["sumOpenInterest"]) == pytest.approx(now, rel=0.05)
    price = float(last["sumOpenInterestValue"]) / float(last["sumOpenInterest"])
    assert price == pytest.approx(float(get(talk, f"{FAPI}/premiumIndex", **PERP)["markPrice"]), rel=0.05)


def test_settlements_are_oldest_first_of_one_or_of_all(talk: Talk) -> None:
    path = f"{FAPI}/fundingRate"
    newest = get(talk, path, **PERP, limit=10)
    stamps = [row["fundingTime"] for row in newest]
    assert [after - before for before, after in itertools.pairwise(stamps)] == [8 * HOUR] * 9
    assert get(talk, path, **PERP, startTime=stamps[2], endTime=stamps[5]) == newest[2:6]
    assert get(talk, path, **PERP, startTime=stamps[2], limit=2) == newest[2:4]
    assert get(talk, path, **PERP, endTime=stamps[5], limit=2) == newest[4:6]
    every = get(talk, path, limit=40)
    assert len({row["symbol"] for row in every}) > 3
    assert [row["fundingTime"] for row in every] == sorted(row["fundingTime"] for row in every)


def test_trades_of_rest_are_those_of_the_streams(talk: Talk) -> None:
    for number, base, kind in ((MARKET, FAPI, "aggTrade"), (SPOT, API, "aggTrade")):
        subscribe(talk, number, [f"btcusdt@{kind}"])
        talk.run(10_000)
        told = pushed(talk, number, f"btcusdt@{kind}")
        assert len(told) > 5
        newest = get(talk, f"{base}/aggTrades", **PERP, limit=len(told))
        names = list(newest[0])
        assert newest == [{name: row[name] for name in names} for row in told]
        first, last = told[2], told[-2]
        assert get(talk, f"{base}/aggTrades", **PERP, fromId=first["a"], limit=3) == newest[2:5]
        within = get(talk, f"{base}/aggTrades", **PERP, startTime=first["T"], endTime=last["T"])
        assert within == [row for row in newest if first["T"] <= row["T"] <= last["T"]]
        singles = get(talk, f"{base}/trades", **PERP, limit=20)
        assert [row["id"] for row in singles] == list(range(told[-1]["l"] - 19, told[-1]["l"] + 1))


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        (f"{FAPI}/klines", {"symbol": "NOPEUSDT", "interval": "1m"}, -1121),
        (f"{FAPI}/klines", {"interval": "1m"}, -1102),
        (f"{FAPI}/klines", {**PERP, "interval": "7m"}, -1120),
        (f"{FAPI}/klines", {**PERP, "interval": "1m", "limit": "many"}, -1100),
        (f"{FAPI}/klines", {**PERP, "interval": "1m", "startTime": "-1"}, -1100),
        (f"{FAPI}/depth", {**PERP, "limit": 7}, -4021),
        (f"{FAPI}/depth", {**PERP, "limit": "many"}, -1100),
        (f"{FAPI}/ticker/24hr", {"symbol": "BTCUSD_201225"}, -1121),
        (f"{FAPI}/aggTrades", {**PERP, "startTime": 1, "endTime": 3_600_002}, -1127),
        (f"{DATA}/openInterestHist", {**PERP, "period": "7m"}, -1130),
        (f"{DATA}/openInterestHist", {"period": "5m"}, -1102),
        (f"{API}/depth", {"symbol": "NOPEUSDT"}, -1121),
    ],
)
def test_what_is_asked_wrongly_is_refused(talk: Talk, path: str, query: dict[str, str | int], code: int) -> None:
    talk.rest_origin = SPOT_REST if path.startswith(API) else USDM_REST
    answer = talk.ask_as(f"{path}{query}", path, **query)
    body = json.loads(answer.body)
    assert (answer.status, list(body), body["code"]) == (400, ["code", "msg"], code)
    refusal = BinanceLive("binance-usdm").refusal(answer.status, lowered(answer.headers), answer.body.decode())
    assert refusal is not None
    assert refusal.kind == "wrong"


@pytest.mark.recorded
def test_an_invalid_symbol_is_refused_in_the_recorded_words(talk: Talk) -> None:
    lines = map(json.loads, recorded("rest", "binance_rest_public.jsonl").read_text().splitlines())
    (seen,) = [row["data"] for row in lines if isinstance(row["data"], dict) and "code" in row["data"]]
    talk.rest_origin = USDM_REST
    assert json.loads(talk.ask_as("w", f"{FAPI}/ticker/24hr", symbol="BTCUSD_201225").body) == seen


def test_each_product_has_its_own_endpoints(talk: Talk) -> None:
    for origin, path in (
        (SPOT_REST, f"{API}/premiumIndex"),
        (SPOT_REST, f"{API}/openInterest"),
        (SPOT_REST, f"{DATA}/openInterestHist"),
        (SPOT_REST, f"{FAPI}/klines"),
        (USDM_REST, f"{API}/klines"),
        (USDM_REST, f"{FAPI}/nothing"),
        (USDM_REST, "/fapi/v2/klines"),
        (USDM_REST, f"{DATA}/nothing"),
        (USDM_REST, "/"),
    ):
        talk.rest_origin = origin
        assert talk.ask_as(path, path, symbol="BTCUSDT", interval="1m", period="5m").status == 404, path
    talk.rest_origin = USDM_REST
    assert talk.ask_as("v2", "/fapi/v2/ticker/price").status == 200


def test_depth_is_cut_where_asked(talk: Talk) -> None:
    for base, default in ((FAPI, 500), (API, 100)):
        one = found(talk.world, "binance-usdm" if base == FAPI else "binance-spot", "BTCUSDT")
        whole = talk.world.book(one)
        body = get(talk, f"{base}/depth", **PERP, limit=5)
        assert (len(body["bids"]), len(body["asks"]), body["lastUpdateId"]) == (5, 5, whole.update_id)
        usual = get(talk, f"{base}/depth", **PERP)
        assert len(usual["bids"]) == min(default, len(whole.bids))
        assert list(body) == ["lastUpdateId", *(("E", "T") if base == FAPI else ()), "bids", "asks"]


def test_what_is_coming_is_listed_before_it_trades() -> None:
    world = small(2, 60.0, listings=True)
    talk = Talk(world, Binance(world))
    coming = next(one for one in world.instruments if one.venue == "binance-usdm" and one.listed_ms > world.now_ms)

    def status() -> str | None:
        held = get(talk, f"{FAPI}/exchangeInfo")["symbols"]
        return next((row["status"] for row in held if row["symbol"] == coming.symbol), None)

    assert status() is None
    for _ in world.advance(coming.listed_ms - 1_000):
        pass
    assert status() == "PENDING_TRADING"
    assert coming.symbol not in {row["symbol"] for row in get(talk, f"{FAPI}/premiumIndex")}
    for _ in world.advance(coming.listed_ms + 1_000):
        pass
    assert status() == "TRADING"
    assert coming.symbol in {row["symbol"] for row in get(talk, f"{FAPI}/premiumIndex")}
