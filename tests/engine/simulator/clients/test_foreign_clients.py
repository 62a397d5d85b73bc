"""Clients that are not ours read the simulated exchanges: ccxt by requests and streams, pybit by requests.

They were written against the real venues, so what they accept is what the real ones say. Everything goes over real
loopback sockets to the simulator in a process of its own.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from ccxt import async_support, pro
from ccxt.base.errors import ExchangeError
from pybit.unified_trading import HTTP

from tui.simulated import Simulator

BITCOIN = "BTC/USDT:USDT"
MARKETS: dict[str, dict[str, Any]] = {
    "binanceusdm": {},
    "binance": {"fetchMarkets": {"types": ["spot", "linear"]}},
    "bybit": {"fetchMarkets": {"types": ["spot", "linear"]}},
    "okx": {"fetchMarkets": {"types": ["spot", "swap"]}},
    "bitget": {"fetchMarkets": {"types": ["swap"]}, "uta": True},
}


@pytest.fixture(scope="module")
def routes() -> Iterator[Mapping[str, str]]:
    """Real origins to the simulator's."""
    with Simulator(seed=3, rate=600.0) as simulator:
        yield simulator.routes()


def routed(value: Any, routes: Mapping[str, str]) -> Any:
    """`value` with every real origin in it replaced."""
    if isinstance(value, dict):
        return {key: routed(held, routes) for key, held in value.items()}
    if isinstance(value, str):
        for origin in sorted(routes, key=len, reverse=True):
            if value.startswith(origin):
                return routes[origin] + value[len(origin) :]
    return value


def client(kind: Any, name: str, routes: Mapping[str, str]) -> Any:
    """A client of ccxt whose every address leads to the simulator."""
    options = {"fetchCurrencies": False, "defaultType": "swap", **MARKETS[name]}
    made = getattr(kind, name)({"enableRateLimit": False, "options": options})
    made.has["fetchCurrencies"] = False
    host = str(getattr(made, "hostname", "") or "")

    def named(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: named(held) for key, held in value.items()}
        return value.replace("{hostname}", host).replace(":443/", "/") if isinstance(value, str) else value

    made.urls["api"] = routed(named(made.urls["api"]), routes)
    return made


@pytest.mark.parametrize("name", list(MARKETS))
async def test_ccxt_reads_markets_books_bars_tickers_and_funding(name: str, routes: Mapping[str, str]) -> None:
    exchange = client(async_support, name, routes)
    try:
        markets = await exchange.load_markets()
        assert sum(one["swap"] for one in markets.values()) > 80
        market = markets[BITCOIN]
        assert market["active"]
        assert market["precision"]["price"] == pytest.approx(0.1)
        book = await exchange.fetch_order_book(BITCOIN, limit=20)
        (bid, _), (ask, _) = book["bids"][0][:2], book["asks"][0][:2]
        assert len(book["bids"]) == len(book["asks"]) == 20
        assert [level[0] for level in book["bids"]] == sorted((level[0] for level in book["bids"]), reverse=True)
        assert bid < ask < bid * 1.001
        bars = await exchange.fetch_ohlcv(BITCOIN, "5m", limit=50)
        opens = [bar[0] for bar in bars]
        assert len(bars) == 50
        assert {later - earlier for earlier, later in itertools.pairwise(opens)} == {300_000}
        assert all(bar[3] <= min(bar[1], bar[4]) <= max(bar[1], bar[4]) <= bar[2] for bar in bars)
        ticker = await exchange.fetch_ticker(BITCOIN)
        assert ticker["last"] == pytest.approx(bid, rel=0.01)
        assert ticker["quoteVolume"] is None if name == "okx" else ticker["quoteVolume"] > 1e6
        funding = await exchange.fetch_funding_rate(BITCOIN)
        assert abs(funding["fundingRate"]) < 0.02
    finally:
        await exchange.close()


@pytest.mark.parametrize("name", ["binanceusdm", "bybit", "okx"])
async def test_ccxt_reads_open_interest_and_refuses_what_does_not_exist(name: str, routes: Mapping[str, str]) -> None:
    exchange = client(async_support, name, routes)
    try:
        await exchange.load_markets()
        interest = await exchange.fetch_open_interest(BITCOIN)
        assert interest["openInterestAmount"] > 100
        exchange.markets["NOPE/USDT:USDT"] = exchange.markets[BITCOIN] | {"id": "NOPEUSDT", "symbol": "NOPE/USDT:USDT"}
        with pytest.raises(ExchangeError):
            await exchange.fetch_order_book("NOPE/USDT:USDT", limit=5)
    finally:
        await exchange.close()


@pytest.mark.parametrize("name", ["binanceusdm", "bybit", "okx"])
async def test_ccxt_pro_keeps_a_book_and_hears_trades(name: str, routes: Mapping[str, str]) -> None:
    exchange = client(pro, name, routes)
    try:
        await exchange.load_markets()
        async with asyncio.timeout(60):
            for _ in range(5):
                book = await exchange.watch_order_book(BITCOIN, *([] if name == "okx" else [50]))
                assert book["bids"][0][0] < book["asks"][0][0]
            if name == "binanceusdm":  # it asks the path without a part, where trades are silent as on the real one
                return
            trades = await exchange.watch_trades(BITCOIN)
        assert trades
        assert all(trade["side"] in ("buy", "sell") and trade["amount"] > 0 for trade in trades)
    finally:
        await exchange.close()


def test_pybit_reads_bybit_by_requests(routes: Mapping[str, str]) -> None:
    session = HTTP()
    session.endpoint = routes["https://api.bybit.com"]
    listing = session.get_instruments_info(category="linear", symbol="BTCUSDT")["result"]["list"]
    assert [row["symbol"] for row in listing] == ["BTCUSDT"]
    book = session.get_orderbook(category="linear", symbol="BTCUSDT", limit=50)["result"]
    assert len(book["b"]) == len(book["a"]) == 50
    assert float(book["b"][0][0]) < float(book["a"][0][0])
    rows = session.get_kline(category="linear", symbol="BTCUSDT", interval=15, limit=200)["result"]["list"]
    assert len(rows) == 200
    assert [int(row[0]) for row in rows] == sorted((int(row[0]) for row in rows), reverse=True)
    tickers = session.get_tickers(category="linear")["result"]["list"]
    assert len(tickers) > 100
    interest = session.get_open_interest(category="linear", symbol="BTCUSDT", intervalTime="5min")["result"]["list"]
    assert float(interest[0]["openInterest"]) == pytest.approx(2 * float(interest[0]["singleOpenInterest"]))
    funding = session.get_funding_rate_history(category="linear", symbol="BTCUSDT", limit=10)["result"]["list"]
    assert len(funding) == 10
