"""Bitget from the server's side: the one public path of UTA v3, and the REST of USDT perpetuals."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from engine.simulator.exchange import Answer, Reply
from engine.simulator.exchanges.bitget import words
from engine.simulator.exchanges.bitget.requests import BARS, VENUE, BitgetRequests
from engine.simulator.exchanges.books import TopBook, rows
from engine.simulator.happenings import BookChange, Happening, Liquidation, OpenInterestChanged, Trade
from engine.simulator.sim_instrument import SimInstrument
from engine.simulator.world import World

PATH: Final = "/v3/ws/public"
DEPTH: Final = {"books": 1000, "books50": 50, "books5": 5, "books1": 1}
CADENCE_MS: Final = {"books": 50, "books50": 20, "books5": 10, "books1": 10, "ticker": 300, "kline": 1_000}
LIQUIDATION_MS: Final = 1_000
HISTORY: Final = 50
"""Trades in the first push of `publicTrade`."""
CHANNELS: Final = 1_000
REQUESTS_PER_HOUR: Final = 240
INST: Final = "usdt-futures"

_ENCODE: Final = msgspec.json.Encoder().encode


class _Link:
    def __init__(self) -> None:
        self.topics: set[str] = set()
        self.asked: list[int] = []


class _Feed:
    """One topic of one instrument that somebody receives."""

    def __init__(self, arg: dict[str, str], kind: str, one: SimInstrument) -> None:
        self.arg = arg
        self.kind = kind
        self.one = one
        self.due_ms = 0
        self.is_dirty = True
        self.book: TopBook | None = None
        self.sequence = 0
        self.told = ""
        self.open_ms = -1


class Bitget:
    """The exchange over one world; `limit_scale` multiplies how often it may be asked."""

    name = "bitget"
    rest_origins = ("https://api.bitget.com",)
    stream_origins = ("wss://ws.bitget.com",)
    pings_s: float | None = None
    silence_cut_s: float | None = 120.0
    messages_per_s: float | None = 10.0

    def __init__(self, world: World, limit_scale: float = 1.0) -> None:
        self._world = world
        self._requests = BitgetRequests(world, limit_scale)
        self._links: dict[int, _Link] = {}
        self._feeds: dict[str, _Feed] = {}
        self._of: dict[int, list[_Feed]] = {}
        self._largest: dict[tuple[int, str], Liquidation] = {}
        self._liquidations_due_ms = 0
        self._looked_ms = 0
        self._offset = 1_304_000_000_000_000_000

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
            op, args = said["op"], list(said["args"])
        except (ValueError, KeyError, TypeError):
            return Reply([_text({"event": "error", "code": 30003, "msg": "Illegal request"})])
        link.asked = [ms for ms in link.asked if now_ms - ms < 3_600_000]
        link.asked.append(now_ms)
        if len(link.asked) > REQUESTS_PER_HOUR:
            return Reply(
                [_text({"event": "error", "code": 30007, "msg": "request over limit, connection close"})],
                close=(1008, "over limit"),
            )
        conn_id = f"{connection:016x}"
        texts: list[str] = []
        topics: list[str] = []
        firsts: list[str] = []
        for arg in args:
            topic = _topic(arg)
            if op == "unsubscribe":
                link.topics.discard(topic)
                topics.append(topic)
                texts.append(_text({"event": "unsubscribe", "arg": arg, "connId": conn_id}))
            elif op != "subscribe" or self._parse(arg) is None or len(link.topics) >= CHANNELS:
                named = json.dumps(arg, separators=(",", ":"))
                texts.append(_text({"event": "error", "arg": None, "code": 30001, "msg": f"{named} doesn't exist"}))
            else:
                link.topics.add(topic)
                topics.append(topic)
                texts.append(_text({"event": "subscribe", "arg": arg, "connId": conn_id}))
                firsts += self._first(arg, topic, now_ms)
        if op == "unsubscribe":
            return Reply(texts, left=topics)
        return Reply([*texts, *firsts], joined=topics)

    def happened(self, happening: Happening, wanted: Mapping[str, int]) -> Sequence[tuple[str, str]]:
        one = happening.instrument
        if isinstance(happening, Liquidation):
            key = (one.index, happening.side)
            known = self._largest.get(key)
            if known is None or happening.filled > known.filled:
                self._largest[key] = happening
            return ()
        feeds = self._of.get(one.index)
        if not feeds:
            return ()
        if isinstance(happening, Trade):
            frames = []
            for feed in feeds:
                if feed.kind == "publicTrade":
                    row = words.trade(happening)
                    frames.append((_topic(feed.arg), _push(feed.arg, "update", [row], happening.ms)))
                elif feed.kind in ("kline", "ticker"):
                    feed.is_dirty = True
                    if feed.kind == "kline":
                        feed.due_ms = min(feed.due_ms, happening.ms + CADENCE_MS["kline"])
            return frames
        if isinstance(happening, BookChange | OpenInterestChanged):
            for feed in feeds:
                if feed.kind == "ticker" or (feed.kind in DEPTH and isinstance(happening, BookChange)):
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
            if feed.due_ms <= now_ms and feed.kind != "publicTrade":
                text = self._due(feed, now_ms)
                if text is not None:
                    frames.append((topic, text))
        if self._liquidations_due_ms <= now_ms:
            self._liquidations_due_ms = now_ms + LIQUIDATION_MS
            found, self._largest = list(self._largest.values()), {}
            if found and "liquidation" in wanted:
                data = [words.liquidation(event) for event in found]
                frames.append(
                    ("liquidation", _push({"instType": INST, "topic": "liquidation"}, "update", data, now_ms))
                )
        return frames

    def private(self, now_ms: int) -> Sequence[tuple[int, str]]:
        return ()

    def restart(self, now_ms: int) -> None:
        """Sequences begin anew, below where they were."""
        self._offset -= 10**17
        self._feeds.clear()
        self._of.clear()

    def _parse(self, arg: dict[str, Any]) -> tuple[str, SimInstrument | None] | None:
        """(kind, instrument) of a subscription; None where there is none such."""
        kind = arg.get("topic")
        if arg.get("instType") != INST or not isinstance(kind, str):
            return None
        if kind == "liquidation":
            return kind, None
        one = self._world.find(VENUE, str(arg.get("symbol", "")))
        if one is None or (kind not in DEPTH and kind not in ("ticker", "publicTrade", "kline")):
            return None
        return None if kind == "kline" and arg.get("interval") not in BARS else (kind, one)

    def _first(self, arg: dict[str, Any], topic: str, now_ms: int) -> list[str]:
        """What a new subscriber gets at once."""
        parsed = self._parse(arg)
        assert parsed is not None
        kind, one = parsed
        if one is None:
            return []
        feed = self._feeds.get(topic)
        if feed is None:
            feed = self._feeds[topic] = _Feed({str(key): str(value) for key, value in arg.items()}, kind, one)
            feed.due_ms = now_ms
            self._of.setdefault(one.index, []).append(feed)
        if kind == "publicTrade":
            past = [words.trade(event) for event in reversed(self._world.recent_trades(one, HISTORY))]
            return [_push(feed.arg, "snapshot", past, now_ms)] if past else []
        if kind == "books":
            if feed.book is None:
                feed.book = TopBook(self._world, one, DEPTH[kind])
                feed.book.snapshot()
                feed.is_dirty = False
                feed.sequence = feed.book.update_id + self._offset
            return [self._book(feed, "snapshot", *feed.book.held(), 0, feed.sequence, now_ms)]
        return [feed.told] if feed.told else []

    def _due(self, feed: _Feed, now_ms: int) -> str | None:
        feed.due_ms = now_ms + CADENCE_MS[feed.kind]
        if feed.kind == "kline":
            return self._kline_due(feed, now_ms)
        if not feed.is_dirty:
            return None
        feed.is_dirty = False
        if feed.kind == "ticker":
            feed.told = _push(feed.arg, "snapshot", [words.ticker(self._world, feed.one, now_ms)], now_ms)
            return feed.told
        if feed.book is None:
            feed.book = TopBook(self._world, feed.one, DEPTH[feed.kind])
        if feed.kind != "books":
            bids, asks = feed.book.snapshot()
            feed.told = self._book(feed, "snapshot", bids, asks, 0, feed.book.update_id + self._offset, now_ms)
            return feed.told
        bids, asks = feed.book.changes()
        if not bids and not asks:
            return None
        before, feed.sequence = feed.sequence, feed.book.update_id + self._offset
        return self._book(feed, "update", bids, asks, before, feed.sequence, now_ms)

    def _book(
        self, feed: _Feed, action: str, bids: list[tuple[int, int]], asks: list[tuple[int, int]], before: int, now: int,
        now_ms: int,
    ) -> str:  # fmt: skip
        assert feed.book is not None
        data = {
            "a": rows(feed.one, asks),
            "b": rows(feed.one, bids),
            "pseq": before,
            "seq": now,
            "maxdepth": str(DEPTH[feed.kind]),
            "ts": str(feed.book.ms),
        }
        return _push(feed.arg, action, [data], now_ms)

    def _kline_due(self, feed: _Feed, now_ms: int) -> str | None:
        """The forming bar while it changes, and a new bar as soon as it begins: that is how one closes here."""
        bars = self._world.candles(feed.one, BARS[feed.arg["interval"]], 2, now_ms)
        if not bars:
            feed.due_ms = now_ms + 60_000
            return None
        newest = bars[-1]
        begins = 0 <= feed.open_ms < newest.open_ms
        if begins and feed.is_dirty:
            # What the bar came to after its last push, before the next one begins.
            done = next((bar for bar in bars if bar.open_ms == feed.open_ms), None)
            feed.is_dirty, feed.due_ms = False, now_ms
            return None if done is None else _push(feed.arg, "update", [words.kline(feed.one, done)], now_ms)
        if not begins and not feed.is_dirty:
            feed.due_ms = newest.open_ms + newest.interval_ms
            return None
        feed.is_dirty, feed.open_ms = False, newest.open_ms
        feed.told = _push(feed.arg, "snapshot" if not feed.told else "update", [words.kline(feed.one, newest)], now_ms)
        return feed.told


def _topic(arg: dict[str, Any]) -> str:
    """`books:BTCUSDT`, `kline.1m:BTCUSDT`, `liquidation`."""
    name = str(arg.get("topic"))
    if arg.get("interval"):
        name += f".{arg['interval']}"
    return f"{name}:{arg['symbol']}" if arg.get("symbol") else name


def _push(arg: dict[str, str], action: str, data: list[Any], now_ms: int) -> str:
    return _text({"action": action, "arg": arg, "data": data, "ts": now_ms})


def _text(message: dict[str, Any]) -> str:
    return _ENCODE(message).decode()
