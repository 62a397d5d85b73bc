"""The orderbook face against slow walks through single books, and what it says where a book ends."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log, tanh

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.synthetic_view import START_MS, synthetic_view
from engine.market.view import Books, MarketView
from engine.prism.board import Reading, Status
from engine.prism.depth import measure
from engine.prism.impact import walk
from engine.prism.orderbook import orderbook
from engine.prism.roster import enrol
from tests.engine.prism.market_views import edited, permuted

ROWS = 24


@pytest.fixture
def view() -> MarketView:
    return synthetic_view(rows=ROWS, width=60, levels=60)


def read(view: MarketView) -> dict[str, Reading]:
    return orderbook(view, enrol(view.instruments), measure(view.books))


def side(prices: np.ndarray, sizes: np.ndarray) -> list[tuple[float, float]]:
    return [(p, s) for p, s in zip(prices.tolist(), sizes.tolist(), strict=True) if p == p]


def book_of(books: Books, row: int) -> tuple[list[tuple[float, float]], list[tuple[float, float]], float]:
    bids, asks = side(books.bid[row], books.bid_size[row]), side(books.ask[row], books.ask_size[row])
    return bids, asks, (bids[0][0] + asks[0][0]) / 2


def slow_fill(levels: list[tuple[float, float]], notional: float) -> tuple[float, bool]:
    left, base = notional, 0.0
    for price, size in levels:
        take = min(left, price * size)
        base += take / price
        left -= take
        if left <= 0:
            return notional / base, True
    return notional / (base + left / levels[-1][0]), False


def with_levels(
    view: MarketView, row: int, bids: list[tuple[float, float]], asks: list[tuple[float, float]]
) -> MarketView:
    depth = view.books.bid.shape[1]
    held = {}
    for name, levels in (("bid", bids), ("ask", asks)):
        padded = np.full((depth, 2), np.nan)
        padded[: len(levels)] = levels
        held[name], held[f"{name}_size"] = padded[:, 0], padded[:, 1]
    return replace(view, books=edited(view.books, [row], **held))


def test_imbalance_equals_a_slow_reading(view: MarketView) -> None:
    reading = read(view)["imbalance"]
    for row in range(ROWS):
        bids, asks, mid = book_of(view.books, row)
        bid, ask = sum(s for _, s in bids[:10]), sum(s for _, s in asks[:10])
        plain = (bid - ask) / (bid + ask)
        reach = min((mid - bids[-1][0]) / mid, (asks[-1][0] - mid) / mid)
        near = [
            sum(
                p * s * exp(-abs(p - mid) / mid / 0.0025)
                for p, s in levels
                if abs(p - mid) / mid <= reach * (1 + 1e-12)
            )
            for levels in (bids, asks)
        ]
        distance = (near[0] - near[1]) / (near[0] + near[1])
        mixed = 0.3 * plain + 0.3 * distance + 0.4 * view.books.imbalance_ema[row]
        assert reading.inputs["depth_10"][0][row] == pytest.approx(plain)
        assert reading.inputs["distance_weighted"][0][row] == pytest.approx(distance)
        assert reading.score[row] == pytest.approx(50 + 50 * mixed)


def test_liquidity_compares_as_far_as_both_sides_are_known(view: MarketView) -> None:
    bids = [(100.0 - 0.1 * k, 1.0) for k in range(1, 31)]  # known to 3 %
    asks = [(100.0 + 0.1 * k, 2.0) for k in range(1, 6)]  # known to 0.5 %
    reading = read(with_levels(view, 0, bids, asks))["liquidity"]
    bid = sum(p * s for p, s in bids if (100.0 - p) / 100.0 <= 0.005 + 1e-12)
    ask = sum(p * s for p, s in asks)
    assert reading.inputs["reach"][0][0] == pytest.approx(0.005)
    assert reading.notes[0] == "book known to 0.50 %" or reading.notes[0] == "book known to 0.49 %"
    assert reading.raw[0] == pytest.approx(bid / ask)
    assert reading.score[0] == pytest.approx(50 + 50 * tanh(1.5 * log(bid / ask)))


def test_liquidity_stops_at_two_percent(view: MarketView) -> None:
    bids = [(99.9, 1.0), (97.0, 1e6)]
    asks = [(100.1, 1.0), (103.0, 1.0)]
    reading = read(with_levels(view, 0, bids, asks))["liquidity"]
    assert 0 not in reading.notes
    assert reading.raw[0] == pytest.approx(99.9 / 100.1)


def test_rating_ranks_depth_spread_and_closeness(view: MarketView) -> None:
    better = [(100.0 - 0.001 * k, 1e7) for k in range(1, 30)], [(100.0 + 0.001 * k, 1e7) for k in range(1, 30)]
    worse = [(98.5, 0.001), (94.0, 0.001)], [(101.5, 0.001), (106.0, 0.001)]
    edited_view = with_levels(with_levels(view, 0, *better), 1, *worse)
    rating = read(edited_view)["liquidity"].inputs["liquidity_rating"][0]
    assert rating[0] == np.nanmax(rating)
    assert rating[0] > 95.0
    assert rating[1] == np.nanmin(rating)
    assert np.nanmin(rating) >= 0.0
    assert np.nanmax(rating) <= 100.0


def test_no_quotes_within_reach_is_missing_not_neutral(view: MarketView) -> None:
    reading = read(with_levels(view, 0, [(95.0, 1.0), (90.0, 1.0)], [(105.0, 1.0)]))["liquidity"]
    assert reading.status[0] == Status.MISSING
    assert reading.notes[0] == "no quotes on both sides within 2 % of mid"


def test_rows_without_a_usable_book_do_not_move_the_rating(view: MarketView) -> None:
    full = read(view)["liquidity"].inputs["liquidity_rating"][0]
    stale = replace(view, books=edited(view.books, [0], updated_ms=START_MS - 60_000))
    rating = read(stale)["liquidity"].inputs["liquidity_rating"][0]
    assert np.isnan(rating[0])
    assert np.isfinite(full[0])
    assert not np.array_equal(full[1:], rating[1:])  # the universe is one smaller


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), levels=st.integers(1, 12), notional=st.floats(1.0, 1e7))
def test_walk_equals_a_slow_walk(seed: int, levels: int, notional: float) -> None:
    rng = np.random.default_rng(seed)
    price = 100.0 + np.cumsum(rng.exponential(0.1, (3, levels)), axis=1)
    size = rng.lognormal(3.0, 2.0, (3, levels))
    known = rng.integers(0, levels + 1, 3)
    for row in range(3):
        price[row, known[row] :] = size[row, known[row] :] = np.nan
    got = walk(price, size, np.full(3, notional))
    for row in range(3):
        if known[row] == 0:
            assert np.isnan(got.average[row])
            assert not got.complete[row]
            continue
        average, complete = slow_fill(side(price[row], size[row]), notional)
        assert got.average[row] == pytest.approx(average, rel=1e-9)
        total = np.nansum(price[row] * size[row])
        if abs(total - notional) > 1e-6 * notional:
            assert got.complete[row] == complete


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), cut=st.integers(1, 11))
def test_what_a_cut_book_says_is_a_true_bound(seed: int, cut: int) -> None:
    rng = np.random.default_rng(seed)
    price = 100.0 + np.cumsum(rng.exponential(0.1, (1, 12)), axis=1)
    size = rng.lognormal(3.0, 1.0, (1, 12))
    notional = np.array([0.95 * (price * size).sum()])
    whole = walk(price, size, notional)
    part = walk(price[:, :cut], size[:, :cut], notional)
    assert whole.complete[0]
    if not part.complete[0]:
        assert part.average[0] <= whole.average[0] * (1 + 1e-12)


def test_impact_equals_slow_walks_of_both_sides(view: MarketView) -> None:
    reading = read(view)["impact"]
    assert (reading.status == Status.OK).sum() > ROWS // 2
    for row in np.flatnonzero(reading.status == Status.OK).tolist():
        bids, asks, mid = book_of(view.books, row)
        reference = max(10_000.0, 1e-4 * view.derivatives.volume_24h_usd[row])
        buy, sell = slow_fill(asks, reference)[0], slow_fill(bids, reference)[0]
        skew = ((buy / mid - 1) - (1 - sell / mid)) * 1e4
        assert reading.raw[row] == pytest.approx(skew, abs=1e-7)
        assert reading.score[row] == pytest.approx(50 - 50 * tanh(skew / 10), abs=1e-6)


def test_running_off_one_side_scores_the_bound_or_nothing(view: MarketView) -> None:
    calm = replace(view, derivatives=replace(view.derivatives, volume_24h_usd=np.full(ROWS, 1e6)))
    deep, thin_far, thin_near = [(99.9, 1e5)], [(100.1, 10.0), (101.0, 1.0)], [(100.1, 10.0)]
    far = read(with_levels(calm, 0, deep, thin_far))["impact"]
    assert far.status[0] == Status.OK
    assert far.raw[0] > 0.0
    assert far.score[0] < 50.0
    assert far.notes[0].startswith("buying impact > 9")
    assert far.notes[0].endswith("scored as that")
    expensive_bids = [(99.9, 1.0), (99.0, 1e5)]
    near = read(with_levels(calm, 0, expensive_bids, thin_near))["impact"]
    assert near.status[0] == Status.MISSING
    assert near.notes[0].startswith("buying impact > ")
    assert near.notes[0].endswith("its side not known")
    neither = read(with_levels(calm, 0, [(99.9, 1.0)], thin_near))["impact"]
    assert neither.status[0] == Status.MISSING
    assert neither.notes[0].startswith("impact > ")
    assert "both sides" in neither.notes[0]


def test_selling_off_the_book_mirrors_buying(view: MarketView) -> None:
    calm = replace(view, derivatives=replace(view.derivatives, volume_24h_usd=np.full(ROWS, np.nan)))
    reading = read(with_levels(calm, 0, [(99.9, 10.0), (99.0, 1.0)], [(100.1, 1e5)]))["impact"]
    assert reading.status[0] == Status.OK
    assert reading.score[0] > 50.0
    assert reading.notes[0].startswith("selling impact > ")
    assert reading.notes[0].endswith("24 h volume not known, reference $10k")
    assert reading.inputs["reference"][0][0] == 10_000.0


def test_books_that_are_not_proven_or_old_are_not_read(view: MarketView) -> None:
    books = edited(view.books, [0, 1], updated_ms=-1, bid=np.nan, bid_size=np.nan, ask=np.nan, ask_size=np.nan)
    books = edited(books, [2, 3], updated_ms=[START_MS - 120_001, START_MS - 120_000])
    books = edited(books, [4], ask=np.nan, ask_size=np.nan)
    books = replace(books, status=("resyncing", "absent", *books.status[2:]))
    tape = edited(view.tape, [2, 3], newest_ms=-1, in_book_ms=-1)
    for name, reading in read(replace(view, books=books, tape=tape)).items():
        assert reading.status[:5].tolist() == [3, 3, Status.STALE, reading.status[3], Status.MISSING], name
        assert reading.notes[0] == "book resyncing"
        assert reading.notes[1] == "book absent"
        assert reading.notes[2] == "book 120 s old"
        assert reading.notes[4] == "one side of the book is empty"
        assert np.isnan(reading.score[[0, 1, 2, 4]]).all()
    assert read(replace(view, books=books, tape=tape))["imbalance"].status[3] == Status.OK


def test_a_quiet_book_is_read_until_trades_or_the_silence_of_its_venue_contradict_it(view: MarketView) -> None:
    still = edited(view.books, [0, 1, 2], updated_ms=START_MS - 40_000)
    traded = [START_MS - 40_000, START_MS - 25_000, START_MS - 24_999]
    found = read(replace(view, books=still, tape=edited(view.tape, [0, 1, 2], in_book_ms=traded)))
    for name, reading in found.items():
        assert reading.status[:3].tolist() == [Status.OK, Status.OK, Status.STALE], name
        assert reading.notes[2] == "book 40 s old"
    own = [row for row, one in enumerate(view.instruments) if one.venue == view.instruments[0].venue]
    other = next(row for row in range(view.rows) if row not in own)
    for silent_ms, status in ((15_000, Status.OK), (15_001, Status.STALE)):
        then = START_MS - silent_ms
        mute = replace(
            view,
            books=edited(view.books, own, updated_ms=then),
            tape=edited(view.tape, own, newest_ms=then, in_book_ms=then),
            derivatives=edited(view.derivatives, own, quote_ms=then),
        )
        readings = read(mute)
        assert readings["imbalance"].status[0] == status
        assert readings["imbalance"].status[other] == Status.OK


def test_mirroring_a_book_mirrors_imbalance_and_liquidity(view: MarketView) -> None:
    mid = 100.0
    bids = [(mid - 0.1 * k, 1.0 + k) for k in range(1, 25)]
    asks = [(mid + 0.1 * k, 7.0 / k) for k in range(1, 25)]
    books = edited(view.books, [0], imbalance_ema=0.3)
    one = read(with_levels(replace(view, books=books), 0, bids, asks))
    swapped = [(2 * mid - p, s) for p, s in asks], [(2 * mid - p, s) for p, s in bids]
    books = edited(view.books, [0], imbalance_ema=-0.3)
    other = read(with_levels(replace(view, books=books), 0, *swapped))
    assert one["imbalance"].inputs["depth_10"][0][0] == pytest.approx(-other["imbalance"].inputs["depth_10"][0][0])
    assert one["imbalance"].score[0] + other["imbalance"].score[0] == pytest.approx(100.0, abs=1.0)
    assert (one["liquidity"].score[0] - 50) * (other["liquidity"].score[0] - 50) < 0


@pytest.mark.parametrize(("price", "size"), [(1e-4, 1.0), (1.0, 250.0), (37.0, 0.01)])
def test_imbalance_and_liquidity_are_free_of_price_and_size(view: MarketView, price: float, size: float) -> None:
    books = view.books
    scaled = replace(
        books,
        bid=books.bid * price,
        ask=books.ask * price,
        bid_size=books.bid_size * size,
        ask_size=books.ask_size * size,
    )
    before, after = read(view), read(replace(view, books=scaled))
    for name in ("imbalance", "liquidity"):
        assert np.allclose(before[name].score, after[name].score, atol=1e-6), name


def test_impact_is_the_same_for_the_same_dollars(view: MarketView) -> None:
    books = view.books
    redenominated = replace(
        books, bid=books.bid * 1e3, ask=books.ask * 1e3, bid_size=books.bid_size / 1e3, ask_size=books.ask_size / 1e3
    )
    before, after = read(view)["impact"], read(replace(view, books=redenominated))["impact"]
    assert np.allclose(before.score, after.score, atol=1e-6, equal_nan=True)


def test_order_of_rows_does_not_matter(view: MarketView) -> None:
    order = np.random.default_rng(5).permutation(ROWS)
    before, after = read(view), read(permuted(view, order))
    for name, reading in before.items():
        assert np.array_equal(reading.score[order], after[name].score, equal_nan=True), name
    rating = before["liquidity"].inputs["liquidity_rating"][0]
    assert np.array_equal(rating[order], after["liquidity"].inputs["liquidity_rating"][0], equal_nan=True)


@pytest.mark.parametrize("seed", range(4))
def test_a_walk_looks_as_deep_as_it_has_to(seed: int) -> None:
    """Whatever the levels looked at first hold, the cost is that of the walk level by level."""
    rng = np.random.default_rng(seed)
    rows, levels = 60, 200
    price = 100.0 + np.cumsum(rng.exponential(0.01, (rows, levels)), axis=1)
    size = rng.lognormal(0.0, 1.0, (rows, levels))
    held = rng.integers(0, levels + 1, rows)
    price[np.arange(levels) >= held[:, None]] = size[np.arange(levels) >= held[:, None]] = np.nan
    notional = rng.lognormal(7.5, 2.0, rows)
    found = walk(price, size, notional)
    for row in range(rows):
        rest, base = float(notional[row]), 0.0
        for level in range(int(held[row])):
            fill = min(rest, float(price[row, level] * size[row, level]))
            base, rest = base + fill / float(price[row, level]), rest - fill
        assert bool(found.complete[row]) == (held[row] > 0 and rest <= 1e-9)
        if held[row]:
            beyond = max(rest, 0.0) / float(price[row, held[row] - 1])
            assert found.average[row] == pytest.approx(notional[row] / (base + beyond), rel=1e-12)
        else:
            assert np.isnan(found.average[row])
