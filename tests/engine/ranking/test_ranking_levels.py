"""Levels: order, ticks, structure, statuses, and the net reward/risk."""

from __future__ import annotations

import math
from decimal import Decimal

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.config.presets import PRESETS, Preset
from engine.market.quotes import Quotes
from engine.ranking.levels import NO_QUOTE, Ground, Laid, lay, net_reward_risk
from engine.ranking.result import LevelStatus
from engine.ranking.ticks import round_to_tick

BALANCED = PRESETS["balanced"]


def ground(
    bid: float = 99.9, ask: float = 100.1, last: float = 100.0, tick: float = 0.1, structure: tuple[float, ...] = ()
) -> Ground:
    quotes = Quotes(*(np.array([x]) for x in (bid, ask, (bid + ask) / 2, (ask - bid) / (ask + bid) * 2e4)))
    return Ground(quotes, np.array([last]), np.array([tick]), np.array([0.0005]), np.array([structure]).reshape(1, -1))


def laid(where: Ground, side: int, atr: float = 1.0, bars: int = 50, preset: Preset = BALANCED) -> Laid:
    return lay(where, np.array([side], dtype=np.int8), np.array([atr]), np.array([bars]), preset)


def test_a_long_enters_at_the_ask_and_a_short_at_the_bid() -> None:
    long, short = laid(ground(), 1), laid(ground(), -1)
    assert long.entry[0] == 100.1
    assert long.stop[0] == 98.1
    assert long.target[0].tolist() == [103.1, 106.1, 110.1]
    assert long.risk[0] == 2.0
    assert short.entry[0] == 99.9
    assert short.stop[0] == 101.9
    assert short.target[0].tolist() == [96.9, 93.9, 89.9]


def test_without_quotes_the_last_price_is_the_entry_and_the_row_says_so() -> None:
    found = laid(ground(bid=math.nan, ask=math.nan), 1)
    assert found.entry[0] == 100.0
    assert found.status[0] == LevelStatus.OK
    assert found.notes[0] == NO_QUOTE
    assert np.isnan(found.reward_risk_net).all()


@pytest.mark.parametrize(
    ("structure", "stop"),
    [
        ((), 98.1),
        ((97.8,), 97.7),  # 0.3 ATR beyond: 0.05 ATR behind it, then to the tick away from entry
        ((97.8, 97.7), 97.7),  # the nearest one counts
        ((97.5,), 98.1),  # 0.6 ATR beyond is too far
        ((98.5,), 98.1),  # already behind it
        ((math.nan,), 98.1),
    ],
)
def test_a_near_structure_level_pulls_the_stop_behind_it(structure: tuple[float, ...], stop: float) -> None:
    assert laid(ground(structure=structure), 1).stop[0] == stop


def test_a_short_stop_is_pulled_above_structure() -> None:
    assert laid(ground(structure=(102.2,)), -1).stop[0] == 102.3


@pytest.mark.parametrize(
    ("side", "where", "atr", "bars", "status", "words"),
    [
        (0, ground(), 1.0, 50, LevelStatus.MISSING, "no side"),
        (1, ground(bid=math.nan, ask=math.nan, last=math.nan), 1.0, 50, LevelStatus.MISSING, "no price"),
        (1, ground(), math.nan, 9, LevelStatus.WARMING, "warming: 9/15 bars of 15m"),
        (1, ground(), 0.0, 50, LevelStatus.MISSING, "no range on 15m"),
        (1, ground(), 60.0, 50, LevelStatus.MISSING, "stop or target at or below zero"),
        (-1, ground(), 15.0, 50, LevelStatus.MISSING, "stop or target at or below zero"),
        (1, ground(tick=40.0), 1.0, 50, LevelStatus.OK, None),
        (1, ground(tick=0.1), 1e-4, 50, LevelStatus.OK, None),
    ],
)
def test_levels_that_cannot_be_laid_say_why(
    side: int, where: Ground, atr: float, bars: int, status: LevelStatus, words: str | None
) -> None:
    found = laid(where, side, atr, bars)
    assert found.status[0] == status
    assert found.notes.get(0) == words
    if status != LevelStatus.OK:
        assert np.isnan([found.entry[0], found.stop[0], found.risk[0], *found.target[0]]).all()


