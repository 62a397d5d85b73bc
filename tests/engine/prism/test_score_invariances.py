"""What turning a market upside down, or making it larger, does to the whole board: to every component of every row."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import pytest

from bench.synthetic_view import synthetic_view
from engine.arrays import Floats
from engine.market.view import Bars, Books, Derivatives, MarketView, Tape
from engine.prism.board import COMPONENT_INDEX, COMPONENT_NAMES, Status
from engine.prism.score import Scorer

ROWS: Final = 24
NARROW: Final = 1e-4
"""Moves are made so small that prices, logarithms and shares of prices mirror each other alike: indicators read
differences of prices, order flow and structure read shares of them, position heat and mood logarithms, and only where
moves are small do all of these turn over together."""
NARROW_BOOKS: Final = 0.05
"""Books less so: the cost of impact is in basis points, and of a narrow book there is none."""
TOLERANCE: Final = 0.1
"""Points: what is left of the difference between those three. (A value area may move by a bin where two bins tie.)"""


def narrowed(view: MarketView, power: float, of_books: float) -> MarketView:
    """The market with each row's prices pulled to its last one, as a `power` of what they were; negative turns them
    over."""
    facts, books = view.derivatives, view.books
    middle = facts.last[:, None]

    def moved(prices: Floats, power: float = power) -> Floats:
        around = middle if prices.ndim == 2 else middle[:, 0]
        return np.asarray(around * (prices / around) ** power)

    def bars(one: Bars) -> Bars:
        high, low = moved(one.high), moved(one.low)
        turned = power < 0
        return replace(
            one,
            open=moved(one.open),
            high=low if turned else high,
            low=high if turned else low,
            close=moved(one.close),
            buy_usd=one.volume_usd - one.buy_usd if turned else one.buy_usd,
        )

    def change(frac: Floats) -> Floats:
        return np.asarray(np.expm1(np.log1p(frac) * power))

    closes = moved(facts.oi_history_close)
    # The same base units at other prices.
    interest = facts.oi_history_usd * closes / facts.oi_history_close
    # Distances are turned over to the last bit, so that no level falls on the other side of a limit.
    sides = [moved(one, of_books) if of_books > 0 else 2 * middle - one for one in (books.bid, books.ask)]
    sizes = [books.bid_size * books.bid / sides[0], books.ask_size * books.ask / sides[1]]
    return replace(
        view,
        bars={name: bars(one) for name, one in view.bars.items()},
        books=replace(books, bid=sides[0], ask=sides[1], bid_size=sizes[0], ask_size=sizes[1]),
        derivatives=replace(
            facts,
            bid=moved(facts.bid, of_books),
            ask=moved(facts.ask, of_books),
            mark=moved(facts.mark),
            oi_history_close=closes,
            oi_history_usd=interest,
            change_1h_frac=change(facts.change_1h_frac),
            change_24h_frac=change(facts.change_24h_frac),
        ),
    )


def turned_over(view: MarketView) -> MarketView:
    """Every fall a rise, every buyer a seller, every bid an ask, every long a short."""
    turned = narrowed(view, -1.0, -1.0)
    books, tape, facts, feed = turned.books, turned.tape, turned.derivatives, turned.liquidations
    return replace(turned, books=_books(books), tape=_tape(tape), derivatives=_derivatives(facts),
                   liquidations=replace(feed, long_usd=feed.short_usd, short_usd=feed.long_usd))  # fmt: skip


def _books(books: Books) -> Books:
    return replace(
        books,
        bid=books.ask,
        ask=books.bid,
        bid_size=books.ask_size,
        ask_size=books.bid_size,
        imbalance_ema=-books.imbalance_ema,
        added_usd=books.added_usd[:, ::-1],
        cancelled_usd=books.cancelled_usd[:, ::-1],
        refill=books.refill[:, ::-1],
        microprice_drift_bps=-books.microprice_drift_bps,
    )


def _tape(tape: Tape) -> Tape:
    return replace(
        tape,
        buy_usd=tape.sell_usd,
        sell_usd=tape.buy_usd,
        buys=tape.trades - tape.buys,
        large_buy_usd=tape.large_sell_usd,
        large_sell_usd=tape.large_buy_usd,
        bucket_imbalance=-tape.bucket_imbalance,
    )


def _derivatives(facts: Derivatives) -> Derivatives:
    return replace(
        facts,
        bid=facts.ask,
        ask=facts.bid,
        funding_frac=-facts.funding_frac,
        funding_history=-facts.funding_history,
        ratios=1.0 / facts.ratios,
    )


@pytest.mark.parametrize("seed", [7, 8])
def test_every_component_of_a_market_that_is_turned_over_is_turned_over(seed: int) -> None:
    straight = narrowed(synthetic_view(rows=ROWS, width=220, levels=40, seed=seed), NARROW, NARROW_BOOKS)
    before, after = Scorer().score(straight), Scorer().score(turned_over(straight))
    assert np.array_equal(before.status, after.status)
    for name in COMPONENT_NAMES:
        column = COMPONENT_INDEX[name]
        scored = before.status[:, column] == Status.OK
        assert scored.any(), name
        one, other = before.adjusted[scored, column], after.adjusted[scored, column]
        assert np.ptp(one) > 1.0, f"{name} says nothing in this market"
        assert one + other == pytest.approx(100.0, abs=TOLERANCE), name
    assert before.prism + after.prism == pytest.approx(100.0, abs=TOLERANCE)
    assert before.coverage == pytest.approx(after.coverage)


@pytest.mark.parametrize("factor", [1 / 64, 128.0])
def test_a_market_of_other_size_scores_the_same(factor: float) -> None:
    """All amounts times a factor at the same prices. Every component weighs amounts against the symbol's own others or
    against those of the universe, but for one: `impact` takes at least $10k through the book, which is more of a small
    market than of a large one. Here every row trades so much that 0.01 % of its day is more than that, before and
    after."""
    view = synthetic_view(rows=ROWS, width=220, levels=40)
    large = times(view, 1e9 / float(view.derivatives.volume_24h_usd.min()))
    before, after = Scorer().score(large), Scorer().score(times(large, factor if factor > 1 else 0.25))
    for name in COMPONENT_NAMES:
        column = COMPONENT_INDEX[name]
        assert np.array_equal(before.status[:, column], after.status[:, column]), name
        assert before.score[:, column] == pytest.approx(after.score[:, column], abs=1e-5, nan_ok=True), name


def test_ten_thousand_dollars_weigh_more_on_a_small_market() -> None:
    view = synthetic_view(rows=ROWS, width=220, levels=40)
    small = times(view, 1e7 / float(view.derivatives.volume_24h_usd.max()))
    before, after = (Scorer().score(one).readings["impact"].raw for one in (small, times(small, 0.01)))
    known = np.isfinite(before) & np.isfinite(after)
    assert (np.abs(after[known]) >= np.abs(before[known]) - 1e-9).mean() > 0.5
    assert not np.allclose(before[known], after[known])


def times(view: MarketView, factor: float) -> MarketView:
    """The market with every amount times `factor`."""
    facts, books, tape, feed = view.derivatives, view.books, view.tape, view.liquidations
    return replace(
        view,
        bars={
            name: replace(one, volume_usd=one.volume_usd * factor, buy_usd=one.buy_usd * factor)
            for name, one in view.bars.items()
        },
        books=replace(
            books,
            bid_size=books.bid_size * factor,
            ask_size=books.ask_size * factor,
            added_usd=books.added_usd * factor,
            cancelled_usd=books.cancelled_usd * factor,
        ),
        tape=replace(
            tape,
            buy_usd=tape.buy_usd * factor,
            sell_usd=tape.sell_usd * factor,
            large_usd=tape.large_usd * factor,
            large_buy_usd=tape.large_buy_usd * factor,
            large_sell_usd=tape.large_sell_usd * factor,
        ),
        derivatives=replace(
            facts,
            open_interest_usd=facts.open_interest_usd * factor,
            oi_history_usd=facts.oi_history_usd * factor,
            volume_24h_usd=facts.volume_24h_usd * factor,
        ),
        liquidations=replace(feed, long_usd=feed.long_usd * factor, short_usd=feed.short_usd * factor),
    )
