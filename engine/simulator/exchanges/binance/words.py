"""What Binance's messages and answers look like: the market's records in its words.

Used by the simulated exchange only. Field names and types as on the wire (official SDK 17.2.0, 2026-08-21; spot
documentation, 2026-07-21): texts for amounts, numbers for times and ids.
"""

from __future__ import annotations

from typing import Any, Final

from engine.simulator.exchanges.books import Level, rows
from engine.simulator.happenings import Bar, Best, Liquidation, Ticker, Trade
from engine.simulator.sim_instrument import SimInstrument, SimVenue
from engine.simulator.world import World

USDM: Final[SimVenue] = "binance-usdm"
SPOT: Final[SimVenue] = "binance-spot"
Words = dict[str, Any]


def is_usdm(instrument: SimInstrument) -> bool:
    """Whether it is a contract; spot messages lack some fields."""
    return instrument.venue == USDM


def agg_trade(trade: Trade) -> Words:
    """`aggTrade`."""
    one = trade.instrument
    size = one.size_text(trade.steps)
    words: Words = {
        "e": "aggTrade",
        "E": trade.ms,
        "s": one.symbol,
        "a": trade.id,
        "p": one.price_text(trade.ticks),
        "q": size,
        "f": trade.first,
        "l": trade.last,
        "T": trade.ms,
        "m": not trade.buy,
    }
    return words | ({"nq": size, "st": 1} if is_usdm(one) else {"M": True})


def agg_trade_row(trade: Trade) -> Words:
    """A row of `aggTrades`."""
    words = agg_trade(trade)
    keys = (
        ("a", "p", "q", "nq", "f", "l", "T", "m")
        if is_usdm(trade.instrument)
        else ("a", "p", "q", "f", "l", "T", "m", "M")
    )
    return {key: words[key] for key in keys}


def best(quote: Best) -> Words:
    """`bookTicker`; on spot without event name and time."""
    one = quote.instrument
    words: Words = {
        "u": quote.update_id,
        "s": one.symbol,
        "b": one.price_text(quote.bid),
        "B": one.size_text(quote.bid_steps),
        "a": one.price_text(quote.ask),
        "A": one.size_text(quote.ask_steps),
    }
    if not is_usdm(one):
        return words
    return {"e": "bookTicker", **words, "ps": one.symbol, "T": quote.ms, "E": quote.ms, "st": 1}


def depth(
    one: SimInstrument, ms: int, first: int, last: int, before: int, bids: list[Level], asks: list[Level]
) -> Words:
    """`depthUpdate`; `before` is the last id of the event before it, which only USD-M states."""
    words: Words = {"e": "depthUpdate", "E": ms}
    if is_usdm(one):
        words |= {"T": ms, "s": one.symbol, "ps": one.symbol, "U": first, "u": last, "pu": before}
    else:
        words |= {"s": one.symbol, "U": first, "u": last}
    words |= {"b": rows(one, bids), "a": rows(one, asks)}
    return words | ({"st": 1} if is_usdm(one) else {})


def kline(one: SimInstrument, bar: Bar, interval: str, now_ms: int) -> Words:
    """`kline`."""
    return {
        "e": "kline",
        "E": now_ms,
        "s": one.symbol,
        "k": {
            "t": bar.open_ms,
            "T": bar.open_ms + bar.interval_ms - 1,
            "s": one.symbol,
            "i": interval,
            "f": -1,
            "L": -1,
            "o": one.price_text(bar.open),
            "c": one.price_text(bar.close),
            "h": one.price_text(bar.high),
            "l": one.price_text(bar.low),
            "v": one.size_text(bar.steps),
            "n": bar.trades,
            "x": bar.closed,
            "q": one.quote_text(bar.quote),
            "V": one.size_text(bar.buy_steps),
            "Q": one.quote_text(bar.buy_quote),
            "B": "0",
        },
    } | ({"st": 1} if is_usdm(one) else {})


def kline_row(one: SimInstrument, bar: Bar) -> list[Any]:
    """A row of `klines`."""
    price, size, quote = one.price_text, one.size_text, one.quote_text
    return [
        bar.open_ms,
        price(bar.open),
        price(bar.high),
        price(bar.low),
        price(bar.close),
        size(bar.steps),
        bar.open_ms + bar.interval_ms - 1,
        quote(bar.quote),
        bar.trades,
        size(bar.buy_steps),
        quote(bar.buy_quote),
        "0",
    ]


def mark(world: World, one: SimInstrument, now_ms: int) -> Words:
    """`markPriceUpdate`."""
    held, funding = world.mark(one), world.funding(one)
    price = one.fine_text(held.mark)
    return {
        "e": "markPriceUpdate",
        "E": now_ms,
        "s": one.symbol,
        "p": price,
        "ap": price,
        "P": price,
        "i": one.fine_text(held.index),
        "r": f"{funding.rate_e8 / 1e8:.8f}",
        "T": funding.next_ms,
        "st": 1,
    }


def _day(one: SimInstrument, day: Ticker) -> Words:
    return {
        "c": one.price_text(day.last),
        "o": one.price_text(day.open),
        "h": one.price_text(day.high),
        "l": one.price_text(day.low),
        "v": one.size_text(day.steps),
        "q": one.quote_text(day.quote),
    }


