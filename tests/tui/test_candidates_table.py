"""The candidates table in a tiny app: it holds still, draws little, and no symbol can break it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.color import Color
from textual.events import MouseScrollDown
from textual.message import Message
from textual.pilot import Pilot

from engine.snapshot import Snapshot
from tests.engine.builders import make_snapshot
from themes.loader import load
from tui.presenters.columns import FACE_LETTERS, layout
from tui.presenters.selection import ViewState
from tui.presenters.sheet import Key
from tui.widgets.candidates import FLASH_S, CandidatesTable
from tui.widgets.candidates_paint import Palette, contrast, paint_header

BASE = make_snapshot(200, preset="relaxed")
SIZES = [(80, 24), (120, 40), (200, 60)]


class Host(App[None]):
    """Nothing but the table."""

    def __init__(self, theme: str = "prism-dark", **options: Any) -> None:
        super().__init__()
        self.options = options
        self.first_theme = theme
        self.heard: list[Message] = []

    def compose(self) -> ComposeResult:
        yield CandidatesTable(**self.options)

    def on_mount(self) -> None:
        for theme in load().themes.values():
            self.register_theme(theme)
        self.theme = self.first_theme
        self.query_one(CandidatesTable).focus()

    def on_candidates_table_highlighted(self, message: CandidatesTable.Highlighted) -> None:
        self.heard.append(message)

    def on_candidates_table_selected(self, message: CandidatesTable.Selected) -> None:
        self.heard.append(message)

    def on_candidates_table_state_changed(self, message: CandidatesTable.StateChanged) -> None:
        self.heard.append(message)


@asynccontextmanager
async def table_on(
    size: tuple[int, int] = (120, 40), snapshot: Snapshot | None = BASE, **options: Any
) -> AsyncIterator[tuple[CandidatesTable, Pilot[None], Host]]:
    app = Host(**options)
    async with app.run_test(size=size) as pilot:
        table = app.query_one(CandidatesTable)
        table.update_snapshot(snapshot, 0.0)
        await pilot.pause()
        yield table, pilot, app


def lines(table: CandidatesTable) -> list[str]:
    return [table.render_line(y).text for y in range(table.size.height)]


def line_of(table: CandidatesTable, key: Key) -> int:
    """Screen line of an instrument, by what is drawn there."""
    index = table.model.index_of(key)
    assert index is not None
    y = index + 1 - table.scroll_offset.y
    assert key.symbol.removesuffix("-SWAP")[:13] in lines(table)[y]
    return y


def with_columns(snapshot: Snapshot, **changes: object) -> Snapshot:
    return replace(snapshot, sequence=snapshot.sequence + 1, columns=replace(snapshot.columns, **changes))  # type: ignore[arg-type]


def ranked(snapshot: Snapshot, rows: Iterable[int]) -> Snapshot:
    """`snapshot` with these rows as the candidates of `relaxed`, convictions falling by two points a rank."""
    rows = list(rows)
    old = snapshot.rankings["relaxed"]
    conviction = old.conviction.copy()
    conviction[rows] = 100.0 - 2.0 * np.arange(len(rows))
    others = np.array([row for row in (*old.candidates, *old.vetoed) if row not in rows], dtype=np.int64)
    new = replace(old, candidates=np.array(rows, dtype=np.int64), vetoed=others, conviction=conviction)
    return replace(snapshot, sequence=snapshot.sequence + 1, rankings={**snapshot.rankings, "relaxed": new})


def renamed(snapshot: Snapshot, symbols: dict[int, str]) -> Snapshot:
    instruments = list(snapshot.instruments)
    for row, symbol in symbols.items():
        instruments[row] = replace(instruments[row], symbol=symbol)
    return replace(snapshot, instruments=tuple(instruments))


def key_of(snapshot: Snapshot, row: int) -> Key:
    return Key(snapshot.instruments[row].venue, snapshot.instruments[row].symbol)


# Layout


@pytest.mark.parametrize("size", SIZES)
async def test_headings_stand_whole_above_their_values(size: tuple[int, int]) -> None:
    async with table_on(size) as (table, _pilot, _app):
        head, *rows = lines(table)
        at = 2
        for column in table.columns:
            shown = head[at : at + column.width + 1]
            assert column.title in shown, column.key
            assert rows[0][at + column.width] == " ", f"no gap after {column.key}"
            at += column.width + 1
        assert at <= table.size.width
        assert all(cell_len(line) == table.size.width for line in (head, *rows))
        assert "…" not in head


@pytest.mark.parametrize("size", SIZES)
async def test_hostile_symbols_are_text_and_keep_the_columns_straight(size: tuple[int, int]) -> None:
    names = [
        "[red]X[/red]",
        "[/]",
        "[",
        "[@click=app.quit]A[/]",
        "币安人生USDT",
        "ВTCUSDT",
        "A" * 64,
        "\U0001f469\u200d\U0001f469USDT",
        "e\u0301\u0301USDT",
    ]
    snapshot = ranked(renamed(BASE, dict(enumerate(names))), range(len(names)))
    async with table_on(size, snapshot) as (table, pilot, app):
        drawn = lines(table)
        assert {cell_len(line) for line in drawn} == {table.size.width}
        text = "\n".join(drawn)
        for name in ("[red]X[/red]", "[/]", "币安人生USDT", "≈ВTCUSDT", "AAAAAAAAAAAAA…"):
            assert name in text
        await pilot.click(CandidatesTable, offset=(10, 4))
        assert app.is_running
        sides = [index for index, column in enumerate(table.columns) if column.key == "side"]
        start = 2 + sum(column.width + 1 for column in table.columns[: sides[0]])
        for y in range(1, 1 + len(names)):
            beyond = table.render_line(y).crop(start, start + 6).text
            assert beyond in ("▲LONG ", "▼SHORT")


async def test_side_is_said_by_word_and_sign() -> None:
    async with table_on() as (table, _pilot, _app):
        text = "\n".join(lines(table)[1:])
        assert "▲LONG" in text
        assert "▼SHORT" in text


async def test_a_waiting_an_empty_and_a_filtered_table_say_so() -> None:
    async with table_on((80, 24), None) as (table, _pilot, _app):
        assert "waiting for data" in "\n".join(lines(table))
        empty = ranked(BASE, [])
        table.update_snapshot(empty, 1.0)
        gated = len(empty.rankings["relaxed"].vetoed)
        assert f"no row passes relaxed ({gated} gated; press v)" in "\n".join(lines(table))
        table.update_snapshot(BASE, 3.0)
        table.set_text_filter("zzzz")
        assert "matches `zzzz`" in "\n".join(lines(table))
        table.toggle_vetoed()
        table.clear_filters()
        assert "GATE▲" in lines(table)[0], "rows without a rank stand by the gates that they fail"
        assert "#▲" not in lines(table)[0]
        table.toggle_vetoed()
        assert "#▲" in lines(table)[0]


# Holding still


async def test_the_cursor_stays_on_its_symbol_and_its_line_through_a_new_order() -> None:
    order = list(range(1, 100))
    async with table_on((80, 24), ranked(BASE, order)) as (table, pilot, _app):
        table.cursor_down(40)
        table.cursor_up(5)
        key = table.cursor_key
        assert key == key_of(BASE, order[35])
        line = line_of(table, key)
        table.update_snapshot(ranked(BASE, [*order[60:], *order[:60]]), 2.0)
        await pilot.pause()
        assert table.cursor_key == key
        assert line_of(table, key) == line


async def test_until_the_cursor_is_moved_the_best_rows_stay_in_view() -> None:
    order = list(range(1, 100))
    async with table_on((80, 24), ranked(BASE, order)) as (table, _pilot, _app):
        key = table.cursor_key
        table.update_snapshot(ranked(BASE, order[::-1]), 2.0)
        assert table.cursor_key == key
        assert table.scroll_offset.y == 0
        assert line_of(table, key_of(BASE, order[-1])) == 1


async def test_when_the_user_filters_the_row_away_the_cursor_takes_the_one_in_its_place() -> None:
    async with table_on((80, 24), ranked(BASE, [1, 2, 3, 4])) as (table, pilot, app):
        table.cursor_down(2)
        await pilot.pause()
        app.heard.clear()
        gone = table.cursor_key
        table.change(watch_only=True, watched=frozenset({key_of(BASE, 1), key_of(BASE, 4)}))
        await pilot.pause()
        assert table.cursor_key not in (gone, None)
        assert [type(message).__name__ for message in app.heard] == ["Highlighted", "StateChanged"]


async def test_a_row_that_falls_out_under_the_cursor_stays_and_says_why() -> None:
    order = [1, 2, 3, 4]
    async with table_on((120, 24), ranked(BASE, order)) as (table, _pilot, _app):
        table.cursor_down(1)
        table.update_snapshot(ranked(BASE, [1, 3, 4]), 2.0)
        assert table.cursor_key == key_of(BASE, 2)
        drawn = lines(table)
        assert "✕" in drawn[2]
        assert key_of(BASE, 2).symbol in drawn[-1]
        table.cursor_down(1)
        table.update_snapshot(ranked(BASE, [1, 4, 3]), 4.0)
        assert table.model.index_of(key_of(BASE, 2)) is None


async def test_frozen_shows_a_banner_and_holds_the_rows() -> None:
    async with table_on((80, 24), ranked(BASE, range(1, 40))) as (table, _pilot, _app):
        table.toggle_freeze()
        before = lines(table)[:-1]
        later = replace(ranked(BASE, range(39, 0, -1)), at_ms=BASE.at_ms + 12_000)
        table.update_snapshot(later, 3.0)
        drawn = lines(table)
        assert drawn[:-1] == before
        assert "FROZEN for 12 s · 38 rows would move · z goes on" in drawn[-1]
        table.toggle_freeze()
        assert "FROZEN" not in lines(table)[-1]
        assert table.model.order[0] == key_of(BASE, 39)


async def test_the_last_row_can_be_reached_under_the_banner() -> None:
    async with table_on((80, 24), ranked(BASE, range(1, 40))) as (table, pilot, _app):
        table.toggle_freeze()
        table.cursor_end()
        await pilot.pause()
        key = table.cursor_key
        assert key is not None
        assert line_of(table, key) == table.size.height - 2


# How much is drawn


async def test_a_tick_draws_only_the_rows_that_changed() -> None:
    async with table_on((120, 40), ranked(BASE, range(1, 100)), flash=False) as (table, pilot, _app):
        await pilot.pause()
        strips, formatted = table.strips_built, table.model.formatted
        last = BASE.columns.last.copy()
        last[[2, 5, 9, 80, 90]] *= 1.01  # rows 80 and 90 are off screen
        table.update_snapshot(with_columns(ranked(BASE, range(1, 100)), last=last), 0.1)
        await pilot.pause()
        assert table.model.formatted - formatted == 3
        assert table.strips_built - strips == 3
        refreshed = table.regions_refreshed
        table.update_snapshot(with_columns(ranked(BASE, range(1, 100)), last=last), 0.2)
        await pilot.pause()
        assert table.strips_built - strips == 3
        assert table.regions_refreshed == refreshed


async def test_a_cursor_step_draws_two_rows_and_going_back_none() -> None:
    async with table_on((120, 40), ranked(BASE, range(1, 100)), flash=False) as (table, pilot, _app):
        strips, formatted = table.strips_built, table.model.formatted
        table.cursor_down()
        await pilot.pause()
        assert table.strips_built - strips == 2
        table.cursor_up()
        await pilot.pause()
        assert table.strips_built - strips == 2
        assert table.model.formatted == formatted


async def test_a_new_order_draws_nothing_that_was_drawn_before() -> None:
    order = list(range(1, 39))
    async with table_on((120, 40), ranked(BASE, order), flash=False) as (table, pilot, _app):
        strips = table.strips_built
        table.change(reverse=True)
        await pilot.pause()
        # The heading's arrow; every row only moved.
        assert table.strips_built - strips == 1


async def test_a_flash_has_two_phases_and_can_be_turned_off() -> None:
    for flash, drawn in ((True, [1, 1, 1, 0]), (False, [1, 0, 0, 0])):
        async with table_on((120, 40), ranked(BASE, range(1, 30)), flash=flash) as (table, pilot, _app):
            last = BASE.columns.last.copy()
            last[5] *= 1.01
            changed = with_columns(ranked(BASE, range(1, 30)), last=last)
            counts = []
            for step in range(4):
                strips = table.strips_built
                table.update_snapshot(changed, 0.1 + step * (FLASH_S + 0.01))
                await pilot.pause()
                counts.append(table.strips_built - strips)
            assert counts == drawn


async def test_strips_are_the_same_objects_until_something_changes() -> None:
    async with table_on((80, 24)) as (table, _pilot, _app):
        first = [table.render_line(y) for y in range(24)]
        assert all(table.render_line(y) is strip for y, strip in enumerate(first))


# Keys, mouse and messages


async def test_ends_pages_and_messages() -> None:
    async with table_on((80, 24), ranked(BASE, range(1, 100))) as (table, pilot, app):
        table.cursor_end()
        assert table.cursor_key == key_of(BASE, 99)
        table.page_up()
        table.cursor_home()
        assert table.cursor_key == key_of(BASE, 1)
        table.page_down()
        assert table.model.index_of(table.cursor_key) == table.size.height - 2
        table.select_cursor()
        await pilot.pause()
        selected = [message for message in app.heard if isinstance(message, CandidatesTable.Selected)]
        assert [message.key for message in selected] == [table.cursor_key]
        assert table.move_to(key_of(BASE, 50))
        assert not table.move_to(Key("okx", "NOPE"))


async def test_a_click_takes_the_row_a_second_opens_it_and_a_heading_sorts() -> None:
    async with table_on((80, 24), ranked(BASE, range(1, 30))) as (table, pilot, app):
        await pilot.click(CandidatesTable, offset=(10, 5))
        assert table.cursor_key == key_of(BASE, 5)
        await pilot.click(CandidatesTable, offset=(10, 5), times=2)
        await pilot.pause()
        assert any(isinstance(message, CandidatesTable.Selected) for message in app.heard)
        await pilot.click(CandidatesTable, offset=(8, 0))
        assert table.state.sort == "symbol"
        assert "SYMBOL▲" in lines(table)[0]
        await pilot.click(CandidatesTable, offset=(8, 0))
        assert "SYMBOL▼" in lines(table)[0]


async def test_wishes_change_the_state_and_say_so() -> None:
    async with table_on((80, 24), ranked(BASE, range(1, 30))) as (table, pilot, app):
        table.cursor_down()
        table.toggle_pin()
        pinned = table.cursor_key
        assert table.model.order[0] == pinned
        assert "◆" in lines(table)[1]
        table.toggle_watch()
        assert table.state.watched == {pinned}
        table.toggle_pin()
        assert table.state.pinned == ()
        sides = []
        for _ in range(3):
            table.cycle_side()
            sides.append(table.state.side)
        assert sides == ["long", "short", "both"]
        table.sort_next()
        assert table.state.sort == "symbol"
        table.sort_previous()
        assert table.state.sort == "rank"
        error = table.set_expression("scor > 3")
        assert error is not None
        assert error.suggestion == "score"
        assert table.set_expression("score > 3") is None
        await pilot.pause()
        states = [message.state for message in app.heard if isinstance(message, CandidatesTable.StateChanged)]
        assert states[-1] == table.state
        assert isinstance(states[-1], ViewState)


async def test_the_wheel_scrolls_and_leaves_the_cursor() -> None:
    async with table_on((80, 24), ranked(BASE, range(1, 100))) as (table, pilot, _app):
        key = table.cursor_key
        await pilot._post_mouse_events([MouseScrollDown], CandidatesTable, (5, 5))
        await pilot.pause()
        assert table.scroll_offset.y > 0
        assert table.cursor_key == key


# Themes


@pytest.mark.parametrize("name", sorted(load().themes))
def test_dimmed_and_block_cells_stay_readable(name: str) -> None:
    theme = load().themes[name]
    variables = {**theme.to_color_system().generate(), **theme.variables}
    palette = Palette(variables, Color.parse(str(theme.background)))
    for band in range(5):
        for suffix, least in ((".part", 4.5), (".thin", 3.0), (".block", 4.5), (".part.block", 4.0), ("", 4.5)):
            style = palette.style(f"score-{band}{suffix}", "plain")
            assert style.color is not None
            assert style.bgcolor is not None
            assert style.color.triplet is not None
            assert style.bgcolor.triplet is not None
            ratio = contrast(Color(*style.color.triplet), Color(*style.bgcolor.triplet))
            assert ratio >= least, f"score-{band}{suffix}: {ratio:.2f}"


@pytest.mark.parametrize("theme", ["textual-light", "ansi-dark", "prism-light"])
async def test_any_theme_shows_the_same_words(theme: str) -> None:
    async with table_on((80, 24), theme=theme) as (table, pilot, app):
        text = "\n".join(lines(table))
        assert "▲LONG" in text
        app.theme = "prism-contrast"
        await pilot.pause()
        assert "\n".join(lines(table)) == text


def heading(width: int, sort: str, vetoed: bool = False) -> str:
    palette = Palette(load().themes["prism-dark"].variables, Color.parse("black"))
    return paint_header(layout(width, vetoed), sort, True, width, palette).text


@pytest.mark.parametrize("width", [60, 74, 114, 194, 240])
@pytest.mark.parametrize("vetoed", [False, True])
def test_no_heading_touches_the_next_whatever_is_sorted_by(width: int, vetoed: bool) -> None:
    titles = [column.title for column in layout(width, vetoed)]
    assert all(cell_len(title) == len(title) for title in titles)
    for column in layout(width, vetoed):
        text = heading(width, column.key, vetoed)
        assert cell_len(text) == width
        assert text.count("▼") == 1
        if column.title in FACE_LETTERS:
            # They stand one cell apart, so that the arrow of one may have to touch its neighbour.
            assert f"{column.title}▼" in text or f"▼{column.title}" in text
            continue
        assert [word.strip("▼") for word in text.split()] == " ".join(titles).split(), text


def test_the_rank_stands_apart_from_the_symbol() -> None:
    assert "#▼ SYMBOL" in heading(194, "rank")
    assert " ▼SCORE CONV" in heading(194, "score")
    assert " ▼D SIDE" in heading(194, "deep")
    assert "COV▼ TR" in heading(194, "coverage")
