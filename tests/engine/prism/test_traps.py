"""Trap flags: each is raised by what it is named for, on its side alone, not just short of it, and says what it saw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bench.synthetic_view import synthetic_view
from engine.market.view import MarketView
from engine.prism.score import Scorer
from engine.prism.traps import TRAPS, Traps
from tests.engine.prism.market_views import edited, permuted
from tests.engine.prism.test_score_properties import poisoned

ROWS, ROW, SPOT = 24, 9, 11
"""Row 9 is a perpetual whose spot leg is row 11; both are no leader."""


@pytest.fixture(scope="module")
def calm() -> MarketView:
    """A market in which nothing moves, nobody is crowded, and every book is deep: no flag at all."""
    view = synthetic_view(rows=ROWS, width=120, levels=60)
    assert view.spot_rows[ROW] == SPOT
    one, zero = np.ones(ROWS), np.zeros(ROWS)
    flat = replace(view.tape, buy_usd=one[:, None] * np.ones(900), sell_usd=one[:, None] * np.ones(900))
    bars = {}
    for name, held in view.bars.items():
        close = 100.0 + np.tile([1.0, -1.0], 60)[None, :] * one[:, None]
        bars[name] = replace(held, open=close, close=close, high=close + 0.5, low=close - 0.5)
    away = np.linspace(0.0001, 0.03, 60)[None, :] * one[:, None]
    books = replace(
        view.books, bid=100.0 * (1 - away), ask=100.0 * (1 + away), bid_size=away * 0 + 1e6, ask_size=away * 0 + 1e6
    )
    facts = replace(
        view.derivatives,
        last=100.0 * one,
        change_1h_frac=zero,
        oi_change_1h_frac=zero,
        oi_history_usd=np.full((ROWS, 96), 1e8),
        oi_history_close=np.full((ROWS, 96), 100.0),
        funding_frac=zero,
        funding_history=np.full((ROWS, 96), 1e-4),
        ratios=np.ones((ROWS, 4, 96)),
        volume_24h_usd=1440e5 * one,
    )
    quiet = replace(view.liquidations, long_usd=np.zeros((ROWS, 60)), short_usd=np.zeros((ROWS, 60)))
    return replace(view, tape=flat, bars=bars, books=books, derivatives=facts, liquidations=quiet)


def found(view: MarketView) -> Traps:
    scorer = Scorer()
    return scorer.traps(view, scorer.score(view))


def names(traps: Traps, row: int, side: int) -> list[str]:
    return [trap.name for trap in traps.of(row, side)]


def facts(view: MarketView, **values: Any) -> MarketView:
    return replace(view, derivatives=edited(view.derivatives, [ROW], **values))


def tape(view: MarketView, row: int, buy: float, sell: float) -> MarketView:
    return replace(view, tape=edited(view.tape, [row], buy_usd=buy, sell_usd=sell))


def hype(view: MarketView, side: int, gap: float) -> MarketView:
    """Price and the perp's flow (6 % of its volume) go `side`; spot's flow lags by `gap` of its own volume."""
    perp = 0.06 * side
    spot = perp - gap * side
    return tape(tape(facts(view, change_1h_frac=side * 0.01), ROW, 1 + perp, 1 - perp), SPOT, 1 + spot, 1 - spot)


def moved(view: MarketView, move: float, interest: float) -> MarketView:
    """Over the last four slots of 15m, price and open interest in base units change by these fractions."""
    closes, usd = np.full(96, 100.0), np.full(96, 1e8)
    closes[-4:] *= 1 + move
    usd[-4:] *= (1 + interest) * (1 + move)
    return facts(view, oi_history_close=closes, oi_history_usd=usd)


def last_at(view: MarketView, percent_b: float) -> MarketView:
    return facts(view, last=100.0 + (percent_b - 0.5) * 4.0)


def thin(view: MarketView, move: float, usd: float) -> MarketView:
    inside = int((view.books.ask[ROW] <= 101.0).sum())
    size = usd / 100.0 / inside
    return replace(
        facts(view, change_1h_frac=move, oi_change_1h_frac=move),
        books=edited(view.books, [ROW], bid_size=size, ask_size=size),
    )


def wick(view: MarketView, side: int, close: float) -> MarketView:
    """The newest but one 15m bar reaches 4 beyond 100 and closes at `close` beyond it; 20-bar extremes are at 1.5."""
    bars = view.bars["15m"]
    held = {name: getattr(bars, name).copy() for name in ("open", "high", "low", "close")}
    held["open"][ROW, -2], held["close"][ROW, -2] = 100.0, 100.0 + side * close
    held["high"][ROW, -2] = 104.0 if side > 0 else 100.2
    held["low"][ROW, -2] = 96.0 if side < 0 else 99.8
    return replace(view, bars=view.bars | {"15m": replace(bars, **held)})


def market(view: MarketView, leaders: float, rising: int) -> MarketView:
    """BTC (rows 0 to 2) moves by `leaders`; the first `rising` of the rankable rows rise, BTC's among them or not."""
    rankable = np.flatnonzero(view.rankable)
    change = np.full(ROWS, -0.001)
    others = rankable[rankable > 2]
    change[others[: max(0, rising - (3 if leaders > 0 else 0))]] = 0.001
    change[:3] = leaders
    return replace(view, derivatives=replace(view.derivatives, change_1h_frac=change))


