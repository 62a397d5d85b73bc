"""Binance's stream messages, built from the market's records.

Used by the simulated exchange only; REST rows are in `rows`. Field names, their order and types are those of recorded
messages: USD-M of 2026-09-27, or, for kinds not recorded then, of 2022 and 2024 plus the fields added since (`ps`,
`st`: official SDK 17.2.0, 2026-08-21); spot of 2020 to 2024.
"""

from __future__ import annotations

from typing import Any, Final

from engine.simulator.exchanges.binance.amounts import (
    SPOT,
    USDM,
    fine,
    is_usdm,
    levels,
    mean_price,
    percent,
    price,
    size,
    value,
)
from engine.simulator.exchanges.books import Level
from engine.simulator.exchanges.fills import fills
from engine.simulator.happenings import Bar, Best, Liquidation, Ticker, Trade
from engine.simulator.sim_instrument import SimInstrument
from engine.simulator.world import World

__all__ = ["SPOT", "USDM", "Words", "is_usdm"]

Words = dict[str, Any]
DELIVERY_MS: Final = 4_133_404_800_000
"""Delivery time published for contracts that never expire: 2100-12-25 08:00 UTC."""
STATUS: Final = {"trading": "TRADING", "pending": "PENDING_TRADING", "delisted": "SETTLING"}


def agg_trade(trade: Trade) -> Words:
    """`aggTrade`."""
    one = trade.instrument
    said: Words = {"e": "aggTrade", "E": trade.ms}
    said |= {"a": trade.id, "s": one.symbol} if is_usdm(one) else {"s": one.symbol, "a": trade.id}
    said |= {"p": price(one, trade.ticks), "q": size(one, trade.steps)}
    if is_usdm(one):
        said["nq"] = said["q"]
    said |= {"f": trade.first, "l": trade.last, "T": trade.ms, "m": not trade.buy}
    return said | ({"st": 1} if is_usdm(one) else {"M": True})


def trades(trade: Trade) -> list[Words]:
    """`trade`, one per single fill."""
    one = trade.instrument
    head: Words = {"e": "trade", "E": trade.ms}
    told: list[Words] = []
    for number, steps in fills(trade):
        body = {"t": number, "p": price(one, trade.ticks), "q": size(one, steps)}
        if is_usdm(one):
            told.append(head | {"T": trade.ms, "s": one.symbol} | body | {"X": "MARKET", "m": not trade.buy})
        else:
            told.append(head | {"s": one.symbol} | body | {"T": trade.ms, "m": not trade.buy, "M": True})
    return told


def best(quote: Best) -> Words:
    """`bookTicker`; without event name and time on spot."""
    one = quote.instrument
    quotes = {
        "b": price(one, quote.bid),
        "B": size(one, quote.bid_steps),
        "a": price(one, quote.ask),
        "A": size(one, quote.ask_steps),
    }
    if not is_usdm(one):
        return {"u": quote.update_id, "s": one.symbol, **quotes}
    named = {"e": "bookTicker", "u": quote.update_id, "s": one.symbol, "ps": one.symbol}
    return named | quotes | {"T": quote.ms, "E": quote.ms, "st": 1}


def depth(
    one: SimInstrument, now_ms: int, ms: int, first: int, last: int, before: int, bids: list[Level], asks: list[Level]
) -> Words:
    """`depthUpdate` of changes up to `ms`; `before` is the last id of the previous event, which spot does not send."""
    said: Words = {"e": "depthUpdate", "E": now_ms}
    if is_usdm(one):
        said |= {"T": ms, "s": one.symbol, "ps": one.symbol, "U": first, "u": last, "pu": before}
    else:
        said |= {"s": one.symbol, "U": first, "u": last}
    said |= {"b": levels(one, bids), "a": levels(one, asks)}
    return said | ({"st": 1} if is_usdm(one) else {})


