"""What happened on a market, in prism's own words: frozen records without a trace of any wire.

Made by `engine.venues.*.parse`, consumed by `engine.market`. Every record names its instrument by
venue and symbol, carries the venue's time `ts_ms` (the receive time where the venue sends none) and
our receive time `recv_ns`. Sizes are in base currency, `*_quote` amounts in quote currency, rates are
fractions. Records are plain and versioned by their fields, fit to cross a process or a wire.
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
    """Base currency; NaN where the contract size is not known."""
    taker_buy: bool
    trade_id: str = ""
    number: int = -1
    """Where the venue numbers the trades of an instrument consecutively, the number; of joined ones the last. -1: it
    does not, and nothing proves that none is missing."""
    joined: int = 1
    """How many consecutive numbers it stands for."""


class Quote(_Record, frozen=True, gc=False, tag="quote"):
    """Best bid and ask. A side the venue left empty is NaN."""

    bid: float
    bid_size: float
    ask: float
    ask_size: float


class BookSnapshot(_Record, frozen=True, gc=False, tag="book_snapshot"):
    """The whole of a book as far as the channel goes. Replaces whatever was there."""

    bids: Sequence[tuple[str, str]]
    """(price, size) as the venue's exact decimal text, size in VENUE units, any order."""
    asks: Sequence[tuple[str, str]]
    sequence: int | None
    """Venue's update id after this snapshot; None where the wire of its year carries none."""
    depth: int
    """Most levels a side the channel can carry; 0 where it carries all."""
    chained: bool
    """Deltas follow on this channel. False: each push is complete in itself (top-N channels)."""
    checksum: int | None = None
    """CRC32 of the top 25 levels (OKX before 2026-06-23); None where the venue sends none or a constant 0."""
    aligns: bool = False
    """From REST: deltas received before it are checked against it (Binance), instead of following it in band."""
    overlaps: bool = False
    """In band, but the first delta after it may begin before it, if it does not also end before it (Bitget)."""


class BookDelta(_Record, frozen=True, gc=False, tag="book_delta"):
    """Changed levels; size 0 removes. Applied only when its ids prove that nothing was missed."""

    bids: Sequence[tuple[str, str]]
    asks: Sequence[tuple[str, str]]
    first: int | None
    """First update id inside (Binance `U`)."""
    last: int | None
    """Last update id inside (Binance `u`, Bybit `u`, OKX `seqId`)."""
    previous: int | None
    """Last update id of the delta before it, where the venue states it (Binance USD-M `pu`, OKX `prevSeqId`)."""
    checksum: int | None = None
    bid_values: list[float] | None = None
    """The numbers of `bids`, price and size in turn, where the parser has them at hand; they mean nothing else."""
    ask_values: list[float] | None = None
    restarts: bool = False
    """The venue says that its ids begin anew (Bitget `pseq` 0): what is held is void until the next snapshot."""


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
    """NaN where the venue does not send it."""
    taker_buy_quote: float
    """Quote volume of taker buys; NaN where the venue's candles carry none."""
    trades: int
    """Number of trades; -1 where the venue does not send it."""
    closed: bool


class MarkPrice(_Record, frozen=True, gc=False, tag="mark"):
    """Mark price and, where sent with it, the index price (else NaN)."""

    mark: float
    index: float


class Funding(_Record, frozen=True, gc=False, tag="funding"):
    """Current estimate of the coming funding rate, as a fraction per interval."""

    rate_frac: float
    next_ms: int | None
    interval_h: float | None
    settled: bool = False
    """A settlement of the past (history), at `ts_ms`, rather than the running estimate."""


class OpenInterest(_Record, frozen=True, gc=False, tag="open_interest"):
    """Open contracts, one side counted once."""

    base: float
    """Base currency; NaN where only a dollar figure is sent."""
    usd: float
    """Dollars as the venue states them; NaN where it states none."""


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
    """Average fill where stated (Binance), else bankruptcy price (Bybit, OKX)."""
    size: float
    sampled: bool
    """The venue publishes only a part of its liquidations on this feed."""


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
