"""Rows of Bybit's `instruments-info`, as recorded on 2026-08-09; those of announced listings as documented.

Used by the simulated exchange only.
"""

from __future__ import annotations

from typing import Any, Final

from engine.simulator.exchanges.bybit.words import FUNDING_CAP
from engine.simulator.happenings import Status
from engine.simulator.sim_instrument import SimInstrument

STATUS: Final[dict[Status, str]] = {"trading": "Trading", "pending": "PreLaunch", "delisted": "Closed"}
_SYMBOL_TYPE: Final = {"crypto": "", "stock": "stock", "metal": "commodity", "forex": "forex"}


def listed(instrument: SimInstrument, status: Status) -> dict[str, Any]:
    """A row of the listing."""
    return _spot(instrument, status) if instrument.kind == "spot" else _linear(instrument, status)


def _spot(instrument: SimInstrument, status: Status) -> dict[str, Any]:
    return {
        "symbolId": instrument.index + 1,
        "symbol": instrument.symbol,
        "baseCoin": instrument.base,
        "quoteCoin": instrument.quote,
        "innovation": "0",
        "status": STATUS[status],
        "marginTrading": "utaOnly",
        "stTag": "0",
        "lotSizeFilter": {
            "basePrecision": instrument.step,
            "quotePrecision": "0.0000001",
            "minOrderQty": instrument.step,
            "maxOrderQty": "1000000000",
            "minOrderAmt": "5",
            "maxOrderAmt": "8000000",
            "maxLimitOrderQty": "1000000000",
            "maxMarketOrderQty": "500000000",
            "postOnlyMaxLimitOrderSize": "1000000000",
        },
        "priceFilter": {"tickSize": instrument.tick},
        "riskParameters": {"priceLimitRatioX": "0.005", "priceLimitRatioY": "0.01"},
        "symbolType": "",
        "xstockMultiplier": "1",
    }


def _linear(instrument: SimInstrument, status: Status) -> dict[str, Any]:
    pending = status == "pending"
    ended_ms = instrument.delisted_ms if status == "delisted" else None
    return {
        "symbol": instrument.symbol,
        "contractType": "LinearPerpetual",
        "status": STATUS[status],
        "baseCoin": instrument.base,
        "quoteCoin": instrument.quote,
        "launchTime": str(instrument.listed_ms),
        "deliveryTime": "0" if ended_ms is None else str(ended_ms),
        "deliveryFeeRate": "",
        "priceScale": str(instrument.price_decimals),
        "leverageFilter": {"minLeverage": "1", "maxLeverage": f"{instrument.max_leverage}.00", "leverageStep": "0.01"},
        "priceFilter": {
            "minPrice": instrument.tick,
            "maxPrice": instrument.price_text(19_999_998),
            "tickSize": instrument.tick,
        },
        "lotSizeFilter": {
            "maxOrderQty": instrument.size_text(10_000_000),
            "minOrderQty": instrument.step,
            "qtyStep": instrument.step,
            "postOnlyMaxOrderQty": instrument.size_text(10_000_000),
            "maxMktOrderQty": instrument.size_text(1_000_000),
            "minNotionalValue": "5",
        },
        "unifiedMarginTrade": True,
        "fundingInterval": instrument.funding_interval_h * 60,
        "settleCoin": instrument.quote,
        "copyTrading": "none" if pending else "both",
        "upperFundingRate": FUNDING_CAP,
        "lowerFundingRate": f"-{FUNDING_CAP}",
        "isPreListing": pending,
        "preListingInfo": _coming(instrument) if pending else None,
        "riskParameters": {"priceLimitRatioX": "0.05", "priceLimitRatioY": "0.1"},
        "displayName": "",
        "symbolType": _SYMBOL_TYPE[instrument.symbol_type],
        "forbidUplWithdrawal": False,
        "symbolId": instrument.index + 1,
    }


def _coming(instrument: SimInstrument) -> dict[str, Any]:
    phase = {"phase": "ContinuousTrading", "startTime": str(instrument.listed_ms), "endTime": ""}
    return {
        "curAuctionPhase": "NotStarted",
        "phases": [phase],
        "auctionFeeInfo": {"auctionFeeRate": "0", "takerFeeRate": "0.001", "makerFeeRate": "0.0004"},
        "skipCallAuction": True,
    }
