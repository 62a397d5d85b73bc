"""cryptofeed, ccxt.pro and nautilus_trader, driven with recorded frames through the handlers that their sockets call.

Used by `bench.frames` only. Each peer is set up as after a subscription: symbol table and books are seeded, because
none may make requests to the venue, and its results go to idle callbacks. After every run its books are read back and
compared. The libraries are imported when a peer is created, so that an absent one does not affect the others.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from time import perf_counter
from typing import Any, Final, NamedTuple

import msgspec

from bench.plain_reader import Rows

TOP: Final = 20
"""Levels per side on which all contenders must agree."""
QUOTE: Final = "USDT"
USDM_SOCKET: Final = "wss://fstream.binance.com/ws"
"""ccxt distinguishes spot from futures by the address; nothing is connected."""
DELTAS, TRADES, QUOTES = "data.book.deltas", "data.trades", "data.quotes"
"""Topics of nautilus_trader's bus."""


@dataclass(frozen=True)
class Feed:
    """The input of every contender: USD-M frames of combined streams, and the REST books before them."""

    frames: Sequence[tuple[int, str]]
    """Receive time in nanoseconds, text."""
    snapshots: dict[str, str]
    """Symbol -> body of its REST order book."""


@dataclass(frozen=True)
class Outcome:
    """What a contender computed from the feed."""

    seconds: float
    """Time in its handlers only."""
    books: dict[str, tuple[Rows, Rows]]
    """Symbol -> best `TOP` bids and asks as (price, size)."""
    trades: int | None
    """Number of trades; None if the contender was not asked to count."""
    quotes: int | None


class Cryptofeed:
    """`BinanceFutures.message_handler` with callbacks on TRADES, TICKER and L2_BOOK."""

    name = "cryptofeed"

    def __init__(self) -> None:
        from cryptofeed import defines
        from cryptofeed.exchanges import BinanceFutures
        from cryptofeed.symbols import Symbols
        from cryptofeed.types import OrderBook

        self._defines, self._exchange, self._symbols, self._book = defines, BinanceFutures, Symbols, OrderBook

    def run(self, feed: Feed, count: bool) -> Outcome:
        """Drive the feed through a new exchange object; `count` replaces the idle callbacks with counting ones."""
        return asyncio.run(self._run(feed, count))

    async def _run(self, feed: Feed, count: bool) -> Outcome:
        names = {symbol: f"{symbol.removesuffix(QUOTE)}-{QUOTE}-PERP" for symbol in feed.snapshots}
        self._symbols.set(self._exchange.id, {name: symbol for symbol, name in names.items()}, {})
        channels = (self._defines.TRADES, self._defines.TICKER, self._defines.L2_BOOK)
        calls = dict.fromkeys(channels, 0)

        async def idle(_event: object, _receipt: float) -> None:
            pass

        def counting(channel: str) -> Any:
            async def took(_event: object, _receipt: float) -> None:
                calls[channel] += 1

            return took

        handler = self._exchange(
            symbols=list(names.values()),
            channels=list(channels),
            callbacks={channel: counting(channel) if count else idle for channel in channels},
        )
        for symbol, body in feed.snapshots.items():
            self._seed(handler, names[symbol], json.loads(body))
        take = handler.message_handler
        start = perf_counter()
        for recv_ns, text in feed.frames:
            await take(text, None, recv_ns / 1e9)
        seconds = perf_counter() - start
        await handler.http_conn.close()
        return Outcome(
            seconds,
            {symbol: _cryptofeed_top(handler._l2_book[name].book) for symbol, name in names.items()},
            calls[self._defines.TRADES] if count else None,
            calls[self._defines.TICKER] if count else None,
        )

    def _seed(self, handler: Any, name: str, body: dict[str, Any]) -> None:
        """Do what `Binance._snapshot` does with the body that it fetches."""
        sides = {side: {Decimal(price): Decimal(size) for price, size in body[side]} for side in ("bids", "asks")}
        handler.last_update_id[name] = body["lastUpdateId"]
        handler._l2_book[name] = self._book(handler.id, name, max_depth=0, **sides)


