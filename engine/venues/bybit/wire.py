"""Bybit v5 messages, field names exactly as on the wire.

Used only inside `engine.venues.bybit`; do not let these types leave the folder. Numbers that enter statistics are
decoded straight to floats; book levels stay text, because their exact decimals are their identity. Key order differs
between spot and linear, so fields are only ever read by name. Unused fields are not declared, and so not decoded.
Sources: Bybit v5 documentation, `docs/v5/websocket/public` and `docs/v5/market` (2026-07-24).
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

Rows = list[tuple[str, str]]
Side = Literal["Buy", "Sell"]
Number = float | None | UnsetType
"""Unset: not in this message, so unchanged. None: sent empty, so there is no value."""


class Wire(msgspec.Struct, gc=False, frozen=True):
    """Base of every message."""


class TradeRow(Wire, gc=False, frozen=True):
    """One fill of `publicTrade`; `S` is the taker's side, `v` is base currency (contracts on inverse)."""

    T: int
    s: str
    S: Side
    v: float
    p: float
    i: str = ""
    RPI: bool = False
    """Filled by a retail price improvement order, which the public books leave out."""


class Trades(Wire, gc=False, frozen=True):
    topic: str
    data: list[TradeRow]


class BookData(Wire, gc=False, frozen=True):
    s: str
    b: Rows
    a: Rows
    u: int


class Book(Wire, gc=False, frozen=True):
    topic: str
    type: Literal["snapshot", "delta"]
    ts: int
    data: BookData


class KlineRow(Wire, gc=False, frozen=True):
    start: int
    interval: str
    open: float
    close: float
    high: float
    low: float
    volume: float
    turnover: float
    confirm: bool


class Klines(Wire, gc=False, frozen=True):
    topic: str
    ts: int
    data: list[KlineRow]


class TickerRow(Wire, gc=False, frozen=True):
    """`tickers` data and a row of `GET /v5/market/tickers`; a delta carries only what changed."""

    symbol: str
    lastPrice: Number = UNSET
    prevPrice24h: Number = UNSET
    highPrice24h: Number = UNSET
    lowPrice24h: Number = UNSET
    volume24h: Number = UNSET
    turnover24h: Number = UNSET
    markPrice: Number = UNSET
    indexPrice: Number = UNSET
    fundingRate: Number = UNSET
    nextFundingTime: int | UnsetType | None = UNSET
    fundingIntervalHour: Number = UNSET
    openInterest: Number = UNSET
    openInterestValue: Number = UNSET
    singleOpenInterest: Number = UNSET
    singleOpenInterestValue: Number = UNSET
    bid1Price: Number = UNSET
    bid1Size: Number = UNSET
    ask1Price: Number = UNSET
    ask1Size: Number = UNSET


class Tickers(Wire, gc=False, frozen=True):
    topic: str
    type: Literal["snapshot", "delta"]
    ts: int
    data: TickerRow


class AllLiquidationRow(Wire, gc=False, frozen=True):
    """`S` is the side of the POSITION: Buy means that a long was liquidated."""

    T: int
    s: str
    S: Side
    v: float
    p: float


class AllLiquidations(Wire, gc=False, frozen=True):
    topic: str
    data: list[AllLiquidationRow]


class LiquidationData(Wire, gc=False, frozen=True):
    updatedTime: int
    symbol: str
    side: Side
    size: float
    price: float


class LegacyLiquidation(Wire, gc=False, frozen=True):
    """`liquidation.<symbol>`, the v5 topic before `allLiquidation`; at most one position per second and symbol."""

    topic: str
    ts: int
    data: LiquidationData


class Response(Wire, gc=False, frozen=True):
    """Envelope of every REST answer; HTTP is 200 on most errors, so `retCode` decides."""

    retCode: int
    retMsg: str = ""
    result: msgspec.Raw = msgspec.Raw(b"{}")
    time: int | None = None


class PriceFilter(Wire, gc=False, frozen=True):
    tickSize: float | None = None


class LotSizeFilter(Wire, gc=False, frozen=True):
    qtyStep: float | None = None
    basePrecision: float | None = None


class LeverageFilter(Wire, gc=False, frozen=True):
    maxLeverage: float | None = None


class PreListing(Wire, gc=False, frozen=True):
    """The phase of a pre-market contract."""

    curAuctionPhase: str | None = None


class InstrumentRow(Wire, gc=False, frozen=True):
    """A row of `instruments-info`; `fundingInterval` is in minutes, spot rows have none."""

    symbol: str
    baseCoin: str
    quoteCoin: str
    priceFilter: PriceFilter = PriceFilter()
    lotSizeFilter: LotSizeFilter = LotSizeFilter()
    status: str | None = None
    contractType: str = ""
    symbolType: str | None = None
    launchTime: int | None = None
    fundingInterval: float | None = None
    preListingInfo: PreListing | None = None
    leverageFilter: LeverageFilter = LeverageFilter()


class Page(Wire, gc=False, frozen=True):
    """Rows that are decoded one by one, so that a bad row costs only itself."""

    rows: list[msgspec.Raw] = msgspec.field(name="list")
    nextPageCursor: str | None = None


class KlineList(Wire, gc=False, frozen=True):
    """Newest first; each row is [start, open, high, low, close, volume, turnover]."""

    symbol: str
    rows: list[tuple[int, float, float, float, float, float, float]] = msgspec.field(name="list")


class DepthResult(Wire, gc=False, frozen=True):
    s: str
    b: Rows
    a: Rows
    ts: int
    u: int


class RecentTradeRow(Wire, gc=False, frozen=True):
    """A row of `recent-trade`, the same as `TradeRow` under its REST names."""

    symbol: str
    price: float
    size: float
    side: Side
    time: int
    execId: str = ""
    isRPITrade: bool = False


class RecentTradeList(Wire, gc=False, frozen=True):
    """Newest first."""

    rows: list[RecentTradeRow] = msgspec.field(name="list")


class ServerTime(Wire, gc=False, frozen=True):
    timeNano: int


class OpenInterestRow(Wire, gc=False, frozen=True):
    timestamp: int
    openInterest: float | None = None
    singleOpenInterest: float | None = None


class OpenInterestList(Wire, gc=False, frozen=True):
    symbol: str
    rows: list[OpenInterestRow] = msgspec.field(name="list")


class FundingRow(Wire, gc=False, frozen=True):
    symbol: str
    fundingRate: float
    fundingRateTimestamp: int


class FundingList(Wire, gc=False, frozen=True):
    rows: list[FundingRow] = msgspec.field(name="list")


class AccountRatioRow(Wire, gc=False, frozen=True):
    symbol: str
    buyRatio: float
    sellRatio: float
    timestamp: int


class AccountRatioList(Wire, gc=False, frozen=True):
    rows: list[AccountRatioRow] = msgspec.field(name="list")


class Control(Wire, gc=False, frozen=True):
    """Acks and pongs; types are left open because a refusal may carry anything."""

    op: Any = None
    success: Any = None
    ret_msg: Any = None
    ret_code: Any = None
    req_id: Any = None


class Titled(Wire, gc=False, frozen=True):
    """A frame decoded only for its topic."""

    topic: Any = None
