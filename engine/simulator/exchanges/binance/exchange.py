"""The simulated Binance: USD-M streams on its `/public` and `/market` paths, spot streams, and the REST of both.

Implements `engine.simulator.exchange.Exchange`. It reads the world and owns neither sockets nor a clock.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from engine.simulator.exchange import Answer, Reply
from engine.simulator.exchanges.binance import words
from engine.simulator.exchanges.binance.feeds import (
    Censored,
    DepthFeed,
    Feed,
    KlineFeed,
    QuoteFeed,
    TickerFeed,
    TopFeed,
    coin_margined,
    feed_of,
)
from engine.simulator.exchanges.binance.requests import BinanceRequests
from engine.simulator.exchanges.binance.streams import ALL_MARKET_MS, LIQUIDATIONS, LISTINGS, read, serves_all
from engine.simulator.happenings import Announced, BookChange, Delisted, Happening, Liquidation, Listed, Trade
from engine.simulator.sim_instrument import SimVenue
from engine.simulator.world import World

PRODUCT: Final[dict[str, SimVenue]] = {
    "https://fapi.binance.com": words.USDM,
    "https://data-api.binance.vision": words.SPOT,
    "https://api.binance.com": words.SPOT,
    "wss://fstream.binance.com": words.USDM,
    "wss://data-stream.binance.vision": words.SPOT,
    "wss://stream.binance.com:9443": words.SPOT,
}
STREAMS: Final = 1024
CENSOR_MS: Final = 1_000
"""At most one liquidation per symbol is published in this time."""
METHODS: Final = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")

_ENCODE: Final = msgspec.json.Encoder().encode


class _Link:
    """One connection: its product, whether its frames are bare, and the hub's topic of each stream."""

    def __init__(self, product: SimVenue, part: str, *, bare: bool) -> None:
        self.product = product
        self.part = part
        """`public` or `market` of USD-M; empty for spot."""
        self.bare = bare
        self.streams: dict[str, str] = {}


