"""What Bybit's messages and answers look like: the market's records in its words.

Used by the simulated exchange only. Field names and types as on the wire (Bybit v5 documentation, 2026-07-24).
"""

from __future__ import annotations

from typing import Any, Final

from engine.simulator.exchanges.books import Level, rows
from engine.simulator.happenings import Bar, Liquidation, Trade
from engine.simulator.sim_instrument import SimInstrument
from engine.simulator.world import World

CATEGORY: Final = {"bybit-linear": "linear", "bybit-spot": "spot"}
PRODUCT: Final = {category: product for product, category in CATEGORY.items()}


def trade_id(trade: Trade) -> str:
    """The id of a fill: a UUID on linear, digits on spot."""
    if trade.instrument.kind == "spot":
        return str(2_290_000_000_000_000_000 + trade.instrument.index * 10**12 + trade.id)
    return f"{trade.instrument.index:08x}-51ab-5000-8000-{trade.id:012x}"


def trade_row(trade: Trade) -> dict[str, Any]:
    """A row of `publicTrade`."""
    instrument = trade.instrument
    row = {
        "T": trade.ms,
        "s": instrument.symbol,
        "S": "Buy" if trade.buy else "Sell",
        "v": instrument.size_text(trade.steps),
        "p": instrument.price_text(trade.ticks),
        "i": trade_id(trade),
        "BT": False,
        "RPI": False,
        "seq": trade.order,
    }
    if instrument.kind == "perp":
        row["L"] = "PlusTick" if trade.buy else "MinusTick"
    return row


def book(instrument: SimInstrument, bids: list[Level], asks: list[Level], update: int, seq: int) -> dict[str, Any]:
    """The data of an `orderbook` push."""
    return {"s": instrument.symbol, "b": rows(instrument, bids), "a": rows(instrument, asks), "u": update, "seq": seq}


def kline(instrument: SimInstrument, bar: Bar, interval: str, now_ms: int) -> dict[str, Any]:
    """The data of a `kline` push."""
    return {
        "start": bar.open_ms,
        "end": bar.open_ms + bar.interval_ms - 1,
        "interval": interval,
        "open": instrument.price_text(bar.open),
        "close": instrument.price_text(bar.close),
        "high": instrument.price_text(bar.high),
        "low": instrument.price_text(bar.low),
        "volume": instrument.size_text(bar.steps),
        "turnover": instrument.quote_text(bar.quote),
        "confirm": bar.closed,
        "timestamp": now_ms,
    }


def kline_row(instrument: SimInstrument, bar: Bar) -> list[str]:
    """A row of `GET /v5/market/kline`."""
    price = instrument.price_text
    return [
        str(bar.open_ms),
        price(bar.open),
        price(bar.high),
        price(bar.low),
        price(bar.close),
        instrument.size_text(bar.steps),
        instrument.quote_text(bar.quote),
    ]


def liquidation_row(event: Liquidation) -> dict[str, Any]:
    """A row of `allLiquidation`: the side is the position's."""
    return {
        "T": event.ms,
        "s": event.instrument.symbol,
        "S": "Buy" if event.side == "long" else "Sell",
        "v": event.instrument.size_text(event.steps),
        "p": event.instrument.price_text(event.bankruptcy_ticks),
    }


def ticker(world: World, instrument: SimInstrument) -> dict[str, str]:
    """All fields of a ticker, as texts; linear has quotes, mark and open interest, spot has not."""
    day = world.ticker_24h(instrument)
    change = (day.last - day.open) / day.open if day.open else 0.0
    fields = {
        "symbol": instrument.symbol,
        "price24hPcnt": f"{change:.6f}",
        "lastPrice": instrument.price_text(day.last),
        "prevPrice24h": instrument.price_text(day.open),
        "highPrice24h": instrument.price_text(day.high),
        "lowPrice24h": instrument.price_text(day.low),
        "turnover24h": instrument.quote_text(day.quote),
        "volume24h": instrument.size_text(day.steps),
    }
    if instrument.kind == "spot":
        return {**fields, "usdIndexPrice": instrument.price_text(day.last)}
    mark, best, funding = world.mark(instrument), world.best(instrument), world.funding(instrument)
    steps = world.open_interest(instrument)
    worth = steps * instrument.step_base * mark.mark / 100 * instrument.tick_size
    quotes = {
        "bid1Price": instrument.price_text(best.bid) if best.bid_steps else "",
        "bid1Size": instrument.size_text(best.bid_steps) if best.bid_steps else "",
        "ask1Price": instrument.price_text(best.ask) if best.ask_steps else "",
        "ask1Size": instrument.size_text(best.ask_steps) if best.ask_steps else "",
    }
    return {
        **fields,
        "tickDirection": "ZeroPlusTick",
        "prevPrice1h": instrument.price_text(day.last),
        "markPrice": instrument.fine_text(mark.mark),
        "indexPrice": instrument.fine_text(mark.index),
        "openInterest": instrument.size_text(2 * steps),
        "openInterestValue": f"{2 * worth:.4f}",
        "singleOpenInterest": instrument.size_text(steps),
        "singleOpenInterestValue": f"{worth:.4f}",
        "nextFundingTime": str(funding.next_ms),
        "fundingRate": f"{funding.rate_e8 / 1e8:.8f}",
        "fundingIntervalHour": str(funding.interval_h),
        **quotes,
    }


def listed(instrument: SimInstrument, status: str) -> dict[str, Any]:
    """A row of `instruments-info`."""
    word = {"trading": "Trading", "pending": "PreLaunch", "delisted": "Closed"}[status]
    common = {"symbol": instrument.symbol, "baseCoin": instrument.base, "quoteCoin": instrument.quote, "status": word}
    if instrument.kind == "spot":
        return {
            **common,
            "innovation": "0",
            "marginTrading": "none",
            "lotSizeFilter": {
                "basePrecision": instrument.step,
                "quotePrecision": "0.00000001",
                "minOrderQty": instrument.step,
            },
            "priceFilter": {"tickSize": instrument.tick},
        }
    kinds = {"crypto": "", "stock": "stock", "metal": "commodity", "forex": "forex"}
    row = {
        **common,
        "contractType": "LinearPerpetual",
        "launchTime": str(instrument.listed_ms),
        "deliveryTime": "0",
        "priceScale": str(instrument.price_decimals),
        "leverageFilter": {"minLeverage": "1", "maxLeverage": f"{instrument.max_leverage}.00", "leverageStep": "0.01"},
        "priceFilter": {"minPrice": instrument.tick, "maxPrice": "1999999.8", "tickSize": instrument.tick},
        "lotSizeFilter": {"maxOrderQty": "1190000", "minOrderQty": instrument.step, "qtyStep": instrument.step},
        "unifiedMarginTrade": True,
        "fundingInterval": instrument.funding_interval_h * 60,
        "settleCoin": instrument.quote,
        "copyTrading": "both",
        "symbolType": kinds[instrument.symbol_type],
        "isPreListing": status == "pending",
    }
    if status == "pending":
        row["preListingInfo"] = {"curAuctionPhase": "NotStarted", "phases": []}
    return row
