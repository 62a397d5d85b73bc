"""Bybit's messages and REST rows, built from the market's records.

Used by the simulated exchange only. Fields, their order and their decimals are those of recorded traffic (2026-08-09;
REST 2023 to 2026) and, if nothing was recorded, of the v5 documentation (2026-07-24): linear writes all decimals of a
price or size, spot and candles omit trailing zeros.
"""

from __future__ import annotations

from typing import Any, Final

from engine.simulator.exchanges.books import Level
from engine.simulator.happenings import Bar, Liquidation, Trade
from engine.simulator.sim_instrument import SimInstrument, decimal_text
from engine.simulator.world import World

CATEGORY: Final = {"bybit-linear": "linear", "bybit-spot": "spot"}
PRODUCT: Final = {category: product for product, category in CATEGORY.items()}
FUNDING_CAP: Final = "0.005"
"""Published cap of the funding rate, in both directions."""
HOUR_MS: Final = 3_600_000
TOGETHER: Final = (
    ("bid1Price", "bid1Size"),
    ("ask1Price", "ask1Size"),
    ("openInterest", "singleOpenInterest"),
    ("openInterestValue", "singleOpenInterestValue"),
    ("turnover24h", "volume24h"),
)
"""Pairs of ticker fields that a delta always carries together (true of all 754 recorded deltas)."""


def trimmed(text: str) -> str:
    """A decimal without trailing zeros."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def rounded(text: str, decimals: int) -> str:
    """A non-negative amount with `decimals` decimals, rounded half up."""
    whole, _, part = text.partition(".")
    if len(part) <= decimals:
        return f"{whole}.{part:0<{decimals}}"
    return decimal_text(int(whole + part[:decimals]) + (part[decimals] >= "5"), decimals)


def price(instrument: SimInstrument, ticks: int) -> str:
    """A price in a book, trade or ticker."""
    text = instrument.price_text(ticks)
    return trimmed(text) if instrument.kind == "spot" else text


def size(instrument: SimInstrument, steps: int) -> str:
    """A size in a book, trade or ticker."""
    text = instrument.size_text(steps)
    return trimmed(text) if instrument.kind == "spot" else text


def levels(instrument: SimInstrument, sides: list[Level]) -> list[list[str]]:
    """`[price, size]` rows; a removed level has the size `0`."""
    return [[price(instrument, ticks), size(instrument, steps) if steps else "0"] for ticks, steps in sides]


def trade_id(trade: Trade) -> str:
    """The id of a fill: a UUID on linear, digits on spot."""
    if trade.instrument.kind == "spot":
        return str(2_290_000_000_000_000_000 + trade.instrument.index * 10**12 + trade.id)
    return f"{trade.instrument.index:08x}-51ab-5000-8000-{trade.id:012x}"


def trade_row(trade: Trade, direction: str) -> dict[str, Any]:
    """A row of `publicTrade`; `direction` is sent on linear only."""
    instrument = trade.instrument
    side = "Buy" if trade.buy else "Sell"
    paid, amount, name = price(instrument, trade.ticks), size(instrument, trade.steps), trade_id(trade)
    if instrument.kind == "spot":
        return {
            "i": name,
            "T": trade.ms,
            "p": paid,
            "v": amount,
            "S": side,
            "seq": trade.order,
            "s": instrument.symbol,
            "BT": False,
            "RPI": False,
        }
    return {
        "T": trade.ms,
        "s": instrument.symbol,
        "S": side,
        "v": amount,
        "p": paid,
        "L": direction,
        "i": name,
        "BT": False,
        "RPI": False,
        "seq": trade.order,
    }


def recent_row(trade: Trade) -> dict[str, Any]:
    """A row of `GET /v5/market/recent-trade`."""
    instrument = trade.instrument
    return {
        "execId": trade_id(trade),
        "symbol": instrument.symbol,
        "price": price(instrument, trade.ticks),
        "size": size(instrument, trade.steps),
        "side": "Buy" if trade.buy else "Sell",
        "time": str(trade.ms),
        "isBlockTrade": False,
        "isRPITrade": False,
        "seq": str(trade.order),
    }


def book(instrument: SimInstrument, bids: list[Level], asks: list[Level], update: int, seq: int) -> dict[str, Any]:
    """The data of an `orderbook` push."""
    return {
        "s": instrument.symbol,
        "b": levels(instrument, bids),
        "a": levels(instrument, asks),
        "u": update,
        "seq": seq,
    }


def kline(instrument: SimInstrument, bar: Bar, interval: str, now_ms: int) -> dict[str, Any]:
    """The data of a `kline` push."""
    _, open_, high, low, close, volume, turnover = kline_row(instrument, bar)
    return {
        "start": bar.open_ms,
        "end": bar.open_ms + bar.interval_ms - 1,
        "interval": interval,
        "open": open_,
        "close": close,
        "high": high,
        "low": low,
        "volume": volume,
        "turnover": turnover,
        "confirm": bar.closed,
        "timestamp": now_ms,
    }


def kline_row(instrument: SimInstrument, bar: Bar) -> list[str]:
    """A row of `GET /v5/market/kline`."""
    numbers = [instrument.price_text(ticks) for ticks in (bar.open, bar.high, bar.low, bar.close)]
    numbers += [instrument.size_text(bar.steps), instrument.quote_text(bar.quote)]
    return [str(bar.open_ms), *map(trimmed, numbers)]


def liquidation_row(event: Liquidation) -> dict[str, Any]:
    """A row of `allLiquidation`; the side is the position's."""
    return {
        "T": event.ms,
        "s": event.instrument.symbol,
        "S": "Buy" if event.side == "long" else "Sell",
        "v": event.instrument.size_text(event.steps),
        "p": event.instrument.price_text(event.bankruptcy_ticks),
    }


