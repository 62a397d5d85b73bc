"""OKX's messages and REST rows, built from the market's records.

Used by the simulated exchange only. Nearly every value is text, without trailing zeros except in funding rates; swap
sizes are in contracts. Names and order are as recorded (streams 2021 and 2022, REST 2026-09), plus the additions of the
documentation of 2026-07.
"""

from __future__ import annotations

from typing import Any, Final

from engine.simulator.exchanges.books import Level
from engine.simulator.exchanges.fills import fills
from engine.simulator.exchanges.okx.sessions import SessionOpens
from engine.simulator.happenings import Bar, FundingSettled, Liquidation, Trade
from engine.simulator.sim_instrument import SimInstrument
from engine.simulator.world import World

Words = dict[str, Any]
STATE: Final = {"trading": "live", "pending": "preopen", "delisted": "suspend"}
_CATEGORY: Final = {"crypto": "1", "stock": "3", "metal": "4", "forex": "6"}
_MOST: Final = "999999999"
"""Published maximum order size of each kind; has no effect here."""


def product(one: SimInstrument) -> str:
    """`SWAP` or `SPOT`."""
    return "SWAP" if one.kind == "perp" else "SPOT"


def family(one: SimInstrument) -> str:
    """Instrument family (`BTC-USDT`); also the id of the index."""
    return f"{one.base}-{one.quote}"


