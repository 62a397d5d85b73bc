"""How the tests of the real venues ask and listen, whatever the venue. Not a test, and not for use elsewhere."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise

import aiohttp
import pytest
from websockets.asyncio.client import ClientConnection, connect

from engine.events import BookDelta, BookSnapshot, Candle, Trade
from engine.instruments import Instrument
from engine.venues.base import Parsed, VenueParser, Verdict
from engine.venues.live import Ack, Channel, VenueLive

REQUEST_S = 20.0
ANSWER_S = 15.0
EVENT_S = 90.0
"""How long a topic of events may keep us waiting on the busiest symbol of a venue."""

Wanted = Callable[[str, str | None, Ack | None], bool]
"""(text, topic, answer) of a frame -> whether it is the one."""


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


async def read(live: VenueLive, parser: VenueParser, request: str) -> Parsed:
    """The answer to a request, which must be a success, as the parser reads it."""
    status, headers, body = await ask(live, request)
    refusal = live.refusal(status, headers, body)
    assert refusal is None, f"{request}: {refusal}"
    parsed = parser.response(request, status, body, time.time_ns())
    assert parsed.verdict is Verdict.ACCEPTED, f"{request}: {parsed.detail}"
    return parsed


@asynccontextmanager
async def stream(live: VenueLive, path: str) -> AsyncIterator[ClientConnection]:
    """An open connection, without protocol pings of ours."""
    async with connect(live.paths[path][0], ping_interval=None, open_timeout=REQUEST_S, max_size=1 << 22) as socket:
        yield socket


async def until(live: VenueLive, socket: ClientConnection, seconds: float, wanted: Wanted) -> str:
    """The first frame that is `wanted`; fails after `seconds`, naming what came."""
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


async def answered(live: VenueLive, socket: ClientConnection) -> Ack:
    """The next answer to something we sent."""
    ack = live.read_ack(await until(live, socket, ANSWER_S, lambda text, topic, ack: ack is not None))
    assert ack is not None
    return ack


def of_topic(wanted: str) -> Wanted:
    """Frames of a topic."""
    return lambda text, topic, ack: topic == wanted


def of_events(parser: VenueParser, wanted: str, kinds: tuple[type, ...]) -> Wanted:
    """Frames of a topic that hold one of `kinds`; each frame of the topic must be understood."""

    def check(text: str, topic: str | None, ack: Ack | None) -> bool:
        if topic != wanted:
            return False
        parsed = parser.frame(text, "public", time.time_ns())
        assert parsed.verdict is Verdict.ACCEPTED, f"{wanted}: {parsed.detail}: {text[:300]}"
        return any(isinstance(event, kinds) for event in parsed.events)

    return check


def channel_of(live: VenueLive, instrument: Instrument, kind: str) -> Channel:
    """The channel of a kind that this instrument has, or else the whole market; skips where there is none."""
    channels = live.broad_channels(instrument) + live.deep_channels(instrument) + live.market_channels()
    found = [channel for channel in channels if channel.kind == kind]
    if not found:
        pytest.skip(f"{live.venue} has no channel of {kind}")
    return found[0]


async def carried(live: VenueLive, parser: VenueParser, channel: Channel, kinds: tuple[type, ...]) -> None:
    """Subscribe `channel` alone: it is acknowledged, speaks when it says it does, and carries one of `kinds`."""
    async with stream(live, channel.path) as socket:
        (request,) = live.subscribe([channel.topic], 7)
        await socket.send(request.text)
        pushed = channel.first_s is None
        answers: list[Ack] = []

        def first(text: str, topic: str | None, ack: Ack | None) -> bool:
            # A first push may overtake the answer.
            nonlocal pushed
            if ack is not None:
                answers.append(ack)
            pushed |= topic == channel.topic
            return bool(answers) and pushed

        await until(live, socket, max(channel.first_s or 0.0, ANSWER_S), first)
        (ack,) = answers
        assert (ack.op, ack.ok) == ("subscribe", True), ack.message
        # Where the venue repeats the id, it is ours; where it names the topic, too.
        assert ack.request_id in ("", request.request_id)
        assert ack.topics in ((), request.topics)
        if kinds:
            await until(live, socket, EVENT_S, of_events(parser, channel.topic, kinds))


async def listing_is_whole(live: VenueLive, parser: VenueParser, symbols: tuple[str, ...], at_least: int) -> None:
    """Every page of the listing is read, and `symbols` trade with tick and step."""
    found: dict[str, str] = {}
    for first in live.listing_requests():
        request: str | None = first
        for _ in range(20):
            if request is None:
                break
            status, headers, body = await ask(live, request)
            assert live.refusal(status, headers, body) is None
            parsed = parser.response(request, status, body, time.time_ns())
            assert parsed.verdict is Verdict.ACCEPTED, parsed.detail
            assert not parsed.detail, parsed.detail
            found |= {one.symbol: one.status for one in parsed.listing}
            request = live.next_page(request, body)
        assert request is None, f"{first} has no end"
    assert sum(status == "trading" for status in found.values()) > at_least
    for symbol in symbols:
        assert found[symbol] == "trading"
        listed = parser.instrument(symbol)
        assert not listed.inferred
        assert listed.tick
        assert listed.step


async def book_begins_anew(live: VenueLive, parser: VenueParser, channel: Channel) -> None:
    """A book that is subscribed anew begins with a snapshot."""
    snapshot = of_events(parser, channel.topic, (BookSnapshot,))
    async with stream(live, channel.path) as socket:
        await subscribe(live, socket, [channel.topic])
        await until(live, socket, ANSWER_S, snapshot)
        await until(live, socket, ANSWER_S, of_events(parser, channel.topic, (BookDelta,)))
        for request in [*live.unsubscribe([channel.topic], 2), *live.subscribe([channel.topic], 3)]:
            await socket.send(request.text)
        await until(live, socket, ANSWER_S, snapshot)


async def trades_are_numbered(live: VenueLive, parser: VenueParser, channel: Channel, count: int = 100) -> None:
    """`count` trades of a stream follow one another by their numbers without one left out."""
    seen: list[Trade] = []

    def enough(text: str, topic: str | None, ack: Ack | None) -> bool:
        if topic == channel.topic:
            seen.extend(one for one in parser.frame(text, "public", time.time_ns()).events if isinstance(one, Trade))
        return len(seen) >= count

    async with stream(live, channel.path) as socket:
        await subscribe(live, socket, [channel.topic])
        await until(live, socket, EVENT_S, enough)
    left_out = [(one.number, other) for one, other in pairwise(seen) if other.number - other.joined != one.number]
    assert not left_out, left_out[:3]


async def candles_reach_back(live: VenueLive, parser: VenueParser, symbol: str, interval: str, place: int = 10) -> None:
    """As many bars as an answer holds, the newest still forming, and the bars up to the one at `place` of them."""
    newest = (await read(live, parser, live.candles_request(symbol, interval, live.candles_max))).events
    bars = sorted((event for event in newest if isinstance(event, Candle)), key=lambda bar: bar.open_ms)
    assert len(bars) == live.candles_max
    assert [one.closed for one in bars[-2:]] == [True, False]
    end_ms = bars[place].open_ms
    older = (await read(live, parser, live.candles_request(symbol, interval, 5, end_ms))).events
    assert max(event.open_ms for event in older if isinstance(event, Candle)) == end_ms


async def clock_agrees(live: VenueLive) -> None:
    """The venue's clock is within a minute of ours."""
    _, _, body = await ask(live, live.time_request())
    stated_ms = live.server_time_ms(body)
    assert stated_ms is not None
    assert abs(stated_ms - time.time_ns() // 1_000_000) < 60_000
