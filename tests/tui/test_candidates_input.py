"""Keys, mouse and messages of the candidates table."""

from __future__ import annotations

import pytest
from textual.events import MouseScrollDown

from tests.tui.table_host import BASE, key_of, lines, ranked, table_on
from tui.presenters.view_state import ViewState
from tui.widgets.candidates import CandidatesTable


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


@pytest.mark.parametrize("button", [2, 3])
async def test_only_the_left_button_takes_rows_and_sorts(button: int) -> None:
    async with table_on((80, 24), ranked(BASE, range(1, 30))) as (table, pilot, _app):
        before = table.cursor_key, table.state
        await pilot.click(CandidatesTable, offset=(10, 5), button=button)
        await pilot.click(CandidatesTable, offset=(8, 0), button=button)
        assert (table.cursor_key, table.state) == before


@pytest.mark.parametrize("wheel", [False, True])
async def test_no_row_moves_away_from_a_mouse_that_is_used(wheel: bool) -> None:
    order = list(range(1, 30))
    async with table_on((80, 24), ranked(BASE, order)) as (table, pilot, _app):
        table.update_snapshot(ranked(BASE, order), 10.0)
        if wheel:
            table.post_message(MouseScrollDown(table, 10, 5, 0, 0, 0, False, False, False, 10, 5))
            await pilot.pause()
        else:
            await pilot.hover(CandidatesTable, offset=(10, 5))
        table.update_snapshot(ranked(BASE, order[::-1]), 11.9)
        assert list(table.model.order)[:3] == [key_of(BASE, row) for row in order[:3]]
        table.update_snapshot(ranked(BASE, order[::-1]), 12.1)
        table.update_snapshot(ranked(BASE, order[::-1]), 13.2)
        assert table.model.order[0] == key_of(BASE, order[-1])


async def test_wishes_change_the_state_and_say_so() -> None:
    async with table_on((80, 24), ranked(BASE, range(1, 30))) as (table, pilot, app):
        table.cursor_down()
        table.toggle_pin()
        pinned = table.cursor_key
        assert table.model.order[0] == pinned
        assert "◆" in lines(table)[1]
        assert pinned is not None
        assert table.toggle_watch(pinned)
        assert table.state.watched == {pinned}
        assert "◈" in lines(table)[1]
        table.toggle_pin()
        assert table.state.pinned == ()
        assert "◇" in "".join(lines(table))
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
