"""Binance from the server's side: USD-M by its `/public` and `/market` paths, spot, and the REST of both."""

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
    MarkFeed,
    QuoteFeed,
    TickerFeed,
    TopFeed,
    coin_margined,
)
from engine.simulator.exchanges.binance.requests import BinanceRequests
from engine.simulator.happenings import Announced, BookChange, Delisted, Happening, Liquidation, Listed, Trade
from engine.simulator.market.candles import INTERVALS
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
PUBLIC: Final = ("bookTicker", "depth")
"""Kinds of USD-M that `/public` serves; `/market` serves the others. Asked on the wrong one they are silent."""
ALL_MARKET_MS: Final = {
    "!markPrice@arr": 3_000,
    "!markPrice@arr@1s": 1_000,
    "!ticker@arr": 1_000,
    "!miniTicker@arr": 1_000,
    "!forceOrder@arr": 1_000,
}
STREAMS: Final = 1024

_ENCODE: Final = msgspec.json.Encoder().encode


class _Link:
    """One connection: its product, whether its frames are bare, its streams by id of the hub's topic."""

    def __init__(self, product: SimVenue, part: str, *, bare: bool) -> None:
        self.product = product
        self.part = part
        """`public` or `market` of USD-M; empty for spot."""
        self.bare = bare
        self.streams: dict[str, str] = {}


