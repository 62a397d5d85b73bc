"""Binance as it is today, against what `engine.venues.binance` believes: one test for each endpoint and each topic.

Read-only and far inside the venue's limits: about 25 requests and 15 short connections. Run by hand with `-m live`; a
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
from engine.venues.binance.live import BinanceLive
from engine.venues.binance.parse import BinanceParser
from engine.venues.binance.symbols import infer
from tests.live.conversation import (
    ANSWER_S,
    answered,
    ask,
    candles_reach_back,
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

PRODUCTS = ("binance-usdm", "binance-spot")
KINDS: dict[str, tuple[type, ...]] = {
    "ticker": (Ticker,),
    "mark": (MarkPrice,),
    "candle": (Candle,),
    "quote": (Quote,),
    "trades": (Trade,),
    "book": (BookDelta,),
    "liquidations": (),
    "listings": (),
}


@pytest.mark.parametrize("venue", PRODUCTS)
async def test_listing(venue: str) -> None:
    await listing_is_whole(BinanceLive(venue), BinanceParser(venue), ("BTCUSDT", "ETHUSDT"), 300)


async def test_funding_intervals() -> None:
    live, parser = BinanceLive("binance-usdm"), BinanceParser("binance-usdm")
    await read(live, parser, live.listing_requests()[0])
    (request,) = [poll.request for poll in live.polls([]) if poll.kind == "funding"]
    refined = (await read(live, parser, request)).listing
    assert {one.funding_interval_h for one in refined} >= {4.0, 8.0}
    assert parser.instrument("BTCUSDT").funding_interval_h == 8.0


@pytest.mark.parametrize("venue", PRODUCTS)
@pytest.mark.parametrize("interval", ["1m", "5m", "15m", "4h"])
async def test_candles(venue: str, interval: str) -> None:
    await candles_reach_back(BinanceLive(venue), BinanceParser(venue), "BTCUSDT", interval)


@pytest.mark.parametrize("venue", PRODUCTS)
async def test_depth_time_and_weight(venue: str) -> None:
    live, parser = BinanceLive(venue), BinanceParser(venue)
    status, headers, body = await ask(live, live.depth_request("BTCUSDT"))
    (book,) = parser.response(live.depth_request("BTCUSDT"), status, body, time.time_ns()).events
    assert isinstance(book, BookSnapshot)
    assert min(len(book.bids), len(book.asks)) >= 100
    ((pool, used),) = live.used_weight(headers)
    ((priced, weight),) = live.cost(live.depth_request("BTCUSDT")).pools
    assert pool == priced
    assert used >= weight
    await clock_agrees(live)


@pytest.mark.parametrize("venue", PRODUCTS)
async def test_trades_of_a_span_go_on_where_an_answer_is_full(venue: str) -> None:
    live, parser = BinanceLive(venue), BinanceParser(venue)
    until_ms = time.time_ns() // 1_000_000 - 5_000
    request = live.trades_request("BTCUSDT", until_ms - 1_800_000, until_ms)
    assert request is not None
    status, _, body = await ask(live, request)
    first = parser.response(request, status, body, time.time_ns()).events
    assert len(first) == 1_000
    following = live.next_page(request, body)
    assert following is not None
    second = (await read(live, parser, following)).events
    numbers = [int(event.trade_id) for event in (*first, *second) if isinstance(event, Trade)]
    # Joined trades are numbered without gaps, so the second page must overlap the first or follow on it.
    assert sorted(set(numbers)) == list(range(min(numbers), max(numbers) + 1))
    assert max(numbers) > max(int(event.trade_id) for event in first if isinstance(event, Trade))


@pytest.mark.parametrize("venue", PRODUCTS)
async def test_polls(venue: str) -> None:
    live, parser = BinanceLive(venue), BinanceParser(venue)
    kinds: dict[str, type] = {
        "ticker": Ticker, "mark": MarkPrice, "open_interest": OpenInterest, "open_interest_history": OpenInterest,
        "funding_history": Funding, "accounts": Ratio, "top_accounts": Ratio, "top_positions": Ratio,
        "taker_volume": Ratio,
    }  # fmt: skip
    for poll in live.polls([infer(venue, "BTCUSDT")]):
        if poll.kind == "funding":
            continue
        events = (await read(live, parser, poll.request)).events
        assert any(isinstance(event, kinds[poll.kind]) for event in events), poll
        symbols = {event.symbol for event in events}
        assert symbols == {poll.symbol} if poll.symbol else len(symbols) > 300


@pytest.mark.parametrize("venue", PRODUCTS)
@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_topics(venue: str, kind: str) -> None:
    live = BinanceLive(venue)
    await carried(live, BinanceParser(venue), channel_of(live, infer(venue, "BTCUSDT"), kind), KINDS[kind])


@pytest.mark.parametrize("venue", PRODUCTS)
async def test_trades_are_numbered_one_by_one(venue: str) -> None:
    live = BinanceLive(venue)
    await trades_are_numbered(live, BinanceParser(venue), channel_of(live, infer(venue, "BTCUSDT"), "trades"))


@pytest.mark.parametrize("venue", PRODUCTS)
async def test_a_book_is_aligned_on_an_answer(venue: str) -> None:
    live, parser = BinanceLive(venue), BinanceParser(venue)
    channel = channel_of(live, infer(venue, "BTCUSDT"), "book")
    delta = of_events(parser, channel.topic, (BookDelta,))
    async with stream(live, channel.path) as socket:
        for request in live.subscribe([channel.topic], 1):
            await socket.send(request.text)
        await until(live, socket, ANSWER_S, delta)
        mended = live.mend("BTCUSDT")
        assert mended is not None
        (book,) = (await read(live, parser, mended)).events
        assert isinstance(book, BookSnapshot)
        assert book.sequence is not None
        last = book.sequence

        def beyond(text: str, topic: str | None, ack: object) -> bool:
            found = parser.frame(text, "public", time.time_ns()).events if topic == channel.topic else ()
            return any(isinstance(one, BookDelta) and (one.last or 0) >= last for one in found)

        await until(live, socket, ANSWER_S, beyond)


async def test_a_bad_request_is_refused_by_its_number() -> None:
    live = BinanceLive("binance-usdm")
    async with stream(live, "market") as socket:
        await socket.send('{"method":"SUBSCRIBE","params":7,"id":11}')
        ack = await answered(live, socket)
        assert not ack.ok
        assert ack.request_id in ("", "11")
        assert ack.message
