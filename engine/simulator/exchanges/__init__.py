"""The simulated exchanges by name. A venue's package is imported only when that exchange is made."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Final

from engine.simulator.exchange import Exchange
from engine.simulator.world import World

NAMES: Final = {"binance": "Binance", "bybit": "Bybit", "okx": "Okx", "bitget": "Bitget"}
"""Class by name; each is in `engine.simulator.exchanges.<name>.exchange`."""


def make_exchanges(world: World, names: Iterable[str], limit_scale: float = 1.0) -> list[Exchange]:
    """Exchanges over one world, with `limit_scale` times the real request limits; ValueError for an unknown name."""
    made: list[Exchange] = []
    for name in names:
        if name not in NAMES:
            raise ValueError(f"no simulated exchange {name!r}; there are {', '.join(NAMES)}")
        kind = getattr(import_module(f"{__name__}.{name}.exchange"), NAMES[name])
        made.append(kind(world, limit_scale))
    return made