def forced(view: MarketView, side: int, usd: float) -> MarketView:
    """`usd` in dollars of 15 m, in which 1800 are traded, liquidated on the side that makes orders go `side`."""
    name = "short_usd" if side > 0 else "long_usd"
    values = getattr(view.liquidations, name).copy()
    values[ROW, -10] = usd
    return replace(facts(view, change_1h_frac=side * 0.001), liquidations=replace(view.liquidations, **{name: values}))


Case = tuple[str, Callable[[MarketView], MarketView], Callable[[MarketView], MarketView], int, list[str]]

CASES: list[Case] = [
    ("hype_without_spot", lambda v: hype(v, 1, 0.11), lambda v: hype(v, 1, 0.09), 1, ["+6.0 %", "-5.0 %"]),
    ("hype_without_spot", lambda v: hype(v, -1, 0.11), lambda v: hype(v, -1, 0.09), -1, ["selling -6.0 %", "+5.0 %"]),
    ("open_interest_falling", lambda v: moved(v, 0.01, -0.02), lambda v: moved(v, 0.01, -0.009), 1, ["-2.0 %"]),
    ("open_interest_falling", lambda v: moved(v, -0.01, -0.02), lambda v: moved(v, -0.004, -0.02), -1, ["-1.0 %"]),
    ("overheated_funding", lambda v: facts(v, funding_frac=2e-4), lambda v: facts(v, funding_frac=1e-4), 1, ["0.0200"]),
    ("overheated_funding", lambda v: facts(v, funding_frac=-2e-4), lambda v: facts(v, funding_frac=-9e-5), -1, []),
    ("overextended", lambda v: last_at(v, 0.96), lambda v: last_at(v, 0.94), 1, ["0.96 > 0.95"]),
    ("overextended", lambda v: last_at(v, 0.04), lambda v: last_at(v, 0.06), -1, ["0.04 < 0.05"]),
    ("thin_book", lambda v: thin(v, 0.02, 5e4), lambda v: thin(v, 0.02, 2e5), 1, ["bids", "30 s"]),
    ("thin_book", lambda v: thin(v, -0.02, 5e4), lambda v: thin(v, -0.005, 5e4), -1, ["asks"]),
    ("stop_hunt_wick", lambda v: wick(v, 1, 0.5), lambda v: wick(v, 1, 3.0), 1, ["101.5", "83 %"]),
    ("stop_hunt_wick", lambda v: wick(v, -1, 0.5), lambda v: wick(v, -1, 3.0), -1, ["98.5", "low"]),
    ("against_the_market", lambda v: market(v, -0.008, 5), lambda v: market(v, -0.004, 5), 1, ["BTC -0.8 %"]),
    ("against_the_market", lambda v: market(v, 0.008, 17), lambda v: market(v, 0.008, 10), -1, ["BTC +0.8 %"]),
    ("crowded", lambda v: ratio(v, 3.1), lambda v: ratio(v, 2.9), 1, ["3.10", "≥ 3.00", "crowded long"]),
    ("crowded", lambda v: ratio(v, 0.3), lambda v: ratio(v, 0.4), -1, ["0.30", "crowded short"]),
    ("liquidation_driven", lambda v: forced(v, 1, 180.0), lambda v: forced(v, 1, 80.0), 1, ["$180 more shorts"]),
    ("liquidation_driven", lambda v: forced(v, -1, 180.0), lambda v: forced(v, -1, 80.0), -1, ["$180 more longs"]),
]


