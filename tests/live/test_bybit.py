"""Bybit as it is today, against what `engine.venues.bybit` believes: one test for each endpoint and each topic.

Read-only and far inside the venue's limits: about 30 requests and 20 short connections. Run by hand with `-m live`; a
place that the venue does not serve skips what it cannot ask. A failure says which belief is out of date.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import ClientConnection, connect

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
from engine.venues.base import Parsed, Verdict
from engine.venues.bybit.live import BybitLive
from engine.venues.bybit.parse import BybitParser
from engine.venues.bybit.symbols import infer
from engine.venues.live import Ack, Channel, VenueLive

pytestmark = pytest.mark.live

REQUEST_S = 20.0
ANSWER_S = 15.0
EVENT_S = 90.0
"""How long a topic of events may keep us waiting on the busiest symbol of the venue."""
PRODUCTS = ("bybit-linear", "bybit-spot")


async def ask(live: VenueLive, request: str) -> tuple[int, dict[str, str], str]:
    """Status, headers in lower case and body from the first host that serves this place; skips where none does."""
    path = request.removeprefix("GET ")
    refused = "no host"
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=REQUEST_S)) as client:
        for host in live.hosts:
            async with client.get(f"{host}{path}", allow_redirects=False) as answer:
                body = await answer.text()
                headers = {name.lower(): value for name, value in answer.headers.items()}
                found = live.refusal(answer.status, headers, body)
                if found is None or found.kind != "region":
                    return answer.status, headers, body
                refused = found.message
    pytest.skip(f"{live.venue} does not serve this place: {refused}")


async def read(live: VenueLive, parser: Any, request: str) -> Parsed:
    """The answer to a request, which must be a success, as the parser reads it."""
    status, headers, body = await ask(live, request)
    refusal = live.refusal(status, headers, body)
    assert refusal is None, f"{request}: {refusal}"
    parsed: Parsed = parser.response(request, status, body, time.time_ns())
    assert parsed.verdict is Verdict.ACCEPTED, f"{request}: {parsed.detail}"
    assert not parsed.detail, f"{request}: {parsed.detail}"
    return parsed


@asynccontextmanager
async def stream(live: VenueLive, path: str = "public") -> AsyncIterator[ClientConnection]:
    """An open connection, without protocol pings of ours."""
    async with connect(live.paths[path][0], ping_interval=None, open_timeout=REQUEST_S, max_size=1 << 22) as socket:
        yield socket


async def until(
    live: VenueLive, socket: ClientConnection, seconds: float, wanted: Callable[[str, str | None, Ack | None], bool]
) -> str:
    """The first frame that is `wanted` by its text, topic and answer; fails after `seconds`, naming what came."""
    others: list[str] = []
    try:
        async with asyncio.timeout(seconds):
            while True:
                text = str(await socket.recv())
                topic = live.topic_of(text)
                ack = live.read_ack(text) if topic is None else None
                assert topic is not None or ack is not None, f"neither a topic nor an answer: {text[:300]}"
                if wanted(text, topic, ack):
                    return text
                others.append(text[:120])
    except TimeoutError:
        pytest.fail(f"{live.venue}: not seen within {seconds:g} s; what came: {others[:5]}")


async def subscribe(live: VenueLive, socket: ClientConnection, topics: Sequence[str], first_id: int = 1) -> None:
    """Send what subscribes `topics`."""
    for request in live.subscribe(topics, first_id):
        await socket.send(request.text)


def of_topic(wanted: str) -> Callable[[str, str | None, Ack | None], bool]:
    return lambda text, topic, ack: topic == wanted


def of_events(parser: Any, wanted: str, kinds: tuple[type, ...]) -> Callable[[str, str | None, Ack | None], bool]:
    """Frames of a topic that hold one of `kinds`; each frame of the topic must be understood."""

    def check(text: str, topic: str | None, ack: Ack | None) -> bool:
        if topic != wanted:
            return False
        parsed = parser.frame(text, "public", time.time_ns())
        assert parsed.verdict is Verdict.ACCEPTED, f"{wanted}: {parsed.detail}: {text[:300]}"
        return any(isinstance(event, kinds) for event in parsed.events)

    return check


def bitcoin(venue: str) -> Instrument:
    return infer(venue, "BTCUSDT")


@pytest.mark.parametrize("venue", PRODUCTS)
async def test_listing(venue: str) -> None:
    live, parser = BybitLive(venue), BybitParser(venue)
    found: dict[str, str] = {}
    for first in live.listing_requests():
        request: str | None = first
        pages = 0
        while request is not None:
            pages += 1
            assert pages < 20, f"{first} has no end"
            status, headers, body = await ask(live, request)
            assert live.refusal(status, headers, body) is None
            parsed = parser.response(request, status, body, time.time_ns())
            assert parsed.verdict is Verdict.ACCEPTED, parsed.detail
            assert not parsed.detail, parsed.detail
            found |= {one.symbol: one.status for one in parsed.listing}
            request = live.next_page(request, body)
    assert found["BTCUSDT"] == "trading"
    assert sum(status == "trading" for status in found.values()) > 300
    listed = parser.instrument("BTCUSDT")
    assert not listed.inferred
    assert listed.tick
    assert listed.step


@pytest.mark.parametrize("venue", PRODUCTS)
@pytest.mark.parametrize("interval", ["1m", "5m", "15m", "4h"])
async def test_candles(venue: str, interval: str) -> None:
    live, parser = BybitLive(venue), BybitParser(venue)
    newest = (await read(live, parser, live.candles_request("BTCUSDT", interval, live.candles_max))).events
    bars = [event for event in newest if isinstance(event, Candle)]
    assert len(bars) == live.candles_max
    assert [one.closed for one in bars[-2:]] == [True, False]
    end_ms = bars[10].open_ms
    older = (await read(live, parser, live.candles_request("BTCUSDT", interval, 5, end_ms))).events
    assert [event.open_ms for event in older if isinstance(event, Candle)][-1] == end_ms


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
    _, _, body = await ask(live, live.time_request())
    stated_ms = live.server_time_ms(body)
    assert stated_ms is not None
    assert abs(stated_ms - time.time_ns() // 1_000_000) < 60_000


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


def channel_of(live: VenueLive, kind: str) -> Channel:
    one = bitcoin(live.venue)
    channels = live.broad_channels(one) + live.deep_channels(one)
    found = [channel for channel in channels if channel.kind == kind]
    if not found:
        pytest.skip(f"{live.venue} has no channel of {kind}")
    return found[0]


@pytest.mark.parametrize("venue", PRODUCTS)
@pytest.mark.parametrize("kind", sorted(CHANNELS))
async def test_topics(venue: str, kind: str) -> None:
    live, parser = BybitLive(venue), BybitParser(venue)
    channel = channel_of(live, kind)
    async with stream(live, channel.path) as socket:
        (request,) = live.subscribe([channel.topic], 7)
        await socket.send(request.text)
        pushed = channel.first_s is None
        answered: list[Ack] = []

        def first(text: str, topic: str | None, ack: Ack | None) -> bool:
            # A first snapshot may overtake the answer.
            nonlocal pushed
            if ack is not None:
                answered.append(ack)
            pushed |= topic == channel.topic
            return bool(answered) and pushed

        await until(live, socket, channel.first_s or ANSWER_S, first)
        (ack,) = answered
        assert (ack.op, ack.ok) == ("subscribe", True)
        # Where the venue repeats the id, it is ours.
        assert ack.request_id in ("", request.request_id)
        if CHANNELS[kind]:
            await until(live, socket, EVENT_S, of_events(parser, channel.topic, CHANNELS[kind]))


@pytest.mark.parametrize("venue", PRODUCTS)
async def test_a_heartbeat_is_answered(venue: str) -> None:
    live = BybitLive(venue)
    async with stream(live) as socket:
        assert live.stream_limits.heartbeat is not None
        await socket.send(live.stream_limits.heartbeat)
        await until(live, socket, ANSWER_S, lambda text, topic, ack: ack is not None and ack.op == "pong" and ack.ok)


@pytest.mark.parametrize("venue", PRODUCTS)
async def test_a_book_subscribed_anew_begins_with_a_snapshot(venue: str) -> None:
    live, parser = BybitLive(venue), BybitParser(venue)
    topic = channel_of(live, "book").topic
    snapshot = of_events(parser, topic, (BookSnapshot,))
    async with stream(live) as socket:
        await subscribe(live, socket, [topic])
        await until(live, socket, ANSWER_S, snapshot)
        await until(live, socket, ANSWER_S, of_events(parser, topic, (BookDelta,)))
        for request in [*live.unsubscribe([topic], 2), *live.subscribe([topic], 3)]:
            await socket.send(request.text)
        await until(live, socket, ANSWER_S, snapshot)


async def test_one_bad_topic_refuses_the_request_and_is_named() -> None:
    live = BybitLive("bybit-linear")
    good, bad = "tickers.ETHUSDT", "tickers.NOSUCHCOINUSDT"
    async with stream(live) as socket:
        (request,) = live.subscribe([good, bad], 11)
        await socket.send(request.text)
        text = await until(live, socket, ANSWER_S, lambda text, topic, ack: ack is not None)
        ack = live.read_ack(text)
        assert ack is not None
        assert (ack.ok, ack.topics, ack.request_id) == (False, (bad,), "11")
        # Nothing of the request is carried; asked for again without the bad topic, the good one is.
        await subscribe(live, socket, [good], 12)
        await until(live, socket, ANSWER_S, of_topic(good))


async def test_a_topic_subscribed_twice_is_refused_and_goes_on() -> None:
    live = BybitLive("bybit-linear")
    topic = "tickers.BTCUSDT"
    async with stream(live) as socket:
        await subscribe(live, socket, [topic], 1)
        await until(live, socket, ANSWER_S, of_topic(topic))
        await subscribe(live, socket, [topic], 2)
        text = await until(live, socket, ANSWER_S, lambda text, topic, ack: ack is not None and not ack.ok)
        ack = live.read_ack(text)
        assert ack is not None
        assert ack.topics == (topic,)
        await until(live, socket, ANSWER_S, of_topic(topic))
