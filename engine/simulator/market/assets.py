"""The assets of the simulated market: coins and TradFi underlyings, with price, volume and volatility at its start.

Data for `engine.simulator.market.catalogue`. The well-known names make the console look familiar; the others and every
figure are invented. Nothing here depends on the seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from engine.simulator.market.chance import share_of
from engine.simulator.sim_instrument import SymbolType

DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Asset:
    """One underlying."""

    name: str
    price: float
    """Approximate dollars per unit when the world starts."""
    volume_usd: float
    """Daily volume of its perpetual on the venue where it trades most."""
    daily_sigma: float
    """Standard deviation of the log price over a day."""
    sector: int
    age_days: float
    """Days since its first listing, when the world starts."""
    symbol_type: SymbolType = "crypto"


SECTORS: Final = ("majors", "layer1", "defi", "meme", "ai", "gaming", "tradfi")

_KNOWN: Final[tuple[tuple[str, float, float, float, int], ...]] = (
    ("BTC", 84_550.0, 14e9, 0.022, 0), ("ETH", 3_120.0, 11e9, 0.030, 0), ("SOL", 161.0, 4.2e9, 0.038, 0),
    ("XRP", 2.214, 1.6e9, 0.034, 0), ("DOGE", 0.18934, 1.1e9, 0.042, 3), ("BNB", 912.0, 6.4e8, 0.025, 0),
    ("SUI", 2.418, 6.1e8, 0.050, 1), ("HYPE", 41.28, 5.4e8, 0.055, 2), ("PEPE", 8.412e-6, 5.2e8, 0.055, 3),
    ("ADA", 0.6421, 4.1e8, 0.038, 1), ("LINK", 17.432, 3.6e8, 0.040, 2), ("ZEC", 228.3, 3.4e8, 0.070, 0),
    ("AVAX", 21.77, 2.9e8, 0.044, 1), ("ENA", 0.4127, 2.2e8, 0.058, 2), ("LTC", 96.41, 2.1e8, 0.035, 0),
    ("WLD", 0.8312, 1.9e8, 0.056, 4), ("TRX", 0.2914, 1.5e8, 0.018, 1), ("BCH", 512.3, 1.7e8, 0.040, 0),
    ("AAVE", 214.6, 1.5e8, 0.044, 2), ("NEAR", 2.312, 1.4e8, 0.048, 1), ("UNI", 7.812, 1.35e8, 0.047, 2),
    ("WIF", 0.7312, 1.3e8, 0.064, 3), ("TAO", 352.4, 1.25e8, 0.052, 4), ("BONK", 1.874e-5, 1.2e8, 0.060, 3),
    ("ARB", 0.3127, 1.15e8, 0.048, 1), ("OP", 0.4318, 1.0e8, 0.049, 1), ("DOT", 3.141, 9.8e7, 0.040, 1),
    ("FARTCOIN", 0.5128, 9.6e7, 0.078, 3), ("SHIB", 1.012e-5, 9.1e7, 0.043, 3), ("FIL", 1.614, 8.8e7, 0.046, 1),
    ("APT", 3.318, 8.4e7, 0.048, 1), ("TIA", 1.022, 7.9e7, 0.056, 1), ("SEI", 0.1914, 7.4e7, 0.055, 1),
    ("ONDO", 0.7123, 7.0e7, 0.050, 2), ("CRV", 0.5214, 6.8e7, 0.056, 2), ("VIRTUAL", 1.262, 6.6e7, 0.074, 4),
    ("ETC", 15.81, 6.2e7, 0.040, 1), ("INJ", 8.114, 6.0e7, 0.052, 2), ("PNUT", 0.1413, 5.8e7, 0.070, 3),
    ("ICP", 4.512, 5.6e7, 0.050, 1), ("TRUMP", 7.412, 5.5e7, 0.058, 3), ("FLOKI", 6.91e-5, 5.1e7, 0.058, 3),
    ("XLM", 0.2613, 5.0e7, 0.038, 0), ("LDO", 0.8841, 4.8e7, 0.056, 2), ("JUP", 0.3412, 4.6e7, 0.056, 2),
    ("ATOM", 3.012, 4.5e7, 0.041, 1), ("HBAR", 0.1812, 4.4e7, 0.046, 1), ("RENDER", 2.214, 4.1e7, 0.052, 4),
    ("FET", 0.2514, 4.0e7, 0.056, 4), ("ORDI", 5.114, 3.9e7, 0.064, 3), ("STRK", 0.1312, 3.7e7, 0.060, 1),
    ("DYDX", 0.3114, 3.4e7, 0.056, 2), ("GALA", 0.01042, 3.3e7, 0.056, 5), ("SAND", 0.2114, 3.1e7, 0.048, 5),
    ("PENDLE", 2.812, 3.0e7, 0.056, 2), ("PYTH", 0.0971, 2.9e7, 0.058, 2), ("JTO", 0.5112, 2.8e7, 0.060, 2),
    ("AXS", 1.214, 2.6e7, 0.052, 5), ("ALGO", 0.1612, 2.5e7, 0.045, 1), ("COAI", 1.902, 2.4e7, 0.120, 4),
    ("SATS", 2.314e-8, 2.3e7, 0.064, 3), ("IMX", 0.4112, 2.2e7, 0.056, 5), ("ZORA", 0.0612, 2.1e7, 0.092, 3),
    ("APE", 0.3512, 2.0e7, 0.052, 5), ("1INCH", 0.1812, 1.9e7, 0.048, 2), ("MINA", 0.1012, 1.2e7, 0.052, 1),
    ("BABYDOGE", 8.12e-10, 1.1e7, 0.060, 3), ("CELO", 0.1886, 1.0e7, 0.050, 1), ("KGEN", 0.2348, 9.2e6, 0.095, 4),
    ("牛来", 0.1006, 8.1e6, 0.130, 3), ("XPIN", 0.00271, 6.4e6, 0.120, 4), ("BLESS", 0.0374, 5.9e6, 0.110, 4),
)  # fmt: skip

TRADFI: Final[tuple[Asset, ...]] = (
    Asset("TSLA", 412.6, 6.2e7, 0.024, 6, 240.0, "stock"),
    Asset("NVDA", 186.2, 4.8e7, 0.022, 6, 200.0, "stock"),
    Asset("XAU", 4_082.4, 9.4e7, 0.011, 6, 300.0, "metal"),
    Asset("XAG", 50.41, 5.2e7, 0.020, 6, 280.0, "metal"),
    Asset("EUR", 1.1592, 8.1e6, 0.005, 6, 120.0, "forex"),
)
"""Perpetuals on TradFi underlyings; the venues that list `EUR` write it `EURUSD`."""

_HEADS: Final = ("AL", "BO", "CY", "DRA", "EX", "FLU", "GRI", "HA", "IRO", "JU", "KA", "LU", "MO", "NE", "OR", "PRI",
                 "QUA", "RO", "SY", "TU", "UM", "VE", "WA", "XE", "YO", "ZI")  # fmt: skip
_TAILS: Final = ("BA", "DEX", "FI", "GEN", "LO", "MIR", "NA", "NOX", "PHI", "RA", "SEN", "TON", "VEX", "ZA")


def coins(count: int) -> tuple[Asset, ...]:
    """`count` coins, most traded first: well-known ones, and as many invented ones as needed."""
    known = [Asset(name, price, volume, sigma, sector, 400.0 + 2_000.0 * share_of(0, name, "age"))
             for name, price, volume, sigma, sector in _KNOWN]  # fmt: skip
    young = {"HYPE": 330.0, "COAI": 44.0, "KGEN": 18.0, "牛来": 9.0, "XPIN": 31.0, "BLESS": 12.0, "ZORA": 120.0}
    known = [
        Asset(one.name, one.price, one.volume_usd, one.daily_sigma, one.sector, young.get(one.name, one.age_days))
        for one in known
    ]
    spare = max(0, count - len(known))
    every = [*known, *(invented(at, at / max(1, spare)) for at in range(spare))]
    return tuple(sorted(every, key=lambda asset: -asset.volume_usd)[:count])


def invented(at: int, place: float) -> Asset:
    """Invented coin number `at`; `place` 0 is well traded, 1 is a microcap."""
    heads, tails = len(_HEADS), len(_TAILS)
    name = _HEADS[(at * 7) % heads] + _TAILS[(at * 5 + at // heads) % tails]
    lap = at // (heads * tails)
    name += "" if not lap else "ABCDEFGHIJ"[lap % 10]
    price = 10 ** (-3.4 + 5.2 * share_of(0, name, "price"))
    volume = 7.6e7 * 10 ** (-2.35 * place) * (0.7 + 0.6 * share_of(0, name, "volume"))
    sigma = 0.045 + 0.05 * place + 0.03 * share_of(0, name, "sigma")
    age = 3.0 + 900.0 * share_of(0, name, "age") ** 2
    return Asset(name, price, volume, sigma, 1 + int(5 * share_of(0, name, "sector")), age)
