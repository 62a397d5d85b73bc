"""Which listed instruments are followed, and what a new listing changed."""

from __future__ import annotations

from dataclasses import replace

from engine.feeds.universe import changes, followed
from engine.instruments import Instrument


def perp(symbol: str, asset: str, venue: str = "binance-usdm", **fields: object) -> Instrument:
    base = Instrument(venue=venue, symbol=symbol, kind="perp", base=asset, quote="USDT", asset=asset)
    return replace(base, **fields)  # type: ignore[arg-type]


def spot(symbol: str, asset: str, quote: str = "USDT", venue: str = "binance-spot") -> Instrument:
    return Instrument(venue=venue, symbol=symbol, kind="spot", base=asset, quote=quote, asset=asset)


def names(chosen: dict[str, list[Instrument]]) -> dict[str, list[str]]:
    return {venue: [one.symbol for one in held] for venue, held in chosen.items()}


def test_perpetuals_and_the_spot_legs_of_their_assets_are_followed() -> None:
    chosen = followed(
        {
            "binance-usdm": [perp("BTCUSDT", "BTC"), perp("1000PEPEUSDT", "PEPE"), perp("BTCEUR", "BTC", quote="EUR")],
            "binance-spot": [spot("BTCUSDC", "BTC", "USDC"), spot("BTCUSDT", "BTC"), spot("PEPEUSDC", "PEPE", "USDC"),
                             spot("XYZUSDT", "XYZ"), spot("BTCEUR", "BTC", "EUR")],
        }
    )  # fmt: skip
    assert names(chosen) == {"binance-usdm": ["BTCUSDT", "1000PEPEUSDT"], "binance-spot": ["BTCUSDT", "PEPEUSDC"]}


def test_a_spot_leg_may_belong_to_a_perpetual_of_another_venue() -> None:
    chosen = followed(
        {"bitget-usdt": [perp("ABCUSDT", "ABC", "bitget-usdt")], "binance-spot": [spot("ABCUSDT", "ABC")]}
    )
    assert names(chosen)["binance-spot"] == ["ABCUSDT"]


def test_what_does_not_trade_and_what_is_no_coin_is_left_out() -> None:
    listing = [
        perp("SOONUSDT", "SOON", status="pending"),
        perp("GONEUSDT", "GONE", status="ended"),
        perp("TSLAUSDT", "TSLA", category="tradfi"),
    ]
    assert names(followed({"binance-usdm": listing})) == {"binance-usdm": []}
    with_tradfi = followed({"binance-usdm": listing}, include_tradfi=True)
    assert names(with_tradfi) == {"binance-usdm": ["TSLAUSDT"]}


def by_symbol(*instruments: Instrument) -> dict[str, Instrument]:
    return {one.symbol: one for one in instruments}


def test_a_first_listing_announces_nothing() -> None:
    assert changes({}, by_symbol(perp("BTCUSDT", "BTC"))) == []


def test_listings_announcements_and_ends_are_told() -> None:
    before = by_symbol(
        perp("BTCUSDT", "BTC"),
        perp("SOONUSDT", "SOON", status="pending"),
        perp("OLDUSDT", "OLD"),
        perp("BYEUSDT", "BYE"),
    )
    after = by_symbol(
        perp("BTCUSDT", "BTC", tick=0.1),
        perp("SOONUSDT", "SOON"),
        perp("OLDUSDT", "OLD", status="ended"),
        perp("NEWUSDT", "NEW"),
        perp("LATERUSDT", "LATER", status="pending"),
    )
    assert [change.words() for change in changes(before, after)] == [
        "binance-usdm: SOONUSDT listed",
        "binance-usdm: OLDUSDT ended",
        "binance-usdm: NEWUSDT listed",
        "binance-usdm: LATERUSDT announced",
        "binance-usdm: BYEUSDT ended",
    ]
