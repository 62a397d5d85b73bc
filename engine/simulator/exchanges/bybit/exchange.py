"""The simulated Bybit: streams of `/v5/public/linear` and `/v5/public/spot`, and the REST of both.

Implements `engine.simulator.exchange.Exchange`. It reads the world and owns neither sockets nor a clock.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from engine.simulator.exchange import Answer, Reply
from engine.simulator.exchanges.bybit import words
from engine.simulator.exchanges.bybit.feeds import (
    BOOK_MS,
    INTERVALS,
    BookFeed,
    Feed,
    KlineFeed,
    LiquidationFeed,
    TickerFeed,
    TradeFeed,
)
from engine.simulator.exchanges.bybit.requests import BybitRequests
from engine.simulator.happenings import BookChange, Happening, Liquidation, Trade
from engine.simulator.sim_instrument import SimInstrument
from engine.simulator.world import World

ARGS_CHARS: Final = 21_000
"""Longest list of a connection's topics, in characters of JSON."""
UNWANTED_MS: Final = 1_000
"""Feeds without subscribers are dropped this often."""
SPOT_ARGS: Final = 10
"""Topics in one request on spot; linear has no such limit."""

_ENCODE: Final = msgspec.json.Encoder().encode
_DEPTHS: Final = frozenset(map(str, BOOK_MS))
_RISES: Final = {1: "PlusTick", 0: "ZeroPlusTick", -1: "MinusTick"}


class _Link:
    """The subscriptions of one connection."""

    def __init__(self, category: str) -> None:
        self.category = category
        self.topics: set[str] = set()