class Binance:
    """The exchange over one world; `limit_scale` multiplies the request limits."""

    name = "binance"
    rest_origins: tuple[str, ...] = (
        "https://fapi.binance.com",
        "https://data-api.binance.vision",
        "https://api.binance.com",
    )
    stream_origins: tuple[str, ...] = (
        "wss://fstream.binance.com",
        "wss://data-stream.binance.vision",
        "wss://stream.binance.com:9443",
    )
    pings_s: float | None = 20.0
    silence_cut_s: float | None = None
    messages_per_s: float | None = 10.0

    def __init__(self, world: World, limit_scale: float = 1.0) -> None:
        self._world = world
        self._requests = BinanceRequests(world, limit_scale)
        self._links: dict[int, _Link] = {}
        self._feeds: dict[str, Feed | None] = {}
        """By product and stream (`binance-usdm btcusdt@depth`); None for a stream that is pushed as events happen."""
        self._of: dict[int, list[Feed]] = {}
        self._all_due: dict[str, int] = {}
        self._censored = Censored()
        self._changed: dict[str, set[int]] = {}
        """By market-wide ticker stream: the instruments that traded since its last push."""
        self._looked_ms = 0
        self._censor_ms = 0

    def rest(self, origin: str, path: str, query: Mapping[str, str], client: str, now_ms: int) -> Answer:
        return self._requests.answer(PRODUCT[origin], path, query, client, now_ms)

    def path_exists(self, origin: str, path: str) -> bool:
        if PRODUCT[origin] == words.SPOT:
            return path == "/stream" or path.startswith("/ws")
        _, _, rest = _parts(path)
        return rest == "stream" or rest.startswith("ws")

    def opened(self, connection: int, origin: str, path: str, query: Mapping[str, str], now_ms: int) -> Reply:
        product = PRODUCT[origin]
        part, _, rest = _parts(path) if product == words.USDM else ("", "", path.lstrip("/"))
        link = self._links[connection] = _Link(product, part, bare=rest.startswith("ws"))
        named = rest.removeprefix("ws").strip("/")
        streams = (
            query.get("streams", "").split("/")
            if query.get("streams")
            else named.split("/")
            if named != "stream"
            else []
        )
        return Reply(joined=self._join(link, [stream for stream in streams if stream]))

    def closed(self, connection: int) -> None:
        self._links.pop(connection, None)

    def message(self, connection: int, text: str, now_ms: int) -> Reply:
        link = self._links[connection]
        try:
            said = json.loads(text)
        except ValueError as error:
            return _refused(3, f"Invalid JSON: {error}")
        if not isinstance(said, dict):
            return _refused(2, "Invalid request: expected an object")
        number = said.get("id")
        if not isinstance(said.get("method"), str):
            return _refused(2, "Invalid request: missing field `method`", number)
        method, params = said["method"], said.get("params", [])
        if method not in METHODS:
            known = ", ".join(f"`{one}`" for one in METHODS)
            return _refused(2, f"Invalid request: unknown variant {method}, expected one of {known}", number)
        if isinstance(number, bool) or not isinstance(number, int | str) or (isinstance(number, int) and number < 0):
            return _refused(2, "Invalid request: request ID must be an unsigned integer")
        if not isinstance(params, list):
            return _refused(2, "Invalid request: params must be a list", number)
        return self._obey(link, method, params, number)

    def _obey(self, link: _Link, method: str, params: list[Any], number: int | str) -> Reply:
        if method == "LIST_SUBSCRIPTIONS":
            return Reply([_text({"result": list(link.streams), "id": number})])
        if method in ("GET_PROPERTY", "SET_PROPERTY"):
            return self._property(link, method, params, number)
        if not all(isinstance(one, str) for one in params):
            return _refused(2, "Invalid request: property name must be a string", number)
        ack = _text({"result": None, "id": number})
        if method == "SUBSCRIBE":
            if len(link.streams.keys() | set(params)) > STREAMS:
                return Reply(close=(1008, "too many streams"))
            return Reply([ack], joined=self._join(link, params))
        left = [topic for stream in params if (topic := link.streams.pop(stream, None)) is not None]
        return Reply([ack], left=left)

    def _property(self, link: _Link, method: str, params: list[Any], number: int | str) -> Reply:
        """Get or set `combined`: whether frames come in an envelope."""
        if not params or not isinstance(params[0], str):
            return _refused(2, "Invalid request: property name must be a string", number)
        if params[0] != "combined":
            return _refused(0, "Unknown property", number)
        if method == "GET_PROPERTY":
            return Reply([_text({"result": not link.bare, "id": number})])
        if len(params) != 2 or not isinstance(params[1], bool):
            return _refused(1, "Invalid value type: expected Boolean", number)
        left, streams = list(link.streams.values()), list(link.streams)
        link.bare = not params[1]
        joined = self._join(link, streams)
        kept = set(joined)
        return Reply([_text({"result": None, "id": number})], joined, [topic for topic in left if topic not in kept])

    def happened(self, happening: Happening, wanted: Mapping[str, int]) -> Sequence[tuple[str, str]]:
        one = happening.instrument
        feeds = self._of.get(one.index, ())
        if isinstance(happening, BookChange):
            for feed in feeds:
                if isinstance(feed, DepthFeed):
                    feed.take(happening)
                elif isinstance(feed, QuoteFeed | TopFeed):
                    feed.is_dirty = True
            return ()
        if isinstance(happening, Trade):
            for feed in feeds:
                if isinstance(feed, KlineFeed):
                    feed.traded(happening.ms)
                elif isinstance(feed, TickerFeed):
                    feed.is_dirty = True
            return self._traded(happening, wanted)
        if isinstance(happening, Liquidation):
            if one.venue == words.USDM:
                self._censored.take(happening)
            return ()
        if isinstance(happening, Announced | Listed | Delisted) and one.venue == words.USDM:
            info = words.contract_info(one, self._world.status(one), happening.ms)
            return _pushed(words.USDM, LISTINGS, info, wanted)
        return ()

    def tick(self, now_ms: int, wanted: Mapping[str, int]) -> Sequence[tuple[str, str]]:
        if now_ms - self._looked_ms >= 1_000:
            self._looked_ms = now_ms
            self._drop_unwanted(wanted)
        frames: list[tuple[str, str]] = []
        for key, feed in self._feeds.items():
            if feed is not None and feed.due_ms <= now_ms and (said := feed.due(self._world, now_ms)) is not None:
                product, _, stream = key.partition(" ")
                frames += _pushed(product, stream, said, wanted)
        for key, due_ms in self._all_due.items():
            if due_ms <= now_ms:
                product, _, stream = key.partition(" ")
                venue = words.USDM if product == words.USDM else words.SPOT
                self._all_due[key] = now_ms + ALL_MARKET_MS[venue][stream]
                for message in self._all(venue, stream, now_ms):
                    frames += _pushed(venue, stream, message, wanted)
        if self._censor_ms <= now_ms:
            self._censor_ms = now_ms + CENSOR_MS
            for event in self._censored.drain():
                message = words.force_order(event, now_ms)
                for stream in (LIQUIDATIONS, f"{event.instrument.symbol.lower()}@forceOrder"):
                    frames += _pushed(words.USDM, stream, message, wanted)
        return frames

    def private(self, now_ms: int) -> Sequence[tuple[int, str]]:
        return ()

    def restart(self, now_ms: int) -> None:
        """Streams start over; update ids continue, as they do at the real exchange."""
        self._feeds.clear()
        self._of.clear()
        self._all_due.clear()

    def _join(self, link: _Link, streams: Sequence[str]) -> list[str]:
        """The hub's topics of streams. A stream on the wrong path, or of an unknown symbol, is joined but silent."""
        joined = []
        for stream in streams:
            served = self._opened_feed(link, stream)
            topic = (
                f"{'bare' if link.bare else 'combined'} {link.product} {stream}"
                if served
                else f"silent {link.part} {stream}"
            )
            link.streams[stream] = topic
            joined.append(topic)
        return joined

    def _opened_feed(self, link: _Link, name: str) -> bool:
        """Whether the stream is served on this connection; if so, its feed is opened."""
        key = f"{link.product} {name}"
        if serves_all(link.product, link.part, name):
            if name in ALL_MARKET_MS[link.product]:
                self._all_due.setdefault(key, 0)
            return True
        stream = read(self._world, link.product, link.part, name)
        if stream is None:
            return False
        if key not in self._feeds:
            feed = self._feeds[key] = feed_of(name, stream)
            if feed is not None:
                self._of.setdefault(stream.one.index, []).append(feed)
        return True

    def _all(self, venue: SimVenue, stream: str, now_ms: int) -> list[Any]:
        """The messages of a market-wide stream; those of USD-M carry a row of COIN-M too."""
        world = self._world
        if stream.startswith("!markPrice"):
            held = [one for one in world.listed(words.USDM) if world.status(one) == "trading"]
            coins = [words.mark(world, one, now_ms) for one in held if not one.tradfi]
            others = [words.mark(world, one, now_ms) for one in held if one.tradfi]
            return [[*coins, coin_margined("markPriceUpdate", now_ms)], *([others] if others else [])]
        key = f"{venue} {stream}"
        changed, self._changed[key] = self._changed.get(key, set()), set()
        rows = []
        for one in (world.instruments[index] for index in sorted(changed)):
            day = world.ticker_24h(one)
            rows.append(
                words.ticker(one, day, world.best(one), now_ms)
                if stream == "!ticker@arr"
                else words.mini_ticker(one, day, now_ms)
            )
        if venue == words.USDM and rows:
            rows.append(coin_margined("24hrTicker" if stream == "!ticker@arr" else "24hrMiniTicker", now_ms))
        return [rows] if rows else []

    def _traded(self, trade: Trade, wanted: Mapping[str, int]) -> list[tuple[str, str]]:
        one = trade.instrument
        for stream in ("!ticker@arr", "!miniTicker@arr"):
            if (key := f"{one.venue} {stream}") in self._all_due:
                self._changed.setdefault(key, set()).add(one.index)
        frames: list[tuple[str, str]] = []
        named = one.symbol.lower()
        if _is_wanted(f"{one.venue} {named}@aggTrade", wanted):
            frames += _pushed(one.venue, f"{named}@aggTrade", words.agg_trade(trade), wanted)
        if _is_wanted(f"{one.venue} {named}@trade", wanted):
            for said in words.trades(trade):
                frames += _pushed(one.venue, f"{named}@trade", said, wanted)
        return frames

    def _drop_unwanted(self, wanted: Mapping[str, int]) -> None:
        for key in [key for key in self._feeds if not _is_wanted(key, wanted)]:
            feed = self._feeds.pop(key)
            if feed is not None:
                self._of[feed.one.index].remove(feed)
        for key in [key for key in self._all_due if not _is_wanted(key, wanted)]:
            del self._all_due[key]
            self._changed.pop(key, None)


