"""Bybit as it is today, against what `engine.venues.bybit` believes: one test for each endpoint and each topic.

Read-only and far inside the venue's limits: about 30 requests and 20 short connections. Run by hand with `-m live`; a
place that the venue does not serve skips what it cannot ask. A failure says which belief is out of date.
"""

from __future__ import annotations

import time

import pytest

from engine.events import (
    BookDelta,
    BookSnapshot,
    Candle,
    Funding,
    MarkPrice,
    OpenInterest,
    Quote,
    Ratio,
    Ticker,
    Trade,
)
from engine.instruments import Instrument
from engine.venues.bybit.live import BybitLive
from engine.venues.bybit.parse import BybitParser
from engine.venues.bybit.symbols import infer
from tests.live.conversation import (
    ANSWER_S,
    answered,
    book_begins_anew,
    candles_reach_back,
    carried,
    channel_of,
    clock_agrees,
    listing_is_whole,
    of_topic,
    read,
    stream,
    subscribe,
    until,
)

pytestmark = pytest.mark.live

PRODUCTS = ("bybit-linear", "bybit-spot")


def bitcoin(venue: str) -> Instrument:
    return infer(venue, "BTCUSDT")


@pytest.mark.parametrize("venue", PRODUCTS)
async def test_listing(venue: str) -> None:
    await listing_is_whole(BybitLive(venue), BybitParser(venue), ("BTCUSDT",), 300)


@pytest.mark.parametrize("venue", PRODUCTS)
@pytest.mark.parametrize("interval", ["1m", "5m", "15m", "4h"])
async def test_candles(venue: str, interval: str) -> None:
    await candles_reach_back(BybitLive(venue), BybitParser(venue), "BTCUSDT", interval)


@pytest.mark.parametrize("venue", PRODUCTS)
async def test_depth_trades_and_time(venue: str) -> None:
    live, parser = BybitLive(venue), BybitParser(venue)
    (book,) = (await read(live, parser, live.depth_request("BTCUSDT"))).events
    assert isinstance(book, BookSnapshot)
    assert min(len(book.bids), len(book.asks)) >= 100
    now_ms = time.time_ns() // 1_000_000
    request = live.trades_request("BTCUSDT", now_ms - 5_000, now_ms)
    assert request is not None
    trades = (await read(live, parser, request)).events
    assert len(trades) >= 50
    assert all(isinstance(event, Trade) and event.trade_id for event in trades)
    await clock_agrees(live)


@pytest.mark.parametrize("venue", PRODUCTS)
async def test_polls(venue: str) -> None:
    live, parser = BybitLive(venue), BybitParser(venue)
    kinds: dict[str, tuple[type, ...]] = {
        "ticker": (Ticker,) if venue == "bybit-spot" else (Ticker, Quote, MarkPrice, Funding, OpenInterest),
        "accounts": (Ratio,),
        "open_interest_history": (OpenInterest,),
        "funding_history": (Funding,),
    }
    for poll in live.polls([bitcoin(venue)]):
        events = (await read(live, parser, poll.request)).events
        found = {type(event) for event in events}
        assert found >= set(kinds[poll.kind]), poll
        symbols = {event.symbol for event in events}
        assert symbols == {poll.symbol} if poll.symbol else len(symbols) > 300


CHANNELS: dict[str, tuple[type, ...]] = {
    "ticker": (Ticker,),
    "candle": (Candle,),
    "quote": (BookSnapshot,),
    "trades": (Trade,),
    "book": (BookDelta,),
    "liquidations": (),
}


@pytest.mark.parametrize("venue", PRODUCTS)
@pytest.mark.parametrize("kind", sorted(CHANNELS))
async def test_topics(venue: str, kind: str) -> None:
    live = BybitLive(venue)
    await carried(live, BybitParser(venue), channel_of(live, bitcoin(venue), kind), CHANNELS[kind])


@pytest.mark.parametrize("venue", PRODUCTS)
async def test_a_heartbeat_is_answered(venue: str) -> None:
    live = BybitLive(venue)
    async with stream(live, "public") as socket:
        assert live.stream_limits.heartbeat is not None
        await socket.send(live.stream_limits.heartbeat)
        await until(live, socket, ANSWER_S, lambda text, topic, ack: ack is not None and ack.op == "pong" and ack.ok)


@pytest.mark.parametrize("venue", PRODUCTS)
async def test_a_book_subscribed_anew_begins_with_a_snapshot(venue: str) -> None:
    live = BybitLive(venue)
    await book_begins_anew(live, BybitParser(venue), channel_of(live, bitcoin(venue), "book"))


async def test_one_bad_topic_refuses_the_request_and_is_named() -> None:
    live = BybitLive("bybit-linear")
    good, bad = "tickers.ETHUSDT", "tickers.NOSUCHCOINUSDT"
    async with stream(live, "public") as socket:
        (request,) = live.subscribe([good, bad], 11)
        await socket.send(request.text)
        ack = await answered(live, socket)
        assert (ack.ok, ack.topics, ack.request_id) == (False, (bad,), "11")
        # Nothing of the request is carried; asked for again without the bad topic, the good one is.
        await subscribe(live, socket, [good], 12)
        await until(live, socket, ANSWER_S, of_topic(good))


async def test_a_topic_subscribed_twice_is_refused_and_goes_on() -> None:
    live = BybitLive("bybit-linear")
    topic = "tickers.BTCUSDT"
    async with stream(live, "public") as socket:
        await subscribe(live, socket, [topic], 1)
        await until(live, socket, ANSWER_S, of_topic(topic))
        await subscribe(live, socket, [topic], 2)
        text = await until(live, socket, ANSWER_S, lambda text, topic, ack: ack is not None and not ack.ok)
        ack = live.read_ack(text)
        assert ack is not None
        assert ack.topics == (topic,)
        await until(live, socket, ANSWER_S, of_topic(topic))
