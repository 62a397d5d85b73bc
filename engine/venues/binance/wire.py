"""Binance's messages, field names exactly as on the wire.

Used only inside `engine.venues.binance`; do not let these types leave the folder. Numbers that enter statistics are
decoded straight to floats; book levels stay text, because their exact decimals are their identity. A tag is the value
of `e` that the decoder itself requires. Fields sent only in some years have a default. Unused fields are not declared,
and so not decoded.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from engine.venues.checks import Count, Millis, Price, QuotePrice, Size, TradedSize, UpdateId

T = TypeVar("T")
Rows = list[tuple[str, str]]
USD_M = 1
"""`st` of USD-M payloads; since 2026-06-30 all-market streams carry COIN-M (2) too."""
NAN = float("nan")


class Wire(msgspec.Struct, gc=False, frozen=True):
    """Base of every message."""


class Combined(Wire, Generic[T], gc=False, frozen=True):
    """Envelope of `/stream` connections."""

    data: T
    stream: str = ""


class Named(Wire, gc=False, frozen=True):
    """A combined frame, decoded only for its stream name."""

    stream: str = ""


class Fault(Wire, gc=False, frozen=True):
    """Why a request was refused."""

    code: int | str = 0
    msg: str = ""


class Event(Wire, gc=False, frozen=True):
    e: str = ""


class Control(Wire, gc=False, frozen=True):
    """Answers to our requests, and the notice before a restart; a refusal has `error`, or `code` and `msg`."""

    id: int | str | None = None
    result: msgspec.Raw = msgspec.Raw(b"")
    error: Fault | None = None
    code: int | str | None = None
    msg: str = ""
    e: str = ""
    data: Event | None = None


class AggTrade(Wire, gc=False, frozen=True, tag_field="e", tag="aggTrade"):
    """`a` was added after 2019. `nq` is `q` without fills by retail price improvement orders, which the public books
    leave out (USD-M, since 2025-12-31)."""

    s: str
    p: Price
    q: TradedSize
    T: Millis
    m: bool
    a: UpdateId | None = None
    nq: float | None = None
    st: int = USD_M


class RawTrade(Wire, gc=False, frozen=True, tag_field="e", tag="trade"):
    """`trade`. USD-M adds `X`: only MARKET is a market trade (not INSURANCE_FUND, ADL)."""

    s: str
    t: UpdateId
    p: Price
    q: TradedSize
    T: Millis
    m: bool
    X: str = "MARKET"
    st: int = USD_M


class DepthUpdate(Wire, gc=False, frozen=True, tag_field="e", tag="depthUpdate"):
    """`pu` and `T` on USD-M only."""

    E: Millis
    s: str
    U: UpdateId
    u: UpdateId
    b: msgspec.Raw
    a: msgspec.Raw
    pu: UpdateId | None = None
    T: Millis | None = None
    st: int = USD_M


class BookTicker(Wire, gc=False, frozen=True, tag_field="e", tag="bookTicker"):
    """Spot sends neither event name nor time."""

    s: str
    b: QuotePrice
    B: Size
    a: QuotePrice
    A: Size
    T: Millis | None = None
    st: int = USD_M


class KlineBar(Wire, gc=False, frozen=True):
    t: int
    i: str
    o: float
    c: float
    h: float
    l: float  # noqa: E741 - the venue's name
    v: float
    n: Count
    x: bool
    q: float
    Q: float


class Kline(Wire, gc=False, frozen=True, tag_field="e", tag="kline"):
    E: int
    s: str
    k: KlineBar
    st: int = USD_M


class MarkPriceUpdate(Wire, gc=False, frozen=True, tag_field="e", tag="markPriceUpdate"):
    """`i` was added in 2020; dated futures send an empty `r`."""

    E: int
    s: str
    p: float
    r: str = ""
    T: int = 0
    i: float | None = None
    st: int = USD_M


class Ticker24h(Wire, gc=False, frozen=True):
    """`24hrTicker` and `24hrMiniTicker`."""

    E: int
    s: str
    c: float
    o: float
    h: float
    l: float  # noqa: E741 - the venue's name
    v: float
    q: float
    st: int = USD_M


class ForcedOrder(Wire, gc=False, frozen=True):
    s: str
    S: str
    q: float
    p: float
    ap: float
    z: float
    T: int
    st: int = USD_M


class ForceOrder(Wire, gc=False, frozen=True, tag_field="e", tag="forceOrder"):
    E: int
    o: ForcedOrder
    st: int = USD_M


class Depth(Wire, gc=False, frozen=True):
    """REST depth, and `<symbol>@depth<N>` of spot (only the stream name holds the symbol)."""

    lastUpdateId: UpdateId
    bids: Rows
    asks: Rows
    E: int | None = None
    T: int | None = None


class AggTradeRow(Wire, gc=False, frozen=True):
    """A row of REST aggTrades; only the request holds the symbol."""

    a: UpdateId
    p: Price
    q: TradedSize
    T: Millis
    m: bool
    nq: float | None = None


class ContractInfo(Wire, gc=False, frozen=True):
    """A contract that was announced, opened, changed or has ended."""

    s: str
    ct: str = ""
    ot: int | None = None
    cs: str = ""
    st: int = USD_M


class FundingInfo(Wire, gc=False, frozen=True):
    symbol: str
    fundingIntervalHours: float


class ServerTime(Wire, gc=False, frozen=True):
    serverTime: int


class Refused(Wire, gc=False, frozen=True):
    """Body of a refused REST request."""

    code: int | None = None
    msg: str = ""


class Filter(Wire, gc=False, frozen=True):
    filterType: str
    tickSize: str = ""
    stepSize: str = ""


class Symbol(Wire, gc=False, frozen=True):
    symbol: str
    baseAsset: str
    quoteAsset: str
    status: str = ""
    contractType: str | None = None
    underlyingType: str = "COIN"
    onboardDate: int | None = None
    filters: list[Filter] = []


class ExchangeInfo(Wire, gc=False, frozen=True):
    """Listing; each symbol is decoded by itself, as a `Symbol`."""

    symbols: list[msgspec.Raw]


class RateLimit(Wire, gc=False, frozen=True):
    rateLimitType: str
    interval: str
    intervalNum: int
    limit: int


class AnnouncedLimits(Wire, gc=False, frozen=True):
    """The limits that a listing announces."""

    rateLimits: list[RateLimit]


class PremiumIndex(Wire, gc=False, frozen=True):
    symbol: str
    markPrice: float
    time: int
    indexPrice: float | None = None
    lastFundingRate: str = ""
    nextFundingTime: int = 0


class FundingRate(Wire, gc=False, frozen=True):
    symbol: str
    fundingRate: float
    fundingTime: int
    rateType: str = "Regular"
    """`Special`, since 2026-07-28: settled off the schedule."""


class OpenInterestNow(Wire, gc=False, frozen=True):
    symbol: str
    openInterest: float
    time: int


class OpenInterestPast(Wire, gc=False, frozen=True):
    symbol: str
    sumOpenInterest: float
    sumOpenInterestValue: float
    timestamp: int


class LongShort(Wire, gc=False, frozen=True):
    longShortRatio: float
    timestamp: int
    symbol: str = ""


class TakerRatio(Wire, gc=False, frozen=True):
    buySellRatio: float
    timestamp: int


class Ticker24hRest(Wire, gc=False, frozen=True):
    symbol: str
    lastPrice: float
    openPrice: float
    highPrice: float
    lowPrice: float
    volume: float
    quoteVolume: float
    closeTime: int