def test_targets_that_the_tick_would_merge_are_refused() -> None:
    found = laid(ground(tick=1.0), 1, 0.2, preset=msgspec.structs.replace(BALANCED, targets_r=(0.2, 0.4, 0.6)))
    assert found.status[0] == LevelStatus.MISSING
    assert found.notes[0] == "tick too coarse for these levels"


@settings(max_examples=300, deadline=None)
@given(
    price=st.floats(1e-6, 2e5),
    tick_power=st.integers(-9, 1),
    tick_unit=st.sampled_from([1, 2, 5]),
    atr_frac=st.floats(1e-5, 0.6),
    spread_ticks=st.integers(0, 5),
    side=st.sampled_from([1, -1]),
    offsets=st.lists(st.floats(-3, 3), max_size=4),
    name=st.sampled_from(sorted(PRESETS)),
)
def test_levels_are_ordered_on_tick_and_never_understate_risk(
    price: float,
    tick_power: int,
    tick_unit: int,
    atr_frac: float,
    spread_ticks: int,
    side: int,
    offsets: list[float],
    name: str,
) -> None:
    tick = float(f"{tick_unit}e{tick_power}")
    bid = max(1, round(price / tick)) * tick
    ask = bid + spread_ticks * tick
    atr, preset = atr_frac * price, PRESETS[name]
    where = ground(bid, ask, bid, tick, tuple(price + o * atr for o in offsets))
    found = laid(where, side, atr, preset=preset)
    if found.status[0] != LevelStatus.OK:
        return
    entry, stop, targets = found.entry[0], found.stop[0], found.target[0]
    chain = np.array([stop, entry, *targets]) * side
    assert (np.diff(chain) > 0).all()
    assert min(stop, *targets) > 0
    slack = 1e-6 * tick + 1e-12 * price
    assert side * (entry - (ask if side > 0 else bid)) >= -slack
    assert abs(entry - stop) >= preset.stop_atr * atr - 2 * slack
    for target, multiple in zip(targets, preset.targets_r, strict=True):
        assert abs(target - entry) <= multiple * found.risk[0] + 2 * slack
    for level in (entry, stop, *targets):
        ticks = Decimal(repr(float(level))) / Decimal(repr(tick))
        assert abs(ticks - round(ticks)) < Decimal("1e-5")


@given(st.integers(1, 10**7), st.sampled_from(["0.1", "0.01", "0.00001", "0.5", "0.25", "5", "1e-7"]))
def test_a_price_on_its_tick_prints_as_the_venue_would_print_it(count: int, tick: str) -> None:
    exact = Decimal(count) * Decimal(tick)
    for direction in (1.0, -1.0):
        moved = round_to_tick(np.array([float(exact)]), np.array([float(tick)]), np.array([direction]))
        assert moved[0] == float(exact)


def test_without_a_tick_prices_stay_unrounded() -> None:
    found = laid(ground(tick=math.nan), 1, 1 / 3)
    assert found.stop[0] == pytest.approx(100.1 - 2 / 3, abs=1e-12)
    assert found.notes[0] == "tick not known: prices are not rounded"
    assert found.status[0] == LevelStatus.OK


def test_net_reward_risk_by_hand() -> None:
    # entry 100, stop 98, TP 106, fee 0.05 %, half-spread 0.05:
    # reward 6 - 0.0005 * 206 - 0.05 = 5.847; risk 2 + 0.0005 * 198 + 0.05 = 2.149
    targets = np.array([[103.0, 106.0, 110.0]])
    found = net_reward_risk(np.array([100.0]), np.array([98.0]), targets, np.array([0.0005]), np.array([0.05]))
    assert found[0, 1] == pytest.approx(5.847 / 2.149)
