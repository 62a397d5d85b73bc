"""One instrument of the simulated market, with conversion between integers and the venue's decimal texts.

Built by `engine.simulator.market.catalogue`; carried by every happening. Keep state that changes out of here: whether
it trades is `World.status`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

SimVenue = Literal["binance-usdm", "binance-spot", "bybit-linear", "bybit-spot", "okx", "bitget-usdt"]
SimKind = Literal["perp", "spot"]
SymbolType = Literal["crypto", "stock", "metal", "forex"]


def decimal_text(units: int, decimals: int) -> str:
    """`units * 10**-decimals` as text, with all decimals."""
    if decimals <= 0:
        return str(units)
    sign, units = ("-", -units) if units < 0 else ("", units)
    scale = 10**decimals
    return f"{sign}{units // scale}.{units % scale:0{decimals}d}"


@dataclass(frozen=True, eq=False)
class SimInstrument:
    """One instrument of one venue. Equality is identity."""

    index: int
    """Its index in `World.instruments`."""
    venue: SimVenue
    symbol: str
    """In the venue's own form (`1000PEPEUSDT`, `SHIB1000USDT`, `BTC-USDT-SWAP`)."""
    kind: SimKind
    base: str
    """As the venue names it (`1000PEPE`)."""
    quote: str
    asset: str
    multiplier: int
    """Units of `asset` in one unit of `base`."""
    symbol_type: SymbolType
    """Anything but `crypto` is a TradFi perpetual."""
    tick: str
    """Smallest price step, decimal text."""
    step: str
    """Smallest size step in the venue's size unit (contracts on OKX swaps, base elsewhere), decimal text."""
    contract_size: str
    """Base units in one unit of size; `1` except for OKX swaps."""
    listed_ms: int
    """Start of trading, past or future."""
    delisted_ms: int | None
    """Scheduled end of trading."""
    max_leverage: int
    """0 for spot."""
    funding_interval_h: int
    """0 for spot."""

    @property
    def tradfi(self) -> bool:
        """Whether it is a perpetual on something other than a coin."""
        return self.symbol_type != "crypto"

    @cached_property
    def price_decimals(self) -> int:
        """Decimals of a price text."""
        return _decimals(self.tick)

    @cached_property
    def size_decimals(self) -> int:
        """Decimals of a size text."""
        return _decimals(self.step)

    @cached_property
    def tick_units(self) -> int:
        """One tick in units of `10**-price_decimals`."""
        return _units(self.tick)

    @cached_property
    def step_units(self) -> int:
        """One step in units of `10**-size_decimals`."""
        return _units(self.step)

    @cached_property
    def tick_size(self) -> float:
        """`tick` as a number, quote currency."""
        return float(self.tick)

    @cached_property
    def step_base(self) -> float:
        """Base currency in one step."""
        return float(self.step) * float(self.contract_size)

    @cached_property
    def quote_unit(self) -> float:
        """Quote currency in one tick-step."""
        return self.tick_size * self.step_base

    def price_text(self, ticks: int) -> str:
        """A price as the venue writes it."""
        return decimal_text(ticks * self.tick_units, self.price_decimals)

    def size_text(self, steps: int) -> str:
        """A size in the venue's unit."""
        return decimal_text(steps * self.step_units, self.size_decimals)

    def fine_text(self, hundredths: int) -> str:
        """Text of a price given in hundredths of a tick (mark and index prices)."""
        return decimal_text(hundredths * self.tick_units, self.price_decimals + 2)

    def base_text(self, steps: int) -> str:
        """A size in base currency, exact."""
        decimals = self.size_decimals + _decimals(self.contract_size)
        return decimal_text(steps * self.step_units * _units(self.contract_size), decimals)

    def quote_text(self, tick_steps: int) -> str:
        """An amount of tick-steps in quote currency, exact."""
        decimals = self.price_decimals + self.size_decimals + _decimals(self.contract_size)
        return decimal_text(tick_steps * self.tick_units * self.step_units * _units(self.contract_size), decimals)


def _decimals(text: str) -> int:
    return len(text.partition(".")[2])


def _units(text: str) -> int:
    return int(text.replace(".", ""))
