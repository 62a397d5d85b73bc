"""OKX v5 messages, field names exactly as on the wire.

Used only inside `engine.venues.okx`; do not let these types leave the folder. A stream and the REST answer of the same
name have the same rows, so they share a struct. Numbers that enter statistics are decoded straight to floats; book
levels stay text, because their exact decimals are their identity. A field sent as "" is read as None. Unused fields are
not declared, and so not decoded. Sources: okx.com/docs-v5 (pages of 2026-06-29 to 2026-07-22).
"""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

import msgspec

T = TypeVar("T")
Rows = list[tuple[str, str, str, str]]
"""Book rows: price, size in contracts (spot: base), a constant "0", number of orders."""
Side = Literal["buy", "sell"]


class Wire(msgspec.Struct, gc=False, frozen=True):
    """Base of every message."""


class Arg(Wire, gc=False, frozen=True):
    """The channel of a push, with its instrument or product."""

    channel: str
    instId: str | None = None
    instType: str | None = None


class Push(Wire, Generic[T], gc=False, frozen=True):
    """A push of any channel."""

    arg: Arg
    data: list[T]
    action: str | None = None


class TradeRow(Wire, gc=False, frozen=True):
    """`trades` (one taker order at one price) and `trades-all`; `side` is the taker's, `sz` contracts."""

    instId: str
    px: float
    sz: float
    side: Side
    ts: int
    tradeId: str = ""
    count: int | None = None
    """Number of trades joined in a row of `trades`, which has the id of the last one; `trades-all` and REST join
    none."""
    source: str | int | None = None
    """1: filled by orders of the Enhanced Liquidity Program, which the public books leave out."""


class BookRow(Wire, gc=False, frozen=True):
    """Ids since 2022; `checksum` is a CRC32 until 2026-06-23 and 0 after it."""

    asks: Rows
    bids: Rows
    ts: int
    checksum: int | None = None
    seqId: int | None = None
    prevSeqId: int | None = None
    instId: str | None = None


class TickerRow(Wire, gc=False, frozen=True):
    """`vol24h` is contracts (spot: base), `volCcy24h` base currency (spot: quote)."""

    instId: str
    ts: int
    last: float | None = None
    askPx: float | None = None
    askSz: float | None = None
    bidPx: float | None = None
    bidSz: float | None = None
    open24h: float | None = None
    high24h: float | None = None
    low24h: float | None = None
    vol24h: float | None = None
    volCcy24h: float | None = None


class FundingRow(Wire, gc=False, frozen=True):
    """`fundingRate` is the forecast for `fundingTime`; `ts` and `nextFundingTime` are absent before 2023."""

    instId: str
    fundingRate: float | None = None
    fundingTime: int | None = None
    nextFundingTime: int | None = None
    ts: int | None = None


class SettledFundingRow(Wire, gc=False, frozen=True):
    """`funding-rate-history`: the forecast rate and the rate that was paid."""

    instId: str
    fundingTime: int
    fundingRate: float | None = None
    realizedRate: float | None = None


class OpenInterestRow(Wire, gc=False, frozen=True):
    """`oi` contracts, `oiCcy` base currency, `oiUsd` dollars (absent before 2024)."""

    instId: str
    ts: int
    oi: float | None = None
    oiCcy: float | None = None
    oiUsd: float | None = None


class MarkRow(Wire, gc=False, frozen=True):
    instId: str
    markPx: float
    ts: int


class IndexRow(Wire, gc=False, frozen=True):
    """`instId` names the index (`BTC-USDT`), not an instrument."""

    instId: str
    idxPx: float
    ts: int


class LiquidationDetail(Wire, gc=False, frozen=True):
    """`side` is the side of the closing order: sell means that a long was liquidated."""

    side: Side
    sz: float
    ts: int
    bkPx: float | None = None


class LiquidationRow(Wire, gc=False, frozen=True):
    instId: str
    details: list[LiquidationDetail]
    instType: str = ""


class InstrumentRow(Wire, gc=False, frozen=True):
    """A row of `instruments`; spot names its currencies, derivatives a family or (before 2022) an underlying."""

    instId: str
    instType: str
    baseCcy: str | None = None
    quoteCcy: str | None = None
    settleCcy: str | None = None
    instFamily: str | None = None
    uly: str | None = None
    ctType: str | None = None
    ctVal: float | None = None
    ctMult: float | None = None
    tickSz: float | None = None
    lotSz: float | None = None
    listTime: int | None = None
    state: str | None = None
    instCategory: str | None = None
    lever: float | None = None


class ListingPush(Wire, gc=False, frozen=True):
    """A push of the instruments channel; its rows are decoded one by one."""

    arg: Arg
    data: msgspec.Raw


class Response(Wire, gc=False, frozen=True):
    """Envelope of every REST answer; `code` is "0" on success, whatever the HTTP status."""

    code: str
    msg: str = ""
    data: msgspec.Raw = msgspec.Raw(b"[]")


class ServerTime(Wire, gc=False, frozen=True):
    ts: int


class Titled(Wire, gc=False, frozen=True):
    """A frame decoded only for its channel; acks have an event as well."""

    arg: Arg | None = None
    event: str | None = None


class Control(Wire, gc=False, frozen=True):
    """Acks, errors and notices."""

    event: str | None = None
    code: str | None = None
    msg: str | None = None
    arg: Arg | None = None
    id: str | None = None
