"""OKX from the server's side: `/ws/v5/public`, `/ws/v5/business` and the REST of swaps and spot."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from engine.simulator.exchange import Answer, Reply
from engine.simulator.exchanges.books import TopBook
from engine.simulator.exchanges.okx import words
from engine.simulator.exchanges.okx.requests import BARS, OkxRequests
from engine.simulator.happenings import (
    Announced,
    BookChange,
    Delisted,
    FundingSettled,
    Happening,
    Liquidation,
    Listed,
    OpenInterestChanged,
    Trade,
)
from engine.simulator.sim_instrument import SimInstrument
from engine.simulator.world import World

CADENCE_MS: Final = {
    "books": 100, "books5": 100, "bbo-tbt": 10, "tickers": 100, "mark-price": 200, "index-tickers": 100,
    "funding-rate": 60_000, "open-interest": 3_000, "candle": 500,
}  # fmt: skip
DEPTH: Final = {"books": 400, "books5": 5, "bbo-tbt": 1}
QUIET_MS: Final = {"mark-price": 10_000, "index-tickers": 60_000}
"""Sent again after this long though nothing changed."""
HEARTBEAT_MS: Final = 60_000
"""Of a book without changes: an empty update whose ids are equal."""
PRODUCTS: Final = ("liquidation-orders", "instruments")
REQUESTS_PER_HOUR: Final = 480
FIRST_ID: Final = 10_000
"""Where update ids begin after a restart."""

ADVICE: Final = "Please use the correct URL, channel and parameters referring to API document."

_ENCODE: Final = msgspec.json.Encoder().encode


class _Link:
    def __init__(self, path: str, now_ms: int) -> None:
        self.path = path
        self.topics: set[str] = set()
        self.asked: list[int] = []


class _Feed:
    """One channel of one instrument that somebody receives."""

    def __init__(self, channel: str, one: SimInstrument) -> None:
        self.channel = channel
        self.kind = "candle" if channel.startswith("candle") else channel
        self.one = one
        self.due_ms = 0
        self.pushed_ms = 0
        self.is_dirty = True
        self.book: TopBook | None = None
        self.sequence = 0
        self.told: str = ""
        self.open_ms = -1


class Okx:
    """The exchange over one world; `limit_scale` multiplies how often it may be asked."""

    name = "okx"
    rest_origins: tuple[str, ...] = ("https://openapi.okx.com", "https://www.okx.com")
    stream_origins: tuple[str, ...] = ("wss://ws.okx.com:8443", "wss://ws.okx.com")
    pings_s: float | None = None
    silence_cut_s: float | None = 30.0
    messages_per_s: float | None = None

    def __init__(self, world: World, limit_scale: float = 1.0) -> None:
        self._world = world
        self._requests = OkxRequests(world, limit_scale)
        self._links: dict[int, _Link] = {}
        self._feeds: dict[str, _Feed] = {}
        self._of: dict[int, list[_Feed]] = {}
        self._looked_ms = 0
        self._begun: dict[int, int] = {}
        """By instrument: the matching engine's update id at the last restart, from where ours began anew."""

    def rest(self, origin: str, path: str, query: Mapping[str, str], client: str, now_ms: int) -> Answer:
        return self._requests.answer(path, query, client, now_ms)

    def path_exists(self, origin: str, path: str) -> bool:
        return path in ("/ws/v5/public", "/ws/v5/business")

    def opened(self, connection: int, origin: str, path: str, query: Mapping[str, str], now_ms: int) -> Reply:
        self._links[connection] = _Link(path.rpartition("/")[2], now_ms)
        return Reply()

    def closed(self, connection: int) -> None:
        self._links.pop(connection, None)

    def message(self, connection: int, text: str, now_ms: int) -> Reply:
        if text == "ping":
            return Reply(["pong"])
        link, conn_id = self._links[connection], f"{connection:08x}"
        try:
            said = json.loads(text)
            op, args = said["op"], list(said["args"])
        except (ValueError, KeyError, TypeError):
            return Reply(
                [_text({"event": "error", "code": "60012", "msg": f"Invalid request: {text[:100]}", "connId": conn_id})]
            )
        request = {"id": str(said["id"])} if said.get("id") else {}
        if op not in ("subscribe", "unsubscribe"):
            return Reply(
                [
                    _text(
                        {
                            **request,
                            "event": "error",
                            "code": "60012",
                            "msg": f"Invalid request: {text[:100]}",
                            "connId": conn_id,
                        }
                    )
                ]
            )
        link.asked = [ms for ms in link.asked if now_ms - ms < 3_600_000]
        link.asked.append(now_ms)
        if len(link.asked) > REQUESTS_PER_HOUR:
            return Reply(
                [
                    _text(
                        {
                            **request,
                            "event": "error",
                            "code": "60014",
                            "msg": "Requests too frequent",
                            "connId": conn_id,
                        }
                    )
                ]
            )
        texts: list[str] = []
        topics: list[str] = []
        snapshots: list[str] = []
        for arg in args:
            topic = _topic(arg)
            if op == "unsubscribe":
                link.topics.discard(topic)
                topics.append(topic)
                texts.append(_text({**request, "event": "unsubscribe", "arg": arg, "connId": conn_id}))
                continue
            if not self._exists(link.path, arg):
                named = f"channel:{arg.get('channel')},instId:{arg.get('instId') or arg.get('instType')}"
                message = f"Wrong URL or {named} doesn't exist. {ADVICE}"
                texts.append(_text({**request, "event": "error", "msg": message, "code": "60018", "connId": conn_id}))
                continue
            link.topics.add(topic)
            topics.append(topic)
            texts.append(_text({**request, "event": "subscribe", "arg": arg, "connId": conn_id}))
            snapshots += self._first(arg, topic, now_ms)
        if op == "unsubscribe":
            return Reply(texts, left=topics)
        return Reply([*texts, *snapshots], joined=topics)

    def happened(self, happening: Happening, wanted: Mapping[str, int]) -> Sequence[tuple[str, str]]:
        one = happening.instrument
        if isinstance(happening, Liquidation):
            topic = "liquidation-orders:SWAP"
            if topic not in wanted:
                return ()
            arg = {"channel": "liquidation-orders", "instType": "SWAP"}
            return [(topic, _text({"arg": arg, "data": [words.liquidation(happening)]}))]
        if isinstance(happening, Announced | Listed | Delisted):
            product = words.product(one)
            topic = f"instruments:{product}"
            row = words.listed(one, self._world.status(one))
            return (
                [(topic, _text({"arg": {"channel": "instruments", "instType": product}, "data": [row]}))]
                if topic in wanted
                else ()
            )
        feeds = self._of.get(one.index)
        if not feeds:
            return ()
        if isinstance(happening, Trade):
            frames = []
            for feed in feeds:
                if feed.kind == "trades":
                    frames.append((f"trades:{one.symbol}", _push(feed, [words.trade(happening)])))
                elif feed.kind in ("candle", "tickers"):
                    feed.is_dirty = True
                    if feed.kind == "candle":
                        feed.due_ms = min(feed.due_ms, happening.ms + CADENCE_MS["candle"])
            return frames
        touched = {
            BookChange: ("books", "books5", "bbo-tbt", "tickers"),
            OpenInterestChanged: ("open-interest",),
            FundingSettled: ("funding-rate",),
        }.get(type(happening), ())
        for feed in feeds:
            if feed.kind in touched:
                feed.is_dirty = True
        return ()

    def tick(self, now_ms: int, wanted: Mapping[str, int]) -> Sequence[tuple[str, str]]:
        if now_ms - self._looked_ms >= 1_000:
            self._looked_ms = now_ms
            for topic in [topic for topic in self._feeds if topic not in wanted]:
                feed = self._feeds.pop(topic)
                self._of[feed.one.index].remove(feed)
        frames: list[tuple[str, str]] = []
        for topic, feed in self._feeds.items():
            if feed.due_ms <= now_ms and feed.kind != "trades":
                text = self._due(feed, now_ms)
                if text is not None:
                    feed.pushed_ms = now_ms
                    frames.append((topic, text))
        return frames

    def private(self, now_ms: int) -> Sequence[tuple[int, str]]:
        return ()

    def restart(self, now_ms: int) -> None:
        """Update ids begin anew, below where they were."""
        for one in self._world.listed("okx"):
            self._begun[one.index] = self._world.book(one, 1).update_id
        self._feeds.clear()
        self._of.clear()

    def _sequence(self, one: SimInstrument, update_id: int) -> int:
        begun = self._begun.get(one.index)
        return update_id if begun is None else FIRST_ID + update_id - begun

    def _exists(self, path: str, arg: dict[str, Any]) -> bool:
        channel = str(arg.get("channel", ""))
        if channel in PRODUCTS:
            return path == "public" and arg.get("instType") in ("SWAP", "SPOT")
        if (path == "business") != channel.startswith("candle"):
            return False
        if channel.startswith("candle"):
            if channel.removeprefix("candle") not in BARS:
                return False
        elif channel != "trades" and channel not in CADENCE_MS:
            return False
        return self._instrument(channel, str(arg.get("instId", ""))) is not None

    def _instrument(self, channel: str, name: str) -> SimInstrument | None:
        if channel == "index-tickers":
            return self._world.find("okx", f"{name}-SWAP")
        found = self._world.find("okx", name)
        only_swaps = channel in ("mark-price", "funding-rate", "open-interest")
        return None if found is None or (only_swaps and found.kind != "perp") else found

    def _first(self, arg: dict[str, Any], topic: str, now_ms: int) -> list[str]:
        """What a new subscriber gets at once."""
        channel = str(arg["channel"])
        if channel == "instruments":
            rows = [
                words.listed(one, self._world.status(one))
                for one in self._world.listed("okx")
                if words.product(one) == arg.get("instType") and self._world.status(one) != "delisted"
            ]
            return [_text({"arg": {"channel": "instruments", "instType": arg.get("instType")}, "data": rows})]
        if channel in PRODUCTS:
            return []
        feed = self._feeds.get(topic)
        if feed is None:
            one = self._instrument(channel, str(arg["instId"]))
            assert one is not None
            feed = self._feeds[topic] = _Feed(channel, one)
            feed.due_ms = now_ms
            self._of.setdefault(one.index, []).append(feed)
        if feed.kind == "books":
            if feed.book is None:
                feed.book = TopBook(self._world, feed.one, DEPTH["books"])
                feed.book.snapshot()
                feed.is_dirty = False
                feed.sequence = self._sequence(feed.one, feed.book.update_id)
                feed.pushed_ms = now_ms
            bids, asks = feed.book.held()
            return [self._book(feed, "snapshot", bids, asks, -1, feed.sequence)]
        return [feed.told] if feed.told else []

    def _due(self, feed: _Feed, now_ms: int) -> str | None:
        if feed.kind in DEPTH:
            return self._book_due(feed, now_ms)
        if feed.kind == "candle":
            return self._candle_due(feed, now_ms)
        feed.due_ms = now_ms + CADENCE_MS[feed.kind]
        world, one = self._world, feed.one
        if feed.kind in ("tickers", "open-interest"):
            if not feed.is_dirty:
                return None
            feed.is_dirty = False
            said = words.ticker if feed.kind == "tickers" else words.open_interest
            feed.told = _push(feed, [said(world, one, now_ms)])
            return feed.told
        if feed.kind == "funding-rate":
            feed.told = _push(feed, [words.funding(world, one, now_ms)])
            return feed.told
        row = words.mark(world, one, now_ms) if feed.kind == "mark-price" else words.index(world, one, now_ms)
        held = world.mark(one)
        price = held.mark if feed.kind == "mark-price" else held.index
        if feed.sequence == price and now_ms - feed.pushed_ms < QUIET_MS[feed.kind]:
            return None
        feed.sequence = price
        feed.told = _push(feed, [row])
        return feed.told

    def _book_due(self, feed: _Feed, now_ms: int) -> str | None:
        feed.due_ms = now_ms + CADENCE_MS[feed.kind]
        if feed.book is None:
            feed.book = TopBook(self._world, feed.one, DEPTH[feed.kind])
        if feed.kind != "books":
            if not feed.is_dirty:
                return None
            feed.is_dirty = False
            bids, asks = feed.book.snapshot()
            data = {"asks": words.rows(feed.one, asks), "bids": words.rows(feed.one, bids), "instId": feed.one.symbol,
                    "ts": str(feed.book.ms), "seqId": self._sequence(feed.one, feed.book.update_id)}  # fmt: skip
            return _push(feed, [data])
        before = feed.sequence
        if not feed.is_dirty:
            quiet = now_ms - feed.pushed_ms >= HEARTBEAT_MS
            return self._book(feed, "update", [], [], before, before) if quiet else None
        feed.is_dirty = False
        bids, asks = feed.book.changes()
        if not bids and not asks:
            return None
        feed.sequence = self._sequence(feed.one, feed.book.update_id)
        return self._book(feed, "update", bids, asks, before, feed.sequence)

    def _book(
        self, feed: _Feed, action: str, bids: list[tuple[int, int]], asks: list[tuple[int, int]], before: int, now: int
    ) -> str:
        assert feed.book is not None
        data = {
            "asks": words.rows(feed.one, asks),
            "bids": words.rows(feed.one, bids),
            "ts": str(feed.book.ms),
            "checksum": 0,
            "prevSeqId": before,
            "seqId": now,
        }
        return _text({"arg": {"channel": "books", "instId": feed.one.symbol}, "action": action, "data": [data]})

    def _candle_due(self, feed: _Feed, now_ms: int) -> str | None:
        """The forming bar while it changes, and each closed one once."""
        bars = self._world.candles(feed.one, BARS[feed.channel.removeprefix("candle")], 2, now_ms)
        if not bars:
            feed.due_ms = now_ms + 60_000
            return None
        newest = bars[-1]
        if 0 <= feed.open_ms < newest.open_ms:
            done = next((bar for bar in bars if bar.open_ms == feed.open_ms), None)
            feed.open_ms, feed.due_ms, feed.is_dirty = newest.open_ms, now_ms, True
            return None if done is None else _push(feed, [words.candle(feed.one, done)])
        feed.due_ms = newest.open_ms + newest.interval_ms
        if not feed.is_dirty:
            return None
        feed.is_dirty = False
        feed.open_ms = newest.open_ms
        feed.told = _push(feed, [words.candle(feed.one, newest)])
        return feed.told


def _topic(arg: dict[str, Any]) -> str:
    return f"{arg.get('channel')}:{arg.get('instId') or arg.get('instType')}"


def _push(feed: _Feed, data: list[Any]) -> str:
    name = f"{feed.one.base}-{feed.one.quote}" if feed.kind == "index-tickers" else feed.one.symbol
    return _text({"arg": {"channel": feed.channel, "instId": name}, "data": data})


def _text(message: dict[str, Any]) -> str:
    return _ENCODE(message).decode()
