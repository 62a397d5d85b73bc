"""The instruments of the simulated market: which asset trades where, under which name, in which steps.

Called once by `engine.simulator.world`. Steps, ticks and contract sizes are typical of each venue; the choice of
listings is invented. Names must not depend on the seed, so that saved views stay valid from one world to the next.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from engine.simulator.market.assets import DAY_MS, TRADFI, Asset, coins, invented
from engine.simulator.market.chance import share_of
from engine.simulator.sim_instrument import SimInstrument, SimKind, SimVenue

HOUR_MS: Final = 3_600_000
SHARES: Final[dict[tuple[SimVenue, SimKind], float]] = {
    ("binance-usdm", "perp"): 1.0,
    ("binance-spot", "spot"): 0.30,
    ("bybit-linear", "perp"): 0.45,
    ("bybit-spot", "spot"): 0.09,
    ("okx", "perp"): 0.34,
    ("okx", "spot"): 0.11,
    ("bitget-usdt", "perp"): 0.26,
}
"""Volume of a market relative to Binance's perpetual."""
_LISTS: Final[dict[tuple[SimVenue, SimKind], tuple[int, float]]] = {
    ("binance-usdm", "perp"): (40, 0.96),
    ("binance-spot", "spot"): (40, 0.42),
    ("bybit-linear", "perp"): (70, 0.56),
    ("bybit-spot", "spot"): (28, 0.14),
    ("okx", "perp"): (45, 0.26),
    ("okx", "spot"): (30, 0.12),
    ("bitget-usdt", "perp"): (45, 0.36),
}
"""A venue lists this many of the first assets, and this share of the others."""
_MULTIPLIED: Final[dict[str, dict[SimVenue, str]]] = {
    "PEPE": {"binance-usdm": "1000PEPE", "bybit-linear": "1000PEPE"},
    "SHIB": {"binance-usdm": "1000SHIB", "bybit-linear": "SHIB1000"},
    "BONK": {"binance-usdm": "1000BONK", "bybit-linear": "1000BONK", "bitget-usdt": "1000BONK"},
    "FLOKI": {"binance-usdm": "1000FLOKI", "bybit-linear": "1000FLOKI"},
    "SATS": {
        "binance-usdm": "1000SATS",
        "bybit-linear": "10000SATS",
        "bitget-usdt": "10000SATS",
        "binance-spot": "1000SATS",
    },
    "BABYDOGE": {
        "binance-usdm": "1MBABYDOGE",
        "bybit-linear": "1000000BABYDOGE",
        "bitget-usdt": "1MBABYDOGE",
        "binance-spot": "1MBABYDOGE",
    },
}
_UNITS: Final = {"1000": 1_000, "10000": 10_000, "1000000": 1_000_000, "1M": 1_000_000}
_TICKS: Final = {"BTC": "0.1", "ETH": "0.01", "SOL": "0.01", "XRP": "0.0001", "DOGE": "0.00001", "BNB": "0.01"}
_CONTRACTS: Final = {"BTC": "0.01", "ETH": "0.1", "SOL": "1", "XRP": "100", "DOGE": "1000", "BNB": "0.01",
                     "PEPE": "10000000", "SHIB": "1000000", "BONK": "100000", "FLOKI": "100000"}  # fmt: skip
_FAST_FUNDING: Final[dict[str, dict[SimVenue, int]]] = {
    "COAI": {"binance-usdm": 1, "bybit-linear": 1, "bitget-usdt": 2},
    "KGEN": {"binance-usdm": 2, "bybit-linear": 2},
    "BLESS": {"binance-usdm": 1},
    "ZORA": {"bybit-linear": 2},
}


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Assets and instruments with their volumes; per-instrument tuples are in the order of `World.instruments`."""

    assets: tuple[Asset, ...]
    instruments: tuple[SimInstrument, ...]
    asset_of: tuple[int, ...]
    """Index of each instrument's asset in `assets`."""
    volume_usd: tuple[float, ...]
    """Daily volume of each instrument."""


