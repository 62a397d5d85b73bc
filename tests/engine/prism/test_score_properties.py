"""Properties of the whole score: order of rows, holes in the data, scale, look-ahead, and what outlasts a scan."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest

from bench.synthetic_view import START_MS, all_bars_closed, synthetic_view
from engine.arrays import Floats, Ints
from engine.market.view import Bars, MarketView
from engine.prism.account import reweigh
from engine.prism.board import COMPONENT_INDEX, COMPONENT_NAMES, FACES, Board, Status
from engine.prism.score import Scorer
from tests.engine.prism.market_views import edited, permuted, take

ROWS = 24


@pytest.fixture
def view() -> MarketView:
    return synthetic_view(rows=ROWS, width=220, levels=40)


def assert_same(one: Board, other: Board, order: Any = slice(None)) -> None:
    for field in fields(Board):
        before, after = getattr(one, field.name), getattr(other, field.name)
        if isinstance(before, np.ndarray):
            assert np.array_equal(before[order], after, equal_nan=before.dtype.kind == "f"), field.name


def test_every_component_scores_a_full_market(view: MarketView) -> None:
    board = Scorer().score(view)
    counts = board.status == Status.OK
    for name in COMPONENT_NAMES:
        if name not in ("impact", "liquidations"):
            assert counts[:, COMPONENT_INDEX[name]].all(), (name, board.readings[name].notes)
    assert np.isfinite(board.prism).all()
    assert board.prism.std() > 1.0


def test_permuting_the_rows_permutes_the_results_and_nothing_else(view: MarketView) -> None:
    order = np.random.default_rng(9).permutation(ROWS)
    before, after = Scorer().score(view), Scorer().score(permuted(view, order))
    assert_same(before, after, order)
    for name in COMPONENT_NAMES:
        one, other = before.readings[name], after.readings[name]
        assert [one.notes.get(row) for row in order.tolist()] == [other.notes.get(row) for row in range(ROWS)], name
        assert list(one.inputs) == list(other.inputs)
        for key, (values, unit, times) in one.inputs.items():
            assert np.array_equal(values[order], other.inputs[key][0], equal_nan=True), (name, key)
            assert unit == other.inputs[key][1]
            later = other.inputs[key][2]
            assert (times is None) == (later is None)
            assert times is None or later is None or np.array_equal(times[order], later)


def test_the_same_view_gives_the_same_board(view: MarketView) -> None:
    scorer = Scorer()
    first = scorer.score(view)
    assert_same(first, scorer.score(view))
    assert_same(first, Scorer().score(view))


PARTS = ("tape", "books", "derivatives", "liquidations")


def poisoned(view: MarketView, rng: np.random.Generator, share: float) -> MarketView:
    """The view with whole rows of single columns gone: NaN where floats, -1 where times."""

    def hollow(columns: Any) -> Any:
        assert is_dataclass(columns)
        held = {}
        for field in fields(columns):
            values = getattr(columns, field.name)
            if isinstance(values, np.ndarray) and values.dtype.kind in "fi" and values.ndim:
                gone = rng.random(len(values)) < share
                values = values.copy()
                values[gone] = np.nan if values.dtype.kind == "f" else -1
                held[field.name] = values
        return replace(columns, **held)  # type: ignore[type-var]

    bars: dict[str, Bars] = {}
    for name, one in view.bars.items():
        gone = np.flatnonzero(rng.random(view.rows) < share)
        without_buys = np.flatnonzero(rng.random(view.rows) < share)
        empty = dict.fromkeys(("open", "high", "low", "close", "volume_usd", "buy_usd"), np.nan)
        cut = edited(one, gone.tolist(), **empty, open_ms=-1, trades=-1, count=0)
        bars[name] = edited(cut, without_buys.tolist(), buy_usd=np.nan)
    return replace(view, bars=bars, **{part: hollow(getattr(view, part)) for part in PARTS})


@pytest.mark.parametrize("seed", range(12))
def test_holes_never_become_scores(view: MarketView, seed: int) -> None:
    rng = np.random.default_rng(seed)
    board = Scorer().score(poisoned(view, rng, (0.05, 0.2, 0.5, 0.9)[seed % 4]))
    counts = board.status == Status.OK
    assert np.array_equal(np.isfinite(board.score), counts)
    assert np.isfinite(board.impact).all()
    assert np.isfinite(board.coverage).all()
    for name in COMPONENT_NAMES:
        reading = board.readings[name]
        unexplained = [
            row for row in np.flatnonzero(reading.status != Status.OK).tolist() if not reading.notes.get(row)
        ]
        assert not unexplained, (name, unexplained)


def test_nothing_known_scores_nothing(view: MarketView) -> None:
    board = Scorer().score(poisoned(view, np.random.default_rng(0), 1.1))
    assert not (board.status == Status.OK).any()
    assert np.isnan(board.prism).all()
    assert board.coverage.tolist() == [0.0] * ROWS


def test_an_empty_market_is_a_board_without_rows() -> None:
    board = Scorer().score(synthetic_view(rows=0, width=40, levels=5))
    assert board.prism.shape == (0,)
    assert board.score.shape == (0, len(COMPONENT_NAMES))


def test_every_input_has_values_unit_and_plausible_times(view: MarketView) -> None:
    board = Scorer().score(view)
    for name in COMPONENT_NAMES:
        reading = board.readings[name]
        assert reading.inputs, name
        assert reading.unit, name
        for key, (values, unit, times) in reading.inputs.items():
            assert values.shape == (ROWS,), (name, key)
            assert unit, (name, key)
            if times is not None:
                assert times.shape == (ROWS,), (name, key)
                assert times.max() <= START_MS, (name, key)


def later_raw(view: MarketView, seconds: int) -> MarketView:
    """A view `seconds` earlier than the raw columns go: what a store that had already seen more would hold."""

    def back(values: Floats, n: int) -> Floats:
        return values[:, : values.shape[1] - n]

    def before(times_ms: Ints) -> Ints:
        return np.minimum(times_ms, view.at_ms - seconds * 1000)

    tape = view.tape
    names = ("buy_usd", "sell_usd", "trades", "large_buy_usd", "large_sell_usd")
    earlier: dict[str, Any] = {name: back(getattr(tape, name), seconds) for name in names}
    return replace(
        view,
        at_ms=view.at_ms - seconds * 1000,
        tape=replace(tape, newest_ms=before(tape.newest_ms), in_book_ms=before(tape.in_book_ms), **earlier),
        bars={name: bars_until(bars, view.at_ms - seconds * 1000) for name, bars in view.bars.items()},
    )


def bars_until(bars: Bars, at_ms: int) -> Bars:
    closed = int((bars.open_ms[0] + bars.interval_ms <= at_ms).sum())
    held = {
        field.name: getattr(bars, field.name)[:, :closed]
        for field in fields(Bars)
        if isinstance(getattr(bars, field.name), np.ndarray) and getattr(bars, field.name).ndim == 2
    }
    count = np.full(len(bars.count), closed, dtype=np.int64)
    return replace(bars, **held, count=count, revision=count.copy())


def with_future_changed(view: MarketView, seconds: int) -> MarketView:
    """The same raw columns, with everything after `seconds` before the end turned into something else."""
    tape = view.tape
    names = ("buy_usd", "sell_usd", "large_buy_usd", "large_sell_usd")
    held = {}
    for name in names:
        values = getattr(tape, name).copy()
        values[:, -seconds:] *= 50.0
        held[name] = values
    bars = {}
    for name, one in view.bars.items():
        ahead = one.open_ms[0] + one.interval_ms > view.at_ms - seconds * 1000
        changed = {}
        for column in ("open", "high", "low", "close", "volume_usd", "buy_usd"):
            values = getattr(one, column).copy()
            values[:, ahead] *= 3.0
            changed[column] = values
        bars[name] = replace(one, **changed)
    return replace(view, tape=replace(tape, **held), bars=bars)


def test_what_comes_later_changes_nothing_earlier() -> None:
    whole = synthetic_view(rows=ROWS, width=260, levels=40, seconds=1800)
    seconds = 600
    then = Scorer().score(later_raw(whole, seconds))
    other = Scorer().score(later_raw(with_future_changed(whole, seconds), seconds))
    assert_same(then, other)
    assert not np.array_equal(then.score, Scorer().score(whole).score, equal_nan=True)


def test_scoring_bar_by_bar_is_scoring_from_the_start(view: MarketView) -> None:
    running = Scorer()
    now = replace(view, bars={name: without_oldest(bars, 3) for name, bars in view.bars.items()})
    for step in range(3):
        running.score(now)
        now = all_bars_closed(now, step)
    assert np.allclose(running.score(now).score, Scorer().score(now).score, atol=1e-6, equal_nan=True)


def without_oldest(bars: Bars, n: int) -> Bars:
    """The same bars as if the rows had begun `n` bars later, so that as many can still close before one is dropped."""
    held = {}
    for name in ("open", "high", "low", "close", "volume_usd", "buy_usd"):
        held[name] = getattr(bars, name).copy()
        held[name][:, :n] = np.nan
    times, trades = bars.open_ms.copy(), bars.trades.copy()
    times[:, :n] = trades[:, :n] = -1
    return replace(bars, **held, open_ms=times, trades=trades, count=bars.count - n)


def test_a_new_epoch_starts_from_nothing(view: MarketView) -> None:
    scorer = Scorer()
    scorer.score(synthetic_view(rows=ROWS, width=220, levels=40, seed=99))
    fresh = replace(view, epoch=view.epoch + 1)
    assert_same(scorer.score(fresh), Scorer().score(fresh))


def test_rows_may_be_added_between_scans(view: MarketView) -> None:
    scorer = Scorer()
    scorer.score(permuted_head(view, ROWS - 6))
    assert_same(scorer.score(view), Scorer().score(view))


def permuted_head(view: MarketView, rows: int) -> MarketView:
    head = permuted(view, np.arange(ROWS))
    cut = np.arange(rows)
    spot = head.spot_rows[:rows]
    return replace(
        head,
        instruments=head.instruments[:rows],
        rankable=head.rankable[:rows],
        bars={name: take(bars, cut) for name, bars in head.bars.items()},
        tape=take(head.tape, cut),
        books=take(head.books, cut),
        derivatives=take(head.derivatives, cut),
        liquidations=take(head.liquidations, cut),
        spot_rows=np.where(spot < rows, spot, -1),
        peers=head.peers[:rows],
    )


def test_face_weights_reach_the_prism(view: MarketView) -> None:
    only = dict.fromkeys(FACES, 0.0) | {"volume": 1.0}
    board = Scorer().score(view, only)
    assert np.allclose(board.prism, board.face_score[:, FACES.index("volume")])
    assert_same(reweigh(Scorer().score(view), only), board)


@pytest.mark.parametrize("factor", [1e-3, 512.0])
def test_a_redenominated_symbol_scores_the_same(view: MarketView, factor: float) -> None:
    """Prices times a factor and sizes divided by it: the same dollars, so the same score for every component."""
    facts, books = view.derivatives, view.books
    prices = {
        name: getattr(facts, name) * factor for name in ("last", "bid", "ask", "mark", "index", "oi_history_close")
    }
    scaled = replace(
        view,
        derivatives=replace(facts, **prices),
        books=replace(
            books,
            bid=books.bid * factor,
            ask=books.ask * factor,
            bid_size=books.bid_size / factor,
            ask_size=books.ask_size / factor,
        ),
        bars={
            name: replace(
                one, open=one.open * factor, high=one.high * factor, low=one.low * factor, close=one.close * factor
            )
            for name, one in view.bars.items()
        },
    )
    before, after = Scorer().score(view), Scorer().score(scaled)
    for name in COMPONENT_NAMES:
        column = COMPONENT_INDEX[name]
        assert np.allclose(before.score[:, column], after.score[:, column], atol=1e-5, equal_nan=True), name
