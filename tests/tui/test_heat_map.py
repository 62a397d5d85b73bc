"""The cells of the market's map: they hold still, and the cursor belongs to a symbol, not to a place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.snapshot import Snapshot
from tests.tui.fake_source import scene
from tui.presenters.gates import failed_gates
from tui.presenters.heat_map import MARGIN, HeatMap, perpetuals
from tui.presenters.lines import plain, width_of
from tui.presenters.market import across, cursor_line, market_lines, place_at
from tui.presenters.row import Key
from tui.presenters.view import View

BASE = scene()
WIDTH = 110


def traded(**volumes: float) -> Snapshot:
    """A picture with these volumes of 24 hours by asset; each venue after the first of an asset has a tenth of it."""
    volume = np.zeros(len(BASE.instruments))
    seen: set[str] = set()
    for row in perpetuals(BASE).tolist():
        asset = BASE.instruments[row].asset
        volume[row] = volumes.get(asset, 1e3 - row) * (0.1 if asset in seen else 1.0)
        seen.add(asset)
    return replace(BASE, columns=replace(BASE.columns, volume_24h_usd=volume), sequence=BASE.sequence + 1)


def assets(heat: HeatMap, base: Snapshot = BASE) -> list[str]:
    return ["gone" if row is None else base.instruments[row].asset for _, row in heat.cells]


def without(base: Snapshot, key: Key) -> Snapshot:
    """The same market with one perpetual neither ranked nor gated."""
    row = base.row_of(*key)
    ranking = base.ranking
    left = replace(
        ranking,
        candidates=ranking.candidates[ranking.candidates != row],
        vetoed=ranking.vetoed[ranking.vetoed != row],
    )
    return replace(base, rankings={**base.rankings, base.preset: left}, sequence=base.sequence + 1)


def cursor_asset(heat: HeatMap) -> str:
    assert heat.row is not None
    return BASE.instruments[heat.row].asset


NAMES = sorted({BASE.instruments[row].asset for row in perpetuals(BASE).tolist()})
ONE, TWO, THREE = NAMES[:3]
FIRST = traded(**{ONE: 9e9, TWO: 8e9, THREE: 7e9})
SWAPPED = traded(**{ONE: 7e9, TWO: 8e9, THREE: 9e9})


def test_every_asset_has_one_cell_and_the_largest_comes_first() -> None:
    heat = HeatMap()
    heat.update(FIRST, 0.0)
    assert sorted(assets(heat)) == NAMES
    assert assets(heat)[:3] == [ONE, TWO, THREE]
    assert heat.place == 0


def test_the_cursor_goes_with_its_symbol() -> None:
    heat = HeatMap()
    heat.update(FIRST, 0.0)
    heat.move_to(2)
    heat.update(SWAPPED, 5.0)
    assert assets(heat)[:3] == [THREE, TWO, ONE]
    assert heat.place == 0
    assert cursor_asset(heat) == THREE


def test_no_cell_changes_places_while_the_user_reads_and_all_do_afterwards() -> None:
    heat = HeatMap()
    heat.update(FIRST, 0.0)
    heat.move_to(1)
    heat.hold(10.0)
    heat.update(SWAPPED, 9.9)
    assert assets(heat)[:3] == [ONE, TWO, THREE]
    heat.update(SWAPPED, 10.0)
    assert assets(heat)[:3] == [THREE, TWO, ONE]
    assert cursor_asset(heat) == TWO


def test_the_order_is_made_anew_at_most_once_a_second() -> None:
    heat = HeatMap()
    heat.update(FIRST, 0.0)
    heat.update(SWAPPED, 0.9)
    assert assets(heat)[:3] == [ONE, TWO, THREE]
    heat.update(SWAPPED, 1.0)
    assert assets(heat)[:3] == [THREE, TWO, ONE]


def test_two_assets_of_almost_the_same_volume_do_not_swap_at_each_picture() -> None:
    heat = HeatMap()
    heat.update(traded(**{ONE: 1.00e9, TWO: 0.99e9}), 0.0)
    for second in range(1, 40):
        ahead = 1.01e9 if second % 2 else 0.99e9
        heat.update(traded(**{ONE: 1.00e9, TWO: ahead}), float(second))
        assert assets(heat)[:2] == [ONE, TWO]
    heat.update(traded(**{ONE: 1.00e9, TWO: 1.00e9 * np.exp(MARGIN) * 1.001}), 50.0)
    assert assets(heat)[:2] == [TWO, ONE]


def test_a_symbol_that_goes_keeps_its_cell_while_the_user_reads_and_then_gives_the_cursor_to_its_place() -> None:
    heat = HeatMap()
    heat.update(FIRST, 0.0)
    heat.move_to(1)
    gone = heat.cursor
    assert gone is not None
    market = FIRST
    for key in [Key(one.venue, one.symbol) for one in BASE.instruments if one.asset == TWO]:
        market = without(market, key)
    heat.hold(5.0)
    heat.update(market, 4.0)
    assert heat.cursor == gone
    assert heat.row is None
    assert assets(heat)[:3] == [ONE, "gone", THREE]
    view = View(market, None, market.at_ms)
    assert "no longer" in plain([cursor_line(view, heat, 100)])
    assert "·" in plain(market_lines(view, heat, WIDTH)).split("HEAT")[1]
    heat.update(market, 5.0)
    assert assets(heat)[:2] == [ONE, THREE]
    assert heat.place == 1
    assert cursor_asset(heat) == THREE


def test_when_another_venue_becomes_the_largest_of_an_asset_the_cursor_stays_with_the_asset() -> None:
    held = next(
        asset
        for asset in NAMES
        if len({row for row in perpetuals(BASE).tolist() if BASE.instruments[row].asset == asset}) > 1
    )
    heat = HeatMap()
    heat.update(FIRST, 0.0)
    heat.move_to(assets(heat).index(held))
    before = heat.cursor
    volume = FIRST.columns.volume_24h_usd.copy()
    other = next(
        row
        for row in perpetuals(BASE).tolist()
        if BASE.instruments[row].asset == held
        and Key(BASE.instruments[row].venue, BASE.instruments[row].symbol) != before
    )
    volume[other] = volume[heat.row] * 1.01
    close = replace(FIRST, columns=replace(FIRST.columns, volume_24h_usd=volume), sequence=FIRST.sequence + 1)
    heat.update(close, 5.0)
    assert heat.cursor == before, "a lead of a hundredth may be gone at the next picture"
    volume[other] *= 2
    heat.update(replace(close, sequence=close.sequence + 1), 10.0)
    assert heat.cursor != before
    assert cursor_asset(heat) == held


def test_moves_stay_on_the_map_and_in_their_column() -> None:
    heat = HeatMap()
    heat.move_to(1)
    assert heat.cursor is None, "no cell yet"
    heat.update(FIRST, 0.0)
    last = len(heat.cells) - 1
    places = []
    for how, by in (
        ("row", -1),
        ("cell", -1),
        ("to", 4),
        ("row", 1),
        ("row", -1),
        ("row", 99),
        ("cell", 99),
        ("row", 1),
    ):
        if how == "row":
            heat.move_rows(by, 6)
        elif how == "cell":
            heat.move_to((heat.place or 0) + by)
        else:
            heat.move_to(by)
        places.append(heat.place)
    bottom = min(last, last // 6 * 6 + 4)
    assert places == [0, 0, 4, 10, 4, bottom, last, last]


def test_a_new_epoch_is_another_market_and_waits_for_nobody() -> None:
    heat = HeatMap()
    heat.update(FIRST, 0.0)
    heat.hold(99.0)
    heat.update(replace(SWAPPED, epoch=FIRST.epoch + 1), 0.1)
    assert assets(heat)[:3] == [THREE, TWO, ONE]


def test_the_cell_under_the_mouse_is_the_one_drawn_there() -> None:
    heat = HeatMap()
    heat.update(FIRST, 0.0)
    lines = plain(market_lines(View(FIRST, None, FIRST.at_ms), heat, WIDTH)).split("\n")
    top = next(number for number, line in enumerate(lines) if line.startswith("HEAT")) + 1
    for line, words in enumerate(lines[top:]):
        for x in range(1, len(words)):
            place = place_at(heat, WIDTH, x, line)
            if words[x].isalpha():
                assert place is not None
                assert assets(heat)[place].startswith(words[: x + 1].split()[-1].strip("[")[:3])
    assert place_at(heat, WIDTH, 0, 0) is None
    assert place_at(heat, WIDTH, 5, -1) is None
    assert place_at(heat, WIDTH, 5, 99) is None
    assert place_at(heat, WIDTH, WIDTH + 40, 0) is None


def test_the_cursor_is_seen_without_colour_and_told_in_words_at_every_width() -> None:
    heat = HeatMap()
    heat.update(FIRST, 0.0)
    for place in range(len(heat.cells)):
        heat.move_to(place)
        row = heat.row
        assert row is not None
        instrument = FIRST.instruments[row]
        view = View(FIRST, None, FIRST.at_ms)
        lines = market_lines(view, heat, WIDTH)
        brackets = [(words, style) for line in lines for words, style in line if words.startswith("[")]
        assert [style for _, style in brackets] == ["strong reverse"]
        assert brackets[0][0].startswith(f"[{instrument.asset}")
        passes = row in FIRST.ranking.candidates
        for width in (72, 110):
            line = cursor_line(view, heat, width)
            told = plain([line])
            assert width_of(line) <= width
            for wanted in (instrument.symbol.removesuffix("-SWAP"), f"score {FIRST.board.prism[row]:.1f}", "24h "):
                assert wanted in told
            assert ("LONG" if FIRST.ranking.side[row] > 0 else "SHORT") in told
            assert ("✓ passes" in told) == passes
            assert ("✗ " in told) != passes
            if width == 110 and not passes:
                assert f"✗ gated by {FIRST.preset}: {failed_gates(FIRST.ranking, row)[0]}" in told
            assert not told.endswith("…")


def test_columns_are_as_many_as_fit() -> None:
    assert [across(width) for width in (10, 33, 73, 110)] == [1, 2, 4, 6]
