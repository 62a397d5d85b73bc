"""Bitget's messages and REST rows, built from the market's records.

Used by the simulated exchange only. Field names are those of UTA v3 (documentation of early 2026).
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from engine.simulator.exchanges.books import Level
from engine.simulator.happenings import Bar, Liquidation, Status, Trade
from engine.simulator.sim_instrument import SimInstrument, decimal_text
from engine.simulator.world import World

Words = dict[str, Any]
STATUS: Final[dict[Status, str]] = {"trading": "online", "pending": "listed", "delisted": "offline"}
_KIND: Final = {"crypto": "crypto", "stock": "stock", "metal": "metal", "forex": "commodity"}


def trade_id(event: Trade) -> str:
    """The id of a fill."""
    return str(1_260_000_000_000_000_000 + event.instrument.index * 10**12 + event.id)


def rate(rate_e8: int) -> str:
    """A funding rate without trailing zeros."""
    text = decimal_text(rate_e8, 8).rstrip("0")
    return text.rstrip(".")


def numbers(one: SimInstrument, levels: list[Level]) -> msgspec.Raw:
    """Rows of `orderbook`, with all decimals; these are JSON numbers, while all other values are text."""
    return msgspec.Raw(
        f"[{','.join(f'[{one.price_text(ticks)},{one.size_text(steps)}]' for ticks, steps in levels)}]".encode()
    )


def trade(event: Trade) -> dict[str, str]:
    """A row of `publicTrade`."""
    one = event.instrument
    return {
        "p": one.price_text(event.ticks),
        "S": "buy" if event.buy else "sell",
        "T": str(event.ms),
        "v": one.size_text(event.steps),
        "i": trade_id(event),
        "L": trade_id(event),
        "isRPI": "no",
    }


def fill(event: Trade) -> Words:
    """A row of `fills`."""
    row = trade(event)
    names = {"execId": "i", "price": "p", "size": "v", "side": "S", "ts": "T", "isRPI": "isRPI"}
    return {name: row[key] for name, key in names.items()}


def ticker(world: World, one: SimInstrument, now_ms: int) -> Words:
    """`ticker` and a row of `tickers`."""
    day, best, mark, funding = world.ticker_24h(one), world.best(one), world.mark(one), world.funding(one)
    change = (day.last - day.open) / day.open if day.open else 0.0
    return {
        "symbol": one.symbol,
        "lastPrice": one.price_text(day.last),
        "openPrice24h": one.price_text(day.open),
        "highPrice24h": one.price_text(day.high),
        "lowPrice24h": one.price_text(day.low),
        "ask1Price": one.price_text(best.ask) if best.ask_steps else "",
        "bid1Price": one.price_text(best.bid) if best.bid_steps else "",
        "bid1Size": one.size_text(best.bid_steps) if best.bid_steps else "",
        "ask1Size": one.size_text(best.ask_steps) if best.ask_steps else "",
        "price24hPcnt": f"{change:.5f}",
        "volume24h": one.size_text(day.steps),
        "turnover24h": one.quote_text(day.quote),
        "indexPrice": one.fine_text(mark.index),
        "markPrice": one.fine_text(mark.mark),
        "fundingRate": rate(funding.rate_e8),
        "nextFundingTime": str(funding.next_ms),
        "openInterest": one.size_text(world.open_interest(one)),
        "ts": str(now_ms),
    }


def kline(one: SimInstrument, bar: Bar) -> dict[str, str]:
    """A row of `kline`; no field says whether the bar is closed."""
    return {
        "start": str(bar.open_ms),
        "open": one.price_text(bar.open),
        "close": one.price_text(bar.close),
        "high": one.price_text(bar.high),
        "low": one.price_text(bar.low),
        "volume": one.size_text(bar.steps),
        "turnover": one.quote_text(bar.quote),
    }


def kline_row(one: SimInstrument, bar: Bar) -> list[str]:
    """A row of `candles`."""
    words = kline(one, bar)
    return [words[key] for key in ("start", "open", "high", "low", "close", "volume", "turnover")]


def liquidation(event: Liquidation) -> Words:
    """A row of `liquidation`; the side is the position's, the amount is in quote currency."""
    one = event.instrument
    return {
        "symbol": one.symbol,
        "side": "buy" if event.side == "long" else "sell",
        "price": one.price_text(event.bankruptcy_ticks),
        "amount": one.quote_text(event.bankruptcy_ticks * event.steps),
        "ts": str(event.ms),
    }


def listed(one: SimInstrument, status: Status) -> Words:
    """A row of `instruments`."""
    return {
        "symbol": one.symbol,
        "category": "USDT-FUTURES",
        "baseCoin": one.base,
        "quoteCoin": one.quote,
        "type": "perpetual",
        "status": STATUS[status],
        "symbolType": _KIND[one.symbol_type],
        "isRwa": "YES" if one.tradfi else "NO",
        "minOrderQty": one.step,
        "minOrderAmount": "5",
        "pricePrecision": str(one.price_decimals),
        "quantityPrecision": str(one.size_decimals),
        "priceMultiplier": one.tick,
        "quantityMultiplier": one.step,
        "launchTime": str(one.listed_ms),
        "offTime": "-1" if one.delisted_ms is None else str(one.delisted_ms),
        "limitOpenTime": "-1",
        "maxLeverage": str(one.max_leverage),
        "fundInterval": str(one.funding_interval_h),
    }