class Bybit:
    """The exchange over one world; `limit_scale` multiplies the request limits."""

    name: str = "bybit"
    rest_origins: tuple[str, ...] = ("https://api.bybit.com", "https://api.bytick.com")
    stream_origins: tuple[str, ...] = ("wss://stream.bybit.com",)
    pings_s: float | None = None
    silence_cut_s: float | None = 600.0
    messages_per_s: float | None = None

    def __init__(self, world: World, limit_scale: float = 1.0) -> None:
        self._world = world
        self._requests = BybitRequests(world, limit_scale)
        self._links: dict[int, _Link] = {}
        self._feeds: dict[str, Feed] = {}
        self._of: dict[int, list[Feed]] = {}
        """Feeds by instrument."""
        self._untold: dict[str, TradeFeed] = {}
        """Feeds that hold trades back until their taker order is complete."""
        self._ticks: dict[int, tuple[int, str]] = {}
        """Last price and tick direction of every subscribed instrument."""
        self._since_restart: dict[int, int] | None = None
        """Update ids at the last restart, by instrument; None before the first."""
        self._begun: set[str] = set()
        """Books opened since the last restart."""
        self._looked_ms = 0

    def rest(self, origin: str, path: str, query: Mapping[str, str], client: str, now_ms: int) -> Answer:
        return self._requests.answer(path, query, client, now_ms)

    def path_exists(self, origin: str, path: str) -> bool:
        return path in ("/v5/public/linear", "/v5/public/spot")

    def opened(self, connection: int, origin: str, path: str, query: Mapping[str, str], now_ms: int) -> Reply:
        self._links[connection] = _Link(path.rpartition("/")[2])
        return Reply()

    def closed(self, connection: int) -> None:
        self._links.pop(connection, None)

    def message(self, connection: int, text: str, now_ms: int) -> Reply:
        link = self._links[connection]
        try:
            said = json.loads(text)
            op, named = said["op"], said.get("args", [])
        except (ValueError, KeyError, TypeError, AttributeError):
            return Reply([_text({"success": False, "ret_msg": "error:request invalid", "op": ""})])
        conn_id = f"d{connection:019x}-51ab5"
        request = {"req_id": str(said.get("req_id", ""))}
        if link.category == "spot" and not request["req_id"]:
            request = {}
        if op == "ping":
            return Reply([_text({"success": True, "ret_msg": "pong", "conn_id": conn_id, **request, "op": "ping"})])
        if op not in ("subscribe", "unsubscribe") or not isinstance(named, list):
            wrong = f"error:invalid op:{op}"
            return Reply([_text({"success": False, "ret_msg": wrong, "conn_id": conn_id, **request, "op": str(op)})])
        args = [str(arg) for arg in named]
        wrong = self._wrong(link, args) if op == "subscribe" else ""
        told = wrong or ("subscribe" if op == "subscribe" and link.category == "spot" else "")
        ack = _text({"success": not wrong, "ret_msg": told, "conn_id": conn_id, **request, "op": op})
        if wrong:
            return Reply([ack])
        topics = [f"{link.category}:{topic}" for topic in args]
        if op == "unsubscribe":
            link.topics.difference_update(args)
            return Reply([ack], left=topics)
        link.topics.update(args)
        firsts = [self._feed(link.category, topic, now_ms).first(self._world, now_ms) for topic in args]
        return Reply([ack, *(first for first in firsts if first is not None)], joined=topics)

    def happened(self, happening: Happening, wanted: Mapping[str, int]) -> Sequence[tuple[str, str]]:
        feeds = self._of.get(happening.instrument.index)
        if not feeds:
            return ()
        if isinstance(happening, Trade):
            return self._traded(happening, feeds, wanted)
        frames: list[tuple[str, str]] = []
        if isinstance(happening, BookChange):
            for feed in feeds:
                if isinstance(feed, BookFeed):
                    feed.is_dirty = True
                elif isinstance(feed, TickerFeed):
                    if feed.category == "linear":
                        feed.changed(happening.ms)
                elif isinstance(feed, TradeFeed) and (said := feed.flush()) is not None and feed.key in wanted:
                    frames.append((feed.key, said))
        elif isinstance(happening, Liquidation):
            for feed in feeds:
                if isinstance(feed, LiquidationFeed):
                    feed.take(happening)
        return frames

    def tick(self, now_ms: int, wanted: Mapping[str, int]) -> Sequence[tuple[str, str]]:
        frames: list[tuple[str, str]] = []
        for key, feed in self._untold.items():
            if (said := feed.flush()) is not None and key in wanted:
                frames.append((key, said))
        self._untold.clear()
        if now_ms - self._looked_ms >= UNWANTED_MS:
            self._looked_ms = now_ms
            self._drop_unwanted(wanted)
        for key, one in self._feeds.items():
            if one.due_ms <= now_ms and key in wanted and (text := one.due(self._world, now_ms)) is not None:
                frames.append((key, text))
        return frames

    def private(self, now_ms: int) -> Sequence[tuple[int, str]]:
        return ()

    def restart(self, now_ms: int) -> None:
        """Update ids start over: the first snapshot of every book after a restart has `u` 1 (documentation)."""
        self._feeds.clear()
        self._of.clear()
        self._untold.clear()
        self._begun.clear()
        self._since_restart = {
            one.index: self._world.best(one).update_id
            for one in self._world.instruments
            if one.venue in words.CATEGORY and self._world.status(one) != "hidden"
        }

    def _traded(self, trade: Trade, feeds: Sequence[Feed], wanted: Mapping[str, int]) -> list[tuple[str, str]]:
        index = trade.instrument.index
        last, direction = self._ticks.get(index, (trade.ticks, "ZeroPlusTick"))
        if trade.ticks != last:
            direction = _RISES[1 if trade.ticks > last else -1]
        elif not direction.startswith("Zero"):
            direction = f"Zero{direction}"
        self._ticks[index] = trade.ticks, direction
        frames: list[tuple[str, str]] = []
        for feed in feeds:
            if isinstance(feed, TradeFeed):
                if (said := feed.take(trade, direction)) is not None and feed.key in wanted:
                    frames.append((feed.key, said))
                self._untold[feed.key] = feed
            elif isinstance(feed, TickerFeed):
                feed.direction = direction
                feed.changed(trade.ms)
            elif isinstance(feed, KlineFeed):
                feed.changed(trade.ms)
        return frames

    def _wrong(self, link: _Link, args: Sequence[str]) -> str:
        """Why a subscribe request is refused as a whole, naming the first bad topic; empty if it is accepted."""
        if link.category == "spot" and len(args) > SPOT_ARGS:
            return f"args size >{SPOT_ARGS}"
        for topic in args:
            if topic in link.topics:
                return f"error:already subscribed,topic:{topic}"
            if self._parse(link.category, topic) is None:
                return f"error:handler not found,topic:{topic}"
        if sum(len(topic) + 3 for topic in (*link.topics, *args)) + 1 > ARGS_CHARS:
            return f"error:args length exceeds {ARGS_CHARS}"
        return ""

    def _parse(self, category: str, topic: str) -> tuple[SimInstrument, str, str] | None:
        """(instrument, kind, depth or interval) of a topic; None if there is no such topic."""
        kind, _, rest = topic.partition(".")
        detail = ""
        if kind in ("orderbook", "kline"):
            detail, _, rest = rest.partition(".")
        one = self._world.find(words.PRODUCT[category], rest)
        if one is None or self._world.status(one) == "delisted":
            return None
        known = kind in ("publicTrade", "tickers") or (kind == "allLiquidation" and category == "linear")
        if kind == "orderbook":
            known = detail in _DEPTHS
        elif kind == "kline":
            known = detail in INTERVALS
        return (one, kind, detail) if known else None

    def _feed(self, category: str, topic: str, now_ms: int) -> Feed:
        """The feed of an existing topic, opened for its first subscriber."""
        held = self._feeds.get(f"{category}:{topic}")
        if held is not None:
            return held
        parsed = self._parse(category, topic)
        assert parsed is not None
        one, kind, detail = parsed
        feed: Feed
        if kind == "orderbook":
            feed = BookFeed(topic, category, one, int(detail), self._update(category, topic, one))
        elif kind == "kline":
            feed = KlineFeed(topic, category, one, detail)
        elif kind == "tickers":
            feed = TickerFeed(topic, category, one)
        else:
            feed = TradeFeed(topic, category, one) if kind == "publicTrade" else LiquidationFeed(topic, category, one)
        feed.due_ms = now_ms
        self._feeds[feed.key] = feed
        self._of.setdefault(one.index, []).append(feed)
        return feed

    def _update(self, category: str, topic: str, one: SimInstrument) -> int:
        """First `u` of a newly opened book: never below one already sent, except after a restart."""
        now = self._world.best(one).update_id
        if self._since_restart is None:
            return now + 1
        key = f"{category}:{topic}"
        if key in self._begun:
            return now - self._since_restart.get(one.index, 0) + 1
        self._begun.add(key)
        return 1

    def _drop_unwanted(self, wanted: Mapping[str, int]) -> None:
        for key in [key for key in self._feeds if key not in wanted]:
            feed = self._feeds.pop(key)
            self._of[feed.one.index].remove(feed)


def _text(message: dict[str, Any]) -> str:
    return _ENCODE(message).decode()
