"""The simulated OKX: streams of `/ws/v5/public` and `/ws/v5/business`, and the REST of swaps and spot.

Implements `engine.simulator.exchange.Exchange`. It reads the world and owns neither sockets nor a clock.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from engine.simulator.exchange import Answer, Reply
from engine.simulator.exchanges.okx import words
from engine.simulator.exchanges.okx.feeds import CADENCE_MS, TRADES, Feed, feed_of, pushed, text
from engine.simulator.exchanges.okx.requests import BARS, OkxRequests
from engine.simulator.exchanges.okx.sessions import SessionOpens
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

FIRST_ID: Final = 10_000
"""First update id after a restart."""
PRODUCTS: Final = ("liquidation-orders", "instruments")
SWAPS_ONLY: Final = ("mark-price", "funding-rate", "open-interest")
REQUESTS_PER_HOUR: Final = 480
"""Subscribe and unsubscribe requests, per connection."""
REQUEST_BYTES: Final = 65_536

ADVICE: Final = "Please use the correct URL, channel and parameters referring to API document."


class _Link:
    def __init__(self, path: str) -> None:
        self.path = path
        self.asked: list[int] = []


class Okx:
    """The exchange over one world; `limit_scale` multiplies the request limits."""

    name = "okx"
    rest_origins: tuple[str, ...] = ("https://openapi.okx.com", "https://www.okx.com")
    stream_origins: tuple[str, ...] = ("wss://ws.okx.com:8443", "wss://ws.okx.com")
    pings_s: float | None = None
    silence_cut_s: float | None = 30.0
    messages_per_s: float | None = None

    def __init__(self, world: World, limit_scale: float = 1.0) -> None:
        self._world = world
        self._opens = SessionOpens(world)
        self._requests = OkxRequests(world, self._opens, limit_scale)
        self._links: dict[int, _Link] = {}
        self._feeds: dict[str, Feed] = {}
        self._of: dict[int, list[Feed]] = {}
        self._looked_ms = 0
        self._offsets: dict[int, int] = {}
        """By instrument, added to the matching engine's update ids, because a restart starts them over."""

    def rest(self, origin: str, path: str, query: Mapping[str, str], client: str, now_ms: int) -> Answer:
        return self._requests.answer(path, query, client, now_ms)

    def path_exists(self, origin: str, path: str) -> bool:
        return path in ("/ws/v5/public", "/ws/v5/business")

    def opened(self, connection: int, origin: str, path: str, query: Mapping[str, str], now_ms: int) -> Reply:
        self._links[connection] = _Link(path.rpartition("/")[2])
        return Reply()

    def closed(self, connection: int) -> None:
        self._links.pop(connection, None)

    def message(self, connection: int, text: str, now_ms: int) -> Reply:
        if text == "ping":
            return Reply(["pong"])
        link, conn_id = self._links[connection], f"{connection:08x}"
        try:
            said = json.loads(text)
        except ValueError:
            said = None
        op = said.get("op") if isinstance(said, dict) else None
        request = {"id": str(said["id"])} if isinstance(said, dict) and said.get("id") else {}
        if op not in ("subscribe", "unsubscribe") or len(text.encode()) > REQUEST_BYTES:
            return Reply([_refused(request, conn_id, "60012", f"Invalid request: {text[:100]}")])
        assert isinstance(said, dict)
        args = said.get("args")
        if not isinstance(args, list) or not args or not all(isinstance(arg, dict) for arg in args):
            return Reply([_refused(request, conn_id, "60013", "Invalid args")])
        link.asked = [ms for ms in link.asked if now_ms - ms < 3_600_000]
        link.asked.append(now_ms)
        if len(link.asked) > REQUESTS_PER_HOUR:
            return Reply([_refused(request, conn_id, "60014", "Requests too frequent")])
        if op == "subscribe":
            return self._subscribed(link, args, request, conn_id, now_ms)
        texts = [_acked(request, conn_id, "unsubscribe", arg) for arg in args]
        return Reply(texts, left=[_topic(arg) for arg in args])

    def _subscribed(
        self, link: _Link, args: list[dict[str, Any]], request: dict[str, str], conn_id: str, now_ms: int
    ) -> Reply:
        """Every argument has its own answer; first snapshots come after the answers."""
        texts: list[str] = []
        topics: list[str] = []
        firsts: list[str] = []
        for arg in args:
            if not self._exists(link.path, arg):
                named = f"channel:{arg.get('channel')},instId:{arg.get('instId') or arg.get('instType')}"
                message = f"Wrong URL or {named} doesn't exist. {ADVICE}"
                texts.append(_refused(request, conn_id, "60018", message))
                continue
            topic = _topic(arg)
            topics.append(topic)
            texts.append(_acked(request, conn_id, "subscribe", arg))
            if first := self._first(arg, topic, now_ms):
                firsts.append(first)
        return Reply([*texts, *firsts], joined=topics)

    def happened(self, happening: Happening, wanted: Mapping[str, int]) -> Sequence[tuple[str, str]]:
        one = happening.instrument
        if isinstance(happening, Trade):
            return self._traded(happening, wanted)
        if isinstance(happening, Liquidation):
            topic, product = "liquidation-orders:SWAP", "SWAP"
            if topic not in wanted or one.venue != "okx":
                return ()
            return [(topic, _of_product("liquidation-orders", product, [words.liquidation(happening)]))]
        if isinstance(happening, Announced | Listed | Delisted):
            product = words.product(one)
            topic = f"instruments:{product}"
            if topic not in wanted or one.venue != "okx":
                return ()
            return [(topic, _of_product("instruments", product, [words.listed(one, self._world.status(one))]))]
        for feed in self._of.get(one.index, ()):
            if isinstance(happening, BookChange):
                feed.booked()
            elif isinstance(happening, OpenInterestChanged) and feed.channel == "open-interest":
                feed.is_dirty = True
            elif isinstance(happening, FundingSettled) and feed.channel == "funding-rate":
                feed.due_ms = happening.ms
        return ()

    def _traded(self, trade: Trade, wanted: Mapping[str, int]) -> Sequence[tuple[str, str]]:
        one = trade.instrument
        if one.venue != "okx":
            return ()
        for feed in self._of.get(one.index, ()):
            feed.traded(trade.ms)
        frames: list[tuple[str, str]] = []
        if (topic := f"trades:{one.symbol}") in wanted:
            frames.append((topic, pushed("trades", one.symbol, [words.trade(trade)])))
        if (topic := f"trades-all:{one.symbol}") in wanted:
            frames += [(topic, pushed("trades-all", one.symbol, [row])) for row in words.singles(trade)]
        return frames

    def tick(self, now_ms: int, wanted: Mapping[str, int]) -> Sequence[tuple[str, str]]:
        if now_ms - self._looked_ms >= 1_000:
            self._looked_ms = now_ms
            for topic in [topic for topic in self._feeds if topic not in wanted]:
                feed = self._feeds.pop(topic)
                self._of[feed.one.index].remove(feed)
        return [
            (topic, said)
            for topic, feed in self._feeds.items()
            if feed.due_ms <= now_ms and (said := feed.due(self._world, now_ms)) is not None
        ]

    def private(self, now_ms: int) -> Sequence[tuple[int, str]]:
        return ()

    def restart(self, now_ms: int) -> None:
        """Update ids start over, below their previous values."""
        for one in self._world.listed("okx"):
            self._offsets[one.index] = FIRST_ID - self._world.book(one, 1).update_id
        self._feeds.clear()
        self._of.clear()

    def _exists(self, path: str, arg: dict[str, Any]) -> bool:
        channel = str(arg.get("channel", ""))
        if channel in PRODUCTS:
            known = ("SWAP",) if channel == "liquidation-orders" else ("SWAP", "SPOT")
            return path == "public" and arg.get("instType") in known
        if (path == "business") != (channel.startswith("candle") or channel == "trades-all"):
            return False
        if channel.startswith("candle"):
            if channel.removeprefix("candle") not in BARS:
                return False
        elif channel not in TRADES and (channel not in CADENCE_MS or channel == "candle"):
            return False
        return self._instrument(channel, str(arg.get("instId", ""))) is not None

    def _instrument(self, channel: str, name: str) -> SimInstrument | None:
        if channel == "index-tickers":
            return self._world.find("okx", f"{name}-SWAP")
        found = self._world.find("okx", name)
        return None if found is None or (channel in SWAPS_ONLY and found.kind != "perp") else found

    def _first(self, arg: dict[str, Any], topic: str, now_ms: int) -> str:
        """What a new subscriber gets at once; empty if it waits for the next push."""
        channel = str(arg["channel"])
        if channel == "instruments":
            product = str(arg["instType"])
            rows = [
                words.listed(one, status)
                for one in self._world.listed("okx")
                if words.product(one) == product and (status := self._world.status(one)) != "delisted"
            ]
            return _of_product(channel, product, rows)
        if channel in PRODUCTS or channel in TRADES:
            return ""
        feed = self._feeds.get(topic)
        if feed is None:
            one = self._instrument(channel, str(arg["instId"]))
            assert one is not None
            interval = BARS.get(channel.removeprefix("candle"), "") if channel.startswith("candle") else ""
            feed = feed_of(self._world, self._opens, channel, one, interval, self._offsets.get(one.index, 0), now_ms)
            feed.due_ms = now_ms
            self._feeds[topic] = feed
            self._of.setdefault(one.index, []).append(feed)
        return feed.first(now_ms)


def _topic(arg: dict[str, Any]) -> str:
    return f"{arg.get('channel')}:{arg.get('instId') or arg.get('instType')}"


def _of_product(channel: str, product: str, data: list[Any]) -> str:
    return text({"arg": {"channel": channel, "instType": product}, "data": data})


def _acked(request: dict[str, str], conn_id: str, event: str, arg: dict[str, Any]) -> str:
    return text({**request, "event": event, "arg": arg, "connId": conn_id})


def _refused(request: dict[str, str], conn_id: str, code: str, message: str) -> str:
    return text({**request, "event": "error", "code": code, "msg": message, "connId": conn_id})