@dataclass(frozen=True, slots=True)
class _Draft:
    asset: Asset
    venue: SimVenue
    kind: SimKind
    volume_usd: float
    listed_ms: int
    delisted_ms: int | None = None


def catalogue(count: int, venues: Sequence[SimVenue], start_ms: int, *, listings: bool) -> Catalogue:
    """`count` coins on `venues`; with `listings`, also later listings and the delisting of some instruments."""
    if count < 1:
        raise ValueError(f"a world needs at least 1 asset, not {count}")
    assets = list(coins(count))
    drafts = [
        _Draft(asset, venue, kind, _volume(asset, venue, kind), _listed(asset, venue, kind, start_ms))
        for rank, asset in enumerate(assets)
        for venue, kind in SHARES
        if venue in venues and _is_listed(asset, rank, venue, kind)
    ]
    if listings and count >= 10:
        drafts = _with_ends(drafts, start_ms)
    if count >= 20:
        assets += TRADFI
        drafts += [
            _Draft(asset, venue, "perp", _volume(asset, venue, "perp"), _listed(asset, venue, "perp", start_ms))
            for asset in TRADFI
            for venue, kind in SHARES
            if venue in venues and kind == "perp" and not (asset.name in ("EUR", "XAG") and venue == "okx")
        ]
    if listings:
        coming = _coming(venues, start_ms)
        assets += dict.fromkeys(draft.asset for draft in coming)
        drafts += coming
    places = {asset.name: at for at, asset in enumerate(assets)}
    instruments = tuple(_instrument(at, draft) for at, draft in enumerate(drafts))
    return Catalogue(
        tuple(assets),
        instruments,
        tuple(places[draft.asset.name] for draft in drafts),
        tuple(draft.volume_usd for draft in drafts),
    )


def _is_listed(asset: Asset, rank: int, venue: SimVenue, kind: SimKind) -> bool:
    if asset.name == "牛来":
        return venue == "binance-usdm"
    surely, share = _LISTS[venue, kind]
    if rank < surely:
        return not (asset.name == "HYPE" and venue == "binance-spot")
    return share_of(0, asset.name, venue, kind) < share or (asset.name in _MULTIPLIED and kind == "perp")


def _volume(asset: Asset, venue: SimVenue, kind: SimKind) -> float:
    return asset.volume_usd * SHARES[venue, kind] * (0.65 + 0.7 * share_of(0, asset.name, venue, kind, "volume"))


def _listed(asset: Asset, venue: SimVenue, kind: SimKind, start_ms: int) -> int:
    late = 0.25 * share_of(0, asset.name, venue, kind, "late")
    return int(start_ms - asset.age_days * (1 - late) * DAY_MS) // HOUR_MS * HOUR_MS


def _with_ends(drafts: list[_Draft], start_ms: int) -> list[_Draft]:
    """Delistings of some of the least traded: the first after six minutes, then one every few hours."""
    small = sorted((at for at, one in enumerate(drafts) if one.asset.name not in _MULTIPLIED),
                   key=lambda at: drafts[at].volume_usd)  # fmt: skip
    out = list(drafts)
    for number, at in enumerate(small[1:12:2]):
        one = drafts[at]
        ends = start_ms + (6 + 170 * number + 23 * number * number) * 60_000
        out[at] = _Draft(one.asset, one.venue, one.kind, one.volume_usd, one.listed_ms, ends)
    return out


def _coming(venues: Sequence[SimVenue], start_ms: int) -> list[_Draft]:
    """New listings: the first within three minutes, then less and less often; some on two venues at once."""
    perps: list[SimVenue] = [venue for venue, kind in SHARES if kind == "perp" and venue in venues]
    spots: list[SimVenue] = [venue for venue, kind in SHARES if kind == "spot" and venue in venues]
    drafts: list[_Draft] = []
    for number in range(14):
        like = invented(300 + number, 0.3)
        asset = Asset("NEW" + like.name, like.price, 2.5e7 * (1 + number % 3), 0.16, like.sector, 0.0)
        listed = start_ms + int((2.5 + 9.0 * number + 4.0 * number * number) * 60_000)
        chosen = (
            [perps[(number + more) % len(perps)] for more in range(min(1 + number % 2, len(perps)))] if perps else []
        )
        drafts += [
            _Draft(asset, venue, "perp", _volume(asset, venue, "perp"), listed) for venue in dict.fromkeys(chosen)
        ]
        if spots and (number % 3 == 1 or not perps):
            venue = spots[number % len(spots)]
            drafts.append(_Draft(asset, venue, "spot", _volume(asset, venue, "spot"), listed))
    return drafts


