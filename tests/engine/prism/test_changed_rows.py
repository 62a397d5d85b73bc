"""A market that moves in part: rows that did not move are not read again, and nobody can tell from the scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.live_market import LiveMarket
from engine.market.tape import SECONDS
from engine.market.view import Books, MarketView, Tape
from engine.prism import depth, trade_flow
from engine.prism.board import COMPONENTS, Board
from engine.prism.row_memo import Part
from engine.prism.score import Scorer
from tests.engine.prism.test_stale_caches import same

ROWS = 14
LIVE = tuple(name for face in ("orderflow", "orderbook", "structure", "sentiment") for name in COMPONENTS[face])


@pytest.fixture
def market() -> LiveMarket:
    made = LiveMarket(ROWS, 220)
    made.pipeline.scan()
    return made


def newest(market: LiveMarket) -> tuple[MarketView, Board]:
    assert market.pipeline._scan is not None
    view, board, _ = market.pipeline._scan
    return view, board


def uncounted(view: MarketView) -> MarketView:
    """The view as one whose rows do not say whether they changed."""
    return replace(view, tape=replace(view.tape, revision=None), books=replace(view.books, revision=None))


def disturb(market: LiveMarket, what: str) -> None:
    pipeline = market.pipeline
    view, _ = newest(market)
    one = view.instruments[int(market.now_ms) % ROWS]
    if what == "books break":
        pipeline.books.interrupted(one.venue, [one.symbol], "its connection broke")
    elif what == "trades break":
        pipeline.state.interrupted(one.venue, [one.symbol], liquidations=True)
    elif what == "a bar closes":
        market.close_bar("1m")
    elif what == "a long silence":
        market.tick((SECONDS + 400) * 1000, 0.1)


@pytest.mark.parametrize("seed", range(3))
def test_what_was_kept_is_what_would_be_read(market: LiveMarket, seed: int) -> None:
    rng = np.random.default_rng(seed)
    moves = ("", "", "", "books break", "trades break", "a bar closes", "a long silence")
    for step in range(30):
        disturb(market, str(rng.choice(moves)))
        market.tick(int(rng.choice([25, 300, 1_000, 2_500])), float(rng.choice([0.0, 0.2, 1.0])))
        market.pipeline.scan()
        view, board = newest(market)
        fresh = Scorer().score(uncounted(view), market.pipeline.config.engine.face_weights)
        for component in LIVE:
            assert same(board.readings[component], fresh.readings[component]), (step, component)


def test_rows_that_stood_still_are_not_read_again(market: LiveMarket, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[int] = []
    summed: list[int] = []
    measure, sums = depth._measure, trade_flow._sums_of_tape

    def measuring(books: Books, part: Part) -> depth.Depth:
        measured.append(len(books.updated_ms[part]))
        return measure(books, part)

    def summing(tape: Tape, rows: Part) -> tuple[np.ndarray, ...]:
        summed.append(len(tape.since_ms[rows]))
        return sums(tape, rows)

    monkeypatch.setattr(depth, "_measure", measuring)
    monkeypatch.setattr(trade_flow, "_sums_of_tape", summing)
    market.now_ms = market.now_ms // 1000 * 1000
    market.tick(1_000)
    market.pipeline.scan()
    assert (measured, summed) == ([ROWS], [ROWS])
    measured.clear()
    summed.clear()
    market.tick(10, 0.3)
    moved = len(market.pipeline.books._dirty)
    assert 0 < moved < ROWS
    market.pipeline.scan()
    assert measured == [moved]
    assert sum(summed) <= moved
    market.pipeline.scan()
    assert measured == [moved]
