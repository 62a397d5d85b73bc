"""Risk as sentiment: leverage, depth and the margin asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.synthetic_view import START_MS, synthetic_view
from engine.market.view import MarketView
from engine.prism.board import Reading, Status
from engine.prism.depth import measure
from tests.engine.prism.sentiment_readings import ROWS, facts, read


@pytest.fixture
def view() -> MarketView:
    return synthetic_view(rows=ROWS, width=120, levels=60)


def test_leverage_leans_against_the_side_that_pays(view: MarketView) -> None:
    rows = list(range(ROWS))
    none = np.full_like(view.derivatives.oi_history_usd, np.nan)
    bare = replace(view, derivatives=replace(view.derivatives, oi_history_usd=none))
    bare = facts(bare, rows, open_interest_usd=1e6, volume_24h_usd=1e7)
    high = facts(bare, [0], open_interest_usd=1e9)
    longs, shorts = read(facts(high, [0], funding_frac=5e-4)), read(facts(high, [0], funding_frac=-5e-4))
    assert longs["risk"].score[0] < 20.0
    assert longs["risk"].score[0] + shorts["risk"].score[0] == pytest.approx(100.0)
    assert longs["risk"].notes[0] == "without margin tier, liquidation distance"
    low = read(facts(bare, [0], open_interest_usd=1.0, funding_frac=5e-4))
    assert low["risk"].score[0] == 50.0
    assert low["risk"].inputs["leverage_rank"][0][0] < 50.0


def test_risk_without_open_interest_is_not_scored(view: MarketView) -> None:
    aged = facts(
        facts(view, [0], open_interest_usd=np.nan, open_interest_ms=-1), [1], open_interest_ms=START_MS - 16 * 60_000
    )
    reading = read(aged)["risk"]
    assert reading.status[:2].tolist() == [Status.MISSING, Status.STALE]
    assert reading.notes[1] == "open interest 16 min old"


def test_short_books_are_not_compared_by_depth(view: MarketView) -> None:
    books = view.books
    cut = replace(
        books,
        bid=books.bid[:, :2],
        ask=books.ask[:, :2],
        bid_size=books.bid_size[:, :2],
        ask_size=books.ask_size[:, :2],
    )
    reading = read(replace(view, books=cut))["risk"]
    reach = measure(cut).reach_frac
    known = np.isfinite(reading.inputs["oi_per_depth_50bps"][0])
    assert np.array_equal(known, reach >= 0.005)
    assert (~known).sum() > ROWS // 2
    assert (reading.status == Status.OK).all()


def test_the_more_a_day_moves_beyond_the_margin_asked_for_the_more_it_leans_against_the_crowd(
    view: MarketView,
) -> None:
    bybit = [row for row, one in enumerate(view.instruments) if one.venue == "bybit-linear" and one.kind == "perp"]
    none = np.full_like(view.derivatives.oi_history_usd, np.nan)
    bare = replace(view, derivatives=replace(view.derivatives, oi_history_usd=none))
    paid = facts(bare, list(range(ROWS)), funding_frac=5e-4, open_interest_usd=1e6, volume_24h_usd=1e7)

    def allowed(times: float) -> Reading:
        listed = list(paid.instruments)
        listed[bybit[0]] = replace(listed[bybit[0]], max_leverage=times)
        return read(replace(paid, instruments=tuple(listed)))["risk"]

    tight, wide = allowed(1.0), allowed(1000.0)
    row = bybit[0]
    assert wide.score[row] < tight.score[row] - 10.0
    assert wide.inputs["margin_tier_rank"][0][row] > 90.0 > 10.0 > tight.inputs["margin_tier_rank"][0][row]
    day = wide.inputs["usual_day_per_margin"][0][row] / 1000.0
    assert tight.inputs["usual_day_per_margin"][0][row] == pytest.approx(day)
    binance = next(row for row, one in enumerate(view.instruments) if one.venue == "binance-usdm")
    assert np.isnan(wide.inputs["max_leverage"][0][binance])
    assert "without margin tier" in wide.notes[binance]
