"""Bitget as it is today, against what `engine.venues.bitget` believes: one test for each endpoint and each topic.

Read-only and far inside the venue's limits: about 20 requests, the ratios further apart than a second, and a dozen
short connections. Run by hand with `-m live`; a place that the venue does not serve skips what it cannot ask. A failure
says which belief is out of date; the doubts named in `engine.venues.bitget` are the ones to look at first.
"""

from __future__ import annotations

import asyncio
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
from engine.venues.base import Verdict
from engine.venues.bitget import limits, session
from engine.venues.bitget.live import BitgetLive
from engine.venues.bitget.parse import BitgetParser
from engine.venues.bitget.symbols import infer
from engine.venues.live import Ack, Channel
from tests.live.test_bybit import ANSWER_S, EVENT_S, ask, of_events, of_topic, read, stream, subscribe, until

pytestmark = pytest.mark.live

LIVE = BitgetLive()
BTC = infer("BTCUSDT")


async def test_listing() -> None:
    parser = BitgetParser()
    (request,) = LIVE.listing_requests()
    parsed = await read(LIVE, parser, request)
    assert sum(one.status == "trading" for one in parsed.listing) > 300
    listed = parser.instrument("BTCUSDT")
    assert not listed.inferred
    assert listed.tick
    assert listed.step
    assert listed.funding_interval_h
    assert listed.status == "trading"


@pytest.mark.parametrize("interval", ["1m", "5m", "15m", "4h"])
async def test_candles(interval: str) -> None:
    parser = BitgetParser()
    newest = (await read(LIVE, parser, LIVE.candles_request("BTCUSDT", interval, LIVE.candles_max))).events
    bars = [event for event in newest if isinstance(event, Candle)]
    assert len(bars) == LIVE.candles_max
    assert [one.closed for one in bars[-2:]] == [True, False]
    end_ms = bars[-10].open_ms
    older = (await read(LIVE, parser, LIVE.candles_request("BTCUSDT", interval, 5, end_ms))).events
    assert [event.open_ms for event in older if isinstance(event, Candle)][-1] == end_ms


