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
from engine.venues.bitget import limits, session
from engine.venues.bitget.live import BitgetLive
from engine.venues.bitget.parse import BitgetParser
from engine.venues.bitget.symbols import infer
from engine.venues.live import Ack, Channel
from tests.live.conversation import (
    ANSWER_S,
    answered,
    book_begins_anew,
    candles_reach_back,
    carried,
    channel_of,
    clock_agrees,
    listing_is_whole,
    read,
    stream,
    subscribe,
    until,
)

pytestmark = pytest.mark.live

LIVE = BitgetLive()
BTC = infer("BTCUSDT")


async def test_listing() -> None:
    parser = BitgetParser()
    await listing_is_whole(LIVE, parser, ("BTCUSDT",), 300)
    assert parser.instrument("BTCUSDT").funding_interval_h


@pytest.mark.parametrize("interval", ["1m", "5m", "15m", "4h"])
async def test_candles(interval: str) -> None:
    await candles_reach_back(LIVE, BitgetParser(), "BTCUSDT", interval, place=-10)


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
    await clock_agrees(LIVE)


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
    await carried(LIVE, BitgetParser(), channel, EVENTS[channel.kind])


async def test_liquidations_of_the_market_are_accepted() -> None:
    (channel,) = LIVE.market_channels()
    await carried(LIVE, BitgetParser(), channel, ())


async def test_a_heartbeat_is_answered() -> None:
    async with stream(LIVE, "public") as socket:
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

    async with stream(LIVE, "public") as socket:
        await subscribe(LIVE, socket, sorted(wanted))
        await until(LIVE, socket, ANSWER_S, all_answered)


async def test_an_unknown_symbol_is_refused_and_named() -> None:
    async with stream(LIVE, "public") as socket:
        await subscribe(LIVE, socket, ["books:NOSUCHCOINUSDT"])
        ack = await answered(LIVE, socket)
        assert (ack.op, ack.ok, ack.topics) == ("error", False, ("books:NOSUCHCOINUSDT",))


async def test_a_book_subscribed_anew_begins_with_a_snapshot() -> None:
    await book_begins_anew(LIVE, BitgetParser(), channel_of(LIVE, BTC, "book"))
