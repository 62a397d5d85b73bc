"""The columns of the books say what the books say: levels, and the minute at the top, however often they are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.events import BookDelta, BookSnapshot
from engine.instruments import Instrument
from engine.market.book_flow import SECONDS, BookFlow
from engine.market.book_side import Side
from engine.market.books import BookStore
from engine.market.view import Books
from tests.engine.market.market_events import instrument

T0 = 1_700_000_000_000
VENUES = ("binance-usdm", "bybit-linear")


def listed() -> tuple[Instrument, ...]:
    return (
        instrument("BTCUSDT", VENUES[0], contract_size=1.0),
        instrument("ETHUSDT", VENUES[1], contract_size=0.1),
        instrument("BTCUSD", VENUES[0], contract_size=100.0, inverse=True),
        instrument("ETHEUR", VENUES[0], contract_size=1.0),
        instrument("XRPUSDT", VENUES[1], contract_size=None),
        instrument("ADAUSDT", VENUES[0], contract_size=1.0),
    )


@settings(max_examples=200, deadline=None)
@given(
    steps=st.lists(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 3)), max_size=12), min_size=1, max_size=12),
    count=st.integers(1, 25),
    look=st.lists(st.booleans(), min_size=12, max_size=12),
)
def test_a_side_read_apart_is_the_side(steps: list[list[tuple[int, int]]], count: int, look: list[bool]) -> None:
    side, plain = Side(), dict[float, float]()
    for rows, looks in zip(steps, look, strict=False):
        flat = [float(number) for row in rows for number in row]
        side.write(flat, None, 0.0, 100.0)
        plain |= {float(price): float(size) for price, size in rows}
        if looks:
            side.highest(), side.lowest()
        held = sorted((price, size) for price, size in plain.items() if size)
        for highest, expected in ((False, held[:count]), (True, held[::-1][:count])):
            prices, sizes = side.columns(count, highest=highest)
            assert list(zip(prices, sizes, strict=True)) == expected


class Market:
    """Books that change at random, some of them lost and found again."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.instruments = listed()
        self.store = BookStore()
        self.sequence = [0] * len(self.instruments)
        self.now_ms = T0

    def step(self) -> None:
        rng = self.rng
        self.now_ms += int(rng.choice([0, 90, 400, 1_100, 20_000]))
        for row in np.flatnonzero(rng.random(5) < 0.7).tolist():
            one = self.instruments[row]
            key = (one.venue, one.symbol, self.now_ms, self.now_ms * 1_000_000)
            if self.sequence[row] == 0 or rng.random() < 0.05:
                self.sequence[row] += 10
                bids, asks = ([(f"{base + at}", f"{at + 1}") for at in range(1, 30)] for base in (60, 100))
                self.store.apply(BookSnapshot(*key, bids, asks, self.sequence[row], 0, True))
            else:
                last = self.sequence[row] + 1
                self.sequence[row] = last + (rng.random() < 0.05)  # the next one leaves a hole
                self.store.apply(BookDelta(*key, self.rows(60), self.rows(100), last, last, last - 1))
            if rng.random() < 0.5:
                self.store.traded(one.venue, one.symbol, self.now_ms, bool(rng.random() < 0.5))

    def rows(self, base: int) -> list[tuple[str, str]]:
        places, sizes = self.rng.integers(1, 32, 5).tolist(), self.rng.integers(0, 4, 5).tolist()
        return [(f"{base + place}", f"{size}") for place, size in zip(places, sizes, strict=True)]

    def columns(self, tape: Any = None) -> Books:
        blank = np.zeros((len(self.instruments), SECONDS)) if tape is None else tape
        return self.store.columns(self.now_ms, self.instruments, blank, blank)


def of_ring(flow: BookFlow, ring: Sequence[float], at_ms: int, empty: float) -> list[float]:
    """The seconds up to that of `at_ms` one by one; a second is kept while it is among the newest 60 written."""
    now = at_ms // 1000
    seconds = range(now - SECONDS + 1, now + 1)
    written = [flow.second >= 0 and flow.second - SECONDS < second <= flow.second for second in seconds]
    return [ring[second % SECONDS] if held else empty for second, held in zip(seconds, written, strict=True)]


