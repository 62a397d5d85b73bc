"""Bybit's ticker rows to events: statistics, quote, mark price, funding and open interest from one row.

Called by the parser for the stream, in which a field missing from a delta is unchanged, and by `rest` for full rows.
`LastTicker` is the state that completes a delta: if only the bid moved, the quote still needs both sides.
"""

from __future__ import annotations

from typing import Final

from msgspec import UNSET

from engine.events import NAN, Funding, MarketEvent, MarkPrice, OpenInterest, Quote, Ticker
from engine.instruments import Instrument
from engine.venues import checks
from engine.venues.bybit import wire

Where = tuple[str, str, int, int]
"""Venue, symbol, venue time ms, receive time ns: the leading fields of every event."""

_MAX_INTERVAL_H: Final = 168.0
"""A week: longer than any funding interval of any venue."""


class LastTicker:
    """The newest values of one symbol: None if not received yet, NaN if the venue sent the field empty."""

    __slots__ = (
        "ask",
        "ask_size",
        "bid",
        "bid_size",
        "index",
        "interval_h",
        "mark",
        "next_ms",
        "open_base",
        "open_usd",
        "rate_frac",
    )

    def __init__(self) -> None:
        self.bid: float | None = None
        self.bid_size: float | None = None
        self.ask: float | None = None
        self.ask_size: float | None = None
        self.mark: float | None = None
        self.index: float = NAN
        self.rate_frac: float | None = None
        self.next_ms: int | None = None
        self.interval_h: float | None = None
        self.open_base: float | None = None
        self.open_usd: float = NAN


def events_of(
    row: wire.TickerRow, instrument: Instrument, last: LastTicker, ts_ms: int, recv_ns: int
) -> list[MarketEvent]:
    """The events of a ticker row, in a fixed order; raises Implausible for a value that cannot be true."""
    events: list[MarketEvent] = []
    where = (instrument.venue, instrument.symbol, ts_ms, recv_ns)
    if (statistics := _statistics(row, instrument, where)) is not None:
        events.append(statistics)
    if (quote := _quote(row, instrument, last, where)) is not None:
        events.append(quote)
    if row.markPrice is not UNSET or row.indexPrice is not UNSET:
        if isinstance(row.markPrice, float):
            last.mark = checks.price(row.markPrice, "markPrice")
        if isinstance(row.indexPrice, float):
            last.index = checks.price(row.indexPrice, "indexPrice")
        if last.mark is not None:
            events.append(MarkPrice(*where, last.mark, last.index))
    if (funding := _funding(row, instrument, last, where)) is not None:
        events.append(funding)
    if (interest := _open_interest(row, instrument, last, where)) is not None:
        events.append(interest)
    return events


def _statistics(row: wire.TickerRow, instrument: Instrument, where: Where) -> Ticker | None:
    if (
        row.lastPrice is UNSET
        and row.volume24h is UNSET
        and row.turnover24h is UNSET
        and row.prevPrice24h is UNSET
        and row.highPrice24h is UNSET
        and row.lowPrice24h is UNSET
    ):
        return None
    # Inverse contracts are sized in dollars: their volume is quote currency and their turnover is base currency.
    base, quote, base_name, quote_name = row.volume24h, row.turnover24h, "volume24h", "turnover24h"
    if instrument.inverse:
        base, quote, base_name, quote_name = quote, base, quote_name, base_name
    return Ticker(
        *where,
        checks.price(row.lastPrice, "lastPrice") if isinstance(row.lastPrice, float) else NAN,
        _price(row.prevPrice24h, "prevPrice24h"),
        _price(row.highPrice24h, "highPrice24h"),
        _price(row.lowPrice24h, "lowPrice24h"),
        _size(base, base_name),
        _size(quote, quote_name),
    )


def _quote(row: wire.TickerRow, instrument: Instrument, last: LastTicker, where: Where) -> Quote | None:
    touched = False
    if row.bid1Price is not UNSET:
        last.bid, touched = _price(row.bid1Price, "bid1Price"), True
    if row.bid1Size is not UNSET:
        last.bid_size, touched = _size(row.bid1Size, "bid1Size"), True
    if row.ask1Price is not UNSET:
        last.ask, touched = _price(row.ask1Price, "ask1Price"), True
    if row.ask1Size is not UNSET:
        last.ask_size, touched = _size(row.ask1Size, "ask1Size"), True
    bid, bid_size, ask, ask_size = last.bid, last.bid_size, last.ask, last.ask_size
    if not touched or bid is None or bid_size is None or ask is None or ask_size is None:
        return None
    if instrument.inverse:
        bid_size, ask_size = instrument.base_size(bid_size, bid), instrument.base_size(ask_size, ask)
    return Quote(*where, bid, bid_size, ask, ask_size)


def _funding(row: wire.TickerRow, instrument: Instrument, last: LastTicker, where: Where) -> Funding | None:
    if row.fundingRate is UNSET and row.nextFundingTime is UNSET and row.fundingIntervalHour is UNSET:
        return None
    if row.fundingRate is not UNSET:
        last.rate_frac = None if row.fundingRate is None else checks.funding(row.fundingRate, "fundingRate")
    if row.nextFundingTime:
        last.next_ms = checks.time_ms(row.nextFundingTime, "nextFundingTime")
    if row.fundingIntervalHour:
        last.interval_h = _hours(row.fundingIntervalHour)
    if last.rate_frac is None:
        return None
    return Funding(*where, last.rate_frac, last.next_ms, last.interval_h or instrument.funding_interval_h)


def _open_interest(row: wire.TickerRow, instrument: Instrument, last: LastTicker, where: Where) -> OpenInterest | None:
    contracts = _one_side(row.singleOpenInterest, row.openInterest, "openInterest")
    value = _one_side(row.singleOpenInterestValue, row.openInterestValue, "openInterestValue")
    if contracts is None and value is None:
        return None
    # Inverse contracts are sized in dollars, so their count is the dollar figure and their value is base currency.
    base, usd = (value, contracts) if instrument.inverse else (contracts, value)
    if base is not None:
        last.open_base = base
    if usd is not None:
        last.open_usd = usd if instrument.quote_is_usd else NAN
    return None if last.open_base is None else OpenInterest(*where, last.open_base, last.open_usd)


def _one_side(single: wire.Number, both: wire.Number, field: str) -> float | None:
    """Open interest of one side; `openInterest*` add up both sides (Bybit documentation, 2026-06-11)."""
    if isinstance(single, float):
        return checks.size(single, "single" + field[0].upper() + field[1:])
    if isinstance(both, float):
        return checks.size(both, field) / 2.0
    return None


def _hours(value: float) -> float:
    if 0.0 < value <= _MAX_INTERVAL_H:
        return value
    raise checks.Implausible(f"fundingIntervalHour {value!r} is not a number of hours up to {_MAX_INTERVAL_H:g}")


def _price(value: wire.Number, field: str) -> float:
    """A price; NaN if it is absent, empty or 0, as for a pair that has not traded."""
    return checks.price(value, field) if isinstance(value, float) and value != 0.0 else NAN


def _size(value: wire.Number, field: str) -> float:
    return checks.size(value, field) if isinstance(value, float) else NAN
