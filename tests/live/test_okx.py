"""OKX as it is today, against what `engine.venues.okx` believes: one test for each endpoint and each topic.

Read-only and far inside the venue's limits: about 30 requests and 15 short connections. Run by hand with `-m live`; a
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
    Ratio,
    Ticker,
    Trade,
)
from engine.venues.okx.live import OkxLive
from engine.venues.okx.parse import OkxParser
from engine.venues.okx.symbols import infer
from tests.live.conversation import (
    ANSWER_S,
    book_begins_anew,
    carried,
    channel_of,
    clock_agrees,
    listing_is_whole,
    of_events,
    read,
    stream,
    trades_are_numbered,
    until,
)

pytestmark = pytest.mark.live

SYMBOLS = ("BTC-USDT-SWAP", "BTC-USDT")
KINDS: dict[str, tuple[type, ...]] = {
    "ticker": (Ticker,),
    "mark": (MarkPrice,),
    "funding": (Funding,),
    "open_interest": (OpenInterest,),
    "candle": (Candle,),
    "trades": (Trade,),
    "book": (BookDelta,),
    "liquidations": (),
    "listings": (),
}


async def test_listing() -> None:
    await listing_is_whole(OkxLive(), OkxParser(), SYMBOLS, 300)


@pytest.mark.parametrize("symbol", SYMBOLS)
@pytest.mark.parametrize("interval", ["1m", "5m", "15m", "4h"])
async def test_candles(symbol: str, interval: str) -> None:
    live, parser = OkxLive(), OkxParser()
    newest = (await read(live, parser, live.candles_request(symbol, interval, live.candles_max))).events
    opened = sorted(event.open_ms for event in newest if isinstance(event, Candle))
    assert len(opened) == live.candles_max
    end_ms = opened[10]
    older = (await read(live, parser, live.candles_request(symbol, interval, 5, end_ms))).events
    assert max(event.open_ms for event in older if isinstance(event, Candle)) == end_ms


@pytest.mark.parametrize("symbol", SYMBOLS)
async def test_depth_trades_and_time(symbol: str) -> None:
    live, parser = OkxLive(), OkxParser()
    for request in live.listing_requests():
        await read(live, parser, request)
    (book,) = (await read(live, parser, live.depth_request(symbol))).events
    assert isinstance(book, BookSnapshot)
    assert min(len(book.bids), len(book.asks)) >= 100
    now_ms = time.time_ns() // 1_000_000
    request = live.trades_request(symbol, now_ms - 5_000, now_ms) or ""
    trades = (await read(live, parser, request)).events
    assert len(trades) == 500
    assert all(isinstance(event, Trade) and event.trade_id and event.size > 0.0 for event in trades)
    await clock_agrees(live)


async def test_polls() -> None:
    live, parser = OkxLive(), OkxParser()
    for request in live.listing_requests():
        await read(live, parser, request)
    kinds: dict[str, type] = {
        "ticker": Ticker, "mark": MarkPrice, "funding": Funding, "open_interest": OpenInterest,
        "open_interest_history": OpenInterest, "funding_history": Funding, "accounts": Ratio, "top_accounts": Ratio,
        "top_positions": Ratio, "taker_volume": Ratio,
    }  # fmt: skip
    for poll in live.polls([infer("BTC-USDT-SWAP")]):
        events = (await read(live, parser, poll.request)).events
        assert any(isinstance(event, kinds[poll.kind]) for event in events), poll
        if poll.symbol:
            assert {event.symbol for event in events} == {poll.symbol}


@pytest.mark.parametrize("symbol", SYMBOLS)
@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_topics(symbol: str, kind: str) -> None:
    live = OkxLive()
    await carried(live, OkxParser(), channel_of(live, infer(symbol), kind), KINDS[kind])


@pytest.mark.parametrize("symbol", SYMBOLS)
async def test_trades_are_numbered_one_by_one(symbol: str) -> None:
    live = OkxLive()
    await trades_are_numbered(live, OkxParser(), channel_of(live, infer(symbol), "trades"))


@pytest.mark.parametrize("path", ["public", "business"])
async def test_a_heartbeat_is_answered(path: str) -> None:
    live = OkxLive()
    async with stream(live, path) as socket:
        assert live.stream_limits.heartbeat is not None
        await socket.send(live.stream_limits.heartbeat)
        await until(live, socket, ANSWER_S, lambda text, topic, ack: ack is not None and ack.op == "pong" and ack.ok)


async def test_a_book_subscribed_anew_begins_with_a_snapshot() -> None:
    live = OkxLive()
    await book_begins_anew(live, OkxParser(), channel_of(live, infer("BTC-USDT-SWAP"), "book"))


async def test_one_bad_topic_is_named_and_the_others_stand() -> None:
    live, parser = OkxLive(), OkxParser()
    good, bad = "tickers:ETH-USDT-SWAP", "tickers:NOSUCHCOIN-USDT-SWAP"
    async with stream(live, "public") as socket:
        (request,) = live.subscribe([good, bad], 11)
        await socket.send(request.text)
        text = await until(live, socket, ANSWER_S, lambda text, topic, ack: ack is not None and not ack.ok)
        ack = live.read_ack(text)
        assert ack is not None
        assert (ack.topics, ack.request_id) == ((bad,), "11"), ack.message
        await until(live, socket, ANSWER_S, of_events(parser, good, (Ticker,)))