def _parts(path: str) -> tuple[str, str, str]:
    """A USD-M path split into its part and the rest; a path without a part is served like `/public`."""
    first, _, rest = path.lstrip("/").partition("/")
    return (first, "/", rest) if first in ("public", "market") else ("public", "", path.lstrip("/"))


def _is_wanted(key: str, wanted: Mapping[str, int]) -> bool:
    """Whether the stream has a subscriber; `key` is product and stream name."""
    return f"combined {key}" in wanted or f"bare {key}" in wanted


def _refused(code: int, message: str, number: Any = None) -> Reply:
    """An error answer, with the id of the request if it had a valid one."""
    fault = {"error": {"code": code, "msg": message}}
    return Reply([_text(fault if number is None else fault | {"id": number})])


def _pushed(product: str, stream: str, message: Any, wanted: Mapping[str, int]) -> list[tuple[str, str]]:
    """(topic, frame) of a message for its subscribers, in an envelope on combined connections."""
    body = _ENCODE(message).decode()
    frames = []
    if (topic := f"combined {product} {stream}") in wanted:
        frames.append((topic, f'{{"stream":"{stream}","data":{body}}}'))
    if (topic := f"bare {product} {stream}") in wanted:
        frames.append((topic, body))
    return frames


def _text(message: dict[str, Any]) -> str:
    return _ENCODE(message).decode()
