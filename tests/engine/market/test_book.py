"""A book is exact or empty: chains, alignment, checksums, crossings, and what the top of it does."""

from __future__ import annotations

import math
from zlib import crc32

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.events import BookDelta, BookSnapshot
from engine.market.book import Book
from engine.market.book_flow import BookFlow

Rows = list[tuple[str, str]]


def snapshot(
    bids: Rows,
    asks: Rows,
    sequence: int | None = 100,
    *,
    aligns: bool = False,
    checksum: int | None = None,
    ts: int = 0,
    overlaps: bool = False,
) -> BookSnapshot:
    return BookSnapshot("v", "S", ts, ts * 1_000_000, bids, asks, sequence, 0, True, checksum, aligns, overlaps)


def delta(
    first: int | None,
    last: int | None,
    previous: int | None,
    bids: Rows | None = None,
    asks: Rows | None = None,
    *,
    checksum: int | None = None,
    ts: int = 0,
) -> BookDelta:
    return BookDelta("v", "S", ts, ts * 1_000_000, bids or [], asks or [], first, last, previous, checksum)


BIDS: Rows = [("99", "1"), ("98.5", "2")]
ASKS: Rows = [("100", "3"), ("101", "4")]


def test_a_snapshot_replaces_and_never_merges() -> None:
    book = Book()
    book.apply_snapshot(snapshot(BIDS, ASKS))
    book.apply_snapshot(snapshot([("50", "1")], [("51", "1")], 200))
    assert book.top(10) == ([("50", "1")], [("51", "1")])


def test_a_delta_sets_absolute_sizes_and_zero_removes() -> None:
    book = Book()
    book.apply_snapshot(snapshot(BIDS, ASKS))
    book.apply_delta(delta(101, 101, 100, [("99", "0.000"), ("98", "5.0")], [("100", "7")]))
    assert book.top(10) == ([("98.5", "2"), ("98", "5.0")], [("100", "7"), ("101", "4")])
    assert (book.best_bid, book.best_ask) == (98.5, 100.0)


def test_the_same_price_in_other_decimals_is_the_same_level() -> None:
    book = Book()
    book.apply_snapshot(snapshot([("99.10", "1")], [("100", "1")]))
    book.apply_delta(delta(101, 101, 100, [("99.1", "4")]))
    assert book.top(10)[0] == [("99.1", "4")]


def test_removing_an_unknown_level_is_normal() -> None:
    book = Book()
    book.apply_snapshot(snapshot(BIDS, ASKS))
    assert book.apply_delta(delta(101, 101, 100, [("12", "0")]))
    assert book.status == "synced"


def test_a_gap_empties_the_book_until_the_next_snapshot() -> None:
    book = Book()
    book.apply_snapshot(snapshot(BIDS, ASKS))
    book.apply_delta(delta(105, 106, 104, [("99", "9")]))
    assert (book.status, book.gaps, book.resyncs) == ("resyncing", 1, 1)
    assert book.top(10) == ([], [])
    book.apply_delta(delta(107, 107, 106, [("98", "9")]))
    assert (book.status, book.gaps) == ("resyncing", 1)
    book.apply_snapshot(snapshot(BIDS, ASKS, 300))
    assert book.status == "synced"
    assert book.apply_delta(delta(301, 301, 300, [("97", "1")]))


def test_repeated_updates_change_nothing() -> None:
    book = Book()
    book.apply_snapshot(snapshot(BIDS, ASKS))
    book.apply_delta(delta(101, 102, 100, [("99", "8")]))
    assert not book.apply_delta(delta(101, 102, 100, [("99", "1")]))
    assert book.top(1)[0] == [("99", "8")]
    assert (book.status, book.duplicates, book.gaps) == ("synced", 1, 0)


def test_futures_deltas_received_before_the_rest_snapshot_are_aligned_on_it() -> None:
    book = Book()
    book.apply_delta(delta(80, 90, 79, [("99", "7")]))
    book.apply_delta(delta(95, 105, 90, [("98", "7")]))
    book.apply_delta(delta(106, 110, 105, [("97", "7")]))
    assert book.top(10) == ([], [])
    book.apply_snapshot(snapshot(BIDS, ASKS, 100, aligns=True))
    assert (book.status, book.sequence) == ("synced", 110)
    assert book.top(10)[0] == [("99", "1"), ("98.5", "2"), ("98", "7"), ("97", "7")]


def test_spot_deltas_chain_on_their_own_ids() -> None:
    book = Book()
    book.apply_delta(delta(90, 100, None, [("99", "7")]))
    book.apply_delta(delta(101, 103, None, [("98", "7")]))
    book.apply_snapshot(snapshot(BIDS, ASKS, 100, aligns=True))
    assert (book.sequence, book.status) == (103, "synced")
    assert ("99", "1") in book.top(10)[0]
    book.apply_delta(delta(105, 105, None, [("98", "9")]))
    assert (book.status, book.gaps) == ("resyncing", 1)


