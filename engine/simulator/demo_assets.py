"""The assets of the demo recording: what trades where, and which episode it goes through.

Data for `engine.simulator.demo_market`. Coin names are real so that the console looks familiar; every price, size and
event is made up, so anything that shows them must say DEMO.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Episode = Literal["calm", "spot_led", "perp_led", "cascade", "squeeze", "grind_up", "grind_down"]


@dataclass(frozen=True, slots=True)
class Asset:
    """One coin and the character of its market."""

    name: str
    price: float
    """Dollars at the start of the live part."""
    volume_24h_usd: float
    """Of its perpetual on the venue where it trades most."""
    depth_1pct_usd: float
    """Resting on each side within 1 % of mid on that venue."""
    spread_bps: float
    daily_volatility: float
    decimals: int
    """Decimals of its price."""
    venues: tuple[str, ...]
    """Where it trades, most traded first; its spot leg is on the `-spot` venues."""
    episode: Episode = "calm"
    trend: float = 0.0
    """Drift in the weeks before, in daily standard deviations."""


USDM, BSPOT, BYBIT, BYSPOT, OKX, OKSPOT = (
    "binance-usdm", "binance-spot", "bybit-linear", "bybit-spot", "okx", "okx-spot",
)  # fmt: skip

ASSETS: Final[tuple[Asset, ...]] = (
    Asset("BTC", 84_550.0, 9.2e9, 42e6, 0.2, 0.021, 1, (USDM, BSPOT, BYBIT, OKX, OKSPOT), "calm", 0.10),
    Asset("ETH", 3_120.0, 5.1e9, 21e6, 0.4, 0.028, 2, (USDM, BSPOT, BYBIT, OKX), "grind_up", 0.15),
    Asset("SOL", 161.0, 2.2e9, 8.4e6, 0.8, 0.036, 2, (USDM, BYBIT, BSPOT, OKX), "spot_led", 0.25),
    Asset("XRP", 2.214, 9.1e8, 4.2e6, 1.0, 0.031, 4, (USDM, BSPOT, BYBIT), "calm", -0.05),
    Asset("DOGE", 0.18934, 7.7e8, 3.1e6, 1.1, 0.038, 5, (USDM, BYBIT, BYSPOT), "grind_down", -0.20),
    Asset("ADA", 0.6421, 3.1e8, 1.7e6, 1.6, 0.036, 4, (USDM, OKX), "calm", 0.05),
    Asset("SUI", 2.418, 4.6e8, 1.9e6, 1.5, 0.047, 4, (USDM, BYBIT), "grind_up", 0.30),
    Asset("LINK", 17.432, 2.9e8, 1.5e6, 1.4, 0.037, 3, (USDM, OKX), "calm", 0.10),
    Asset("AVAX", 21.77, 2.4e8, 1.3e6, 1.5, 0.041, 2, (USDM,), "cascade", -0.25),
    Asset("1000PEPE", 0.008412, 3.8e8, 1.2e6, 1.8, 0.052, 6, (USDM, BYBIT), "perp_led", 0.10),
    Asset("HYPE", 41.28, 3.4e8, 1.4e6, 1.7, 0.050, 3, (BYBIT, OKX), "spot_led", 0.35),
    Asset("WIF", 0.7312, 1.2e8, 5.6e5, 2.6, 0.058, 4, (USDM, BYBIT), "cascade", -0.35),
    Asset("TAO", 352.4, 1.1e8, 5.2e5, 2.8, 0.049, 2, (USDM, OKX), "grind_up", 0.20),
    Asset("ENA", 0.4127, 1.6e8, 6.8e5, 2.4, 0.055, 4, (USDM, BYBIT), "squeeze", -0.15),
    Asset("AAVE", 214.6, 9.4e7, 4.9e5, 2.7, 0.042, 2, (USDM, OKX), "calm", 0.05),
    Asset("LTC", 96.41, 1.3e8, 7.1e5, 1.9, 0.033, 2, (USDM, BYBIT), "calm", -0.05),
    Asset("ZEC", 228.3, 2.7e8, 6.6e5, 2.2, 0.064, 2, (BYBIT, USDM), "spot_led", 0.60),
    Asset("FARTCOIN", 0.5128, 8.8e7, 3.1e5, 4.2, 0.072, 4, (BYBIT, USDM), "perp_led", -0.10),
    Asset("COAI", 3.902, 6.1e7, 1.6e5, 7.5, 0.110, 3, (BYBIT, USDM), "squeeze", 0.50),
    Asset("XPIN", 0.00271, 1.4e7, 4.1e4, 18.0, 0.120, 6, (BYBIT,), "perp_led", 0.10),
    Asset("KGEN", 0.3348, 2.2e7, 7.4e4, 12.0, 0.090, 4, (BYBIT,), "grind_down", -0.40),
    Asset("ZORA", 0.1012, 4.4e7, 1.4e5, 8.0, 0.085, 5, (BYBIT, USDM), "grind_up", 0.45),
    Asset("BLESS", 0.0874, 1.9e7, 5.8e4, 15.0, 0.105, 5, (USDM,), "cascade", -0.30),
    Asset("牛来", 0.1006, 6.3e6, 2.2e4, 32.0, 0.130, 5, (USDM,), "spot_led", 0.30),
    Asset("CELO", 0.2886, 1.1e7, 6.2e4, 14.0, 0.050, 4, (OKX,), "calm", 0.0),
    Asset("MINA", 0.1732, 8.2e6, 4.8e4, 17.0, 0.048, 4, (OKX,), "grind_down", -0.15),
)