def rate(rate_e8: int) -> str:
    """A funding rate."""
    return trimmed(decimal_text(rate_e8, 8))


def spot_ticker(world: World, instrument: SimInstrument) -> dict[str, str]:
    """The data of `tickers` on spot, which has no quotes."""
    day = world.ticker_24h(instrument)
    return {
        "symbol": instrument.symbol,
        "lastPrice": price(instrument, day.last),
        "highPrice24h": price(instrument, day.high),
        "lowPrice24h": price(instrument, day.low),
        "prevPrice24h": price(instrument, day.open),
        "volume24h": size(instrument, day.steps),
        "turnover24h": trimmed(instrument.quote_text(day.quote)),
        "price24hPcnt": f"{_change(day.open, day.last):.4f}",
        "usdIndexPrice": price(instrument, day.last),
    }


def hour_ago(world: World, instrument: SimInstrument) -> str:
    """The price of an hour ago, empty if there was none. It changes once a minute, and costs a query of history."""
    ago = world.candles(instrument, "1m", 1, world.now_ms - HOUR_MS)
    return instrument.price_text(ago[-1].close) if ago else ""


def linear_ticker(world: World, instrument: SimInstrument, direction: str, ago: str) -> dict[str, str]:
    """The data of a full `tickers` push on linear; `ago` is from `hour_ago`. `openInterest` counts both sides."""
    day, mark = world.ticker_24h(instrument), world.mark(instrument)
    best, funding = world.best(instrument), world.funding(instrument)
    steps = world.open_interest(instrument)
    worth = instrument.quote_text(steps * mark.mark)
    return {
        "symbol": instrument.symbol,
        "tickDirection": direction,
        "price24hPcnt": f"{_change(day.open, day.last):.6f}",
        "lastPrice": instrument.price_text(day.last),
        "prevPrice24h": instrument.price_text(day.open),
        "highPrice24h": instrument.price_text(day.high),
        "lowPrice24h": instrument.price_text(day.low),
        "prevPrice1h": ago,
        "markPrice": instrument.fine_text(mark.mark),
        "indexPrice": instrument.fine_text(mark.index),
        "openInterest": instrument.size_text(2 * steps),
        "openInterestValue": _hundredth(worth, 2),
        "turnover24h": rounded(instrument.quote_text(day.quote), 4),
        "volume24h": rounded(instrument.size_text(day.steps), 4),
        "fundingIntervalHour": str(funding.interval_h),
        "fundingCap": FUNDING_CAP,
        "singleOpenInterest": instrument.size_text(steps),
        "singleOpenInterestValue": _hundredth(worth, 1),
        "nextFundingTime": str(funding.next_ms),
        "fundingRate": rate(funding.rate_e8),
        "bid1Price": instrument.price_text(best.bid) if best.bid_steps else "",
        "bid1Size": instrument.size_text(best.bid_steps) if best.bid_steps else "",
        "ask1Price": instrument.price_text(best.ask) if best.ask_steps else "",
        "ask1Size": instrument.size_text(best.ask_steps) if best.ask_steps else "",
        "preOpenPrice": "",
        "preQty": "",
        "curPreListingPhase": "",
    }


def ticker_delta(before: dict[str, str], after: dict[str, str]) -> dict[str, str]:
    """The fields of a delta besides the symbol; empty if nothing changed."""
    changed = {name for name, value in after.items() if before.get(name) != value}
    for pair in TOGETHER:
        if not changed.isdisjoint(pair):
            changed.update(pair)
    return {name: value for name, value in after.items() if name in changed}


def ticker_row(world: World, instrument: SimInstrument) -> dict[str, str]:
    """A row of `GET /v5/market/tickers`: on spot with quotes too, on linear without the tick direction."""
    if instrument.kind == "spot":
        best = world.best(instrument)
        return {
            "symbol": instrument.symbol,
            "bid1Price": price(instrument, best.bid),
            "bid1Size": size(instrument, best.bid_steps),
            "ask1Price": price(instrument, best.ask),
            "ask1Size": size(instrument, best.ask_steps),
            **spot_ticker(world, instrument),
        }
    row = linear_ticker(world, instrument, "", hour_ago(world, instrument))
    del row["tickDirection"]
    dated = ("predictedDeliveryPrice", "basis", "basisRate", "basisRateYear", "deliveryFeeRate")
    return {**row, **dict.fromkeys(dated, ""), "deliveryTime": "0"}


def _change(before: int, now: int) -> float:
    return (now - before) / before if before else 0.0


def _hundredth(worth: str, times: int) -> str:
    """`times` a value given in hundredths, with two decimals."""
    whole, _, part = worth.partition(".")
    units = times * int(whole + part)
    return rounded(decimal_text(units, len(part) + 2), 2)
