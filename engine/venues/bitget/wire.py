"""Bitget messages (UTA v3, ratios of classic v2), field names exactly as on the wire.

Used only inside `engine.venues.bitget`; do not let these types leave the folder. A stream and the REST answer of the
same name have the same rows, so they share a struct. Numbers that enter statistics are decoded straight to floats; book
levels stay text, because their exact decimals are their identity. A field sent as "" is read as None. Unused fields are
not declared, and so not decoded.

All of it is written from documentation (Bitget UTA v3 WebSocket and REST pages of early 2026, read again 2026-08-08;
ratios: classic v2 pages), corrected by live frames of 2026-09-15. It has not been checked against a recording.
"""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

import msgspec

T = TypeVar("T")
Side = Literal["buy", "sell"]
Bar = tuple[int, float, float, float, float, float, float]
"""[start ms, open, high, low, close, base volume, quote turnover]"""


class Wire(msgspec.Struct, gc=False, frozen=True):
    """Base of every message."""


class Arg(Wire, gc=False, frozen=True):
    """The topic of a push; `liquidation` covers a whole product and names no symbol."""

    instType: str
    topic: str
    symbol: str | None = None
    interval: str | None = None


class Push(Wire, Generic[T], gc=False, frozen=True):
    """A push of any topic."""

    arg: Arg
    data: list[T]
    ts: int
    action: Literal["snapshot", "update"]


class TradeRow(Wire, gc=False, frozen=True):
    """A fill of `publicTrade`; `S` is the taker's side, `v` base currency."""

    T: int
    p: float
    v: float
    S: Side
    i: str = ""
    isRPI: str | bool | None = None
    """`yes`: filled by a retail price improvement order, which the public books leave out."""


class FillRow(Wire, gc=False, frozen=True):
    """A row of `fills`, the same as `TradeRow` under its REST names."""

    ts: int
    price: float
    size: float
    side: Side
    execId: str = ""
    isRPI: str | bool | None = None


class BookRow(Wire, gc=False, frozen=True):
    """`books` and `booksN`; `pseq` is the previous `seq`, or 0 on a snapshot and after a restart of the server."""

    a: msgspec.Raw
    b: msgspec.Raw
    ts: int
    seq: int | None = None
    pseq: int | None = None
    maxDepth: int | None = None
    maxdepth: int | None = None
    """The page writes `maxDepth`, the wire of 2026-09-15 wrote `maxdepth`."""


class TickerRow(Wire, gc=False, frozen=True):
    """`ticker` and `tickers`; volumes and open interest in base currency, `turnover24h` in quote currency."""

    symbol: str | None = None
    ts: int | None = None
    lastPrice: float | None = None
    openPrice24h: float | None = None
    highPrice24h: float | None = None
    lowPrice24h: float | None = None
    volume24h: float | None = None
    turnover24h: float | None = None
    bid1Price: float | None = None
    bid1Size: float | None = None
    ask1Price: float | None = None
    ask1Size: float | None = None
    markPrice: float | None = None
    indexPrice: float | None = None
    fundingRate: float | None = None
    nextFundingTime: int | None = None
    openInterest: float | None = None


class KlineRow(Wire, gc=False, frozen=True):
    """The current state of a bar of `kline`; no field says whether it is closed."""

    start: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    turnover: float


class LiquidationRow(Wire, gc=False, frozen=True):
    """`side` is that of the POSITION: buy means that a long was liquidated. `amount` is in quote currency."""

    symbol: str
    side: Side
    price: float
    amount: float
    ts: int


class Response(Wire, gc=False, frozen=True):
    """Envelope of every REST answer; `code` is "00000" on success."""

    code: str | int
    msg: str | None = None
    requestTime: int | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")


class InstrumentRow(Wire, gc=False, frozen=True):
    """A row of `instruments`; `launchTime` may be 0, `fundInterval` is in hours."""

    symbol: str
    baseCoin: str
    quoteCoin: str
    type: str | None = None
    status: str | None = None
    symbolType: str | None = None
    priceMultiplier: float | None = None
    quantityMultiplier: float | None = None
    launchTime: int | None = None
    fundInterval: float | None = None
    maxLeverage: float | None = None


class DepthResult(Wire, gc=False, frozen=True):
    """`orderbook`; carries no sequence, so it cannot seed a streamed book."""

    a: msgspec.Raw
    b: msgspec.Raw
    ts: int


class OpenInterestRow(Wire, gc=False, frozen=True):
    """`openInterest` in base currency."""

    symbol: str
    openInterest: float


class OpenInterestResult(Wire, gc=False, frozen=True):
    """Rows that are decoded one by one, so that a bad row costs only itself."""

    rows: list[msgspec.Raw] = msgspec.field(name="list")
    ts: int | None = None


class FundingRow(Wire, gc=False, frozen=True):
    """`current-fund-rate`: the predicted rate, its settlement time and its interval in hours."""

    fundingRate: float | None = None
    fundingRateInterval: float | None = None
    nextUpdate: int | None = None
    maxFundingRate: float | None = None
    symbol: str | None = None


class SettledFundingRow(Wire, gc=False, frozen=True):
    fundingRate: float
    fundingRateTimestamp: int
    symbol: str | None = None


class SettledFundingResult(Wire, gc=False, frozen=True):
    resultList: list[msgspec.Raw]


class AccountRatioRow(Wire, gc=False, frozen=True):
    """`account-long-short` of v2."""

    ts: int
    longAccountRatio: float | None = None
    shortAccountRatio: float | None = None
    longShortAccountRatio: float | None = None


class PositionRatioRow(Wire, gc=False, frozen=True):
    """`position-long-short` of v2; field names by analogy with the accounts', not seen in an answer."""

    ts: int
    longPositionRatio: float | None = None
    shortPositionRatio: float | None = None
    longShortPositionRatio: float | None = None


class TakerRow(Wire, gc=False, frozen=True):
    """`taker-buy-sell` of v2."""

    ts: int
    buyVolume: float
    sellVolume: float


class ServerTime(Wire, gc=False, frozen=True):
    serverTime: int


class Head(Wire, gc=False, frozen=True):
    """A frame decoded only for its topic, and for what distinguishes a push from an answer."""

    arg: Arg | None = None
    event: str | None = None
    action: str | None = None


class Control(Wire, gc=False, frozen=True):
    """Acks and errors; an error of v3 names its argument as JSON within `msg`, not in `arg` (measured 2026-09-15)."""

    event: str | None = None
    code: str | int | None = None
    msg: str | None = None
    arg: Arg | None = None