@pytest.mark.parametrize("seed", range(8))
def test_columns_follow_the_books(seed: int) -> None:
    market = Market(seed)
    covered = 0
    for _ in range(120):
        market.step()
        seen = market.columns()
        for row, one in enumerate(market.instruments):
            book = market.store.get(one.venue, one.symbol)
            assert seen.status[row] == ("absent" if book is None else book.status)
            if book is None or book.status != "synced" or one.contract_size is None:
                assert seen.updated_ms[row] == -1
                assert all(np.isnan(values[row]).all() for values in (seen.bid, seen.ask_size, seen.added_usd))
                continue
            assert seen.updated_ms[row] == book.updated_ms
            for levels, prices, sizes in (
                (book.bids.high(200), seen.bid[row], seen.bid_size[row]),
                (book.asks.low(200), seen.ask[row], seen.ask_size[row]),
            ):
                assert prices[: len(levels)].tolist() == [price for price, _ in levels]
                expected = [one.base_size(size, price) for price, size in levels]
                assert sizes[: len(levels)] == pytest.approx(expected, rel=1e-12)
                assert np.isnan(prices[len(levels) :]).all()
            assert book.flow is not None
            assert seen.imbalance_ema[row] == pytest.approx(book.flow.imbalance_ema, nan_ok=True)
            covered += market.now_ms - book.synced_ms >= 60_000 and not np.isnan(seen.added_usd[row]).any()
    assert covered > 20


@pytest.mark.parametrize("seed", range(4))
def test_the_minute_at_the_top_is_that_of_the_rings(seed: int) -> None:
    market = Market(seed)
    looked, second = 0, -1
    for _ in range(150):
        market.step()
        seen = market.columns()
        fresh, second = market.now_ms // 1000 != second, market.now_ms // 1000
        for row, one in enumerate(market.instruments):
            book = market.store.get(one.venue, one.symbol)
            young = book is None or book.status != "synced" or market.now_ms - book.synced_ms < 60_000
            if not fresh or book is None or book.flow is None or young or one.contract_size is None:
                continue
            flow, now = book.flow, market.now_ms
            known = [value for value in of_ring(flow, flow.drift, now, np.nan) if value == value]
            drift = sum(known) / len(known) if known else np.nan
            assert seen.microprice_drift_bps[row] == pytest.approx(drift, rel=1e-9, nan_ok=True)
            assert seen.refill[row].tolist() == pytest.approx(flow.refills(now), nan_ok=True)
            if not one.quote_is_usd:
                assert np.isnan(seen.added_usd[row]).all()
                continue
            mid = ((book.best_bid or np.nan) + (book.best_ask or np.nan)) / 2
            to_usd = one.contract_size / mid if one.inverse else one.contract_size
            rings = (flow.added_bids, flow.added_asks, flow.removed_bids, flow.removed_asks)
            expected = [[to_usd * value for value in of_ring(flow, ring, now, 0.0)] for ring in rings]
            found = [*seen.added_usd[row].tolist(), *seen.cancelled_usd[row].tolist()]
            assert found == [pytest.approx(each, nan_ok=True) for each in expected]
            looked += 1
    assert looked > 15


@pytest.mark.parametrize("seed", range(4))
def test_looking_in_between_changes_nothing_that_is_seen(seed: int) -> None:
    watched, left_alone = Market(seed), Market(seed)
    for _ in range(80):
        watched.step()
        left_alone.step()
        watched.columns()
    watched.now_ms = left_alone.now_ms = watched.now_ms + 1_000
    one, other = watched.columns(), left_alone.columns()
    for name in ("bid", "bid_size", "ask", "ask_size", "updated_ms", "imbalance_ema", "added_usd", "cancelled_usd"):
        assert np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True), name
    assert one.status == other.status


def test_rows_that_appear_are_beside_those_that_were_there() -> None:
    market = Market(1)
    for _ in range(5):
        market.step()
    whole = market.instruments
    market.instruments = whole[:2]
    assert market.columns().bid.shape == (2, 200)
    market.instruments = (*whole, *(instrument(f"COIN{n}USDT", contract_size=1.0) for n in range(100)))
    seen = market.columns()
    assert seen.bid.shape == (106, 200)
    assert (seen.updated_ms[:4] > 0).tolist() == [True] * 4
    assert seen.status[6:] == ("absent",) * 100


def test_what_takers_took_is_not_cancelled() -> None:
    market = Market(2)
    while not (market.columns().cancelled_usd > 0.0).any():
        market.step()
    taken = np.full((len(market.instruments), SECONDS), 1e12)
    assert (market.columns().cancelled_usd > 0.0).any()
    assert not (market.columns(taken).cancelled_usd > 0.0).any()