async def test_depth_trades_and_time() -> None:
    parser = BitgetParser()
    (book,) = (await read(LIVE, parser, LIVE.depth_request("BTCUSDT"))).events
    assert isinstance(book, BookSnapshot)
    assert min(len(book.bids), len(book.asks)) >= 50
    now_ms = time.time_ns() // 1_000_000
    request = LIVE.trades_request("BTCUSDT", now_ms - 5_000, now_ms)
    assert request is not None
    trades = (await read(LIVE, parser, request)).events
    assert len(trades) >= 50
    assert all(isinstance(event, Trade) and event.trade_id for event in trades)
    _, _, body = await ask(LIVE, LIVE.time_request())
    stated_ms = LIVE.server_time_ms(body)
    assert stated_ms is not None
    assert abs(stated_ms - time.time_ns() // 1_000_000) < 60_000


POLLS: dict[str, tuple[type, ...]] = {
    "ticker": (Ticker, Quote, MarkPrice, Funding, OpenInterest),
    "open_interest": (OpenInterest,),
    "funding": (Funding,),
    "accounts": (Ratio,),
    "top_positions": (Ratio,),
    "taker_volume": (Ratio,),
    "funding_history": (Funding,),
}


@pytest.mark.parametrize("kind", sorted(POLLS))
async def test_polls(kind: str) -> None:
    (poll,) = [one for one in LIVE.polls([BTC]) if one.kind == kind]
    await asyncio.sleep(limits.RATIO_SPACING_S)
    events = (await read(LIVE, BitgetParser(), poll.request)).events
    assert {type(event) for event in events} >= set(POLLS[kind])
    symbols = {event.symbol for event in events}
    assert symbols == {poll.symbol} if poll.symbol else len(symbols) > 300


async def test_open_interest_is_the_same_by_both_answers() -> None:
    parser = BitgetParser()
    market = {one.kind: one.request for one in LIVE.polls([]) if not one.symbol}
    stated: list[float] = []
    for request in (market["ticker"], market["open_interest"]):
        events = (await read(LIVE, parser, request)).events
        stated += [one.base for one in events if isinstance(one, OpenInterest) and one.symbol == "BTCUSDT"]
    by_ticker, by_interest = stated
    assert by_ticker == pytest.approx(by_interest, rel=0.05)


CHANNELS = [*LIVE.broad_channels(BTC), *LIVE.deep_channels(BTC)]
EVENTS: dict[str, tuple[type, ...]] = {
    "ticker": (Ticker,),
    "candle": (Candle,),
    "trades": (Trade,),
    "book": (BookDelta,),
}


@pytest.mark.parametrize("channel", CHANNELS, ids=[one.kind for one in CHANNELS])
async def test_topics(channel: Channel) -> None:
    parser = BitgetParser()
    async with stream(LIVE, channel.path) as socket:
        await subscribe(LIVE, socket, [channel.topic])
        text = await until(LIVE, socket, ANSWER_S, lambda text, topic, ack: ack is not None)
        assert LIVE.read_ack(text) == Ack("subscribe", True, "", (channel.topic,))
        assert channel.first_s is not None
        first = await until(LIVE, socket, channel.first_s, of_topic(channel.topic))
        assert parser.frame(first, "public", time.time_ns()).verdict is Verdict.ACCEPTED
        await until(LIVE, socket, EVENT_S, of_events(parser, channel.topic, EVENTS[channel.kind]))


async def test_liquidations_of_the_market_are_accepted() -> None:
    (channel,) = LIVE.market_channels()
    async with stream(LIVE) as socket:
        await subscribe(LIVE, socket, [channel.topic])
        text = await until(LIVE, socket, ANSWER_S, lambda text, topic, ack: ack is not None)
        assert LIVE.read_ack(text) == Ack("subscribe", True, "", (channel.topic,))


async def test_a_heartbeat_is_answered() -> None:
    async with stream(LIVE) as socket:
        await socket.send(session.PING)
        await until(LIVE, socket, ANSWER_S, lambda text, topic, ack: ack is not None and ack.op == "pong")


async def test_a_request_of_ten_topics_is_answered_topic_by_topic() -> None:
    names = ("BTC", "ETH", "SOL", "XRP", "DOGE", "BNB", "ADA", "LINK", "AVAX", "LTC")
    wanted = {one.topic for name in names for one in LIVE.broad_channels(infer(f"{name}USDT")) if one.kind == "ticker"}
    answered: set[str] = set()

    def all_answered(text: str, topic: str | None, ack: Ack | None) -> bool:
        if ack is not None:
            assert ack.ok, ack
            answered.update(ack.topics)
        return answered == wanted

    async with stream(LIVE) as socket:
        await subscribe(LIVE, socket, sorted(wanted))
        await until(LIVE, socket, ANSWER_S, all_answered)


async def test_an_unknown_symbol_is_refused_and_named() -> None:
    async with stream(LIVE) as socket:
        await subscribe(LIVE, socket, ["books:NOSUCHCOINUSDT"])
        text = await until(LIVE, socket, ANSWER_S, lambda text, topic, ack: ack is not None)
        ack = LIVE.read_ack(text)
        assert ack is not None
        assert (ack.op, ack.ok, ack.topics) == ("error", False, ("books:NOSUCHCOINUSDT",))


async def test_a_book_subscribed_anew_begins_with_a_snapshot() -> None:
    parser = BitgetParser()
    topic = "books:BTCUSDT"
    snapshot = of_events(parser, topic, (BookSnapshot,))
    async with stream(LIVE) as socket:
        await subscribe(LIVE, socket, [topic])
        await until(LIVE, socket, ANSWER_S, snapshot)
        await until(LIVE, socket, ANSWER_S, of_events(parser, topic, (BookDelta,)))
        for request in [*LIVE.unsubscribe([topic], 2), *LIVE.subscribe([topic], 3)]:
            await socket.send(request.text)
        await until(LIVE, socket, ANSWER_S, snapshot)
