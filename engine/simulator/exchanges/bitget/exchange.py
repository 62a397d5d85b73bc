"""The simulated Bitget: the only public stream path of UTA v3, and the REST of USDT perpetuals.

Implements `engine.simulator.exchange.Exchange`. It reads the world and owns neither sockets nor a clock.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from engine.simulator.exchange import Answer, Reply
from engine.simulator.exchanges.bitget.feeds import (
    BARS,
    DEPTH,
    INST,
    BookFeed,
    Feed,
    KlineFeed,
    Liquidations,
    TickerFeed,
    TradeFeed,
)
from engine.simulator.exchanges.bitget.requests import VENUE, BitgetRequests
from engine.simulator.happenings import BookChange, Happening, Liquidation, OpenInterestChanged, Trade
from engine.simulator.sim_instrument import SimInstrument
from engine.simulator.world import World

PATH: Final = "/v3/ws/public"
CHANNELS: Final = 1_000
REQUESTS_PER_HOUR: Final = 240
UNWANTED_MS: Final = 1_000
"""Feeds without subscribers are dropped this often."""
LIQUIDATIONS: Final = "liquidation"
FIRST_SEQUENCE: Final = 1_304_000_000_000_000_000
RESTART: Final = 10**12
"""Sequence numbers drop by this at a restart: more than they grow by in a day, and enough for a million restarts."""

_ENCODE: Final = msgspec.json.Encoder().encode


class _Link:
    """The subscriptions of one connection, and the times of its requests within the last hour."""

    def __init__(self) -> None:
        self.topics: set[str] = set()
        self.asked: list[int] = []


class Bitget:
    """The exchange over one world; `limit_scale` multiplies the request limits."""

    name: str = "bitget"
    rest_origins: tuple[str, ...] = ("https://api.bitget.com",)
    stream_origins: tuple[str, ...] = ("wss://ws.bitget.com",)
    pings_s: float | None = None
    silence_cut_s: float | None = 120.0
    messages_per_s: float | None = 10.0

    def __init__(self, world: World, limit_scale: float = 1.0) -> None:
        self._world = world
        self._requests = BitgetRequests(world, limit_scale)
        self._links: dict[int, _Link] = {}
        self._feeds: dict[str, Feed] = {}
        """By topic (`books:BTCUSDT`)."""
        self._of: dict[int, list[tuple[str, Feed]]] = {}
        self._untold: dict[str, TradeFeed] = {}
        """Feeds that hold trades back until their taker order is complete."""
        self._liquidations = Liquidations()
        self._looked_ms = 0
        self._offset = FIRST_SEQUENCE

    def rest(self, origin: str, path: str, query: Mapping[str, str], client: str, now_ms: int) -> Answer:
        return self._requests.answer(path, query, client, now_ms)

    def path_exists(self, origin: str, path: str) -> bool:
        return path == PATH

    def opened(self, connection: int, origin: str, path: str, query: Mapping[str, str], now_ms: int) -> Reply:
        self._links[connection] = _Link()
        return Reply()

    def closed(self, connection: int) -> None:
        self._links.pop(connection, None)

    def message(self, connection: int, text: str, now_ms: int) -> Reply:
        if text == "ping":
            return Reply(["pong"])
        link = self._links[connection]
        try:
            said = json.loads(text)
            op, args = said["op"], said["args"]
        except (ValueError, KeyError, TypeError):
            op, args = "", None
        if op not in ("subscribe", "unsubscribe") or not isinstance(args, list):
            return Reply([_text({"event": "error", "code": 30003, "msg": "Illegal request"})])
        link.asked = [ms for ms in link.asked if now_ms - ms < 3_600_000]
        link.asked.append(now_ms)
        if len(link.asked) > REQUESTS_PER_HOUR:
            return Reply(
                [_text({"event": "error", "code": 30007, "msg": "request over limit, connection close"})],
                close=(1008, "over limit"),
            )
        acks: list[str] = []
        topics: list[str] = []
        firsts: list[str] = []
        for arg in args:
            known = self._parse(arg)
            if known is None or (op == "subscribe" and len(link.topics) >= CHANNELS):
                named = json.dumps(arg, separators=(",", ":"))
                acks.append(_text({"event": "error", "arg": None, "code": 30001, "msg": f"{named} doesn't exist"}))
                continue
            topic, canonical, one = known
            topics.append(topic)
            acks.append(_text({"event": op, "arg": canonical, "connId": f"{connection:016x}"}))
            if op == "unsubscribe":
                link.topics.discard(topic)
                continue
            link.topics.add(topic)
            if one is not None:
                first = self._feed(topic, canonical, one, now_ms).first(self._world, now_ms)
                firsts += [] if first is None else [first]
        if op == "unsubscribe":
            return Reply(acks, left=topics)
        return Reply([*acks, *firsts], joined=topics)

    def happened(self, happening: Happening, wanted: Mapping[str, int]) -> Sequence[tuple[str, str]]:
        if isinstance(happening, Liquidation):
            if happening.instrument.venue == VENUE:
                self._liquidations.take(happening)
            return ()
        frames: list[tuple[str, str]] = []
        for topic, feed in self._of.get(happening.instrument.index, ()):
            if isinstance(happening, Trade):
                if isinstance(feed, TradeFeed):
                    if (said := feed.take(happening)) is not None and topic in wanted:
                        frames.append((topic, said))
                    self._untold[topic] = feed
                elif isinstance(feed, KlineFeed | TickerFeed):
                    feed.changed(happening.ms)
            elif isinstance(happening, BookChange):
                if isinstance(feed, BookFeed):
                    feed.is_dirty = True
                elif isinstance(feed, TickerFeed):
                    feed.changed(happening.ms)
                elif isinstance(feed, TradeFeed) and (said := feed.flush()) is not None and topic in wanted:
                    frames.append((topic, said))
            elif isinstance(happening, OpenInterestChanged) and isinstance(feed, TickerFeed):
                feed.changed(happening.ms)
        return frames

    def tick(self, now_ms: int, wanted: Mapping[str, int]) -> Sequence[tuple[str, str]]:
        frames: list[tuple[str, str]] = []
        for topic, feed in self._untold.items():
            if (said := feed.flush()) is not None and topic in wanted:
                frames.append((topic, said))
        self._untold.clear()
        if now_ms - self._looked_ms >= UNWANTED_MS:
            self._looked_ms = now_ms
            for topic in [topic for topic in self._feeds if topic not in wanted]:
                gone = self._feeds.pop(topic)
                self._of[gone.one.index].remove((topic, gone))
        for topic, one in self._feeds.items():
            if one.due_ms <= now_ms and topic in wanted and (text := one.due(self._world, now_ms)) is not None:
                frames.append((topic, text))
        liquidated = self._liquidations.due(now_ms)
        if liquidated is not None and LIQUIDATIONS in wanted:
            frames.append((LIQUIDATIONS, liquidated))
        return frames

    def private(self, now_ms: int) -> Sequence[tuple[int, str]]:
        return ()

    def restart(self, now_ms: int) -> None:
        """Sequence numbers start over, below their previous values."""
        self._offset -= RESTART
        self._feeds.clear()
        self._of.clear()
        self._untold.clear()

    def _parse(self, arg: Any) -> tuple[str, dict[str, str], SimInstrument | None] | None:
        """(topic, the argument as the venue repeats it, instrument) of an argument; None if there is no such topic."""
        if not isinstance(arg, dict) or arg.get("instType") != INST:
            return None
        kind, symbol, interval = arg.get("topic"), arg.get("symbol"), arg.get("interval")
        if kind == LIQUIDATIONS:
            return LIQUIDATIONS, {"instType": INST, "topic": LIQUIDATIONS}, None
        one = self._world.find(VENUE, symbol) if isinstance(symbol, str) else None
        if one is None or self._world.status(one) == "delisted":
            return None
        canonical = {"instType": INST, "topic": str(kind), "symbol": one.symbol}
        if kind == "kline":
            if interval not in BARS:
                return None
            return f"kline.{interval}:{symbol}", canonical | {"interval": str(interval)}, one
        if kind not in DEPTH and kind not in ("ticker", "publicTrade"):
            return None
        return f"{kind}:{symbol}", canonical, one

    def _feed(self, topic: str, arg: dict[str, str], one: SimInstrument, now_ms: int) -> Feed:
        """The feed of a topic, opened for its first subscriber."""
        feed = self._feeds.get(topic)
        if feed is None:
            kind = arg["topic"]
            if kind == "kline":
                feed = KlineFeed(arg, one)
            elif kind == "ticker":
                feed = TickerFeed(arg, one)
            else:
                feed = TradeFeed(arg, one) if kind == "publicTrade" else BookFeed(arg, one, kind, self._offset)
            feed.due_ms = now_ms
            self._feeds[topic] = feed
            self._of.setdefault(one.index, []).append((topic, feed))
        return feed


def _text(message: dict[str, Any]) -> str:
    return _ENCODE(message).decode()