class _Message(NamedTuple):
    """The fields that ccxt reads of aiohttp's message, which is also a named tuple."""

    type: Any
    data: str


class Ccxt:
    """ccxt.pro: `Client.handle_message` of a text message, which decodes it and calls `binanceusdm.handle_message`."""

    name = "ccxt.pro"

    def __init__(self) -> None:
        import ccxt.pro
        from ccxt.async_support.base.ws.client import WSMsgType

        self._make, self._text = ccxt.pro.binanceusdm, WSMsgType.TEXT

    def run(self, feed: Feed, count: bool) -> Outcome:
        """Drive the feed through a new exchange object; `count` makes it keep every trade, not only the last 1,000."""
        return asyncio.run(self._run(feed, count))

    async def _run(self, feed: Feed, count: bool) -> Outcome:
        exchange = self._make({"options": {"tradesLimit": len(feed.frames)}} if count else {})
        try:
            names = {symbol: f"{symbol.removesuffix(QUOTE)}/{QUOTE}:{QUOTE}" for symbol in feed.snapshots}
            exchange.set_markets([_ccxt_market(exchange, symbol, name) for symbol, name in names.items()])
            client = exchange.client(USDM_SOCKET)
            for symbol, body in feed.snapshots.items():
                book = json.loads(body)
                snapshot = exchange.parse_order_book(book, names[symbol])
                snapshot["nonce"] = book["lastUpdateId"]
                exchange.orderbooks[names[symbol]] = exchange.order_book(snapshot, 1000)
            # Built outside the measured time, as prism's records are.
            messages = [_Message(self._text, text) for _, text in feed.frames]
            take = client.handle_message
            start = perf_counter()
            for message in messages:
                take(message)
            seconds = perf_counter() - start
            return Outcome(
                seconds,
                {symbol: _ccxt_top(exchange.orderbooks[name]) for symbol, name in names.items()},
                sum(map(len, exchange.trades.values())) if count else None,
                None,
            )
        finally:
            await exchange.close()