class Binance:
    """The exchange over one world; `limit_scale` multiplies how often it may be asked."""

    name = "binance"
    rest_origins = ("https://fapi.binance.com", "https://data-api.binance.vision", "https://api.binance.com")
    stream_origins = ("wss://fstream.binance.com", "wss://data-stream.binance.vision", "wss://stream.binance.com:9443")
    pings_s: float | None = 20.0
    silence_cut_s: float | None = None
    messages_per_s: float | None = 10.0

    def __init__(self, world: World, limit_scale: float = 1.0) -> None:
        self._world = world
        self._requests = BinanceRequests(world, limit_scale)
        self._links: dict[int, _Link] = {}
        self._feeds: dict[str, Feed | None] = {}
        """By product and stream (`binance-usdm btcusdt@depth`); None: one that is pushed as things happen."""
        self._of: dict[int, list[Feed]] = {}
        self._all_due: dict[str, int] = {}
        self._censored = Censored()
        self._changed: dict[SimVenue, set[int]] = {words.USDM: set(), words.SPOT: set()}
        """Instruments that traded since the last all-market tickers."""
        self._looked_ms = 0

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
            method, number = said["method"], said.get("id")
        except (ValueError, KeyError, TypeError):
            return Reply([_text({"error": {"code": 2, "msg": "Invalid JSON: expected value at line 1 column 1"}})])
        params = said.get("params", [])
        if not isinstance(params, list) or not all(isinstance(one, str) for one in params):
            return Reply(
                [_text({"error": {"code": 2, "msg": "Invalid request: request ID must be set"}, "id": number})]
            )
        if method == "LIST_SUBSCRIPTIONS":
            return Reply([_text({"result": list(link.streams), "id": number})])
        ack = _text({"result": None, "id": number})
        if method == "SUBSCRIBE":
            if len(link.streams) + len(params) > STREAMS:
                return Reply(close=(1008, "too many streams"))
            return Reply([ack], joined=self._join(link, params))
        if method == "UNSUBSCRIBE":
            left = [topic for stream in params if (topic := link.streams.pop(stream, None)) is not None]
            return Reply([ack], left=left)
        return Reply([_text({"error": {"code": 2, "msg": f"Invalid request: unknown method {method}"}, "id": number})])

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
            self._changed[one.venue].add(one.index)
            for feed in feeds:
                if isinstance(feed, KlineFeed):
                    feed.traded(happening.ms)
                elif isinstance(feed, TickerFeed):
                    feed.is_dirty = True
            return self._said(one.venue, f"{one.symbol.lower()}@aggTrade", happening, wanted)
        if isinstance(happening, Liquidation):
            if one.venue == words.USDM:
                self._censored.take(happening)
            return ()
        if isinstance(happening, Announced | Listed | Delisted) and one.venue == words.USDM:
            info = words.contract_info(one, self._world.status(one), happening.ms)
            return _pushed(words.USDM, "!contractInfo", info, wanted)
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
                self._all_due[key] = now_ms + ALL_MARKET_MS[stream]
                for message in self._all(product, stream, now_ms):
                    frames += _pushed(product, stream, message, wanted)
        return frames

    def private(self, now_ms: int) -> Sequence[tuple[int, str]]:
        return ()

    def restart(self, now_ms: int) -> None:
        """Streams begin anew; update ids go on, as they do at the real one."""
        self._feeds.clear()
        self._of.clear()
        self._all_due.clear()

    def _join(self, link: _Link, streams: Sequence[str]) -> list[str]:
        """Topics of the hub for streams. One on the wrong path, or of nothing that trades, is joined and is silent."""
        joined = []
        for stream in streams:
            served = self._serves(link, stream)
            topic = (
                f"{'bare' if link.bare else 'combined'} {link.product} {stream}"
                if served
                else f"silent {link.part} {stream}"
            )
            link.streams[stream] = topic
            joined.append(topic)
            if served:
                self._open_feed(link.product, stream)
        return joined

    def _serves(self, link: _Link, stream: str) -> bool:
        if link.product == words.USDM:
            kind = stream.lstrip("!").partition("@")[0] if stream.startswith("!") else stream.partition("@")[2]
            public = kind.partition("@")[0].rstrip("0123456789") in PUBLIC
            if public != (link.part == "public"):
                return False
        if stream.startswith("!"):
            return stream in ALL_MARKET_MS or stream == "!contractInfo"
        return self._world.find(link.product, stream.partition("@")[0].upper()) is not None

    def _open_feed(self, product: SimVenue, stream: str) -> None:
        key = f"{product} {stream}"
        if stream.startswith("!"):
            if stream in ALL_MARKET_MS:
                self._all_due.setdefault(key, 0)
            return
        if key in self._feeds:
            return
        symbol, _, kind = stream.partition("@")
        one = self._world.find(product, symbol.upper())
        assert one is not None
        name, _, speed = kind.partition("@")
        cadence = {"100ms": 100, "500ms": 500}.get(speed, 250 if product == words.USDM else 1_000)
        feed: Feed | None = None
        if name == "bookTicker":
            feed = QuoteFeed(stream, one)
            feed.is_dirty = True
        elif name == "depth":
            feed = DepthFeed(stream, one, cadence)
        elif name.startswith("depth"):
            feed = TopFeed(stream, one, int(name.removeprefix("depth")), cadence)
        elif name.startswith("kline_") and name.removeprefix("kline_") in INTERVALS:
            feed = KlineFeed(stream, one, name.removeprefix("kline_"))
        elif name == "markPrice":
            feed = MarkFeed(stream, one, 1_000 if speed == "1s" else 3_000)
        elif name in ("ticker", "miniTicker"):
            feed = TickerFeed(stream, one, mini=name == "miniTicker")
        self._feeds[key] = feed
        if feed is not None:
            self._of.setdefault(one.index, []).append(feed)

    def _all(self, product: str, stream: str, now_ms: int) -> list[Any]:
        """The messages of an all-market stream; those of USD-M carry a row of COIN-M too."""
        world = self._world
        if stream == "!forceOrder@arr":
            return self._censored.drain()
        if stream.startswith("!markPrice"):
            held = [one for one in world.listed(words.USDM) if world.status(one) == "trading"]
            coins = [words.mark(world, one, now_ms) for one in held if not one.tradfi]
            others = [words.mark(world, one, now_ms) for one in held if one.tradfi]
            return [[*coins, coin_margined("markPriceUpdate", now_ms)], *([others] if others else [])]
        venue = words.USDM if product == words.USDM else words.SPOT
        changed, self._changed[venue] = self._changed[venue], set()
        said = words.ticker if stream == "!ticker@arr" else words.mini_ticker
        rows = [
            said(one, world.ticker_24h(one), now_ms) for one in (world.instruments[index] for index in sorted(changed))
        ]
        if venue == words.USDM and rows:
            rows.append(coin_margined("24hrTicker" if stream == "!ticker@arr" else "24hrMiniTicker", now_ms))
        return [rows] if rows else []

    def _said(self, product: str, stream: str, trade: Trade, wanted: Mapping[str, int]) -> list[tuple[str, str]]:
        if f"combined {product} {stream}" not in wanted and f"bare {product} {stream}" not in wanted:
            return []
        return _pushed(product, stream, words.agg_trade(trade), wanted)

    def _drop_unwanted(self, wanted: Mapping[str, int]) -> None:
        for key in [key for key in self._feeds if f"combined {key}" not in wanted and f"bare {key}" not in wanted]:
            feed = self._feeds.pop(key)
            if feed is not None:
                self._of[feed.one.index].remove(feed)
        for key in [key for key in self._all_due if f"combined {key}" not in wanted and f"bare {key}" not in wanted]:
            del self._all_due[key]


def _parts(path: str) -> tuple[str, str, str]:
    """A path of USD-M in its part and the rest; one without a part is still served, with what `/public` has."""
    first, _, rest = path.lstrip("/").partition("/")
    return (first, "/", rest) if first in ("public", "market") else ("public", "", path.lstrip("/"))


def _pushed(product: str, stream: str, message: Any, wanted: Mapping[str, int]) -> list[tuple[str, str]]:
    """A message for whoever receives it, in an envelope on combined connections."""
    body = _ENCODE(message).decode()
    frames = []
    if (topic := f"combined {product} {stream}") in wanted:
        frames.append((topic, f'{{"stream":"{stream}","data":{body}}}'))
    if (topic := f"bare {product} {stream}") in wanted:
        frames.append((topic, body))
    return frames


def _text(message: dict[str, Any]) -> str:
    return _ENCODE(message).decode()
