"""Bitget's long/short and taker ratios, which only classic v2 offers.

Called by `rest` with the rows of an answer. Uncertain: whether `ts` is the start or the end of its period, and which
accounts `position-long-short` covers. Over all accounts long and short positions are equal, so it can only cover a
selection, which is what the kind `top_positions` stands for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from engine.events import RatioKind
from engine.timeframes import MINUTE_MS
from engine.venues import checks
from engine.venues.bitget import wire
from engine.venues.checks import Implausible

PERIOD_MS: Final = {
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "1h": 60 * MINUTE_MS,
    "2h": 120 * MINUTE_MS,
    "4h": 240 * MINUTE_MS,
    "6h": 360 * MINUTE_MS,
    "12h": 720 * MINUTE_MS,
    "1d": 1440 * MINUTE_MS,
}
"""The documented periods, by the venue's name."""
KINDS: Final[tuple[RatioKind, ...]] = ("accounts", "top_positions", "taker_volume")


def values(kind: RatioKind, data: bytes) -> list[tuple[int, float]]:
    """(time ms, ratio) of every row; `kind` is one of `KINDS`. Raises msgspec errors or Implausible."""
    return _VALUES[kind](data)


def _accounts(data: bytes) -> list[tuple[int, float]]:
    return [
        (
            checks.time_ms(row.ts, "ts"),
            _ratio(row.longShortAccountRatio, row.longAccountRatio, row.shortAccountRatio, "AccountRatio"),
        )
        for row in _ACCOUNTS.decode(data)
    ]


def _positions(data: bytes) -> list[tuple[int, float]]:
    return [
        (
            checks.time_ms(row.ts, "ts"),
            _ratio(row.longShortPositionRatio, row.longPositionRatio, row.shortPositionRatio, "PositionRatio"),
        )
        for row in _POSITIONS.decode(data)
    ]


def _takers(data: bytes) -> list[tuple[int, float]]:
    return [
        (
            checks.time_ms(row.ts, "ts"),
            checks.size(row.buyVolume, "buyVolume") / checks.traded_size(row.sellVolume, "sellVolume"),
        )
        for row in _TAKERS.decode(data)
        # A period without taker sells has no ratio, and does not invalidate the other rows.
        if row.sellVolume != 0.0
    ]


def _ratio(stated: float | None, long: float | None, short: float | None, field: str) -> float:
    """Long over short as published, else computed from the two sides."""
    if stated is not None:
        return checks.size(stated, f"longShort{field}")
    if long is None or short is None:
        raise Implausible(f"a row with neither longShort{field} nor long{field} and short{field}")
    return checks.size(long, f"long{field}") / checks.traded_size(short, f"short{field}")


_ACCOUNTS: Final = msgspec.json.Decoder(list[wire.AccountRatioRow], strict=False)
_POSITIONS: Final = msgspec.json.Decoder(list[wire.PositionRatioRow], strict=False)
_TAKERS: Final = msgspec.json.Decoder(list[wire.TakerRow], strict=False)

_VALUES: Final[dict[RatioKind, Callable[[bytes], list[tuple[int, float]]]]] = {
    "accounts": _accounts,
    "top_positions": _positions,
    "taker_volume": _takers,
}