class Nautilus:
    """nautilus_trader: `BinanceFuturesDataClient._handle_ws_message` of the bytes, over its bus to engine and cache.

    The engine is the one without a queue, which is cheaper than the live one. As after a subscription, it keeps a book
    of each symbol. Deltas are buffered until the REST book arrives; those that it already contains are then dropped.
    """

    name = "nautilus_trader"

    def __init__(self) -> None:
        from nautilus_trader.adapters.binance.common.schemas.market import BinanceDepth
        from nautilus_trader.adapters.binance.config import BinanceDataClientConfig
        from nautilus_trader.adapters.binance.futures.data import BinanceFuturesDataClient
        from nautilus_trader.adapters.binance.futures.providers import BinanceFuturesInstrumentProvider
        from nautilus_trader.adapters.binance.http.client import BinanceHttpClient
        from nautilus_trader.cache.cache import Cache
        from nautilus_trader.common.component import LiveClock, MessageBus
        from nautilus_trader.data.engine import DataEngine
        from nautilus_trader.model.enums import BookType
        from nautilus_trader.model.identifiers import TraderId

        self._client, self._settings, self._http = BinanceFuturesDataClient, BinanceDataClientConfig, BinanceHttpClient
        self._provider, self._engine, self._cache = BinanceFuturesInstrumentProvider, DataEngine, Cache
        self._clock, self._bus, self._trader, self._levels = LiveClock, MessageBus, TraderId, BookType.L2_MBP
        self._decode = msgspec.json.Decoder(BinanceDepth).decode

    def run(self, feed: Feed, count: bool) -> Outcome:
        """Drive the feed through a new client, bus, engine and cache; `count` subscribes to trades and quotes."""
        return asyncio.run(self._run(feed, count))

    async def _run(self, feed: Feed, count: bool) -> Outcome:
        clock, cache = self._clock(), self._cache()
        bus = self._bus(self._trader("BENCH-001"), clock)
        engine = self._engine(bus, cache, clock)
        http = self._http(clock, "", "", base_url="")
        loop, provider = asyncio.get_running_loop(), self._provider(http, clock)
        client = self._client(loop, http, bus, cache, clock, provider, USDM_SOCKET, self._settings())
        engine.register_client(client)
        seen: dict[str, list[object]] = {TRADES: [], QUOTES: []}
        if count:
            for topic, taken in seen.items():
                bus.subscribe(f"{topic}.*", taken.append)
        names = {symbol: client._get_cached_instrument_id(symbol) for symbol in feed.snapshots}
        for name in names.values():
            engine._create_new_book(name, self._levels)
            bus.subscribe(f"{DELTAS}.{name.venue}.{name.symbol}", engine._update_order_book, 10)
            client._book_buffer[name] = []
        # Built outside the measured time, as prism's records are: its socket delivers bytes.
        texts = [text.encode() for _, text in feed.frames]
        early = _awaiting_books(feed)
        take, give = client._handle_ws_message, client._handle_data
        start = perf_counter()
        for text in texts[:early]:
            take(text)
        seconds = perf_counter() - start
        for symbol, name in names.items():
            snapshot = self._decode(feed.snapshots[symbol]).parse_to_order_book_snapshot(name, clock.timestamp_ns())
            give(snapshot)
            start = perf_counter()
            for deltas in client._book_buffer.pop(name):
                if deltas.sequence > snapshot.sequence:
                    give(deltas)
            seconds += perf_counter() - start
        start = perf_counter()
        for text in texts[early:]:
            take(text)
        seconds += perf_counter() - start
        return Outcome(
            seconds,
            {symbol: _nautilus_top(cache.order_book(name)) for symbol, name in names.items()},
            len(seen[TRADES]) if count else None,
            len(seen[QUOTES]) if count else None,
        )


def _awaiting_books(feed: Feed) -> int:
    """How many frames there are up to the last delta that a REST book already contains."""
    held = {symbol: json.loads(body)["lastUpdateId"] for symbol, body in feed.snapshots.items()}
    early = 0
    for place, (_, text) in enumerate(feed.frames, 1):
        if "@depth" not in text[:60]:
            continue
        change = json.loads(text)["data"]
        if change["u"] <= held.get(change["s"], -1):
            early = place
    return early


def _nautilus_top(book: Any) -> tuple[Rows, Rows]:
    """The top of the book by way of text, which is exact: direct conversion of fixed-point numbers would divide."""
    bids, asks = (
        [(float(str(level.price)), float(str(level.orders()[0].size))) for level in side[:TOP]]
        for side in (book.bids(), book.asks())
    )
    return bids, asks


def _cryptofeed_top(book: Any) -> tuple[Rows, Rows]:
    bids, asks = (
        [(float(price), float(size)) for price, size in map(side.index, range(TOP))] for side in (book.bids, book.asks)
    )
    return bids, asks


def _ccxt_top(book: Any) -> tuple[Rows, Rows]:
    bids, asks = ([(float(row[0]), float(row[1])) for row in book[side][:TOP]] for side in ("bids", "asks"))
    return bids, asks


def _ccxt_market(exchange: Any, symbol: str, name: str) -> dict[str, Any]:
    return dict(
        exchange.safe_market_structure(
            {
                "id": symbol,
                "symbol": name,
                "base": symbol.removesuffix(QUOTE),
                "quote": QUOTE,
                "settle": QUOTE,
                "type": "swap",
                "swap": True,
                "spot": False,
                "contract": True,
                "linear": True,
                "inverse": False,
                "contractSize": 1.0,
            }
        )
    )
