"""What happens in a run, all drawn from its seed: which venues, how much of a market, and what goes wrong when.

Pure: made by `tests.simulation.run`, printed where a run fails. An act is one thing that goes wrong, at a time and for
a time; at the end of the plan everything that still goes on is taken back, and from then on all must become well.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, Final, Literal

VENUES: Final = ("binance", "bybit", "okx", "bitget")
BOOK: Final = {"binance": "depth", "bybit": "orderbook.200", "okx": "books", "bitget": "books"}
TRADES: Final = {"binance": "aggTrade", "bybit": "publicTrade", "okx": "trades", "bitget": "publicTrade"}

Room = Literal["exchange", "net", "machine"]
"""Who acts: the simulated exchange (`engine.simulator.faults`), the way to it, or the machine that the engine is on."""

EXCHANGE_KINDS: Final = (
    "drop", "kick", "restart", "refuse", "half_open", "silent", "swallow", "duplicate", "reorder", "delay", "truncate",
    "corrupt", "oversize", "crossed", "wrong_symbol", "unknown_topic", "burst", "ack_error", "429", "418", "500",
    "slow", "bad_json",
)  # fmt: skip
NET_KINDS: Final = ("dark", "resolve", "refused", "timeout", "tls", "resets", "far")
MACHINE_KINDS: Final = ("stall", "sleep", "full", "reopen")
OF_BOOKS: Final = frozenset({"swallow", "reorder", "crossed", "wrong_symbol", "truncate", "oversize"})
HIDES: Final = frozenset({"silent", "swallow", "wrong_symbol"})
"""What takes frames out of a connection that stands, which no socket does by itself. Where trades alone are taken it
leaves no trace, because not every venue numbers them; where all is, the broken chains of the books tell."""
UNPROVEN_S: Final = 10.0
FEW: Final = frozenset({"swallow", "crossed", "wrong_symbol", "truncate", "corrupt", "oversize", "unknown_topic"})


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that goes wrong."""

    at_s: float
    """From the moment at which everything was live."""
    room: Room
    kind: str
    exchange: str = ""
    for_s: float = 0.0
    match: str = ""
    count: int | None = None
    value: float = 0.0

    def words(self) -> str:
        """For a failing run."""
        parts = [f"{self.at_s:6.1f} s {self.room} {self.kind}", self.exchange, self.match]
        parts += [f"for {self.for_s:.1f} s"] * bool(self.for_s) + [f"x{self.count}"] * (self.count is not None)
        return " ".join(part for part in parts if part) + (f" value {self.value:g}" if self.value else "")


@dataclass(frozen=True, slots=True)
class Plan:
    """One run."""

    seed: int
    venues: tuple[str, ...]
    assets: int
    rate: float
    places: int
    scan_ms: int
    keeps_candles: bool
    lasts_s: float
    acts: tuple[Act, ...]

    def hides_trades(self, exchange: str) -> bool:
        """Whether trades of an exchange may be lost within a connection that stands."""
        taken = [act for act in self.acts if act.exchange == exchange and act.kind in HIDES]
        return any(act.match == TRADES[exchange] or (not act.match and act.kind != "silent") for act in taken) or any(
            act.kind in ("silent", "half_open") and self._is_unproven(act) for act in self.acts
        )

    def _is_unproven(self, act: Act) -> bool:
        """Whether no chain of a book may have broken: none was proven when the act began, or the world stood meanwhile
        and told its books as one change afterwards."""
        before = self.acts[: self.acts.index(act)]
        return any(
            other.exchange in ("", act.exchange) and act.at_s - other.at_s < UNPROVEN_S for other in before
        ) or any(other.kind in ("stall", "sleep") and 0.0 <= other.at_s - act.at_s <= act.for_s for other in self.acts)

    def words(self) -> str:
        """For a failing run."""
        market = f"{', '.join(self.venues)}, {self.assets} assets, {self.rate:.0f}/s, {self.lasts_s:.0f} s"
        return "\n  ".join([f"seed {self.seed}: {market}", *(act.words() for act in self.acts)])


def plan_of(seed: int, longest_s: float = 60.0) -> Plan:
    """The plan of a seed; faults fall within at most `longest_s`."""
    rng = random.Random(f"plan {seed}")
    venues = tuple(sorted(rng.sample(VENUES, rng.randint(2, 4))))
    lasts_s = rng.uniform(longest_s / 3, longest_s)
    acts = sorted((_act(rng, venues, lasts_s) for _ in range(rng.randint(1, 6))), key=lambda act: act.at_s)
    return Plan(
        seed=seed,
        venues=venues,
        assets=rng.randint(2, 4),
        rate=rng.uniform(40.0, 100.0),
        places=rng.randint(1, 3),
        scan_ms=rng.choice([500, 1_000, 2_000]),
        keeps_candles=rng.random() < 0.7,
        lasts_s=lasts_s,
        acts=tuple(acts),
    )


def _act(rng: random.Random, venues: tuple[str, ...], lasts_s: float) -> Act:
    at_s = rng.uniform(0.0, lasts_s * 0.9)
    for_s = min(rng.expovariate(1 / 12.0) + 1.0, lasts_s - at_s)
    exchange = rng.choice(venues)
    room: Room = rng.choices(("exchange", "net", "machine"), (0.65, 0.2, 0.15))[0]
    given: dict[str, Any] = {"at_s": at_s, "room": room, "exchange": exchange, "for_s": for_s}
    if room == "machine":
        kind = rng.choice(MACHINE_KINDS)
        seconds = {"stall": rng.uniform(0.3, 8.0), "sleep": rng.uniform(6.0, 900.0)}.get(kind, 0.0)
        return Act(**given | {"kind": kind, "exchange": "", "value": seconds})
    if room == "net":
        kind = rng.choice(NET_KINDS)
        value = {"resets": rng.uniform(0.1, 0.9), "far": rng.uniform(200.0, 3_000.0)}.get(kind, 0.0)
        return Act(**given, kind=kind, value=value)
    kind = rng.choice(EXCHANGE_KINDS)
    if kind in OF_BOOKS:
        given["match"] = BOOK[exchange]
    elif kind in FEW or kind in ("silent", "delay", "duplicate"):
        given["match"] = rng.choice(["", BOOK[exchange], TRADES[exchange]])
    if kind in FEW:
        given["count"] = 1 if kind == "oversize" else rng.randint(1, 6)
    values = {"delay": (50, 3_000), "oversize": (5e6, 5e6), "burst": (2, 9), "slow": (500, 12_000)}
    least, most = values.get(kind, (0, 0))
    return Act(**given, kind=kind, value=float(round(rng.uniform(least, most))))
