"""The structure face: bounds, statuses, invariances, no look-ahead, and its scores by hand."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench.synthetic_view import synthetic_view
from engine.arrays import Floats
from engine.market.view import Bars, Books, Derivatives, Liquidations, MarketView, Tape
from engine.prism import swings
from engine.prism.account import check
from engine.prism.board import COMPONENTS, Reading, Status
from engine.prism.position_heat import liquidation_concentration, position_heat
from engine.prism.structure import structure, value_area_score
from engine.prism.structure_levels import LEVEL_NAMES
from engine.prism.structure_memory import StructureMemory
from engine.prism.swings import WING, confirmed_swings, swing_levels
from engine.prism.volume_profile import value_area
from engine.prism.vwap import vwap_score
from tests.engine.builders import make_view
from tests.engine.prism.structure_candles import view_at

NAMES = tuple(COMPONENTS["structure"])
CALM = "candles-2025-10-14.jsonl.gz"


def one(value: float) -> Floats:
    return np.array([value])


def permuted(part: Any, order: NDArray[np.int64], rows: int) -> Any:
    """A view, or a part of one, with its rows in another order."""
    if isinstance(part, np.ndarray):
        return part[order] if part.ndim and len(part) == rows else part
    if isinstance(part, tuple) and len(part) == rows:
        return tuple(part[row] for row in order)
    if isinstance(part, dict):
        return {name: permuted(inner, order, rows) for name, inner in part.items()}
    if isinstance(part, Bars | Books | Derivatives | Tape | Liquidations | MarketView):
        return replace(part, **{f.name: permuted(getattr(part, f.name), order, rows) for f in fields(part)})
    return part


def with_prices(view: MarketView, change: Any, volume: float = 1.0) -> MarketView:
    """Every price of bars, history and last trade put through `change`, every volume times `volume`."""
    bars = {
        name: replace(
            b,
            open=change(b.open),
            high=np.fmax(change(b.high), change(b.low)),
            low=np.fmin(change(b.high), change(b.low)),
            close=change(b.close),
            volume_usd=b.volume_usd * volume,
        )
        for name, b in view.bars.items()
    }
    facts = view.derivatives
    oi_base = facts.oi_history_usd / facts.oi_history_close
    close = change(facts.oi_history_close)
    return replace(
        view,
        bars=bars,
        derivatives=replace(
            facts, last=change(facts.last), oi_history_close=close, oi_history_usd=oi_base * close * volume
        ),
    )


def scores(readings: dict[str, Reading]) -> Floats:
    return np.column_stack([readings[name].score for name in NAMES])


def cut(view: MarketView, bars_back: int) -> MarketView:
    """The view as it stood `bars_back` 5m bars earlier: those bars gone, price the newest close."""
    at_ms = view.at_ms - bars_back * 300_000
    made = {}
    for name, bars in view.bars.items():
        gone = int((bars.open_ms + bars.interval_ms > at_ms).sum(axis=1).max())
        keep = slice(None, bars.close.shape[1] - gone)
        wide = [f.name for f in fields(bars) if f.name not in ("interval_ms", "count", "revision")]
        parts = {part: getattr(bars, part)[:, keep] for part in wide}
        made[name] = replace(bars, **parts, count=bars.count - gone, revision=bars.revision - gone)
    last = made["5m"].close[:, -1]
    return replace(view, at_ms=at_ms, bars=made, derivatives=replace(view.derivatives, last=last))


def test_every_component_keeps_the_contract() -> None:
    view = make_view(40)
    readings = structure(view, StructureMemory())
    assert tuple(readings) == NAMES
    for name, reading in readings.items():
        check(name, reading, view.rows)
        assert (reading.status == Status.OK).sum() > 30
        spoken = np.array([row in reading.notes for row in range(view.rows)])
        assert spoken[reading.status != Status.OK].all()
        for values, unit, times in reading.inputs.values():
            assert values.shape == (view.rows,)
            assert unit
            assert times is None or (times <= view.at_ms).all()
        assert reading.score[reading.status == Status.OK].std() > 1


def test_young_missing_and_stale_rows_say_why() -> None:
    view = make_view(12)
    readings = structure(view, StructureMemory())
    assert readings["order_block"].notes[5] == "warming: 27/36 bars"
    assert readings["order_block"].status[5] == Status.WARMING
    assert readings["vwap"].status[5] == Status.OK
    assert readings["vwap"].notes[5] == "15m warming: 9/15 bars; 4h warming: 2/15 bars"
    assert np.isnan(readings["vwap"].timeframes[5]).tolist() == [False, True, True]  # type: ignore[index]
    assert readings["value_area"].notes[5] == "bars cover 2 h of the 24 h"
    assert readings["position_heat"].notes[7] == "no open interest"
    assert readings["position_heat"].status[7] == Status.MISSING
    late = replace(view, at_ms=view.at_ms + 13 * 3_600_000)
    for name, reading in structure(late, StructureMemory()).items():
        assert reading.status[0] == Status.STALE, name
        assert "overdue" in reading.notes[0] or "min old" in reading.notes[0]


def test_without_a_price_or_bars_there_is_nothing() -> None:
    view = make_view(6, complete=True)
    priceless = replace(view, derivatives=replace(view.derivatives, last=np.full(6, np.nan)))
    for name in NAMES[:4]:
        reading = structure(priceless, StructureMemory())[name]
        assert (reading.status == Status.MISSING).all()
        assert reading.notes[0] == "no price"
    empty = {
        name: replace(
            b,
            **{p: np.full_like(getattr(b, p), np.nan) for p in ("open", "high", "low", "close", "volume_usd")},
            open_ms=np.full_like(b.open_ms, -1),
            count=np.zeros_like(b.count),
        )
        for name, b in view.bars.items()
    }
    for name in NAMES[:4]:
        reading = structure(replace(view, bars=empty), StructureMemory())[name]
        assert (reading.status == Status.MISSING).all()
        assert reading.notes[0] == "no closed bars"


def test_bars_without_dollar_volume_have_no_vwap_profile_or_blocks() -> None:
    view = with_prices(make_view(6, complete=True), lambda p: p, volume=math.nan)
    readings = structure(view, StructureMemory())
    for name in ("order_block", "value_area", "vwap"):
        assert (readings[name].status == Status.MISSING).all(), name
        assert "no dollar volume" in readings[name].notes[0]
    assert (readings["support_resistance"].status == Status.OK).all()


def test_the_order_of_rows_does_not_matter() -> None:
    view = make_view(30)
    order = np.random.default_rng(2).permutation(30)
    straight = structure(view, StructureMemory())
    mixed = structure(permuted(view, order, 30), StructureMemory())
    for name in NAMES:
        np.testing.assert_array_equal(straight[name].score[order], mixed[name].score)
        np.testing.assert_array_equal(straight[name].status[order], mixed[name].status)


@pytest.mark.parametrize(("price", "volume"), [(8.0, 1.0), (0.125, 1.0), (1.0, 64.0), (1000.0, 1e-3)])
def test_the_scale_of_prices_and_sizes_does_not_matter(price: float, volume: float) -> None:
    view = make_view(30, complete=True)
    scaled = with_prices(view, lambda p: p * price, volume)
    straight, other = (scores(structure(v, StructureMemory())) for v in (view, scaled))
    np.testing.assert_allclose(straight, other, atol=1e-6)


def test_a_mirrored_market_has_the_mirrored_score() -> None:
    view = make_view(30, complete=True)
    last = view.derivatives.last

    def mirror(prices: Floats) -> Floats:
        return np.asarray(2 * (last if prices.ndim == 1 else last[:, None]) - prices)

    straight = structure(view, StructureMemory())
    other = structure(with_prices(view, mirror), StructureMemory())
    for name in ("order_block", "value_area", "support_resistance"):
        np.testing.assert_allclose(other[name].score, 100 - straight[name].score, atol=1e-6, err_msg=name)


def test_a_stream_and_a_fresh_start_agree_at_every_bar() -> None:
    view = make_view(12)
    watching = StructureMemory()
    for back in range(60, -1, -1):
        now = cut(view, back)
        streamed = scores(structure(now, watching))
        if back % 10 == 0:
            fresh = StructureMemory()
            np.testing.assert_array_equal(streamed, scores(structure(now, fresh)))
            np.testing.assert_array_equal(watching.prices, fresh.prices)


@pytest.mark.recorded
def test_a_stream_of_real_candles_and_a_fresh_start_agree() -> None:
    watching = StructureMemory()
    start = 1_760_482_800_000
    for step in range(0, 40, 4):
        now = view_at(CALM, start + step * 300_000)
        readings = structure(now, watching)
        fresh = structure(now, StructureMemory())
        for name in NAMES:
            np.testing.assert_array_equal(readings[name].score, fresh[name].score)
            check(name, readings[name], now.rows)


def test_only_rows_with_a_new_bar_are_computed_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    view = make_view(20, complete=True)
    memory = StructureMemory()
    structure(view, memory)
    seen: list[int] = []
    real = swings.newest_swings

    def counting(high: Floats, low: Floats) -> tuple[Floats, Floats]:
        seen.append(len(high))
        return real(high, low)

    monkeypatch.setattr(swings, "newest_swings", counting)
    structure(view, memory)
    assert seen == []
    bars = view.bars["5m"]
    revision = bars.revision.copy()
    revision[[3, 4]] += 1
    structure(replace(view, bars=view.bars | {"5m": replace(bars, revision=revision)}), memory)
    assert seen == [2]
    structure(replace(view, epoch=2), memory)
    assert seen == [2, 20, 20, 20]


def test_readings_do_not_change_with_the_next_scan() -> None:
    view = make_view(8, complete=True)
    memory = StructureMemory()
    readings = structure(cut(view, 3), memory)
    kept = {(n, i): values.copy() for n, reading in readings.items() for i, (values, _, _) in reading.inputs.items()}
    view.derivatives.last[:] *= 1.01
    structure(view, memory)
    for (name, one_input), values in kept.items():
        np.testing.assert_array_equal(readings[name].inputs[one_input][0], values)


def test_no_swing_is_known_before_it_is_confirmed() -> None:
    bars = make_view(6, complete=True).bars["5m"]
    whole = confirmed_swings(bars.high, bars.low)
    for end in range(40, bars.close.shape[1], 17):
        part = confirmed_swings(bars.high[:, :end], bars.low[:, :end])
        for known, later in zip(part, whole, strict=True):
            assert not known[:, -WING:].any()
            np.testing.assert_array_equal(known[:, : end - WING], later[:, : end - WING])


def test_the_live_price_moves_scores_without_a_new_bar() -> None:
    view = make_view(20, complete=True)
    memory = StructureMemory()
    before = scores(structure(view, memory))
    last = view.derivatives.last * 1.003
    after = scores(structure(replace(view, derivatives=replace(view.derivatives, last=last)), memory))
    assert (before[:, :4] != after[:, :4]).any(axis=0).all()


def test_an_old_last_price_gives_way_to_current_quotes_and_without_them_to_nothing() -> None:
    view = make_view(6, complete=True)
    facts, limit = view.derivatives, 15 * 60_000
    held = replace(facts, last=facts.last * 1.05, quote_ms=np.full(6, view.at_ms))
    times = facts.last_ms.copy()
    times[:4] = [view.at_ms - limit, view.at_ms - limit - 1, view.at_ms - 3_600_000, -1]
    quote_times = held.quote_ms.copy()
    quote_times[2] = view.at_ms - 120_001
    aged = replace(view, derivatives=replace(held, last_ms=times, quote_ms=quote_times))
    at_mid = replace(view, derivatives=replace(held, last=(held.bid + held.ask) / 2))
    readings, wanted = structure(aged, StructureMemory()), structure(at_mid, StructureMemory())
    as_traded = structure(replace(view, derivatives=held), StructureMemory())
    for name in NAMES[:4]:
        found = readings[name]
        assert found.status[:3].tolist() == [Status.OK, Status.OK, Status.STALE], name
        assert found.notes[2] == "last price 60 min old"
        assert found.score[0] == as_traded[name].score[0]
        assert found.score[1] == wanted[name].score[1]
        assert "no trade for 15 min: price is the mid quote" in found.notes[1]
        assert found.score[3] == wanted[name].score[3]
        assert "no trade yet: price is the mid quote" in found.notes[3]
        price, unit, price_ms = found.inputs["price"]
        assert (price[1], unit) == ((held.bid[1] + held.ask[1]) / 2, "quote")
        assert price_ms is not None
        assert price_ms[:2].tolist() == [view.at_ms - limit, view.at_ms]


def test_a_value_area_is_stale_as_soon_as_the_bars_are_that_it_is_made_of() -> None:
    view = synthetic_view(rows=24, width=500, levels=60)
    assert (view.bars["5m"].count * 5 >= 1_440).all()
    for minutes, status in ((10, Status.OK), (11, Status.STALE)):
        closed_ms = int(view.bars["5m"].open_ms[0, -1]) + 5 * 60_000
        late = replace(view, at_ms=closed_ms + minutes * 60_000)
        assert structure(late, StructureMemory())["value_area"].status[0] == status


def test_named_levels_lie_where_their_names_say() -> None:
    view = make_view(20, complete=True)
    memory = StructureMemory()
    structure(view, memory)
    for row in range(view.rows):
        price, levels = view.derivatives.last[row], dict(memory.levels_of(row))
        assert set(levels) <= set(LEVEL_NAMES)
        assert {"POC 24h", "VAH 24h", "VAL 24h"} <= set(levels)
        assert levels["VAL 24h"] < levels["POC 24h"] < levels["VAH 24h"]
        for name, level in levels.items():
            if name.startswith("swing below"):
                assert level <= price
            if name.startswith("swing above"):
                assert level > price
            if name.startswith("bull block bottom"):
                assert level < price
            if name.startswith("bear block top"):
                assert level > price
    assert memory.levels_of(99) == ()


def test_swings_close_to_one_another_are_one_level() -> None:
    price, ago = np.array([[100.0, 100.2, 105.0, math.nan]]), np.array([[40.0, 10.0, 5.0, math.nan]])
    level, strength = swing_levels(price, ago, one(1.0))
    assert level[0, :3].tolist() == [pytest.approx(100.1), pytest.approx(100.1), 105.0]
    assert strength[0, 0] == pytest.approx(0.75 * (0.5 + 0.5 * math.exp(-0.1)))
    assert strength[0, 2] == pytest.approx(0.5 * (0.5 + 0.5 * math.exp(-0.05)))
    assert math.isnan(level[0, 3])
    assert math.isnan(strength[0, 3])


@pytest.mark.parametrize(
    ("price", "vwap", "atr", "score"),
    [
        (100.0, 99.9, 1.0, 70.0),  # d 0.1 %
        (100.0, 100.1, 1.0, 30.0),
        (100.0, 99.0, 1.0, 25.0),  # d 1 %
        (100.0, 98.0, 1.0, 0.0),  # clipped
        (100.0, 102.0, 1.0, 100.0),
        (100.0, 100.0, 1.0, 50.0),
        (100.0, 99.975, 1.0, 61.25),  # half of the 0.05 band, whose end is 72.5
        (100.0, 100.025, 1.0, 38.75),
        (100.0, 100.0, 0.0, 50.0),
        (100.0, math.nan, 1.0, math.nan),
    ],
)
def test_vwap_score(price: float, vwap: float, atr: float, score: float) -> None:
    assert vwap_score(one(price), one(vwap), one(atr))[0] == pytest.approx(score, nan_ok=True)


BEYOND = 25 * math.tanh(1)


@pytest.mark.parametrize(
    ("price", "score"),
    [(100, 50), (104, 75), (102, 62.5), (98, 25), (99, 37.5), (110, 75 + BEYOND), (92, 25 - BEYOND)],
)
def test_value_area_score(price: float, score: float) -> None:
    found = value_area_score(one(price), one(100.0), one(104.0), one(98.0))[0]
    assert found == pytest.approx(score)


def test_a_profile_by_hand() -> None:
    # 100 of volume over 0..20 and 100 over 8..12: 20 bins of width 1 hold 5 each, those of 8..12 another 25 each.
    found = value_area(
        np.array([[20.0, 12.0]]), np.array([[0.0, 8.0]]), np.array([[100.0, 100.0]]), np.ones((1, 2), bool), one(5.0)
    )
    assert found.poc[0] in (9.5, 10.5)
    # 120 of 200 lie in 8..12; 70 % is 140, so two more bins a side.
    assert (found.low[0], found.high[0]) == (6.0, 14.0)


def test_a_profile_of_nothing_is_nan() -> None:
    flat = np.full((1, 3), 5.0)
    for volume, high in ((np.zeros((1, 3)), flat + 1), (flat, flat), (flat * np.nan, flat + 1)):
        found = value_area(high, flat, volume, np.ones((1, 3), bool), one(1.0))
        assert np.isnan([found.poc[0], found.high[0], found.low[0]]).all()


def oi(price_step: float, interest_step: float) -> float:
    """Heat of a quiet history that ends with one hour of steady change."""
    rng = np.random.default_rng(4)
    price, interest = rng.normal(0, 1e-4, 96), rng.normal(0, 1e-4, 96)
    price[-4:] += price_step
    interest[-4:] += interest_step
    close, base = 100 * np.exp(np.cumsum(price))[None, :], 1e6 * np.exp(np.cumsum(interest))[None, :]
    return float(position_heat(base * close, close).score[0])


def test_the_four_quadrants() -> None:
    long, short, cover, exodus = oi(0.002, 0.004), oi(-0.002, 0.004), oi(0.002, -0.004), oi(-0.002, -0.004)
    assert long > cover + 10 > 60
    assert short < exodus - 10 < 40


def test_heat_of_mirrored_prices_is_mirrored() -> None:
    facts = make_view(30, complete=True).derivatives
    base = facts.oi_history_usd / facts.oi_history_close
    flipped = facts.last[:, None] ** 2 / facts.oi_history_close
    straight = position_heat(facts.oi_history_usd, facts.oi_history_close)
    mirrored = position_heat(base * flipped, flipped)
    known = ~np.isnan(straight.score)
    assert known.sum() > 20
    np.testing.assert_allclose(mirrored.score[known], 100 - straight.score[known], atol=1e-6)


def test_heat_counts_history_back_to_the_first_hole() -> None:
    facts = make_view(4, complete=True).derivatives
    history = facts.oi_history_usd.copy()
    history[0, -20] = np.nan
    found = position_heat(history, facts.oi_history_close)
    assert found.slots[:2].tolist() == [19, 96]
    assert math.isnan(found.score[0])


def test_liquidations_that_price_has_crossed_are_gone() -> None:
    # Interest opens at 100; its 50x shorts lie 2 % above. Then price visits +5 %, or does not, and comes back.
    interest = np.log(np.array([[1.0, 2.0, 2.0, 2.0]]))
    visited = liquidation_concentration(interest, np.log(np.array([[100.0, 100.0, 105.0, 100.0]])))[0]
    calm = liquidation_concentration(interest, np.log(np.array([[100.0, 100.0, 100.0, 100.0]])))[0]
    assert calm == pytest.approx(0)
    assert visited < -0.2


@given(st.integers(0, 10_000))
def test_scores_stay_within_bounds_whatever_the_price(seed: int) -> None:
    rng = np.random.default_rng(seed)
    price, poc = rng.lognormal(0, 2, 50), rng.lognormal(0, 2, 50)
    high, low = poc * (1 + rng.random(50)), poc * (1 - rng.random(50) * 0.99)
    for found in (value_area_score(price, poc, high, low), vwap_score(price, poc, rng.random(50) * poc)):
        assert ((found >= 0) & (found <= 100)).all()
