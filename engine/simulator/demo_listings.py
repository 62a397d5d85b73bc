"""Listings of the demo recording, as each venue's REST answer to a request for its instruments.

Called by `engine.simulator.demo_recording`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.simulator.demo_venues import Venue, compact

if TYPE_CHECKING:
    from engine.simulator.demo_recording import Line


def listing_responses(ms: int, venues: list[Venue]) -> list[Line]:
    """One answer per listing request, with all instruments of `venues` that belong to it."""
    from engine.simulator.demo_recording import Line

    by_request: dict[tuple[str, str], list[Venue]] = {}
    for venue in venues:
        by_request.setdefault((venue.venue, _request(venue)), []).append(venue)
    return [Line(ms - 500, name, request, _body(name, held)) for (name, request), held in by_request.items()]


def _request(venue: Venue) -> str:
    spot = venue.listing.spot
    if venue.venue.startswith("binance"):
        return "GET /api/v3/exchangeInfo" if spot else "GET /fapi/v1/exchangeInfo"
    if venue.venue.startswith("bybit"):
        return f"GET /v5/market/instruments-info?category={'spot' if spot else 'linear'}&limit=1000"
    return f"GET /api/v5/public/instruments?instType={'SPOT' if spot else 'SWAP'}"


def _body(name: str, venues: list[Venue]) -> str:
    if name.startswith("binance"):
        return compact({"timezone": "UTC", "symbols": [_binance(venue) for venue in venues]})
    if name.startswith("bybit"):
        category = "spot" if name == "bybit-spot" else "linear"
        result = {"category": category, "list": [_bybit(venue) for venue in venues], "nextPageCursor": ""}
        return compact({"retCode": 0, "retMsg": "OK", "result": result})
    return compact({"code": "0", "msg": "", "data": [_okx(venue) for venue in venues]})


def _text(step: float) -> str:
    return f"{step:.8f}".rstrip("0").rstrip(".")


def _binance(venue: Venue) -> dict[str, Any]:
    listing = venue.listing
    row: dict[str, Any] = {
        "symbol": listing.symbol,
        "status": "TRADING",
        "baseAsset": listing.base,
        "quoteAsset": "USDT",
    }
    if not listing.spot:
        row |= {
            "pair": listing.symbol,
            "contractType": "PERPETUAL",
            "underlyingType": "COIN",
            "onboardDate": 1569398400000,
        }
    row["filters"] = [
        {"filterType": "PRICE_FILTER", "tickSize": _text(listing.tick)},
        {"filterType": "LOT_SIZE", "stepSize": _text(listing.step)},
    ]
    return row


def _bybit(venue: Venue) -> dict[str, Any]:
    listing = venue.listing
    row: dict[str, Any] = {
        "symbol": listing.symbol, "status": "Trading", "baseCoin": listing.base, "quoteCoin": "USDT",
        "priceFilter": {"tickSize": _text(listing.tick)}, "symbolType": "",
    }  # fmt: skip
    if listing.spot:
        return row | {"lotSizeFilter": {"basePrecision": _text(listing.step)}}
    return row | {
        "contractType": "LinearPerpetual", "launchTime": "1609459200000", "deliveryTime": "0", "settleCoin": "USDT",
        "lotSizeFilter": {"qtyStep": _text(listing.step)}, "fundingInterval": 480,
    }  # fmt: skip


def _okx(venue: Venue) -> dict[str, Any]:
    listing = venue.listing
    row = {
        "instId": listing.symbol, "tickSz": _text(listing.tick), "lotSz": _text(listing.step), "state": "live",
        "minSz": _text(listing.step), "listTime": "1609459200000", "expTime": "", "instCategory": "1",
    }  # fmt: skip
    if listing.spot:
        return row | {
            "instType": "SPOT", "baseCcy": listing.base, "quoteCcy": "USDT", "ctVal": "", "ctMult": "", "ctValCcy": "",
            "ctType": "", "settleCcy": "", "uly": "", "instFamily": "",
        }  # fmt: skip
    family = f"{listing.base}-USDT"
    return row | {
        "instType": "SWAP", "baseCcy": "", "quoteCcy": "", "ctVal": _text(listing.contract), "ctMult": "1",
        "ctValCcy": listing.base, "ctType": "linear", "settleCcy": "USDT", "uly": family, "instFamily": family,
    }  # fmt: skip
