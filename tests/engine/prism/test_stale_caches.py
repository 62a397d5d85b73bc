"""What a scorer keeps from scan to scan never shows: whatever changes, one that watched says what a new one says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from bench.synthetic_view import bar_closed, synthetic_view
from engine.market.view import MarketView
from engine.prism.board import COMPONENTS, Board, Reading
from engine.prism.score import Scorer
from tests.engine.prism.market_views import edited, take

ROWS = 18
LIVE = tuple(name for face in ("orderflow", "orderbook", "structure", "sentiment") for name in COMPONENTS[face])
"""The bar faces are stepped from bar to bar, which agrees with a new start to rounding only; their own tests see to
that."""

Edit = Callable[[MarketView], MarketView]
SOME = [1, 4, 5]


def derivatives(**values: Any) -> Edit:
    return lambda view: replace(view, derivatives=edited(view.derivatives, SOME, **values))


def liquidated(view: MarketView) -> MarketView:
    struck = view.liquidations.long_usd[SOME] + 5e5
    return replace(view, liquidations=edited(view.liquidations, SOME, long_usd=struck))


def scaled(column: str, by: float) -> Edit:
    return lambda view: derivatives(**{column: getattr(view.derivatives, column)[SOME] * by})(view)


def taped(**values: Any) -> Edit:
    return lambda view: replace(view, tape=edited(view.tape, SOME, **values))


def closed(*names: str) -> Edit:
    """A bar closed in some rows and was corrected in others; revisions say so."""

    def edit(view: MarketView) -> MarketView:
        bars = dict(view.bars)
        for name in names:
            new = bar_closed(bars[name], 3)
            parts = {each.name: getattr(new, each.name)[SOME] for each in fields(new) if each.name != "interval_ms"}
            bars[name] = edited(bars[name], SOME, **parts)
            bars[name].close[7, -2] *= 1.002
            bars[name].high[7, -2] *= 1.01
            bars[name].buy_usd[7] *= 0.9
            bars[name].revision[7] += 1_000_000
        return replace(view, bars=bars)

    return edit


def later(ms: int) -> Edit:
    return lambda view: replace(view, at_ms=view.at_ms + ms)


EDITS: dict[str, tuple[Edit, tuple[str, ...]]] = {
    "price": (scaled("last", 1.004), ("order_block", "value_area", "vwap", "support_resistance")),
    "settled rates": (scaled("funding_history", -0.5), ("funding", "funding_volatility")),
    "times of settlements": (
        lambda view: derivatives(funding_history_ms=view.derivatives.funding_history_ms[SOME] // 2)(view),
        ("funding", "funding_volatility"),
    ),
    "running rate": (scaled("funding_frac", 3.0), ("funding", "risk")),
    "ratios": (scaled("ratios", 1.7), ("long_short_ratio",)),
    "ratios grown old": (derivatives(ratios_ms=1), ("long_short_ratio",)),
    "open interest by slot": (scaled("oi_history_usd", 1.3), ()),
    "one slot of open interest": (
        lambda view: derivatives(oi_history_usd=np.roll(view.derivatives.oi_history_usd[SOME], 3, axis=1))(view),
        ("position_heat", "risk"),
    ),
    "price by slot": (
        lambda view: derivatives(oi_history_close=np.roll(view.derivatives.oi_history_close[SOME], 9, axis=1))(view),
        ("position_heat", "risk"),
    ),
    "liquidations": (liquidated, ("liquidations",)),
    "24 h volume": (scaled("volume_24h_usd", 9.0), ("liquidations", "risk")),
    "volume buckets": (taped(bucket_imbalance=0.4, buckets=260), ("toxicity",)),
    "history of VPIN": (taped(vpin_history=0.01), ("toxicity",)),
    "no tape": (taped(since_ms=-1, newest_ms=-1), ("trade_flow",)),
    "1m bars": (closed("1m"), ()),
    "5m bars": (closed("5m"), ("volume_sentiment", "order_block", "value_area", "vwap")),
    "15m bars": (closed("15m"), ("mood",)),
    "4h bars": (closed("4h"), ("vwap",)),
    "time": (later(20_000), ("imbalance",)),
    "time past the bars": (later(1_100_000), ("mood", "volume_sentiment")),
    "another epoch": (lambda view: replace(synthetic_view(rows=ROWS, width=220, levels=40, seed=8), epoch=2), LIVE),
}


def same(one: Reading, other: Reading) -> bool:
    arrays = ("raw", "score", "status", "timeframes", "divergence")
    equal = all(_equal(getattr(one, name), getattr(other, name)) for name in arrays)
    inputs = one.inputs.keys() == other.inputs.keys() and all(
        _equal(values, other.inputs[name][0]) and _equal(times, other.inputs[name][2])
        for name, (values, _, times) in one.inputs.items()
    )
    return equal and inputs and dict(one.notes) == dict(other.notes)


def _equal(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is other
    return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


def boards(edit: Edit, before: Edit = lambda view: view) -> tuple[Board, Board, Board]:
    """The board before the edit, and that after it by a scorer that watched and by a new one."""
    view = before(synthetic_view(rows=ROWS, width=220, levels=40))
    watching = Scorer()
    first = watching.score(view)
    changed = edit(view)
    return first, watching.score(changed), Scorer().score(changed)


@pytest.mark.parametrize("name", EDITS)
def test_a_change_shows_at_once_and_as_it_would_to_a_new_scorer(name: str) -> None:
    edit, touched = EDITS[name]
    first, watched, fresh = boards(edit)
    for component in LIVE:
        assert same(watched.readings[component], fresh.readings[component]), component
    for component in touched:
        assert not same(first.readings[component], watched.readings[component]), component


@pytest.mark.parametrize("seed", range(6))
def test_any_run_of_changes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    view, watching = synthetic_view(rows=ROWS, width=220, levels=40), Scorer()
    names = [name for name in EDITS if name != "another epoch"]
    for name in rng.choice(names, 12).tolist():
        watching.score(view)
        view = EDITS[name][0](view)
    watched, fresh = watching.score(view), Scorer().score(view)
    for component in LIVE:
        assert same(watched.readings[component], fresh.readings[component]), component


def test_rows_that_appear_are_read_beside_those_that_were_there() -> None:
    view, watching = synthetic_view(rows=ROWS, width=220, levels=40), Scorer()
    watching.score(first_rows(view, ROWS - 5))
    watched, fresh = watching.score(view), Scorer().score(view)
    for component in LIVE:
        assert same(watched.readings[component], fresh.readings[component]), component


def first_rows(view: MarketView, rows: int) -> MarketView:
    order = np.arange(rows)
    return replace(
        view,
        instruments=view.instruments[:rows],
        rankable=view.rankable[:rows],
        bars={name: take(bars, order) for name, bars in view.bars.items()},
        tape=take(view.tape, order),
        books=take(view.books, order),
        derivatives=take(view.derivatives, order),
        liquidations=take(view.liquidations, order),
        spot_rows=np.where(view.spot_rows[:rows] < rows, view.spot_rows[:rows], -1),
        peers=view.peers[:rows],
    )


def test_a_reading_kept_from_an_earlier_scan_does_not_change() -> None:
    view, watching = synthetic_view(rows=ROWS, width=220, levels=40), Scorer()
    kept = watching.score(view)
    again = Scorer().score(view)
    for edit, _ in EDITS.values():
        watching.score(edit(view))
    for component in LIVE:
        assert same(kept.readings[component], again.readings[component]), component