def trimmed(text: str) -> str:
    """A decimal without trailing zeros."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def price(one: SimInstrument, ticks: int) -> str:
    """A price in quote currency."""
    return trimmed(one.price_text(ticks))


def size(one: SimInstrument, steps: int) -> str:
    """A size in contracts, on spot in base currency."""
    return trimmed(one.size_text(steps))


def fine(one: SimInstrument, hundredths: int) -> str:
    """A mark or index price, given in hundredths of a tick."""
    return trimmed(one.fine_text(hundredths))


def base(one: SimInstrument, steps: int) -> str:
    """A size in base currency."""
    return trimmed(one.base_text(steps))


def quote(one: SimInstrument, tick_steps: int) -> str:
    """An amount of quote currency."""
    return trimmed(one.quote_text(tick_steps))


def rate(rate_e8: int) -> str:
    """A funding rate."""
    return f"{rate_e8 / 1e8:.16f}"


def trade(event: Trade) -> Words:
    """A row of `trades`: the fills of one taker order at one price, joined."""
    one = event.instrument
    return {
        "instId": one.symbol,
        "tradeId": str(event.last),
        "px": price(one, event.ticks),
        "sz": size(one, event.steps),
        "side": "buy" if event.buy else "sell",
        "ts": str(event.ms),
        "count": str(event.last - event.first + 1),
        "source": "0",
        "seqId": event.id,
    }


def singles(event: Trade) -> list[Words]:
    """Rows of `trades-all`, one per fill."""
    one = event.instrument
    return [
        {
            "instId": one.symbol,
            "tradeId": str(number),
            "px": price(one, event.ticks),
            "sz": size(one, steps),
            "side": "buy" if event.buy else "sell",
            "ts": str(event.ms),
            "source": "0",
        }
        for number, steps in fills(event)
    ]


def rows(one: SimInstrument, levels: list[Level]) -> list[list[str]]:
    """`[price, size, "0", orders]`."""
    return [
        [price(one, ticks), size(one, steps) if steps else "0", "0", "1" if steps else "0"] for ticks, steps in levels
    ]


def ticker(world: World, opens: SessionOpens, one: SimInstrument, now_ms: int) -> Words:
    """A row of `tickers`: `vol24h` in contracts (spot: base), `volCcy24h` in base (spot: quote)."""
    day, best = world.ticker_24h(one), world.best(one)
    utc, eastern = opens.of(one, now_ms)
    return {
        "instType": product(one),
        "instId": one.symbol,
        "last": price(one, day.last),
        "lastSz": size(one, day.last_steps),
        "askPx": price(one, best.ask) if best.ask_steps else "",
        "askSz": size(one, best.ask_steps) if best.ask_steps else "",
        "bidPx": price(one, best.bid) if best.bid_steps else "",
        "bidSz": size(one, best.bid_steps) if best.bid_steps else "",
        "open24h": price(one, day.open),
        "high24h": price(one, day.high),
        "low24h": price(one, day.low),
        "sodUtc0": price(one, utc),
        "sodUtc8": price(one, eastern),
        "volCcy24h": base(one, day.steps) if one.kind == "perp" else quote(one, day.quote),
        "vol24h": size(one, day.steps),
        "ts": str(now_ms),
    }


def candle(one: SimInstrument, bar: Bar) -> list[str]:
    """`[ts, o, h, l, c, vol, volCcy, volCcyQuote, confirm]`."""
    valued = quote(one, bar.quote)
    return [
        str(bar.open_ms),
        price(one, bar.open),
        price(one, bar.high),
        price(one, bar.low),
        price(one, bar.close),
        size(one, bar.steps),
        base(one, bar.steps) if one.kind == "perp" else valued,
        valued,
        "1" if bar.closed else "0",
    ]


def mark(world: World, one: SimInstrument, now_ms: int) -> Words:
    """A row of `mark-price`."""
    return {
        "instId": one.symbol,
        "instType": "SWAP",
        "markPx": fine(one, world.mark(one).mark),
        "ts": str(now_ms),
    }


def index(world: World, one: SimInstrument, now_ms: int) -> Words:
    """A row of `index-tickers`, named after the pair. The market keeps no index history: all prices are the current."""
    now = fine(one, world.mark(one).index)
    return {
        "instId": family(one), "idxPx": now, "open24h": now, "high24h": now, "low24h": now, "sodUtc0": now,
        "sodUtc8": now, "ts": str(now_ms),
    }  # fmt: skip


def funding(world: World, one: SimInstrument, now_ms: int) -> Words:
    """A row of `funding-rate`: the forecast for `fundingTime`."""
    held, marked = world.funding(one), world.mark(one)
    length = held.interval_h * 3_600_000
    return {
        "formulaType": "withRate",
        "fundingRate": rate(held.rate_e8),
        "fundingTime": str(held.next_ms),
        "impactValue": "20000.0000000000000000",
        "instId": one.symbol,
        "instType": "SWAP",
        "interestRate": "0.0001000000000000",
        "maxFundingRate": "0.02",
        "method": "current_period",
        "minFundingRate": "-0.02",
        "nextFundingRate": "",
        "nextFundingTime": str(held.next_ms + length),
        "premium": trimmed(f"{(marked.mark - marked.index) / marked.index if marked.index else 0:.16f}"),
        "prevFundingTime": str(held.next_ms - length),
        "settFundingRate": rate(held.last_rate_e8),
        "settState": "settled",
        "ts": str(now_ms),
    }


def settled(event: FundingSettled) -> Words:
    """A row of `funding-rate-history`."""
    return {
        "formulaType": "withRate",
        "fundingRate": rate(event.rate_e8),
        "fundingTime": str(event.ms),
        "instId": event.instrument.symbol,
        "instType": "SWAP",
        "method": "current_period",
        "realizedRate": rate(event.rate_e8),
    }


def open_interest(world: World, one: SimInstrument, now_ms: int) -> Words:
    """A row of `open-interest`: contracts, base currency and dollars."""
    steps = world.open_interest(one)
    return {
        "instId": one.symbol,
        "instType": "SWAP",
        "oi": size(one, steps),
        "oiCcy": base(one, steps),
        "oiUsd": dollars(one, steps, world.mark(one).mark),
        "ts": str(now_ms),
    }


def dollars(one: SimInstrument, steps: int, hundredths: int) -> str:
    """Dollar value of contracts at a mark price, given in hundredths of a tick."""
    return trimmed(f"{steps * one.quote_unit * hundredths / 100:.10f}")


def liquidation(event: Liquidation) -> Words:
    """A row of `liquidation-orders`; the side is the closing order's."""
    one, long = event.instrument, event.side == "long"
    detail = {
        "bkLoss": "0",
        "bkPx": price(one, event.bankruptcy_ticks),
        "ccy": "",
        "posSide": event.side,
        "side": "sell" if long else "buy",
        "sz": size(one, event.steps),
        "ts": str(event.ms),
    }
    return {
        "details": [detail],
        "instFamily": family(one),
        "instId": one.symbol,
        "instType": "SWAP",
        "uly": family(one),
    }


def listed(one: SimInstrument, status: str) -> Words:
    """A row of `instruments`."""
    swap = one.kind == "perp"
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
        "instFamily": family(one) if swap else "",
        "instId": one.symbol,
        "instType": product(one),
        "lever": str(one.max_leverage) if swap else "",
        "listTime": str(one.listed_ms),
        "lotSz": one.step,
        "maxIcebergSz": _MOST,
        "maxLmtSz": _MOST,
        "maxMktSz": _MOST,
        "maxStopSz": _MOST,
        "maxTriggerSz": _MOST,
        "maxTwapSz": _MOST,
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
        "uly": family(one) if swap else "",
        "upcChg": [],
    }
