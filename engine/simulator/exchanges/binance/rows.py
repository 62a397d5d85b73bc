"""Rows of Binance's REST answers, built from the market's records.

Used by `answers`. Field names are those of recorded answers of 2020 to 2025 and of the official SDK 17.2.0
(2026-08-21); their order is that of the documentation, because the recorder sorted them.
"""

from __future__ import annotations

from typing import Any, Final

from engine.simulator.exchanges.binance.amounts import (
    eight,
    fine,
    is_usdm,
    mean_price,
    percent,
    price,
    size,
    value,
)
from engine.simulator.exchanges.binance.words import DELIVERY_MS, STATUS, Words, agg_trade, contract_type
from engine.simulator.exchanges.fills import fills
from engine.simulator.happenings import Bar, Best, FundingSettled, Ticker, Trade
from engine.simulator.sim_instrument import SimInstrument
from engine.simulator.world import World

_UNDERLYING: Final = {"crypto": "COIN", "stock": "EQUITY", "metal": "COMMODITY", "forex": "FOREX"}
_ORDERS: Final = ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"]
_SPOT_ORDERS: Final = [
    "LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT",
]  # fmt: skip
_PREVENTION: Final = ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"]
_SPOT_STATUS: Final = {"trading": "TRADING", "pending": "BREAK", "delisted": "BREAK"}


def aggregate(trade: Trade) -> Words:
    """A row of `aggTrades`."""
    said = agg_trade(trade)
    names = ("a", "p", "q", "nq", "f", "l", "T", "m") if is_usdm(trade.instrument) else tuple("apqflTmM")
    return {name: said[name] for name in names}


def singles(trade: Trade) -> list[Words]:
    """Rows of `trades`, one per single fill."""
    one = trade.instrument
    more: Words = {} if is_usdm(one) else {"isBestMatch": True}
    return [
        {
            "id": number,
            "price": price(one, trade.ticks),
            "qty": size(one, steps),
            "quoteQty": value(one, trade.ticks * steps),
            "time": trade.ms,
            "isBuyerMaker": not trade.buy,
            **more,
        }
        for number, steps in fills(trade)
    ]


def kline(one: SimInstrument, bar: Bar) -> list[Any]:
    """A row of `klines`."""
    return [
        bar.open_ms,
        price(one, bar.open),
        price(one, bar.high),
        price(one, bar.low),
        price(one, bar.close),
        size(one, bar.steps),
        bar.open_ms + bar.interval_ms - 1,
        value(one, bar.quote),
        bar.trades,
        size(one, bar.buy_steps),
        value(one, bar.buy_quote),
        "0",
    ]


def ticker(one: SimInstrument, day: Ticker, quote: Best) -> Words:
    """A row of `ticker/24hr`; with best quotes on spot, without on futures."""
    said: Words = {
        "symbol": one.symbol,
        "priceChange": price(one, day.last - day.open),
        "priceChangePercent": percent(day),
        "weightedAvgPrice": mean_price(one, day),
    }
    if not is_usdm(one):
        said["prevClosePrice"] = price(one, day.open)
    said |= {"lastPrice": price(one, day.last), "lastQty": size(one, day.last_steps)}
    if not is_usdm(one):
        said |= _quotes(one, quote)
    return said | {
        "openPrice": price(one, day.open),
        "highPrice": price(one, day.high),
        "lowPrice": price(one, day.low),
        "volume": size(one, day.steps),
        "quoteVolume": value(one, day.quote),
        "openTime": day.open_ms,
        "closeTime": day.ms,
        "firstId": day.first_id,
        "lastId": day.last_id,
        "count": day.trades,
    }


def _quotes(one: SimInstrument, quote: Best) -> Words:
    return {
        "bidPrice": price(one, quote.bid),
        "bidQty": size(one, quote.bid_steps),
        "askPrice": price(one, quote.ask),
        "askQty": size(one, quote.ask_steps),
    }


def book_ticker(one: SimInstrument, quote: Best) -> Words:
    """A row of `ticker/bookTicker`."""
    said: Words = {"symbol": one.symbol, **_quotes(one, quote)}
    return said | ({"time": quote.ms, "lastUpdateId": quote.update_id} if is_usdm(one) else {})


def premium(world: World, one: SimInstrument, now_ms: int) -> Words:
    """A row of `premiumIndex`."""
    held, funding = world.mark(one), world.funding(one)
    return {
        "symbol": one.symbol,
        "markPrice": fine(one, held.mark),
        "indexPrice": fine(one, held.index),
        "estimatedSettlePrice": fine(one, held.mark),
        "lastFundingRate": f"{funding.rate_e8 / 1e8:.8f}",
        "interestRate": "0.00010000",
        "nextFundingTime": funding.next_ms,
        "time": now_ms,
    }


def settled(event: FundingSettled) -> Words:
    """A row of `fundingRate`."""
    return {
        "symbol": event.instrument.symbol,
        "fundingTime": event.ms,
        "fundingRate": f"{event.rate_e8 / 1e8:.8f}",
        "markPrice": fine(event.instrument, event.mark),
        "rateType": "Regular",
    }


def contract(one: SimInstrument, status: str) -> Words:
    """A row of `exchangeInfo.symbols` on USD-M."""
    return {
        "symbol": one.symbol,
        "pair": one.symbol,
        "contractType": contract_type(one),
        "deliveryDate": DELIVERY_MS,
        "onboardDate": one.listed_ms,
        "status": STATUS[status],
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": one.base,
        "quoteAsset": one.quote,
        "marginAsset": one.quote,
        "pricePrecision": one.price_decimals,
        "quantityPrecision": one.size_decimals,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": _UNDERLYING[one.symbol_type],
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10000,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": one.tick, "maxPrice": "1000000", "tickSize": one.tick},
            {"filterType": "LOT_SIZE", "minQty": one.step, "maxQty": "1000000000", "stepSize": one.step},
            {"filterType": "MARKET_LOT_SIZE", "minQty": one.step, "maxQty": "10000000", "stepSize": one.step},
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 10},
            {"filterType": "MIN_NOTIONAL", "notional": "5"},
            {
                "filterType": "PERCENT_PRICE",
                "multiplierUp": "1.0500",
                "multiplierDown": "0.9500",
                "multiplierDecimal": "4",
            },
        ],
        "orderTypes": _ORDERS,
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
        "permissionSets": ["GRID", "COPY"],
    }


def pair(one: SimInstrument, status: str) -> Words:
    """A row of `exchangeInfo.symbols` on spot."""
    tick, step, least = eight(one.tick), eight(one.step), "0.00000000"
    return {
        "symbol": one.symbol,
        "status": _SPOT_STATUS[status],
        "baseAsset": one.base,
        "baseAssetPrecision": 8,
        "quoteAsset": one.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": _SPOT_ORDERS,
        "icebergAllowed": True,
        "ocoAllowed": True,
        "otoAllowed": True,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000.00000000", "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": step, "maxQty": "1000000000.00000000", "stepSize": step},
            {"filterType": "MARKET_LOT_SIZE", "minQty": least, "maxQty": "10000000.00000000", "stepSize": least},
            {
                "filterType": "NOTIONAL",
                "minNotional": "5.00000000",
                "applyMinToMarket": True,
                "maxNotional": "9000000.00000000",
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": _PREVENTION,
    }
