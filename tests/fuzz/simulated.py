"""What the simulated venues say: every stream and every answer that prism asks for, so that each venue has samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from engine.instruments import Instrument
from engine.simulator.episodes import Episode
from engine.simulator.exchange import Exchange
from engine.simulator.exchanges import make_exchanges
from engine.simulator.world import World, WorldSpec
from engine.timeframes import INTERVAL_MS
from engine.transport.capture_records import Frame, Response
from engine.venues.live import VenueLive
from engine.venues.registry import PRODUCTS, make_languages, make_parsers

START_MS: Final = 1_790_000_000_000 // 14_400_000 * 14_400_000
RUN_MS: Final = 65_000
"""Long enough for a closed bar of a minute."""
STEP_MS: Final = 50


def talk() -> list[Frame | Response]:
    """Frames and answers of every product, in the order of their times within a product."""
    found: list[Frame | Response] = []
    for name, products in PRODUCTS.items():
        falling = [Episode("cascade_reversal", "BTC", START_MS + 2_000, 60_000, -1, 2.0)]
        spec = WorldSpec(3, 2, products, 40.0, tuple(falling), listings=False)  # type: ignore[arg-type]
        world = World(spec, START_MS)
        exchange = make_exchanges(world, [name], 1_000.0)[0]
        languages = [one for one in make_languages([name]) if one.venue in products]
        # Time passes once for all products of a venue: what its streams carry is told apart by connection.
        found += _conversation(world, exchange, languages)
    return found


def _conversation(world: World, exchange: Exchange, languages: list[VenueLive]) -> Iterator[Frame | Response]:
    wanted: Counter[str] = Counter()
    holders: dict[str, VenueLive] = {}
    instruments: dict[str, list[Instrument]] = {}
    connection = 0
    for language in languages:
        answers = list(_listing(world, exchange, language))
        yield from answers
        parser = make_parsers()[language.venue]
        listed = [one for each in answers for one in parser.response(each.request, 200, each.body, each.t).listing]
        instruments[language.venue] = listed = [one for one in listed if one.asset == "BTC"]
        for path, addresses in language.paths.items():
            channels = [*language.market_channels()]
            for one in listed:
                channels += [*language.broad_channels(one), *language.deep_channels(one)]
            topics = list(dict.fromkeys(each.topic for each in channels if each.path == path))
            address = urlsplit(addresses[0])
            connection += 1
            origin, query = f"{address.scheme}://{address.netloc}", dict(parse_qsl(address.query))
            opened = exchange.opened(connection, origin, address.path, query, world.now_ms)
            replies = [opened, *(exchange.message(connection, one.text, world.now_ms)
                                 for one in language.subscribe(topics, 1))]  # fmt: skip
            for reply in replies:
                wanted.update(reply.joined)
                holders.update(dict.fromkeys(reply.joined, language))
                yield from (Frame(_ns(world), language.venue, path, text) for text in reply.texts)
    end = world.now_ms + RUN_MS
    while world.now_ms < end:
        for happening in world.advance(world.now_ms + STEP_MS):
            yield from _told(world, exchange.happened(happening, wanted), holders)
        yield from _told(world, exchange.tick(world.now_ms, wanted), holders)
        yield from (Frame(_ns(world), languages[0].venue, "public", text) for _, text in exchange.private(world.now_ms))
    for language in languages:
        yield from _answers(world, exchange, language, instruments[language.venue])


def _told(world: World, frames: object, holders: dict[str, VenueLive]) -> Iterator[Frame]:
    for topic, text in frames:  # type: ignore[attr-defined]
        yield Frame(_ns(world), holders[topic].venue, "public", text)


def _listing(world: World, exchange: Exchange, language: VenueLive) -> Iterator[Response]:
    for request in language.listing_requests():
        yield _asked(world, exchange, language, request)


def _answers(world: World, exchange: Exchange, language: VenueLive, listed: list[Instrument]) -> Iterator[Response]:
    one = listed[0]
    requests = [language.time_request(), language.depth_request(one.symbol)]
    requests += [language.candles_request(one.symbol, interval, 5) for interval in INTERVAL_MS]
    requests += [poll.request for poll in language.polls(listed)]
    trades = language.trades_request(one.symbol, world.now_ms - 10_000, world.now_ms)
    for request in [*requests, *([trades] if trades else [])]:
        yield _asked(world, exchange, language, request)


def _asked(world: World, exchange: Exchange, language: VenueLive, request: str) -> Response:
    path, _, query = request.removeprefix("GET ").partition("?")
    answer = exchange.rest(language.hosts[0], path, dict(parse_qsl(query)), "one", world.now_ms)
    return Response(_ns(world), language.venue, request, answer.status, answer.body.decode())


def _ns(world: World) -> int:
    return world.now_ms * 1_000_000
