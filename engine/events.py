"""Market events: frozen, venue-independent records of what happened on a market.

Made by `engine.venues.*.parse`, consumed by `engine.market`. Every record names its instrument by venue and symbol and
carries the venue's time `ts_ms` (the receive time if the venue sends none) and our receive time `recv_ns`. Sizes are in
base currency, `*_quote` amounts in quote currency, rates are fractions. Records are plain and versioned by their
fields, so they can be sent to another process or over a wire. No wire format may show through here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

LiquidatedSide = Literal["long", "short"]
RatioKind = Literal["accounts", "top_accounts", "top_positions", "taker_volume"]


class _Record(msgspec.Struct, frozen=True, gc=False):
    venue: str
    symbol: str
    ts_ms: int
    recv_ns: int


class Trade(_Record, frozen=True, gc=False, tag="trade"):
    """A trade or an aggregate of trades of one taker at one price."""

    price: float
    size: float
    """Base currency; NaN if the contract size is not known."""
    taker_buy: bool
    trade_id: str = ""
    number: int = -1
    """Trade number, if the venue numbers an instrument's trades consecutively; of an aggregate the last. -1: it does
    not, so a lost trade cannot be detected."""
    joined: int = 1
    """How many consecutive numbers it covers."""
    in_book: bool = True
    """False: filled only by orders that no public book shows (retail price improvement, OKX's ELP), so that no book
    changes with it."""


class Quote(_Record, frozen=True, gc=False, tag="quote"):
    """Best bid and ask. A side the venue left empty is NaN."""

    bid: float
    bid_size: float
    ask: float
    ask_size: float


class BookSnapshot(_Record, frozen=True, gc=False, tag="book_snapshot"):
    """A complete book, as deep as the channel carries. Replaces the previous book."""

    bids: Sequence[tuple[str, str]]
    """(price, size) as the venue's exact decimal text, size in VENUE units, any order."""
    asks: Sequence[tuple[str, str]]
    sequence: int | None
    """Venue's update id after this snapshot; None if the wire format of that year carries none."""
    depth: int
    """Most levels per side that the channel can carry; 0 if it carries all."""
    chained: bool
    """Deltas follow on this channel. False: each push is complete in itself (top-N channels)."""
    checksum: int | None = None
    """CRC32 of the top 25 levels (OKX before 2026-06-23); None if the venue sends none or a constant 0."""
    aligns: bool = False
    """From REST: buffered deltas are aligned with it by their ids (Binance). False: deltas follow it on the stream."""
    overlaps: bool = False
    """From the stream, but the first delta after it may begin before it, if it does not also end before it (Bitget)."""


class BookDelta(_Record, frozen=True, gc=False, tag="book_delta"):
    """Changed levels; size 0 removes. Applied only when its ids prove that nothing was missed."""

    bids: Sequence[tuple[str, str]]
    asks: Sequence[tuple[str, str]]
    first: int | None
    """First update id inside (Binance `U`)."""
    last: int | None
    """Last update id inside (Binance `u`, Bybit `u`, OKX `seqId`)."""
    previous: int | None
    """Last update id of the previous delta, if the venue states it (Binance USD-M `pu`, OKX `prevSeqId`)."""
    checksum: int | None = None
    bid_values: list[float] | None = None
    """`bids` as floats, price and size alternating, if the parser has them at hand; only to save parsing them again."""
    ask_values: list[float] | None = None
    restarts: bool = False
    """The venue restarts its ids (Bitget `pseq` 0): the book is void until the next snapshot."""


class Candle(_Record, frozen=True, gc=False, tag="candle"):
    """One bar, still forming or closed."""

    interval_ms: int
    open_ms: int
    open: float
    high: float
    low: float
    close: float
    volume_base: float
    volume_quote: float
    """NaN if the venue does not send it."""
    taker_buy_quote: float
    """Quote volume of taker buys; NaN if the venue's candles carry none."""
    trades: int
    """Number of trades; -1 if the venue does not send it."""
    closed: bool


class MarkPrice(_Record, frozen=True, gc=False, tag="mark"):
    """Mark price and, if sent with it, the index price (else NaN)."""

    mark: float
    index: float


class Funding(_Record, frozen=True, gc=False, tag="funding"):
    """Current estimate of the next funding rate, as a fraction per interval."""

    rate_frac: float
    next_ms: int | None
    interval_h: float | None
    settled: bool = False
    """A past settlement (history) at `ts_ms`, not the running estimate."""


class OpenInterest(_Record, frozen=True, gc=False, tag="open_interest"):
    """Open contracts, one side counted once."""

    base: float
    """Base currency; NaN if only a dollar figure is sent."""
    usd: float
    """Dollars as the venue states them; NaN if it does not."""


class Ratio(_Record, frozen=True, gc=False, tag="ratio"):
    """Long over short, or taker buy over taker sell, for one period."""

    kind: RatioKind
    value: float
    period_ms: int


class Liquidation(_Record, frozen=True, gc=False, tag="liquidation"):
    """A position closed by the venue."""

    side: LiquidatedSide
    """Which POSITION was liquidated, whatever the venue's own field means."""
    price: float
    """Average fill price if stated (Binance), else bankruptcy price (Bybit, OKX)."""
    size: float
    sampled: bool
    """The venue publishes only some of its liquidations on this feed."""


class Ticker(_Record, frozen=True, gc=False, tag="ticker"):
    """Rolling 24 h statistics. NaN: not in this message, so unchanged."""

    last: float
    open_24h: float
    high_24h: float
    low_24h: float
    volume_24h_base: float
    volume_24h_quote: float


MarketEvent = (
    Trade
    | Quote
    | BookSnapshot
    | BookDelta
    | Candle
    | MarkPrice
    | Funding
    | OpenInterest
    | Ratio
    | Liquidation
    | Ticker
)

NAN = float("nan")
