"""What OKX's messages and answers look like: the market's records in its words.

Used by the simulated exchange only. Nearly everything is text on this wire; swaps are counted in contracts (OKX v5
documentation, 2026-07).
"""

from __future__ import annotations

from typing import Any, Final

from engine.simulator.exchanges.books import Level
from engine.simulator.happenings import Bar, Liquidation, Trade
from engine.simulator.sim_instrument import SimInstrument
from engine.simulator.world import World

Words = dict[str, Any]
STATE: Final = {"trading": "live", "pending": "preopen", "delisted": "suspend"}
_CATEGORY: Final = {"crypto": "1", "stock": "3", "metal": "4", "forex": "6"}


def product(one: SimInstrument) -> str:
    """`SWAP` or `SPOT`."""
    return "SWAP" if one.kind == "perp" else "SPOT"


def trade(event: Trade) -> Words:
    """A row of `trades`: one taker order at one price, joined."""
    one = event.instrument
    return {
        "instId": one.symbol,
        "tradeId": str(event.last),
        "px": one.price_text(event.ticks),
        "sz": one.size_text(event.steps),
        "side": "buy" if event.buy else "sell",
        "ts": str(event.ms),
        "count": str(event.last - event.first + 1),
        "source": "0",
        "seqId": event.id,
    }


def rows(one: SimInstrument, levels: list[Level]) -> list[list[str]]:
    """`[price, size, "0", orders]`."""
    price, size = one.price_text, one.size_text
    return [[price(ticks), size(steps) if steps else "0", "0", "1" if steps else "0"] for ticks, steps in levels]


def ticker(world: World, one: SimInstrument, now_ms: int) -> Words:
    """A row of `tickers`: `vol24h` in contracts (spot: base), `volCcy24h` in base (spot: quote)."""
    day, best = world.ticker_24h(one), world.best(one)
    base = one.base_text(day.steps)
    return {
        "instType": product(one),
        "instId": one.symbol,
        "last": one.price_text(day.last),
        "lastSz": one.size_text(day.last_steps),
        "askPx": one.price_text(best.ask) if best.ask_steps else "",
        "askSz": one.size_text(best.ask_steps) if best.ask_steps else "",
        "bidPx": one.price_text(best.bid) if best.bid_steps else "",
        "bidSz": one.size_text(best.bid_steps) if best.bid_steps else "",
        "open24h": one.price_text(day.open),
        "high24h": one.price_text(day.high),
        "low24h": one.price_text(day.low),
        "sodUtc0": one.price_text(day.open),
        "sodUtc8": one.price_text(day.open),
        "volCcy24h": base if one.kind == "perp" else one.quote_text(day.quote),
        "vol24h": one.size_text(day.steps),
        "ts": str(now_ms),
    }


def candle(one: SimInstrument, bar: Bar) -> list[str]:
    """`[ts, o, h, l, c, vol, volCcy, volCcyQuote, confirm]`."""
    price = one.price_text
    quote = one.quote_text(bar.quote)
    return [
        str(bar.open_ms),
        price(bar.open),
        price(bar.high),
        price(bar.low),
        price(bar.close),
        one.size_text(bar.steps),
        one.base_text(bar.steps) if one.kind == "perp" else quote,
        quote,
        "1" if bar.closed else "0",
    ]


def mark(world: World, one: SimInstrument, now_ms: int) -> Words:
    """A row of `mark-price`."""
    return {
        "instId": one.symbol,
        "instType": "SWAP",
        "markPx": one.fine_text(world.mark(one).mark),
        "ts": str(now_ms),
    }


def index(world: World, one: SimInstrument, now_ms: int) -> Words:
    """A row of `index-tickers`, named after the pair."""
    price = one.fine_text(world.mark(one).index)
    named = f"{one.base}-{one.quote}"
    return {
        "instId": named, "idxPx": price, "open24h": price, "high24h": price, "low24h": price, "sodUtc0": price,
        "sodUtc8": price, "ts": str(now_ms),
    }  # fmt: skip


def funding(world: World, one: SimInstrument, now_ms: int) -> Words:
    """A row of `funding-rate`: the forecast for `fundingTime`."""
    held = world.funding(one)
    length = held.interval_h * 3_600_000
    return {
        "instType": "SWAP",
        "instId": one.symbol,
        "method": "current_period",
        "formulaType": "withRate",
        "fundingRate": f"{held.rate_e8 / 1e8:.10f}",
        "nextFundingRate": "",
        "fundingTime": str(held.next_ms),
        "nextFundingTime": str(held.next_ms + length),
        "minFundingRate": "-0.02",
        "maxFundingRate": "0.02",
        "settState": "settled",
        "settFundingRate": f"{held.last_rate_e8 / 1e8:.10f}",
        "premium": "0",
        "prevFundingTime": str(held.next_ms - length),
        "ts": str(now_ms),
    }


def open_interest(world: World, one: SimInstrument, now_ms: int) -> Words:
    """A row of `open-interest`: contracts, base currency and dollars."""
    steps = world.open_interest(one)
    usd = steps * one.quote_unit * world.mark(one).mark / 100
    return {
        "instType": "SWAP",
        "instId": one.symbol,
        "oi": one.size_text(steps),
        "oiCcy": one.base_text(steps),
        "oiUsd": f"{usd:.10f}",
        "ts": str(now_ms),
    }


def liquidation(event: Liquidation) -> Words:
    """A row of `liquidation-orders`: the side is the closing order's."""
    one, long = event.instrument, event.side == "long"
    detail = {
        "bkLoss": "0",
        "bkPx": one.price_text(event.bankruptcy_ticks),
        "ccy": "",
        "posSide": event.side,
        "side": "sell" if long else "buy",
        "sz": one.size_text(event.steps),
        "ts": str(event.ms),
    }
    family = f"{one.base}-{one.quote}"
    return {"details": [detail], "instFamily": family, "instId": one.symbol, "instType": "SWAP", "uly": family}


def listed(one: SimInstrument, status: str) -> Words:
    """A row of `instruments`."""
    swap = one.kind == "perp"
    family = f"{one.base}-{one.quote}"
    return {
        "alias": "",
        "baseCcy": "" if swap else one.base,
        "category": "1",
        "contTdSwTime": str(one.listed_ms),
        "ctMult": "1" if swap else "",
        "ctType": "linear" if swap else "",
        "ctVal": one.contract_size if swap else "",
        "ctValCcy": one.base if swap else "",
        "expTime": "",
        "instCategory": _CATEGORY[one.symbol_type],
        "instFamily": family if swap else "",
        "instId": one.symbol,
        "instType": product(one),
        "lever": str(one.max_leverage) if swap else "",
        "listTime": str(one.listed_ms),
        "lotSz": one.step,
        "minSz": one.step,
        "openType": "fix_price" if swap else "call_auction",
        "optType": "",
        "preMktSwTime": "",
        "quoteCcy": "" if swap else one.quote,
        "ruleType": "normal",
        "settleCcy": one.quote if swap else "",
        "state": STATE[status],
        "stk": "",
        "tickSz": one.tick,
        "uly": family if swap else "",
        "upcChg": [],
    }
