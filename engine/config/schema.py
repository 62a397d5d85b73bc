"""What users can change: one schema for validation, for the documentation and for the example file.

Read by the loader, by `prism config` and by everything that is configurable. A field's docstring is its comment in
`config.example.yaml`, so it is written for users. Unknown keys are refused. Nothing here reads files.
"""

from __future__ import annotations

import math
from difflib import get_close_matches
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from engine.config.presets import ALIASES, FACE_WEIGHTS, PRESETS, Fraction, NotNegative, Positive, Preset
from engine.text import clean

TAKER_FEES: Final[dict[str, float]] = {
    "binance-usdm": 0.0005,  # https://www.binance.com/en/fee/futureFee, regular user, USDT-M
    "bybit-linear": 0.00055,  # https://www.bybit.com/en/help-center/article/Trading-Fee-Structure, VIP 0
    "okx": 0.0005,  # https://www.okx.com/fees, regular user, swaps
    "bitget-usdt": 0.0006,  # https://www.bitget.com/fee, regular user, futures
}
"""Taker fee of the lowest tier without discounts, fraction of notional a fill, so that a net figure is never better
than what a new account gets. Taken from comparisons of 2026 that agree on all four
(https://www.cryptoriskcalc.com/exchange, https://traderssecondbrain.com/tools/exchange-fees); the address beside each
is the venue's own page, where it has yet to be checked. Users set their own tier."""


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A mapping of the file; a key that is not a field is an error."""


class PresetChanges(_Section, frozen=True, kw_only=True):
    """Fields of a preset that differ from what ships; see the defaults beside each."""

    min_conviction: Annotated[float, Meta(ge=0, le=100)] | None = None
    """Minimum |score - 50| * 2."""
    min_coverage: Fraction | None = None
    """Minimum share of the score's weight that rests on good data."""
    min_faces: Annotated[int, Meta(ge=0, le=6)] | None = None
    """Minimum number of faces that agree with the side."""
    max_spread_bps: Positive | None = None
    """Maximum spread, basis points of mid."""
    min_depth_usd: NotNegative | None = None
    """Minimum notional within 1 % of mid on the thinner side, US dollars."""
    min_volume_24h_usd: NotNegative | None = None
    """Minimum 24 h volume, US dollars; 0 lets microcaps through."""
    min_reward_risk: NotNegative | None = None
    """Minimum reward/risk to TP2, net of taker fees and half the spread."""
    persistence: Annotated[int, Meta(ge=1, le=1000)] | None = None
    """Scans in a row in which all other gates must have passed."""
    stop_atr: Positive | None = None
    """Stop distance in ATR14 of the level timeframe."""
    targets_r: tuple[Positive, Positive, Positive] | None = None
    """TP1 to TP3 in R, ascending."""
    level_timeframe: Literal["5m", "15m", "4h"] | None = None
    """Timeframe of the bars for the ATR."""
    face_weights: dict[str, NotNegative] | None = None
    """Weights of the six faces for this preset only: all six, with a sum of 1. Default: the engine's weights."""


class EngineSection(_Section, frozen=True, kw_only=True):
    """How the market is scored."""

    preset: str = "balanced"
    """Preset at start: strict, balanced or relaxed (also high, medium or low; high is strict)."""
    scan_interval_ms: Annotated[int, Meta(ge=20, le=60_000)] = 500
    """Time between two scans, milliseconds of market time."""
    include_tradfi: bool = False
    """Also rank perpetuals on stocks, metals, commodities and currencies."""
    face_weights: dict[str, NotNegative] = msgspec.field(default_factory=lambda: dict(FACE_WEIGHTS))
    """Weight of each face in the score. A face left out keeps its default; the sum of all six must be 1."""
    taker_fees: dict[str, Annotated[float, Meta(ge=-0.01, le=0.05)]] = msgspec.field(
        default_factory=lambda: dict(TAKER_FEES)
    )
    """Your taker fee by venue, as a fraction of notional: 0.0005 is 5 basis points. Negative is a rebate."""


class VenuesSection(_Section, frozen=True, kw_only=True):
    """Which venues are followed live, and how much of them."""

    binance: bool = True
    """USD-M perpetuals and their spot legs."""
    bybit: bool = True
    """Linear perpetuals and their spot legs."""
    okx: bool = True
    """Swaps and their spot legs."""
    bitget: bool = True
    """USDT perpetuals."""
    full_depth: Annotated[int, Meta(ge=0, le=200)] = 40
    """Best ranked perpetuals of each venue to follow with every trade and the whole book, in addition to pins, the
    watch-list and the open symbol. The others have candles, quotes and statistics, and say so."""
    keep_candles: bool = True
    """Keep candles between runs, so that the next start is warm in seconds."""
    proxies: bool = False
    """Use the proxies that the environment names (HTTPS_PROXY, ALL_PROXY)."""


class AccountSection(_Section, frozen=True, kw_only=True):
    """For position sizes only; prism places no orders and needs no account."""

    equity_usd: Positive = 10_000.0
    """Account equity, US dollars; `risk_frac` is a share of it."""
    risk_frac: Annotated[float, Meta(gt=0, le=0.2)] = 0.01
    """Share of equity to lose when a stop is hit: 0.01 is one percent."""
    depth_cap_frac: Annotated[float, Meta(gt=0, le=1)] = 0.1
    """Largest position, as a share of the book's depth within 1 % of mid."""


