"""Best quotes and depth as the gates take them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.config.presets import PRESETS
from engine.market.quotes import QUOTE_LIMIT_MS, quotes
from engine.prism.freshness import BEHIND_LIMIT_MS, BOOK_LIMIT_MS
from engine.prism.roster import enrol
from engine.ranking.gates import GATE_INDEX
from engine.ranking.liquidity import current_depth, depth_near_mid
from engine.ranking.ranker import Ranker
from tests.engine.builders import make_board, make_view


def test_old_or_crossed_quotes_are_no_quotes() -> None:
    view = make_view(3, complete=True)
    facts = view.derivatives
    old = replace(facts, quote_ms=np.full(3, view.at_ms - QUOTE_LIMIT_MS - 1))
    assert np.isnan(quotes(replace(view, derivatives=old)).spread_bps).all()
    crossed = replace(facts, ask=facts.bid * 0.999)
    assert np.isnan(quotes(replace(view, derivatives=crossed)).mid).all()
    locked = replace(facts, ask=facts.bid)
    assert (quotes(replace(view, derivatives=locked)).spread_bps == 0).all()


def test_depth_by_hand() -> None:
    view = make_view(1, complete=True)
    books = replace(
        view.books,
        bid=np.array([[100.0, 99.5, 98.9, np.nan]]),
        bid_size=np.array([[1.0, 2.0, 500.0, np.nan]]),
        ask=np.array([[100.2, 101.0, 101.2, 110.0]]),
        ask_size=np.array([[1.0, 1.0, 100.0, 100.0]]),
    )
    # mid 100.1: bids down to 99.099 hold 100 + 199, asks up to 101.101 hold 100.2 + 101
    assert depth_near_mid(books)[0] == pytest.approx(201.2)


def test_a_book_that_is_not_scored_has_no_depth() -> None:
    view = make_view(40, complete=True)
    roster, whole = enrol(view.instruments), depth_near_mid(view.books)
    assert np.array_equal(current_depth(view, roster), whole, equal_nan=True)
    silent = roster.venue == roster.venue[0]
    gone_ms = np.where(silent, view.at_ms - BEHIND_LIMIT_MS - 1, view.books.updated_ms)
    traded_ms = np.where(silent, gone_ms, view.tape.newest_ms)
    old = replace(
        view,
        books=replace(view.books, updated_ms=gone_ms),
        tape=replace(view.tape, newest_ms=traded_ms, in_book_ms=traded_ms),
        derivatives=replace(view.derivatives, quote_ms=np.where(silent, gone_ms, view.derivatives.quote_ms)),
    )
    assert np.array_equal(current_depth(old, roster), np.where(silent, np.nan, whole), equal_nan=True)
    ranking = Ranker().rank(make_board(old), old, PRESETS)["relaxed"]
    gate = GATE_INDEX["depth"]
    assert not ranking.gate_passed[silent, gate].any()
    assert ranking.gate_passed[~silent, gate].any()
    assert np.isnan(ranking.levels.depth_1pct_usd[silent]).all(), "no size is capped by it either"


def test_a_quiet_book_of_a_venue_that_speaks_keeps_its_depth() -> None:
    view = make_view(3, complete=True)
    age_ms = np.array([BOOK_LIMIT_MS, BOOK_LIMIT_MS + 1, 0])
    books = replace(view.books, updated_ms=view.at_ms - age_ms)
    # Its own trades are as old, so the book is not behind them; a newer one changed no public book.
    quiet = replace(view, books=books, tape=replace(view.tape, in_book_ms=books.updated_ms))
    quiet = replace(quiet, derivatives=replace(quiet.derivatives, quote_ms=np.full(3, view.at_ms)))
    known = np.isfinite(current_depth(quiet, enrol(view.instruments)))
    assert known.tolist() == [True, False, True]