def ticker(one: SimInstrument, day: Ticker, now_ms: int) -> Words:
    """`24hrTicker`."""
    change = day.last - day.open
    words = {
        "e": "24hrTicker",
        "E": now_ms,
        "s": one.symbol,
        "ps": one.symbol,
        "p": one.price_text(change),
        "P": f"{100 * change / day.open if day.open else 0:.3f}",
        "w": one.price_text(day.last),
        "Q": one.size_text(day.last_steps),
        "O": day.open_ms,
        "C": day.ms,
        "F": day.first_id,
        "L": day.last_id,
        "n": day.trades,
        **_day(one, day),
        "st": 1,
    }
    if not is_usdm(one):
        del words["ps"], words["st"]
    return words


def mini_ticker(one: SimInstrument, day: Ticker, now_ms: int) -> Words:
    """`24hrMiniTicker`."""
    words: Words = {"e": "24hrMiniTicker", "E": now_ms, "s": one.symbol, **_day(one, day)}
    return words | ({"ps": one.symbol, "st": 1} if is_usdm(one) else {})


def ticker_row(one: SimInstrument, day: Ticker, quote: Best) -> Words:
    """A row of `ticker/24hr`; spot has quotes in it, futures have not."""
    change = day.last - day.open
    words: Words = {
        "symbol": one.symbol,
        "priceChange": one.price_text(change),
        "priceChangePercent": f"{100 * change / day.open if day.open else 0:.3f}",
        "weightedAvgPrice": one.price_text(day.last),
        "lastPrice": one.price_text(day.last),
        "lastQty": one.size_text(day.last_steps),
        "openPrice": one.price_text(day.open),
        "highPrice": one.price_text(day.high),
        "lowPrice": one.price_text(day.low),
        "volume": one.size_text(day.steps),
        "quoteVolume": one.quote_text(day.quote),
        "openTime": day.open_ms,
        "closeTime": day.ms,
        "firstId": day.first_id,
        "lastId": day.last_id,
        "count": day.trades,
    }
    if is_usdm(one):
        return words
    return words | {
        "prevClosePrice": one.price_text(day.open),
        "bidPrice": one.price_text(quote.bid),
        "bidQty": one.size_text(quote.bid_steps),
        "askPrice": one.price_text(quote.ask),
        "askQty": one.size_text(quote.ask_steps),
    }


def force_order(event: Liquidation) -> Words:
    """`forceOrder`: the side is the closing order's, so a long is closed by SELL."""
    one = event.instrument
    size = one.size_text(event.steps)
    return {
        "e": "forceOrder",
        "E": event.ms,
        "o": {
            "s": one.symbol,
            "S": "SELL" if event.side == "long" else "BUY",
            "o": "LIMIT",
            "f": "IOC",
            "q": size,
            "p": one.price_text(event.bankruptcy_ticks),
            "ap": one.price_text(event.fill_ticks),
            "X": "FILLED",
            "l": size,
            "z": size,
            "T": event.ms,
        },
        "ps": one.symbol,
        "st": 1,
    }


def contract_info(one: SimInstrument, status: str, now_ms: int) -> Words:
    """`contractInfo`."""
    return {
        "e": "contractInfo",
        "E": now_ms,
        "s": one.symbol,
        "ps": one.symbol,
        "ct": "PERPETUAL",
        "dt": 4133404800000,
        "ot": one.listed_ms,
        "cs": STATUS[status],
        "st": 1,
    }


STATUS: Final = {"trading": "TRADING", "pending": "PENDING_TRADING", "delisted": "SETTLING"}
_UNDERLYING: Final = {"crypto": "COIN", "stock": "EQUITY", "metal": "COMMODITY", "forex": "FOREX"}


def listed(one: SimInstrument, status: str) -> Words:
    """A row of `exchangeInfo.symbols`."""
    filters = [
        {"filterType": "PRICE_FILTER", "minPrice": one.tick, "maxPrice": "1000000", "tickSize": one.tick},
        {"filterType": "LOT_SIZE", "minQty": one.step, "maxQty": "1000000000", "stepSize": one.step},
    ]
    if not is_usdm(one):
        return {
            "symbol": one.symbol,
            "status": {"trading": "TRADING", "pending": "BREAK", "delisted": "HALT"}[status],
            "baseAsset": one.base,
            "baseAssetPrecision": 8,
            "quoteAsset": one.quote,
            "quotePrecision": 8,
            "quoteAssetPrecision": 8,
            "orderTypes": ["LIMIT", "MARKET"],
            "icebergAllowed": True,
            "ocoAllowed": True,
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "filters": [*filters, {"filterType": "NOTIONAL", "minNotional": "5.00000000"}],
            "permissions": [],
            "permissionSets": [["SPOT"]],
        }
    return {
        "symbol": one.symbol,
        "pair": one.symbol,
        "contractType": "TRADIFI_PERPETUAL" if one.tradfi else "PERPETUAL",
        "deliveryDate": 4133404800000,
        "onboardDate": one.listed_ms,
        "status": STATUS[status],
        "baseAsset": one.base,
        "quoteAsset": one.quote,
        "marginAsset": one.quote,
        "pricePrecision": one.price_decimals,
        "quantityPrecision": one.size_decimals,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": _UNDERLYING[one.symbol_type],
        "underlyingSubType": [],
        "filters": [*filters, {"filterType": "MIN_NOTIONAL", "notional": "5"}],
        "orderTypes": ["LIMIT", "MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
    }
