"""What Binance lists, pushes of its listing and answers to what is polled."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from engine.events import BookSnapshot, Candle, Funding, MarkPrice, OpenInterest, Ratio, Ticker, Trade
from engine.venues.base import Verdict
from engine.venues.binance import limits
from engine.venues.binance.live import BinanceLive
from engine.venues.binance.parse import BinanceParser
from engine.venues.live import VenueLive
from tests.recorded import recorded

USDM: VenueLive = BinanceLive("binance-usdm")
SPOT: VenueLive = BinanceLive("binance-spot")
LIVE = {one.venue: one for one in (USDM, SPOT)}
NS = 1_786_820_700_000_000_000
MS = NS // 1_000_000


def listing(venue: str, **rows: dict[str, Any]) -> str:
    common = {"baseAsset": "BTC", "quoteAsset": "USDT", "filters": []}
    return json.dumps({"symbols": [common | {"symbol": symbol} | row for symbol, row in rows.items()]})


def test_the_status_of_what_is_listed() -> None:
    statuses = {
        "TRADING": "trading", "PENDING_TRADING": "pending", "PRE_TRADING": "pending", "SETTLING": "ended",
        "CLOSE": "ended", "DELIVERED": "ended", "BREAK": "ended", "CANCEL_ONLY": "ended", "TRADING_HALT": "trading",
        "HALT": "trading", "": "trading", "SOMETHING_NEW": "trading",
    }  # fmt: skip
    body = listing("binance-usdm", **{f"C{n}USDT": {"status": said} for n, said in enumerate(statuses)})
    parsed = BinanceParser("binance-usdm").response(USDM.listing_requests()[0], 200, body, NS)
    assert [one.status for one in parsed.listing] == list(statuses.values())


def test_a_bad_row_of_a_listing_costs_only_itself() -> None:
    body = listing("binance-usdm", AUSDT={"status": "TRADING"}, BUSDT={"filters": 7}, CUSDT={"onboardDate": None})
    parsed = BinanceParser("binance-usdm").response(USDM.listing_requests()[0], 200, body, NS)
    assert [one.symbol for one in parsed.listing] == ["AUSDT", "CUSDT"]
    assert "1 of 3 rows refused" in parsed.detail


def test_funding_intervals_refine_what_is_listed_before_and_after() -> None:
    parser = BinanceParser("binance-usdm")
    rows = {"AUSDT": {"contractType": "PERPETUAL"}, "BUSDT": {}, "DUSDT": {"contractType": "CURRENT_QUARTER"}}
    first = parser.response(USDM.listing_requests()[0], 200, listing("binance-usdm", **rows), NS)
    assert {one.funding_interval_h for one in first.listing} == {None}
    request = next(one.request for one in USDM.polls([]) if one.kind == "funding")
    body = json.dumps(
        [{"symbol": "AUSDT", "fundingIntervalHours": 4}, {"symbol": "NEWUSDT", "fundingIntervalHours": 1}]
    )
    refined = parser.response(request, 200, body, NS).listing
    assert {one.symbol: one.funding_interval_h for one in refined} == {"AUSDT": 4.0, "BUSDT": 8.0}
    assert parser.instrument("AUSDT").funding_interval_h == 4.0
    # Nothing new: nothing refined, so nothing of it counts as listed anew.
    assert parser.response(request, 200, body, NS).listing == []
    again = parser.response(USDM.listing_requests()[0], 200, listing("binance-usdm", **rows, NEWUSDT={}), NS).listing
    assert {one.symbol: one.funding_interval_h for one in again} == {
        "AUSDT": 4.0, "BUSDT": 8.0, "DUSDT": None, "NEWUSDT": 1.0,
    }  # fmt: skip


def contract(symbol: str, status: str, **more: Any) -> str:
    data = {"e": "contractInfo", "E": MS, "s": symbol, "ct": "PERPETUAL", "dt": 4133404800000, "ot": MS, "cs": status,
            "bks": [{"bs": 1}], "st": 1} | more  # fmt: skip
    return json.dumps({"stream": "!contractInfo", "data": data})


def test_contracts_are_pushed_as_they_begin_and_end() -> None:
    parser = BinanceParser("binance-usdm")
    tick = [{"filterType": "PRICE_FILTER", "tickSize": "0.1"}]
    parser.response(USDM.listing_requests()[0], 200, listing("x", BTCUSDT={"status": "TRADING", "filters": tick}), NS)
    (ended,) = parser.frame(contract("BTCUSDT", "SETTLING"), "market/1", NS).listing
    assert (ended.status, ended.tick, ended.inferred) == ("ended", 0.1, False)
    (new,) = parser.frame(contract("NEWUSDT", "PENDING_TRADING"), "market/1", NS).listing
    assert (new.symbol, new.kind, new.status, new.listed_ms, new.base) == ("NEWUSDT", "perp", "pending", MS, "NEW")
    (open_,) = parser.frame(contract("NEWUSDT", "TRADING", ct="TRADIFI_PERPETUAL"), "market/1", NS).listing
    assert (open_.status, open_.category) == ("trading", "tradfi")
    coin = parser.frame(contract("BTCUSD_PERP", "TRADING", st=2), "market/1", NS)
    assert (coin.verdict, coin.listing) == (Verdict.ACCEPTED, ())
    assert parser.frame(contract("\x1b[31m", "TRADING"), "market/1", NS).listing == ()


def test_a_notice_before_a_restart_is_no_data() -> None:
    text = '{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}'
    assert BinanceParser("binance-spot").frame(text, "public/1", NS).verdict is Verdict.CONTROL


def test_one_bad_row_of_a_frame_of_the_whole_market_costs_only_itself() -> None:
    good = {"e": "markPriceUpdate", "E": MS, "s": "AUSDT", "p": "2", "i": "2", "r": "0.0001", "T": MS, "st": 1}
    text = json.dumps({"stream": "!markPrice@arr@1s", "data": [good, good | {"s": "BUSDT", "p": "0"}]})
    parsed = BinanceParser("binance-usdm").frame(text, "market/1", NS)
    assert (parsed.verdict, {one.symbol for one in parsed.events}) == (Verdict.ACCEPTED, {"AUSDT"})
    assert "1 of 2 rows refused" in parsed.detail
    worse = json.dumps({"stream": "!markPrice@arr@1s", "data": [good | {"p": "0"}]})
    assert BinanceParser("binance-usdm").frame(worse, "market/1", NS).verdict is Verdict.REJECTED
    marks = next(one.request for one in USDM.polls([]) if one.kind == "mark")
    row = {"symbol": "AUSDT", "markPrice": "2", "time": MS, "lastFundingRate": "0.0001", "nextFundingTime": MS}
    found = BinanceParser("binance-usdm").response(marks, 200, json.dumps([row, row | {"markPrice": "0"}]), NS)
    assert [type(one) for one in found.events] == [MarkPrice, Funding]
    assert "1 of 2 rows refused" in found.detail


def test_a_special_settlement_is_left_out_of_the_settled_rates() -> None:
    request = "GET /fapi/v1/fundingRate?symbol=AUSDT&limit=100"
    hour = 3_600_000
    rows = [
        {"symbol": "AUSDT", "fundingRate": "0.0001", "fundingTime": MS - 8 * hour, "markPrice": "2"},
        {"symbol": "AUSDT", "fundingRate": "0.02", "fundingTime": MS - 5 * hour, "rateType": "Special"},
        {"symbol": "AUSDT", "fundingRate": "0.0002", "fundingTime": MS, "rateType": "Regular"},
    ]
    found = BinanceParser("binance-usdm").response(request, 200, json.dumps(rows), NS)
    assert [(one.ts_ms, one.rate_frac) for one in found.events if isinstance(one, Funding)] == [
        (MS - 8 * hour, 0.0001), (MS, 0.0002),
    ]  # fmt: skip


@pytest.mark.recorded
def test_recorded_answers_are_read_as_what_is_polled() -> None:
    kinds: dict[str, set[type]] = {
        "depth": {BookSnapshot}, "klines": {Candle}, "trades": {Trade}, "open_interest": {OpenInterest},
        "open_interest_history": {OpenInterest}, "accounts": {Ratio}, "top_accounts": {Ratio}, "top_positions": {Ratio},
        "taker_volume": {Ratio}, "funding_history": {Funding},
    }  # fmt: skip
    names = {path: name for name, path in limits.PATHS["binance-usdm"].items()}
    parser = BinanceParser("binance-usdm")
    seen: Counter[str] = Counter()
    for line in recorded("rest", "binance_rest_public.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        name = names.get(row["path"], "")
        body = json.dumps(row["data"])
        if isinstance(row["data"], dict) and "code" in row["data"]:
            continue
        parsed = parser.response(f"GET {row['path']}?{row['query']}", 200, body, NS)
        if parsed.verdict is Verdict.ACCEPTED and parsed.events and name in kinds:
            assert {type(one) for one in parsed.events} == kinds[name]
            assert USDM.refusal(200, {}, body) is None
            seen[name] += 1
        elif name == "tickers" and parsed.events:
            assert all(isinstance(one, Ticker) for one in parsed.events)
            seen[name] += 1
    assert set(seen) == {*kinds, "tickers"}