def test_a_rest_snapshot_older_than_the_deltas_at_hand_proves_nothing() -> None:
    book = Book()
    book.apply_delta(delta(150, 160, 149, [("99", "7")]))
    book.apply_snapshot(snapshot(BIDS, ASKS, 100, aligns=True))
    assert (book.status, book.gaps, book.resyncs) == ("syncing", 0, 0)
    assert book.top(10) == ([], [])
    book.apply_snapshot(snapshot(BIDS, ASKS, 155, aligns=True))
    assert (book.status, book.sequence) == ("synced", 160)


def test_a_rest_snapshot_older_than_the_proven_book_is_left_aside() -> None:
    book = Book()
    book.apply_snapshot(snapshot(BIDS, ASKS, 100, aligns=True))
    book.apply_delta(delta(101, 110, 100, [("99", "6")]))
    assert not book.apply_snapshot(snapshot(BIDS, ASKS, 105, aligns=True))
    assert book.top(1)[0] == [("99", "6")]


def overlapped() -> Book:
    book = Book()
    book.apply_snapshot(snapshot(BIDS, ASKS, 100, overlaps=True))
    return book


@pytest.mark.parametrize(("previous", "last"), [(95, 105), (100, 105), (95, 100), (100, 100)])
def test_the_first_delta_may_begin_before_an_overlapping_snapshot(previous: int, last: int) -> None:
    book = overlapped()
    assert book.apply_delta(delta(None, last, previous, [("98", "7")]))
    assert (book.status, book.sequence) == ("synced", last)
    assert book.top(10)[0] == [*BIDS, ("98", "7")]


def test_only_the_first_delta_may_overlap() -> None:
    book = overlapped()
    book.apply_delta(delta(None, 105, 95))
    book.apply_delta(delta(None, 110, 101))
    assert (book.status, book.gaps) == ("resyncing", 1)


def test_a_delta_from_before_an_overlapping_snapshot_is_left_aside() -> None:
    book = overlapped()
    assert not book.apply_delta(delta(None, 99, 90, [("98", "7")]))
    assert (book.status, book.duplicates, book.gaps) == ("synced", 1, 0)
    assert book.apply_delta(delta(None, 105, 99, [("98", "8")]))


def test_a_hole_after_an_overlapping_snapshot_is_a_gap() -> None:
    # A snapshot in band is never older than the changes at hand: something is missing.
    book = overlapped()
    book.apply_delta(delta(None, 105, 101))
    assert (book.status, book.gaps, book.resyncs) == ("resyncing", 1, 1)


def test_an_overlapping_snapshot_takes_the_place_of_a_book_with_higher_ids() -> None:
    book = Book()
    book.apply_snapshot(snapshot(BIDS, ASKS, 900, overlaps=True))
    assert book.apply_snapshot(snapshot([("50", "1")], [("51", "1")], 7, overlaps=True))
    assert book.top(10) == ([("50", "1")], [("51", "1")])
    assert book.apply_delta(delta(None, 9, 7, [("49", "1")]))


@pytest.mark.parametrize("last", [3, 100, 101, 900])
def test_ids_that_begin_anew_empty_the_book_whatever_they_are(last: int) -> None:
    book = overlapped()
    event = delta(None, last, 0, [("98", "7")])
    book.apply_delta(msgspec.structs.replace(event, restarts=True))
    assert (book.status, book.gaps, book.resyncs, book.duplicates) == ("resyncing", 1, 1, 0)
    assert "restarted" in book.reason
    assert book.top(10) == ([], [])
    book.apply_delta(delta(None, last + 1, last, [("97", "7")]))
    assert book.status == "resyncing"
    book.apply_snapshot(snapshot(BIDS, ASKS, last + 1, overlaps=True))
    assert book.apply_delta(delta(None, last + 2, last + 1, [("98", "7")]))


def test_a_sequence_that_restarts_on_the_held_id_goes_on() -> None:
    book = Book()
    book.apply_snapshot(snapshot(BIDS, ASKS, 100))
    assert book.apply_delta(delta(None, 7, 100, [("99", "2")]))
    assert (book.status, book.sequence) == ("synced", 7)


def test_the_checksum_is_that_of_the_documentation() -> None:
    # OKX v5 documentation, "Checksum": bids and asks interleaved, price:size, joined by colons.
    book = Book()
    book.apply_snapshot(snapshot([("3366.1", "7"), ("3366", "6")], [("3366.8", "9"), ("3368", "8"), ("3372", "8")]))
    value = crc32(b"3366.1:7:3366.8:9:3366:6:3368:8:3372:8")
    assert book.checksum() == (value - 2**32 if value >= 2**31 else value)


def test_a_wrong_checksum_empties_the_book() -> None:
    book = Book()
    book.apply_snapshot(snapshot(BIDS, ASKS, None))
    book.apply_delta(delta(None, None, None, [("99", "2")], checksum=12345))
    assert (book.status, book.checksum_failures, book.top(5)) == ("resyncing", 1, ([], []))