def _instrument(at: int, draft: _Draft) -> SimInstrument:
    asset, venue, kind = draft.asset, draft.venue, draft.kind
    base = _MULTIPLIED.get(asset.name, {}).get(venue, asset.name)
    if asset.symbol_type == "forex":
        base = f"{asset.name}USD"
    spellings = {spelt: units for mark, units in _UNITS.items() for spelt in (mark + asset.name, asset.name + mark)}
    multiplier = spellings.get(base, 1)
    price = asset.price * multiplier
    contract = _contract(asset, price) if venue == "okx" and kind == "perp" else "1"
    return SimInstrument(
        index=at,
        venue=venue,
        symbol=_symbol(base, venue, kind),
        kind=kind,
        base=base,
        quote="USDT",
        asset=asset.name,
        multiplier=multiplier,
        symbol_type=asset.symbol_type,
        tick=_tick(asset, venue, kind, price),
        step=_step(asset, venue, kind, price, contract),
        contract_size=contract,
        listed_ms=draft.listed_ms,
        delisted_ms=draft.delisted_ms,
        max_leverage=_leverage(asset) if kind == "perp" else 0,
        funding_interval_h=_funding_hours(asset, venue) if kind == "perp" else 0,
    )


def _symbol(base: str, venue: SimVenue, kind: SimKind) -> str:
    if venue == "okx":
        return f"{base}-USDT-SWAP" if kind == "perp" else f"{base}-USDT"
    return f"{base}USDT"


def _power(exponent: int) -> str:
    return f"0.{'0' * (-exponent - 1)}1" if exponent < 0 else str(10**exponent)


def _tick(asset: Asset, venue: SimVenue, kind: SimKind, price: float) -> str:
    if asset.name in _TICKS:
        if asset.name == "BTC" and kind == "spot" and venue == "binance-spot":
            return "0.01"
        return _TICKS[asset.name]
    fine = 3 if share_of(0, asset.name, venue, kind, "tick") < 0.3 or kind == "spot" else 4
    return _power(max(-12, math.floor(math.log10(price)) - fine))


def _contract(asset: Asset, price: float) -> str:
    return _CONTRACTS.get(asset.name) or _power(round(math.log10(60.0 / price)))


def _step(asset: Asset, venue: SimVenue, kind: SimKind, price: float, contract: str) -> str:
    if contract != "1" or (venue == "okx" and kind == "perp"):
        return "0.01" if asset.volume_usd > 3e7 else "0.1" if asset.volume_usd > 8e6 else "1"
    least = round(math.log10(0.3 / price))
    if kind == "spot":
        # Steps of at most one coin, but larger for the cheapest coins, so that sums stay well within 64 bits.
        return _power(max(-5, min(max(0, -6 - math.floor(math.log10(price))), least)))
    return _power(max(-3, min(0 if venue != "bybit-linear" else 1, least)))


def _leverage(asset: Asset) -> int:
    if asset.symbol_type != "crypto":
        return 20
    for volume, leverage in ((5e9, 125), (4e8, 100), (9e7, 75), (2e7, 50)):
        if asset.volume_usd >= volume:
            return leverage
    return 25


def _funding_hours(asset: Asset, venue: SimVenue) -> int:
    if (own := _FAST_FUNDING.get(asset.name, {}).get(venue)) is not None:
        return own
    if asset.volume_usd > 2.5e8 or asset.symbol_type != "crypto":
        return 8
    drawn = share_of(0, asset.name, venue, "funding")
    return 1 if drawn < 0.03 else 2 if drawn < 0.06 else 4 if drawn < 0.72 else 8