def ratio(view: MarketView, accounts: float) -> MarketView:
    """On every venue that trades the asset of the row."""
    values = view.derivatives.ratios.copy()
    values[[row for row, one in enumerate(view.instruments) if one.asset == view.instruments[ROW].asset], 0, -1] = (
        accounts
    )
    return replace(view, derivatives=replace(view.derivatives, ratios=values))


def test_a_calm_market_has_no_traps(calm: MarketView) -> None:
    assert not found(calm).raised.any()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]} {case[3]:+d}")
def test_each_flag_is_raised_by_its_cause_alone(calm: MarketView, case: Case) -> None:
    name, cause, nearly, side, figures = case
    traps = found(cause(calm))
    assert names(traps, ROW, side) == [name]
    assert names(traps, ROW, -side) == []
    assert names(traps, ROW, 0) == []
    (trap,) = traps.of(ROW, side)
    for figure in figures:
        assert figure in trap.saw, trap.saw
    assert "nan" not in trap.saw
    assert names(found(nearly(calm)), ROW, side) == []


def test_a_price_that_moved_after_the_last_slot_of_open_interest_closes_no_positions(calm: MarketView) -> None:
    # Open interest was last read in dollars before the move: against the price of now it would have fallen by 2 %.
    ahead = facts(calm, change_1h_frac=0.02, last=102.0, oi_change_1h_frac=0.0)
    assert "open_interest_falling" not in names(found(ahead), ROW, 1)


def test_liquidations_of_both_sides_are_told_as_their_difference(calm: MarketView) -> None:
    both = forced(forced(calm, -1, 250.0), 1, 400.0)
    (trap,) = found(both).of(ROW, 1)
    assert trap.saw == "$150 more shorts than longs liquidated in 15 m, 8 % of volume"


def test_a_crowd_is_the_one_that_is_scored(calm: MarketView) -> None:
    crowd = ratio(calm, 3.5)
    values, times = crowd.derivatives.ratios.copy(), crowd.derivatives.ratios_ms.copy()
    values[ROW, 0, -1], times[ROW, 0] = np.nan, -1
    of_others = replace(crowd, derivatives=replace(crowd.derivatives, ratios=values, ratios_ms=times))
    assert names(found(of_others), ROW, 1) == ["crowded"]
    values = calm.derivatives.ratios.copy()
    values[ROW, 0, -1], times[ROW, 0] = 3.5, calm.at_ms - 10 * 3_600_000
    own_is_old = replace(calm, derivatives=replace(calm.derivatives, ratios=values, ratios_ms=times))
    assert names(found(own_is_old), ROW, 1) == []
    values = calm.derivatives.ratios.copy()
    values[ROW, 0, -1] = 3.5
    alone_among_venues = replace(calm, derivatives=replace(calm.derivatives, ratios=values))
    assert names(found(alone_among_venues), ROW, 1) == []


def test_every_flag_has_a_case() -> None:
    assert {(name, side) for name, _, _, side, _ in CASES} == {(name, side) for name in TRAPS for side in (1, -1)}


def test_bitcoin_is_not_against_itself(calm: MarketView) -> None:
    assert names(found(market(calm, -0.008, 5)), 0, 1) == []


@pytest.mark.parametrize("seed", range(6))
def test_what_is_not_known_raises_nothing_and_words_hold_no_gaps(seed: int) -> None:
    view = poisoned(synthetic_view(rows=ROWS, width=120, levels=40), np.random.default_rng(seed), 0.4)
    traps = found(view)
    assert np.isfinite(traps.saw[traps.raised]).all()
    for row in range(ROWS):
        for side in (1, -1):
            assert all("nan" not in trap.saw and "inf" not in trap.saw for trap in traps.of(row, side))
    assert not found(poisoned(view, np.random.default_rng(0), 1.1)).raised.any()


def test_flags_do_not_depend_on_the_order_of_rows_nor_on_earlier_scans() -> None:
    view = synthetic_view(rows=ROWS, width=120, levels=40)
    order = np.random.default_rng(3).permutation(ROWS)
    before, after = found(view), found(permuted(view, order))
    assert np.array_equal(before.raised[:, order], after.raised)
    assert np.array_equal(before.saw[:, order], after.saw, equal_nan=True)
    scorer = Scorer()
    scorer.traps(view, scorer.score(view))
    changed = wick(last_at(view, 0.99), 1, 0.5)
    jumped = {name: replace(bars, revision=bars.revision + 1_000_000) for name, bars in changed.bars.items()}
    changed = replace(changed, bars=jumped)
    assert np.array_equal(scorer.traps(changed, scorer.score(changed)).raised, found(changed).raised)
