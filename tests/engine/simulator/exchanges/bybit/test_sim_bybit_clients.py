"""Clients that others wrote for the real Bybit read the simulated one through its servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from importlib import import_module
from typing import Any

import ccxt.pro
import pytest

from engine.simulator.sim_instrument import SimInstrument
from tests.engine.simulator.exchanges.served import Served
from tests.engine.simulator.market.market_worlds import found

unified_trading: Any = import_module("pybit.unified_trading")
"""It states no types."""

REST, STREAM = "https://api.bybit.com", "wss://stream.bybit.com"
PERP, SPOT = "BTC/USDT:USDT", "BTC/USDT"


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with Served(["bybit"]) as made:
        yield made


@pytest.fixture
async def client(served: Served) -> AsyncIterator[Any]:
    routes = served.venues.routes
    made = ccxt.pro.bybit({"enableRateLimit": False, "options": {"fetchMarkets": {"types": ["spot", "linear"]}}})
    made.has["fetchCurrencies"] = False
    streams = {category: f"{routes[STREAM]}/v5/public/{category}" for category in ("spot", "linear")}
    made.urls["api"] = dict.fromkeys(("public", "private"), routes[REST]) | {"ws": {"public": streams}}
    await made.load_markets()
    yield made
    await made.close()


def best(served: Served, one: SimInstrument) -> tuple[float, float]:
    quote = served.world.best(one)
    return float(one.price_text(quote.bid)), float(one.price_text(quote.ask))


async def test_ccxt_finds_every_market_with_its_steps(served: Served, client: Any) -> None:
    listed = [one for venue in ("bybit-linear", "bybit-spot") for one in served.world.listed(venue)]
    assert len(client.markets) == len(listed) == 6
    for one in listed:
        market = client.markets[f"{one.base}/USDT:USDT" if one.kind == "perp" else f"{one.base}/USDT"]
        assert (market["id"], market["active"], market["swap"]) == (one.symbol, True, one.kind == "perp")
        assert market["precision"]["price"] == float(one.tick)
        assert market["precision"]["amount"] == float(one.step)


async def test_ccxt_reads_the_rest_answers(served: Served, client: Any) -> None:
    world = served.world
    for symbol, venue in ((PERP, "bybit-linear"), (SPOT, "bybit-spot")):
        one = found(world, venue, "BTCUSDT")
        await served.while_moving(asyncio.sleep(0))
        ticker = await client.fetch_ticker(symbol)
        day = world.ticker_24h(one)
        assert (ticker["bid"], ticker["ask"]) == best(served, one)
        assert ticker["last"] == float(one.price_text(day.last))
        assert ticker["percentage"] == pytest.approx(100 * (day.last - day.open) / day.open, abs=0.01)
        assert ticker["quoteVolume"] == pytest.approx(float(one.quote_text(day.quote)))
        book, truth = await client.fetch_order_book(symbol, 50), world.book(one, 50)
        for side, levels in (("bids", truth.bids), ("asks", truth.asks)):
            assert book[side] == [[float(one.price_text(p)), float(one.size_text(s))] for p, s in levels]
        bars = world.candles(one, "1m", 30)
        assert await client.fetch_ohlcv(symbol, "1m", limit=30) == [
            [
                bar.open_ms,
                *(float(one.price_text(ticks)) for ticks in (bar.open, bar.high, bar.low, bar.close)),
                float(one.size_text(bar.steps)),
            ]
            for bar in bars
        ]
    one = found(world, "bybit-linear", "BTCUSDT")
    funding = world.funding(one)
    rate = await client.fetch_funding_rate(PERP)
    assert rate["fundingRate"] == funding.rate_e8 / 1e8
    assert rate["fundingTimestamp"] == funding.next_ms
    assert rate["markPrice"] == float(one.fine_text(world.mark(one).mark))
    settled = await client.fetch_funding_rate_history(PERP, limit=5)
    assert [(row["timestamp"], row["fundingRate"]) for row in settled] == [
        (event.ms, event.rate_e8 / 1e8) for event in world.funding_history(one, 5)
    ]
    interest = await client.fetch_open_interest_history(PERP, "5m", limit=5)
    assert [(row["timestamp"], row["openInterestAmount"]) for row in interest] == [
        (point.ms, 2 * float(one.size_text(point.steps))) for point in world.open_interest_history(one, "5m", 5)
    ]
    ratios = await client.fetch_long_short_ratio_history(PERP, "5min", limit=3)
    assert [row["longShortRatio"] for row in ratios] == [
        pytest.approx(point.long_e4 / point.short_e4) for point in world.ratios(one, "accounts", "5m", 3)
    ]
    assert await client.fetch_time() == world.now_ms


@pytest.mark.parametrize(("symbol", "venue"), [(PERP, "bybit-linear"), (SPOT, "bybit-spot")])
async def test_ccxt_follows_the_streams(served: Served, client: Any, symbol: str, venue: str) -> None:
    one = found(served.world, venue, "BTCUSDT")
    for _ in range(30):
        book = await served.while_moving(client.watch_order_book(symbol, 50))
    truth = served.world.book(one, 50)
    assert len(book["bids"]) == len(truth.bids) == 50
    assert abs(book["bids"][0][0] - float(one.price_text(truth.bids[0][0]))) < 50 * one.tick_size
    trades = await served.while_moving(client.watch_trades(symbol))
    known = {(trade.ms, float(one.price_text(trade.ticks))) for trade in served.world.recent_trades(one, 1_000)}
    assert {(trade["timestamp"], trade["price"]) for trade in trades} <= known
    ticker = await served.while_moving(client.watch_ticker(symbol))
    assert ticker["last"] > 0
    bars = await served.while_moving(client.watch_ohlcv(symbol, "1m"))
    assert bars[-1][0] == served.world.now_ms // 60_000 * 60_000


async def test_pybit_reads_the_rest_answers(served: Served) -> None:
    session = unified_trading.HTTP()
    session.endpoint = served.venues.routes[REST]
    one = found(served.world, "bybit-linear", "BTCUSDT")

    def ask() -> list[Any]:
        perp = {"category": "linear", "symbol": "BTCUSDT"}
        answers = [
            session.get_instruments_info(category="linear", limit=2),
            session.get_orderbook(**perp, limit=50),
            session.get_kline(**perp, interval=1, limit=5),
            session.get_tickers(category="spot"),
            session.get_public_trade_history(**perp),
            session.get_open_interest(**perp, intervalTime="5min"),
            session.get_funding_rate_history(**perp),
            session.get_long_short_ratio(**perp, period="5min"),
            session.get_server_time(),
        ]
        session.client.close()
        return answers

    answers = await asyncio.to_thread(ask)
    assert all(answer["retCode"] == 0 for answer in answers)
    listed, book, bars, *others = (answer["result"] for answer in answers)
    assert listed["nextPageCursor"]
    truth = served.world.book(one, 50)
    assert book["b"] == [[one.price_text(ticks), one.size_text(steps)] for ticks, steps in truth.bids]
    assert len(bars["list"]) == 5
    assert all(result.get("list") for result in others[:1] + others[2:-1])


async def test_pybit_follows_a_book(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps a book of its own from the snapshot and the deltas, and hands it out."""
    address = f"{served.venues.routes[STREAM]}/v5/public/{{CHANNEL_TYPE}}"
    monkeypatch.setattr(unified_trading, "PUBLIC_WSS", address)
    loop = asyncio.get_running_loop()
    books: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    stream = await asyncio.to_thread(unified_trading.WebSocket, "linear", testnet=False)
    try:
        await asyncio.to_thread(
            stream.orderbook_stream,
            50,
            "BTCUSDT",
            lambda message: loop.call_soon_threadsafe(books.put_nowait, message["data"]),
        )
        for _ in range(20):
            held = await served.while_moving(books.get())
        assert (len(held["b"]), len(held["a"])) == (50, 50)
        assert float(held["b"][0][0]) < float(held["a"][0][0])
    finally:
        await asyncio.to_thread(stream.exit)
