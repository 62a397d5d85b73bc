"""Books of other venues and all of them merged: only proven ones, named, never further than each of them reaches."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.snapshot import Focus, Ladder, PeerBook, Snapshot
from tests.engine.builders import make_snapshot
from tests.tui.fake_source import SIZES, FakeSource, make_app, relaxed, scene, screen_of, settle, text_of
from tui.presenters.depth import depth_lines
from tui.presenters.depth_books import MERGED, OWN, peers_of, shown, step_choice
from tui.presenters.lines import plain, width_of
from tui.presenters.view import View
from tui.state import ConsoleState, Instrument, save
from tui.widgets.panes import DepthPane

BASE = make_snapshot(16, 5)
NAMES = {"bybit": "bybit-linear USDT", "okx": "okx USDT"}


def levels(*prices: tuple[str, float]) -> tuple[tuple[str, str, float], ...]:
    return tuple((price, "1", notional) for price, notional in prices)


def book(bids: list[tuple[str, float]], asks: list[tuple[str, float]]) -> Ladder:
    return Ladder("synced", levels(*bids), levels(*asks), 1)


def view_of(own: Ladder, *peers: tuple[int, Ladder], mode: str = "demo", **changes: Any) -> View:
    """BTCUSDT of Binance with these books of rows 2 (Bybit) and 3 (OKX) beside it."""
    assert BASE.focus is not None
    focus: Focus = replace(
        BASE.focus, row=0, ladder=own, peer_books=tuple(PeerBook(row, held) for row, held in peers)
    )  # fmt: skip
    snapshot: Snapshot = replace(BASE, focus=focus, mode=mode, **changes)  # type: ignore[arg-type]
    return View(snapshot, 0, snapshot.at_ms, UTC)


NEAR = book([("100.0", 10.0), ("99.9", 20.0), ("99.0", 40.0)], [("100.2", 5.0), ("100.3", 7.0), ("101.0", 9.0)])
FAR = book([("99.9", 1.0), ("99.8", 2.0), ("98.0", 4.0)], [("100.1", 3.0), ("100.3", 6.0), ("102.0", 8.0)])
GONE = Ladder("resyncing", (), (), None)


def test_the_choices_are_the_own_book_each_peer_and_all_merged_and_go_round() -> None:
    view = view_of(NEAR, (2, FAR), (3, GONE))
    seen, choice = [], OWN
    for _ in range(5):
        choice = step_choice(view, choice, 1)
        seen.append(choice)
    assert seen == [NAMES["bybit"], NAMES["okx"], MERGED, OWN, NAMES["bybit"]]
    assert step_choice(view, OWN, -1) == MERGED
    assert step_choice(view, "bitget-usdt USDT", 1) == NAMES["bybit"], "kept from an asset that trades there"
    assert step_choice(view_of(NEAR), OWN, 1) == OWN, "nothing to choose from"


def test_another_venues_book_is_that_books_and_says_so() -> None:
    view = view_of(NEAR, (2, FAR), (3, GONE))
    book = shown(view, NAMES["bybit"])
    assert book is not None
    assert book.ladder is FAR
    told = plain(depth_lines(view, 0, 60, 20, NAMES["bybit"]))
    assert "another book than the row's: Bybit BTCUSDT" in told
    assert "100.1" in told
    assert "100.2" not in told
    assert "another book" not in plain(depth_lines(view, 0, 60, 20))


def test_an_unproven_book_of_another_venue_is_words() -> None:
    told = " ".join(plain(depth_lines(view_of(NEAR, (3, GONE)), 0, 60, 20, NAMES["okx"])).split())
    assert "book resyncing" in told
    assert "PRICE" not in told
    asked = view_of(NEAR, (3, Ladder("absent", (), (), None)), mode="live")
    assert "it is requested" in plain(depth_lines(asked, 0, 60, 20, NAMES["okx"]))
    recorded = view_of(NEAR, (3, Ladder("absent", (), (), None)), mode="replay")
    assert "this recording or venue sends none" in plain(depth_lines(recorded, 0, 60, 20, NAMES["okx"]))


def test_merged_books_are_summed_by_price_and_end_where_the_shortest_ends() -> None:
    view = view_of(NEAR, (2, FAR))
    merged = shown(view, MERGED)
    assert merged is not None
    assert [(price, notional) for price, _, notional in merged.ladder.bids] == [
        ("100.0", 10.0), ("99.9", 20.0), ("99.9", 1.0), ("99.8", 2.0), ("99.0", 40.0),
    ], "nothing below 99.0, where the nearer book ends"  # fmt: skip
    assert [float(price) for price, _, _ in merged.ladder.asks] == [100.1, 100.2, 100.3, 100.3, 101.0]
    told = plain(depth_lines(view, 0, 60, 24, MERGED))
    assert "MERGED Binance, Bybit" in told
    line = next(line for line in told.splitlines() if " 99.9 " in line)
    assert "21.0" in line.split(), "both venues' orders at one price stand in one line"


def test_what_is_not_proven_is_left_out_and_named() -> None:
    told = " ".join(plain(depth_lines(view_of(NEAR, (2, FAR), (3, GONE)), 0, 70, 20, MERGED)).split())
    assert "MERGED Binance, Bybit · without OKX (resyncing)" in told
    own_lost = view_of(GONE, (2, FAR))
    assert "MERGED Bybit · without Binance (resyncing)" in plain(depth_lines(own_lost, 0, 70, 20, MERGED))
    none = " ".join(plain(depth_lines(view_of(GONE, (3, GONE)), 0, 70, 20, MERGED)).split())
    assert "no verified book of BTC to merge: Binance (resyncing), OKX (resyncing)" in none
    assert "PRICE" not in none
    unknown = replace(FAR, bids=levels(("99.9", float("nan"))))
    assert "Bybit (contract size not known)" in plain(depth_lines(view_of(NEAR, (2, unknown)), 0, 70, 20, MERGED))


def test_few_lines_are_given_to_the_book_and_not_to_words() -> None:
    view = view_of(NEAR, (2, FAR), (3, GONE))
    low, high = plain(depth_lines(view, 0, 36, 8, MERGED)), plain(depth_lines(view, 0, 36, 20, MERGED))
    assert low.splitlines()[0].strip() == "MERGED BN BY · without OK"
    assert "Binance, Bybit · without OKX" in " ".join(high.split())


@pytest.mark.parametrize("mode", ["live", "demo"])
def test_a_venue_that_is_not_live_is_neither_drawn_nor_merged(mode: str) -> None:
    feeds = tuple(
        replace(feed, state="stale", detail="silent for 12 s") if feed.venue == "bybit-linear" else feed
        for feed in BASE.feeds
    )
    view = view_of(NEAR, (2, FAR), mode=mode, feeds=feeds)
    told = " ".join(plain(depth_lines(view, 0, 70, 20, MERGED)).split())
    assert "MERGED Binance · without Bybit (stale)" in told
    assert "no book shown: Bybit stale" in plain(depth_lines(view, 0, 70, 20, NAMES["bybit"]))
    assert "PRICE" in plain(depth_lines(view, 0, 70, 20))


def test_a_recordings_silent_venue_is_told_above_its_last_book() -> None:
    feeds = tuple(replace(feed, state="stale", detail="silent for 76 s") for feed in BASE.feeds)
    told = " ".join(plain(depth_lines(view_of(NEAR, mode="replay", feeds=feeds), 0, 70, 20)).split())
    assert told.startswith("Binance stale: silent for 76 s: the book as it last was PRICE")
    assert "the book as it last was" not in plain(depth_lines(view_of(NEAR, mode="replay"), 0, 70, 20))


def test_books_that_cross_say_so() -> None:
    high = book([("100.4", 1.0), ("99.0", 1.0)], [("100.5", 1.0), ("101.0", 1.0)])
    told = plain(depth_lines(view_of(NEAR, (2, high)), 0, 60, 20, MERGED))
    assert "venues cross" in told
    assert "venues cross" not in plain(depth_lines(view_of(NEAR, (2, FAR)), 0, 60, 20, MERGED))


def test_units_of_other_sizes_are_brought_to_the_rows_own() -> None:
    thousand = replace(BASE.instruments[2], symbol="1000BTCUSDT", base="1000BTC", multiplier=1000.0)
    instruments = (*BASE.instruments[:2], thousand, *BASE.instruments[3:])
    held = book([("99900", 1.0), ("98000", 4.0)], [("100100", 3.0), ("102000", 8.0)])
    view = view_of(NEAR, (2, held), instruments=instruments)
    merged, single = shown(view, MERGED), shown(view, NAMES["bybit"])
    assert merged is not None
    assert [float(price) for price, _, _ in merged.ladder.bids] == [100.0, 99.9, 99.9, 99.0]
    assert single is not None
    assert single.unit == 1000.0
    assert single.ladder.bids[0][0] == "99900"
    assert "priced for 1000BTC, not BTC" in single.note


LEVELS = st.lists(
    st.tuples(st.integers(9_000, 11_000), st.floats(1, 1e6)), min_size=1, max_size=8, unique_by=lambda x: x[0]
)


@given(st.lists(st.tuples(LEVELS, LEVELS), min_size=2, max_size=3))
def test_no_merged_sum_is_of_fewer_books_than_it_says(raw: list[tuple[Any, Any]]) -> None:
    books = [
        book(
            [(f"{price / 100:.2f}", usd) for price, usd in sorted(bids, reverse=True)],
            [(f"{price / 100:.2f}", usd) for price, usd in sorted(asks)],
        )
        for bids, asks in raw
    ]
    merged = shown(view_of(books[0], *zip((2, 3), books[1:], strict=False)), MERGED)
    assert merged is not None
    for side, sign in (("bids", -1), ("asks", 1)):
        kept = getattr(merged.ladder, side)
        held = [getattr(one, side) for one in books]
        end = min(sign * float(levels[-1][0]) for levels in held)
        expected = sum(usd for levels in held for price, _, usd in levels if sign * float(price) <= end)
        assert sum(usd for _, _, usd in kept) == pytest.approx(expected)
        prices = [sign * float(price) for price, _, _ in kept]
        assert prices == sorted(prices)


@pytest.mark.parametrize("choice", [OWN, NAMES["bybit"], NAMES["okx"], MERGED])
@pytest.mark.parametrize(("width", "height"), [(34, 8), (36, 14), (46, 20), (90, 40)])
def test_every_choice_keeps_to_its_room(choice: str, width: int, height: int) -> None:
    for peers in (((2, FAR), (3, GONE)), ((2, FAR), (3, NEAR)), ((3, GONE),)):
        drawn = depth_lines(view_of(NEAR, *peers), 0, width, height, choice)
        assert max(width_of(line) for line in drawn) <= width
        if "PRICE" in plain(drawn):
            assert len(drawn) <= height


def test_the_peers_are_those_the_engine_compares() -> None:
    assert {(one.venue, one.symbol) for one in peers_of(BASE, 0)} == {
        ("bybit-linear", "BTCUSDT"), ("okx", "BTC-USDT-SWAP"),
    }  # fmt: skip
    spot = next(row for row, one in enumerate(BASE.instruments) if one.kind == "spot")
    assert peers_of(BASE, spot) == ()


@pytest.mark.parametrize("size", SIZES)
async def test_choosing_follows_the_books_until_another_symbol_is_shown(tmp_path: Path, size: tuple[int, int]) -> None:
    save(tmp_path / "console.json", ConsoleState(greeted=True, pinned=(Instrument("okx", "BTC-USDT-SWAP"),)))
    app, source, clock = make_app(tmp_path, FakeSource(scene()), relaxed())
    async with app.run_test(size=size) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("g")
        await settle(app, clock, pilot)
        assert source.held == {("okx", "BTC-USDT-SWAP")}
        if size == (80, 24):
            await pilot.press("tab", "tab")
            await settle(app, clock, pilot)
        await pilot.press("C")
        await settle(app, clock, pilot)
        text = text_of(app)
        assert "depth · BTC · 2 books merged" in text
        long, short = "MERGED OKX, Binance · without Bybit (no book)", "MERGED OK BN · without BY (no book)"
        assert (short if size == (120, 40) else long) in text, "in few words where there are few lines"
        assert source.held == {("okx", "BTC-USDT-SWAP"), ("binance-usdm", "BTCUSDT"), ("bybit-linear", "BTCUSDT")}
        await pilot.press("c")
        await settle(app, clock, pilot)
        assert "depth · BTC-USDT-SWAP · OKX" in text_of(app)
        assert source.held == {("okx", "BTC-USDT-SWAP")}, "and what is not shown is not asked for"
        await pilot.press("c")
        if size == (80, 24):
            await pilot.press("tab", "tab")
        app.main.focus_pane("candidates")
        await pilot.press("enter")
        await settle(app, clock, pilot)
        opened = screen_of(app).query_one("#depth", DepthPane)
        assert opened.book == "binance-usdm USDT", "of the same symbol it is the same book"
        await pilot.press("C", "C")
        assert opened.book == MERGED
        await pilot.press("escape")
        await settle(app, clock, pilot)
        assert app.main.query_one(DepthPane).book == MERGED
        await pilot.press("j")
        await settle(app, clock, pilot)
        assert app.main.query_one(DepthPane).book == OWN
        assert source.held == {("okx", "BTC-USDT-SWAP")}
        await pilot.press("k")
        await settle(app, clock, pilot)
        assert app.main.query_one(DepthPane).book == OWN
    assert "book" not in (tmp_path / "console.json").read_text()


async def test_where_nobody_else_trades_it_the_key_says_so(tmp_path: Path) -> None:
    app, source, clock = make_app(tmp_path, FakeSource(scene()), relaxed())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        assert source.snapshot is not None
        assert app.key is not None
        row = source.snapshot.row_of(*app.key)
        assert row is not None
        assert peers_of(source.snapshot, row) == ()
        await pilot.press("c")
        assert any("no other perpetual" in notice.message for notice in app._notifications)
        assert app.main.query_one(DepthPane).book == OWN