def kline(one: SimInstrument, bar: Bar, interval: str, now_ms: int, last_id: int) -> Words:
    """`kline`; `last_id` is the newest single fill up to the bar's end. A bar without fills has -1 for both ids."""
    return {
        "e": "kline",
        "E": now_ms,
        "s": one.symbol,
        "k": {
            "t": bar.open_ms,
            "T": bar.open_ms + bar.interval_ms - 1,
            "s": one.symbol,
            "i": interval,
            "f": last_id - bar.trades + 1 if bar.trades else -1,
            "L": last_id if bar.trades else -1,
            "o": price(one, bar.open),
            "c": price(one, bar.close),
            "h": price(one, bar.high),
            "l": price(one, bar.low),
            "v": size(one, bar.steps),
            "n": bar.trades,
            "x": bar.closed,
            "q": value(one, bar.quote),
            "V": size(one, bar.buy_steps),
            "Q": value(one, bar.buy_quote),
            "B": "0",
        },
    }


def mark(world: World, one: SimInstrument, now_ms: int) -> Words:
    """`markPriceUpdate`."""
    held, funding = world.mark(one), world.funding(one)
    marked = fine(one, held.mark)
    return {
        "e": "markPriceUpdate",
        "E": now_ms,
        "s": one.symbol,
        "p": marked,
        "ap": marked,
        "P": marked,
        "i": fine(one, held.index),
        "r": f"{funding.rate_e8 / 1e8:.8f}",
        "T": funding.next_ms,
        "st": 1,
    }


def ticker(one: SimInstrument, day: Ticker, quote: Best, now_ms: int) -> Words:
    """`24hrTicker`; on spot also with the price before the window and the best quotes."""
    said: Words = {"e": "24hrTicker", "E": now_ms, "s": one.symbol}
    if is_usdm(one):
        said["ps"] = one.symbol
    said |= {"p": price(one, day.last - day.open), "P": percent(day), "w": mean_price(one, day)}
    if not is_usdm(one):
        said["x"] = price(one, day.open)
    said |= {"c": price(one, day.last), "Q": size(one, day.last_steps)}
    if not is_usdm(one):
        said |= {
            "b": price(one, quote.bid),
            "B": size(one, quote.bid_steps),
            "a": price(one, quote.ask),
            "A": size(one, quote.ask_steps),
        }
    said |= _day(one, day)
    said |= {"O": day.open_ms, "C": day.ms, "F": day.first_id, "L": day.last_id, "n": day.trades}
    return said | ({"st": 1} if is_usdm(one) else {})


def _day(one: SimInstrument, day: Ticker) -> Words:
    return {
        "o": price(one, day.open),
        "h": price(one, day.high),
        "l": price(one, day.low),
        "v": size(one, day.steps),
        "q": value(one, day.quote),
    }


def mini_ticker(one: SimInstrument, day: Ticker, now_ms: int) -> Words:
    """`24hrMiniTicker`."""
    said: Words = {"e": "24hrMiniTicker", "E": now_ms, "s": one.symbol, "c": price(one, day.last), **_day(one, day)}
    return said | ({"ps": one.symbol, "st": 1} if is_usdm(one) else {})


def force_order(event: Liquidation, now_ms: int) -> Words:
    """`forceOrder`; the side is the closing order's, so a long is closed by SELL."""
    one = event.instrument
    closed = size(one, event.steps)
    return {
        "e": "forceOrder",
        "E": now_ms,
        "o": {
            "s": one.symbol,
            "S": "SELL" if event.side == "long" else "BUY",
            "o": "LIMIT",
            "f": "IOC",
            "q": closed,
            "p": price(one, event.bankruptcy_ticks),
            "ap": price(one, event.fill_ticks),
            "X": "FILLED",
            "l": closed,
            "z": closed,
            "T": event.ms,
            "ps": one.symbol,
            "st": 1,
        },
    }


def contract_type(one: SimInstrument) -> str:
    """`PERPETUAL`, or `TRADIFI_PERPETUAL` for one on a TradFi underlying."""
    return "TRADIFI_PERPETUAL" if one.tradfi else "PERPETUAL"


def contract_info(one: SimInstrument, status: str, now_ms: int) -> Words:
    """`contractInfo`."""
    return {
        "e": "contractInfo",
        "E": now_ms,
        "s": one.symbol,
        "ps": one.symbol,
        "ct": contract_type(one),
        "dt": DELIVERY_MS,
        "ot": one.listed_ms,
        "cs": STATUS[status],
        "st": 1,
    }