class ConsoleSection(_Section, frozen=True, kw_only=True):
    """Appearance, alerts and keys of the console."""

    theme: str = "prism-dark"
    """Theme at first start; `t` switches it, and your choice is kept."""
    up_color: Literal["green", "red"] = "green"
    """Colour of rising prices."""
    flash: bool = True
    """Briefly highlight digits that changed."""
    zebra: bool = False
    """Tint every second row of the table."""
    refresh_hz: Annotated[float, Meta(ge=1, le=20)] = 8.0
    """How often the screen checks for new data, times a second."""
    min_liquidation_usd: NotNegative = 0.0
    """Smallest liquidation that the ticker shows, US dollars."""
    large_liquidation_usd: Positive = 100_000.0
    """Liquidations from this size on are highlighted, US dollars."""
    alert_by: Literal["bell", "desktop", "both"] = "bell"
    """How to alert once `b` has turned alerts on: the terminal's bell, a desktop notification (OSC 9), or both."""
    alert_candidate: bool = True
    """Alert when a symbol newly passes the preset in force: at most once in 15 minutes per symbol and preset."""
    alert_liquidation: bool = True
    """Alert when a liquidation reaches `large_liquidation_usd`."""
    alert_venue: bool = True
    """Alert when a venue falls silent or comes back."""
    alert_every_s: Positive = 10.0
    """Minimum time between two alerts, seconds; events in between are counted in the next alert."""
    keys: dict[str, str] = {}
    """Keys for actions, by action name; separate several keys by commas. `?` lists the names."""


class Config(_Section, frozen=True, kw_only=True):
    """The whole file."""

    engine: EngineSection = EngineSection()
    """How the market is scored."""
    presets: dict[str, PresetChanges] = {}
    """Changes to the presets strict, balanced and relaxed."""
    venues: VenuesSection = VenuesSection()
    """Which venues are followed live, and how much of them."""
    account: AccountSection = AccountSection()
    """For position sizes only."""
    console: ConsoleSection = ConsoleSection()
    """Appearance, alerts and keys of the console."""


def venues_of(config: Config) -> list[str]:
    """Names of the venues that are followed."""
    section = config.venues
    return [name for name in ("binance", "bybit", "okx", "bitget") if getattr(section, name)]


def preset_name(name: str) -> str | None:
    """The preset a user means by `name`, or None."""
    lowered = name.strip().lower()
    lowered = ALIASES.get(lowered, lowered)
    return lowered if lowered in PRESETS else None


def presets_of(config: Config) -> dict[str, Preset]:
    """Every preset with the user's changes, strictest first."""
    changed: dict[str, Preset] = {}
    for name, preset in PRESETS.items():
        changes = config.presets.get(name)
        given = {} if changes is None else {k: v for k, v in msgspec.structs.asdict(changes).items() if v is not None}
        changed[name] = msgspec.structs.replace(preset, **given)
    return changed


def problems_of(config: Config) -> list[tuple[str, str]]:
    """What types alone cannot say: (dotted key, what is wrong and what was expected)."""
    problems: list[tuple[str, str]] = []
    if preset_name(config.engine.preset) is None:
        problems.append(("engine.preset", _no_preset(config.engine.preset)))
    problems += _weight_problems("engine.face_weights", config.engine.face_weights)
    for name, changes in config.presets.items():
        if name not in PRESETS:
            problems.append((f"presets.{name}", f"no such preset; expected one of {', '.join(PRESETS)}"))
        if changes.face_weights is not None:
            problems += _weight_problems(f"presets.{name}.face_weights", changes.face_weights)
        ladder = changes.targets_r
        if ladder is not None and not ladder[0] < ladder[1] < ladder[2]:
            problems.append(
                (f"presets.{name}.targets_r", f"{list(ladder)} is not ascending; write TP1 to TP3 from small to large")
            )
    if not venues_of(config):
        problems.append(("venues", "every venue is off; expected one of binance, bybit, okx, bitget to be true"))
    problems += [
        (f"engine.taker_fees.{venue}", f"no such venue; expected one of {', '.join(TAKER_FEES)}")
        for venue in config.engine.taker_fees
        if venue not in TAKER_FEES
    ]
    return problems


def _no_preset(name: str) -> str:
    near = get_close_matches(name.strip().lower(), [*PRESETS, *ALIASES], n=1)
    advice = f"; did you mean {near[0]}?" if near else ""
    return f"expected one of {', '.join(PRESETS)} (or {', '.join(ALIASES)}), not {clean(repr(name), 60)}{advice}"


def _weight_problems(key: str, weights: dict[str, float]) -> list[tuple[str, str]]:
    strange = [name for name in weights if name not in FACE_WEIGHTS]
    missing = [name for name in FACE_WEIGHTS if name not in weights]
    if strange or missing:
        told = [f"{what}: {', '.join(names)}" for what, names in (("unknown", strange), ("missing", missing)) if names]
        return [(key, f"expected all six faces ({', '.join(FACE_WEIGHTS)}); {'; '.join(told)}")]
    total = math.fsum(weights.values())
    return [] if abs(total - 1.0) <= 1e-9 else [(key, f"sums to {total:.10g}, expected 1")]
