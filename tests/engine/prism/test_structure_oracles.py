"""Levels from bars against slow versions of their definitions, on real candles and on synthetic ones."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.market.view import MarketView
from engine.prism.structure_memory import ATR_BARS, LOOKBACK_BARS, StructureMemory
from engine.prism.swings import confirmed_swings
from engine.prism.vwap import WINDOW_BARS
from tests.engine.builders import make_view
from tests.engine.prism.structure_candles import (
    row_bars,
    slow_atr,
    slow_blocks,
    slow_swings,
    slow_value_area,
    slow_vwap,
    view_at,
)

CRASH, CALM = "candles-2025-10-10-crash.jsonl.gz", "candles-2025-10-14.jsonl.gz"
MOMENTS = [
    pytest.param(None, 0, id="synthetic"),
    pytest.param(CALM, 1_760_520_000_000, id="2025-10-15", marks=pytest.mark.recorded),
    pytest.param(CALM, 1_760_663_700_000, id="2025-10-17", marks=pytest.mark.recorded),
    pytest.param(CRASH, 1_760_131_800_000, id="crash", marks=pytest.mark.recorded),
    pytest.param(CRASH, 1_760_140_800_000, id="midnight-after-the-crash", marks=pytest.mark.recorded),
]


def market(capture: str | None, at_ms: int) -> MarketView:
    return make_view(20, complete=True) if capture is None else view_at(capture, at_ms)


def frames_of(view: MarketView) -> list[tuple[str, int]]:
    return [(name, row) for name in ("5m", "15m", "4h") for row in range(view.rows) if view.bars[name].count[row] >= 40]


@pytest.mark.parametrize(("capture", "at_ms"), MOMENTS)
def test_atr_and_vwap(capture: str | None, at_ms: int) -> None:
    view, memory = market(capture, at_ms), StructureMemory()
    memory.update(view)
    checked = frames_of(view)
    assert len(checked) >= 40
    for name, row in checked:
        bars = row_bars(view.bars[name], row)
        assert memory.frames[name].atr[row] == pytest.approx(slow_atr(bars[-ATR_BARS:])[-1], rel=1e-9)
        assert memory.frames[name].vwap[row] == pytest.approx(slow_vwap(bars[-WINDOW_BARS[name] :]), rel=1e-12)


@pytest.mark.parametrize(("capture", "at_ms"), MOMENTS)
def test_order_blocks(capture: str | None, at_ms: int) -> None:
    view, memory = market(capture, at_ms), StructureMemory()
    memory.update(view)
    seen = 0
    for name, row in frames_of(view):
        bars = row_bars(view.bars[name], row)[-ATR_BARS:]
        atr = slow_atr(bars)[-LOOKBACK_BARS:]
        frame = memory.frames[name]
        for side in ("bull", "bear"):
            expected = slow_blocks(bars[-LOOKBACK_BARS:], atr, bullish=side == "bull")[:6]
            parts = [getattr(frame, f"{side}_{part}")[row] for part in ("top", "bottom", "strength")]
            found = [tuple(block) for block in zip(*(p.tolist() for p in parts), strict=True) if block[0] == block[0]]
            assert len(found) == len(expected), (name, row, side)
            np.testing.assert_allclose(np.array(found), np.array(expected), rtol=1e-9)
            assert all(0 <= block[2] <= 1 for block in found)
            seen += len(found)
    assert seen > 20


@pytest.mark.parametrize(("capture", "at_ms"), MOMENTS)
def test_swings(capture: str | None, at_ms: int) -> None:
    view = market(capture, at_ms)
    seen = 0
    for name, row in frames_of(view):
        bars = row_bars(view.bars[name], row)
        high, low = np.array([[b.high for b in bars]]), np.array([[b.low for b in bars]])
        highs, lows = confirmed_swings(high, low)
        expected = slow_swings(bars)
        assert (np.flatnonzero(highs[0]).tolist(), np.flatnonzero(lows[0]).tolist()) == expected
        seen += len(expected[0]) + len(expected[1])
    assert seen > 300


@pytest.mark.parametrize(("capture", "at_ms"), MOMENTS)
def test_value_areas(capture: str | None, at_ms: int) -> None:
    view, memory = market(capture, at_ms), StructureMemory()
    memory.update(view)
    held, sessions = memory.profiles, 0
    for row in range(view.rows):
        fine = view.bars["5m"].count[row] * 300_000, view.bars["15m"].count[row] * 900_000
        name = "5m" if min(fine[0], 86_400_000) >= min(fine[1], 86_400_000) else "15m"
        interval = view.bars[name].interval_ms
        bars, atr = row_bars(view.bars[name], row), float(memory.frames[name].atr[row])
        day = slow_value_area(bars[-86_400_000 // interval :], atr)
        found = held.day_poc[row], held.day_high[row], held.day_low[row]
        assert found == pytest.approx(day, rel=1e-9), (row, name)
        start = bars[-1].open_ms // 86_400_000 * 86_400_000
        session = [bar for bar in bars if bar.open_ms >= start]
        found = held.session_poc[row], held.session_high[row], held.session_low[row]
        if len(session) * interval >= 3_600_000:
            sessions += 1
            assert found == pytest.approx(slow_value_area(session, atr), rel=1e-9), (row, name)
        else:
            assert all(math.isnan(x) for x in found)
    assert sessions > 0 or at_ms % 86_400_000 == 0