def test_deltas_that_prove_nothing_are_not_applied() -> None:
    book = Book()
    book.apply_snapshot(snapshot(BIDS, ASKS, None))
    book.apply_delta(delta(None, None, None, [("99", "2")]))
    assert book.status == "resyncing"


def test_a_crossed_book_is_not_a_book() -> None:
    book = Book()
    book.apply_snapshot(snapshot(BIDS, ASKS))
    book.apply_delta(delta(101, 101, 100, [("100.5", "1")]))
    assert (book.status, book.crossings, book.reason) == ("resyncing", 1, "bid and ask crossed")


side = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 5)), max_size=12)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(side, side), max_size=20))
def test_a_book_equals_a_plain_replay_and_is_never_crossed(steps: list[tuple[list[tuple[int, int]], ...]]) -> None:
    """Bids below 100 and asks above it are valid by construction; a dictionary says what the book must hold."""
    book = Book()
    book.apply_snapshot(snapshot([("50", "1")], [("150", "1")]))
    bids, asks = {50.0: 1}, {150.0: 1}
    for number, (bid_rows, ask_rows) in enumerate(steps):
        book.apply_delta(
            delta(
                101 + number,
                101 + number,
                100 + number,
                [(str(price), str(size)) for price, size in bid_rows],
                [(str(100 + price), str(size)) for price, size in ask_rows],
            )
        )
        bids.update({float(price): size for price, size in bid_rows})
        asks.update({float(100 + price): size for price, size in ask_rows})
    wanted_bids = sorted(((p, s) for p, s in bids.items() if s), reverse=True)
    wanted_asks = sorted((p, s) for p, s in asks.items() if s)
    held_bids, held_asks = book.top(200)
    assert book.status == "synced"
    assert [(float(p), float(s)) for p, s in held_bids] == wanted_bids
    assert [(float(p), float(s)) for p, s in held_asks] == wanted_asks
    assert book.bids.prices == sorted(price for price, _ in wanted_bids)
    assert not (held_bids and held_asks) or float(held_bids[0][0]) < float(held_asks[0][0])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(95, 105), st.integers(0, 3), st.booleans()), max_size=40))
def test_whatever_comes_a_synced_book_is_not_crossed(changes: list[tuple[int, int, bool]]) -> None:
    book = Book()
    book.apply_snapshot(snapshot(BIDS, ASKS))
    for number, (price, size, is_bid) in enumerate(changes):
        row: Rows = [(str(price), str(size))]
        book.apply_delta(delta(101 + number, 101 + number, 100 + number, row if is_bid else [], [] if is_bid else row))
        if book.status != "synced":
            assert book.top(5) == ([], [])
        elif book.best_bid is not None and book.best_ask is not None:
            assert book.best_bid < book.best_ask


def flow_of(book: Book) -> BookFlow:
    assert book.flow is not None
    return book.flow


def test_flow_counts_what_was_added_and_removed_at_the_top() -> None:
    book = Book()
    book.apply_snapshot(snapshot(BIDS, ASKS, ts=1_000))
    book.apply_delta(delta(101, 101, 100, [("99", "3"), ("98.5", "0")], [("100", "1")], ts=1_500))
    flow = flow_of(book)
    assert sum(flow.minute(flow.added_bids, 1_900, 0.0)) == pytest.approx(2 * 99)
    assert sum(flow.minute(flow.removed_bids, 1_900, 0.0)) == pytest.approx(2 * 98.5)
    assert sum(flow.minute(flow.removed_asks, 1_900, 0.0)) == pytest.approx(2 * 100)
    assert sum(flow.minute(flow.added_bids, 62_000, 0.0)) == 0.0


def test_a_best_bid_taken_and_quoted_again_is_a_refill() -> None:
    book = Book()
    book.apply_snapshot(snapshot(BIDS, ASKS, ts=1_000))
    flow_of(book).traded(1_090, taker_buy=False)
    book.apply_delta(delta(101, 101, 100, [("99", "0")], ts=1_100))
    book.apply_delta(delta(102, 102, 101, [("99", "2")], ts=1_600))
    assert flow_of(book).refills(2_000)[0] == 1.0
    flow_of(book).traded(3_000, taker_buy=False)
    book.apply_delta(delta(103, 103, 102, [("99", "0")], ts=3_100))
    assert flow_of(book).refills(4_200)[0] == 0.0
    assert math.isnan(flow_of(book).refills(4_200)[1])


def test_the_time_weighted_imbalance_forgets_half_in_its_half_life() -> None:
    book = Book()
    book.apply_snapshot(snapshot([("99", "3")], [("101", "1")], ts=1_000))
    assert flow_of(book).imbalance_ema == pytest.approx(0.5)
    book.apply_delta(delta(101, 101, 100, [("99", "1")], ts=11_000))
    assert flow_of(book).imbalance_ema == pytest.approx(0.5)
    book.apply_delta(delta(102, 102, 101, [("98", "0")], ts=21_000))
    assert flow_of(book).imbalance_ema == pytest.approx(0.25)
