"""Bybit from the server's side: `/v5/public/linear`, `/v5/public/spot` and the REST of both."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from engine.simulator.exchange import Answer, Reply
from engine.simulator.exchanges.books import TopBook
from engine.simulator.exchanges.bybit import words
from engine.simulator.exchanges.bybit.requests import INTERVALS, BybitRequests
from engine.simulator.happenings import BookChange, Happening, Liquidation, Trade
from engine.simulator.sim_instrument import SimInstrument
from engine.simulator.world import World

CADENCE_MS: Final = {1: 10, 50: 20, 200: 100, 1000: 200}
"""Of `orderbook.N` on linear; spot has the same but for depth 1000."""
TICKER_MS: Final = 100
KLINE_MS: Final = 1_000
LIQUIDATION_MS: Final = 500
RESEND_MS: Final = 3_000
"""A depth-1 book that did not change is sent again after this long, with the same `u`."""
ARGS_CHARS: Final = 21_000
SPOT_ARGS: Final = 10

_ENCODE: Final = msgspec.json.Encoder().encode


class _Link:
    """What one connection has subscribed."""

    def __init__(self, category: str) -> None:
        self.category = category
        self.topics: set[str] = set()


class _Feed:
    """One topic that somebody receives."""

    def __init__(self, topic: str, category: str, instrument: SimInstrument, kind: str, detail: str) -> None:
        self.topic = topic
        self.key = f"{category}:{topic}"
        self.instrument = instrument
        self.kind = kind
        self.detail = detail
        self.due_ms = 0
        self.is_dirty = True
        self.update = 1
        self.book: TopBook | None = None
        self.fields: dict[str, str] = {}
        self.open_ms = -1
        self.rows: list[dict[str, Any]] = []


class Bybit:
    """The exchange over one world; `limit_scale` multiplies how often it may be asked."""

    name = "bybit"
    rest_origins = ("https://api.bybit.com", "https://api.bytick.com")
    stream_origins = ("wss://stream.bybit.com",)
    pings_s: float | None = None
    silence_cut_s: float | None = 600.0
    messages_per_s: float | None = None

    def __init__(self, world: World, limit_scale: float = 1.0) -> None:
        self._world = world
        self._requests = BybitRequests(world, limit_scale)
        self._links: dict[int, _Link] = {}
        self._feeds: dict[str, _Feed] = {}
        self._of: dict[int, list[_Feed]] = {}
        """Feeds by instrument."""
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
            op = said["op"]
        except (ValueError, KeyError, TypeError):
            return Reply([_text({"success": False, "ret_msg": "error:request invalid", "op": ""})])
        request = str(said.get("req_id", ""))
        conn_id = f"51ab-{connection:08x}"
        if op == "ping":
            pong = {"success": True, "ret_msg": "pong", "conn_id": conn_id, "req_id": request, "op": "ping"}
            return Reply([_text(pong)])
        if op not in ("subscribe", "unsubscribe"):
            return Reply([_text({"success": False, "ret_msg": f"error:invalid op:{op}", "conn_id": conn_id, "op": op})])
        args = [str(arg) for arg in said.get("args", [])]
        wrong = self._wrong(link, op, args)
        ack: dict[str, Any] = {"success": not wrong, "ret_msg": wrong, "conn_id": conn_id, "req_id": request, "op": op}
        if wrong:
            return Reply([_text(ack)])
        if op == "unsubscribe":
            link.topics.difference_update(args)
            return Reply([_text(ack)], left=[f"{link.category}:{topic}" for topic in args])
        link.topics.update(args)
        if link.category == "spot":
            ack["ret_msg"] = "subscribe"
        first = [self._first(link.category, topic, now_ms) for topic in args]
        texts = [_text(ack), *(snapshot for snapshot in first if snapshot is not None)]
        return Reply(texts, joined=[f"{link.category}:{topic}" for topic in args])

    def happened(self, happening: Happening, wanted: Mapping[str, int]) -> Sequence[tuple[str, str]]:
        feeds = self._of.get(happening.instrument.index)
        if not feeds:
            return ()
        if isinstance(happening, Trade):
            frames = []
            for feed in feeds:
                if feed.kind == "publicTrade":
                    data = [words.trade_row(happening)]
                    frames.append((feed.key, _push(feed.topic, "snapshot", happening.ms, data)))
                elif feed.kind in ("kline", "tickers"):
                    feed.is_dirty = True
                    feed.due_ms = min(feed.due_ms, happening.ms + KLINE_MS)
            return frames
        if isinstance(happening, BookChange):
            for feed in feeds:
                if feed.kind in ("orderbook", "tickers"):
                    feed.is_dirty = True
        elif isinstance(happening, Liquidation):
            for feed in feeds:
                if feed.kind == "allLiquidation":
                    feed.rows.append(words.liquidation_row(happening))
        return ()

    def tick(self, now_ms: int, wanted: Mapping[str, int]) -> Sequence[tuple[str, str]]:
        if now_ms - self._looked_ms >= 1_000:
            self._looked_ms = now_ms
            self._drop_unwanted(wanted)
        frames: list[tuple[str, str]] = []
        for feed in self._feeds.values():
            if feed.due_ms <= now_ms and feed.kind != "publicTrade":
                text = self._due(feed, now_ms)
                if text is not None:
                    frames.append((feed.key, text))
        return frames

    def private(self, now_ms: int) -> Sequence[tuple[int, str]]:
        return ()

    def restart(self, now_ms: int) -> None:
        """Update ids begin anew at 1, as the venue says of its service restarts."""
        self._feeds.clear()
        self._of.clear()

    def _wrong(self, link: _Link, op: str, args: list[str]) -> str:
        """Why a request is refused as a whole; empty where it is not."""
        if link.category == "spot" and len(args) > SPOT_ARGS:
            return "args size >10"
        for topic in args:
            if op == "subscribe" and topic in link.topics:
                return f"error:already subscribed,topic:{topic}"
            if self._parse(link.category, topic) is None:
                return f"error:handler not found,topic:{topic}" if op == "subscribe" else f"error:topic:{topic}"
        if op == "subscribe" and sum(len(topic) + 3 for topic in (*link.topics, *args)) > ARGS_CHARS:
            return "error:args length exceeds 21000"
        return ""

    def _parse(self, category: str, topic: str) -> tuple[SimInstrument, str, str] | None:
        """(instrument, kind, detail) of a topic; None where there is none such."""
        kind, _, rest = topic.partition(".")
        detail = ""
        if kind in ("orderbook", "kline"):
            detail, _, rest = rest.partition(".")
        instrument = self._world.find(words.PRODUCT[category], rest)
        if instrument is None:
            return None
        known = kind in ("publicTrade", "tickers") or (kind == "allLiquidation" and category == "linear")
        if kind == "orderbook":
            known = detail.isdigit() and int(detail) in CADENCE_MS
        elif kind == "kline":
            known = detail in INTERVALS
        return (instrument, kind, detail) if known else None

    def _first(self, category: str, topic: str, now_ms: int) -> str | None:
        """What a new subscriber gets at once: a book's or ticker's snapshot. Later pushes are told against it."""
        parsed = self._parse(category, topic)
        assert parsed is not None
        instrument, kind, detail = parsed
        key = f"{category}:{topic}"
        feed = self._feeds.get(key)
        if feed is None:
            feed = self._feeds[key] = _Feed(topic, category, instrument, kind, detail)
            self._of.setdefault(instrument.index, []).append(feed)
            feed.due_ms = now_ms
        if kind == "orderbook":
            if feed.book is None:
                feed.book = TopBook(self._world, instrument, int(detail))
                feed.book.snapshot()
                feed.is_dirty = False
            return _book(feed, "snapshot", *feed.book.held(), now_ms)
        if kind == "tickers":
            feed.fields = feed.fields or words.ticker(self._world, instrument)
            return _push(topic, "snapshot", now_ms, feed.fields, cs=feed.update)
        return None

    def _due(self, feed: _Feed, now_ms: int) -> str | None:
        if feed.kind == "orderbook":
            return self._book_due(feed, now_ms)
        if feed.kind == "tickers":
            return self._ticker_due(feed, now_ms)
        if feed.kind == "kline":
            return self._kline_due(feed, now_ms)
        feed.due_ms = now_ms + LIQUIDATION_MS
        data, feed.rows = feed.rows, []
        return _push(feed.topic, "snapshot", now_ms, data) if data else None

    def _book_due(self, feed: _Feed, now_ms: int) -> str | None:
        book, depth = feed.book, int(feed.detail)
        if book is None:
            return None
        feed.due_ms = now_ms + CADENCE_MS[depth]
        if depth == 1:
            if not feed.is_dirty and now_ms - book.pushed_ms < RESEND_MS:
                return None
            before = book.update_id
            bids, asks = book.snapshot()
            feed.is_dirty = False
            book.pushed_ms = now_ms
            feed.update += book.update_id != before
            return _book(feed, "snapshot", bids, asks, now_ms)
        if not feed.is_dirty:
            return None
        feed.is_dirty = False
        bids, asks = book.changes()
        if not bids and not asks:
            return None
        feed.update += 1
        return _book(feed, "delta", bids, asks, now_ms)

    def _ticker_due(self, feed: _Feed, now_ms: int) -> str | None:
        feed.due_ms = now_ms + TICKER_MS
        if not feed.is_dirty:
            feed.due_ms = now_ms + 10 * TICKER_MS
        feed.is_dirty = False
        fields = words.ticker(self._world, feed.instrument)
        changed = {name: value for name, value in fields.items() if feed.fields.get(name) != value}
        if not changed:
            return None
        feed.fields = fields
        feed.update += 1
        if feed.instrument.kind == "spot":
            return _push(feed.topic, "snapshot", now_ms, fields, cs=feed.update)
        return _push(feed.topic, "delta", now_ms, {"symbol": feed.instrument.symbol, **changed}, cs=feed.update)

    def _kline_due(self, feed: _Feed, now_ms: int) -> str | None:
        """The forming bar while it changes; a bar that closed, once, before the first push of the next one."""
        interval = INTERVALS[feed.detail]
        bars = self._world.candles(feed.instrument, interval, 2, now_ms) if feed.is_dirty or feed.open_ms >= 0 else []
        feed.due_ms = now_ms + KLINE_MS
        if not bars:
            return None
        newest = bars[-1]
        if 0 <= feed.open_ms < newest.open_ms:
            done = next((bar for bar in bars if bar.open_ms == feed.open_ms), None)
            feed.open_ms, feed.due_ms, feed.is_dirty = newest.open_ms, now_ms, True
            return None if done is None else _push(
                feed.topic, "snapshot", now_ms, [words.kline(feed.instrument, done, feed.detail, now_ms)]
            )  # fmt: skip
        if not feed.is_dirty:
            # Woken for the close of the bar at the latest.
            feed.due_ms = min(newest.open_ms + newest.interval_ms, now_ms + 60 * KLINE_MS)
            return None
        feed.is_dirty = False
        feed.open_ms = newest.open_ms
        return _push(feed.topic, "snapshot", now_ms, [words.kline(feed.instrument, newest, feed.detail, now_ms)])

    def _drop_unwanted(self, wanted: Mapping[str, int]) -> None:
        for key in [key for key in self._feeds if key not in wanted]:
            feed = self._feeds.pop(key)
            self._of[feed.instrument.index].remove(feed)


def _text(message: dict[str, Any]) -> str:
    return _ENCODE(message).decode()


def _push(topic: str, kind: str, now_ms: int, data: Any, **more: int) -> str:
    return _text({"topic": topic, "type": kind, "ts": now_ms, "data": data, **more})


def _book(feed: _Feed, kind: str, bids: list[tuple[int, int]], asks: list[tuple[int, int]], now_ms: int) -> str:
    assert feed.book is not None
    data = words.book(feed.instrument, bids, asks, feed.update, feed.book.update_id)
    return _text({"topic": feed.topic, "type": kind, "ts": now_ms, "data": data, "cts": feed.book.ms})
