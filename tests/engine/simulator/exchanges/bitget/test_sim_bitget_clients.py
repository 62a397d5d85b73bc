"""A client that others wrote for the real Bitget (UTA v3) reads the simulated one through its servers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import ccxt.pro
import pytest

from tests.engine.simulator.exchanges.served import Served
from tests.engine.simulator.market.market_worlds import found

PERP = "BTC/USDT:USDT"
VENUE = "bitget-usdt"
UTA = {"uta": True}


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with Served(["bitget"]) as made:
        yield made


@pytest.fixture
async def client(served: Served) -> AsyncIterator[Any]:
    rest, stream = (served.venues.routes[origin] for origin in ("https://api.bitget.com", "wss://ws.bitget.com"))
    made = ccxt.pro.bitget({"enableRateLimit": False, "options": dict(UTA)})
    made.has["fetchCurrencies"] = False
    made.urls["api"] = dict.fromkeys(("uta", "mix", "common", "spot"), rest)
    made.urls["api"]["ws"] = {"utaPublic": f"{stream}/v3/ws/public"}
    await made.load_markets()
    yield made
    await made.close()


async def test_ccxt_finds_every_market_with_its_steps(served: Served, client: Any) -> None:
    listed = served.world.listed(VENUE)
    assert len(client.markets) == len(listed) == 3
    for one in listed:
        market = client.markets[f"{one.base}/USDT:USDT"]
        assert (market["id"], market["active"], market["swap"], market["linear"]) == (one.symbol, True, True, True)
        assert market["precision"]["price"] == float(one.tick)
        assert market["precision"]["amount"] == float(one.step)


async def test_ccxt_reads_the_rest_answers(served: Served, client: Any) -> None:
    world = served.world
    one = found(world, VENUE, "BTCUSDT")
    best, day = world.best(one), world.ticker_24h(one)
    ticker = await client.fetch_ticker(PERP, UTA)
    assert (ticker["bid"], ticker["ask"]) == (float(one.price_text(best.bid)), float(one.price_text(best.ask)))
    assert ticker["last"] == float(one.price_text(day.last))
    assert ticker["quoteVolume"] == pytest.approx(float(one.quote_text(day.quote)))
    book, truth = await client.fetch_order_book(PERP, 50, UTA), world.book(one, 50)
    for side, levels in (("bids", truth.bids), ("asks", truth.asks)):
        assert book[side] == [[float(one.price_text(p)), float(one.size_text(s))] for p, s in levels]
    bars = await client.fetch_ohlcv(PERP, "1m", limit=30, params=UTA)
    assert [bar[0] for bar in bars] == [bar.open_ms for bar in world.candles(one, "1m", 30)]
    assert bars[-2][4:] == [
        float(text)
        for bar in world.candles(one, "1m", 2)[:1]
        for text in (one.price_text(bar.close), one.size_text(bar.steps))
    ]
    interest = await client.fetch_open_interest(PERP, UTA)
    assert interest["openInterestAmount"] == float(one.size_text(world.open_interest(one)))
    funding = await client.fetch_funding_rate(PERP, UTA)
    assert funding["fundingRate"] == world.funding(one).rate_e8 / 1e8
    settled = await client.fetch_funding_rate_history(PERP, limit=5, params=UTA)
    assert [(row["timestamp"], row["fundingRate"]) for row in settled] == [
        (event.ms, event.rate_e8 / 1e8) for event in world.funding_history(one, 5)
    ]
    assert await client.fetch_time() == world.now_ms


async def test_ccxt_follows_the_streams(served: Served, client: Any) -> None:
    one = found(served.world, VENUE, "BTCUSDT")
    for _ in range(30):
        book = await served.while_moving(client.watch_order_book(PERP, params=UTA))
    truth = served.world.book(one)
    assert abs(len(book["bids"]) - len(truth.bids)) < 50
    assert abs(book["bids"][0][0] - float(one.price_text(truth.bids[0][0]))) < 50 * one.tick_size
    trades = await served.while_moving(client.watch_trades(PERP, params=UTA))
    known = {(trade.ms, float(one.price_text(trade.ticks))) for trade in served.world.recent_trades(one, 1_000)}
    assert {(trade["timestamp"], trade["price"]) for trade in trades} <= known
    assert (await served.while_moving(client.watch_ticker(PERP, UTA)))["last"] > 0
    bars = await served.while_moving(client.watch_ohlcv(PERP, "1m", params=UTA))
    assert bars[-1][0] == served.world.now_ms // 60_000 * 60_000
