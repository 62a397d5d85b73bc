"""The candidates table holds still: the cursor keeps its symbol, its line and its reason."""

from __future__ import annotations

from dataclasses import replace

from tests.tui.table_host import BASE, key_of, line_of, lines, move_to, ranked, table_on


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
        assert "FROZEN for 12 s · 38 rows would move · z resumes" in drawn[-1]
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


async def test_home_lets_the_view_stay_at_the_top_until_the_cursor_is_moved() -> None:
    order = list(range(1, 100))
    async with table_on((80, 24), ranked(BASE, order)) as (table, _pilot, _app):
        table.cursor_down(3)
        table.cursor_home()
        key = table.cursor_key
        assert key == key_of(BASE, 1)
        table.update_snapshot(ranked(BASE, [*order[1:60], 1, *order[60:]]), 4.0)
        assert table.cursor_key == key, "the panes stay with their symbol"
        assert table.scroll_offset.y == 0
        assert line_of(table, key_of(BASE, 2)) == 1
        table.cursor_down()
        assert table.cursor_key == key_of(BASE, 3), "from the top, not from a row that nobody sees"
        table.update_snapshot(ranked(BASE, [*order[60:], *order[:60]]), 8.0)
        assert line_of(table, key_of(BASE, 3)) == 2, "and now the row keeps its line"


async def test_pinned_rows_do_not_scroll() -> None:
    order = list(range(1, 60))
    async with table_on((80, 24), ranked(BASE, order)) as (table, pilot, _app):
        for row in (3, 2):
            move_to(table, key_of(BASE, row))
            table.toggle_pin()
        table.cursor_end()
        await pilot.pause()
        assert [line_of(table, key_of(BASE, row)) for row in (2, 3)] == [1, 2]
        assert line_of(table, key_of(BASE, order[-1])) == table.size.height - 1
        shown = table.size.height - 3
        assert line_of(table, key_of(BASE, order[-shown])) == 3
        table.cursor_up(shown)
        await pilot.pause()
        assert table.cursor_key == key_of(BASE, order[-shown - 1])
        assert line_of(table, key_of(BASE, order[-shown - 1])) == 3, "the first line below the pinned ones"
        assert [line_of(table, key_of(BASE, row)) for row in (2, 3)] == [1, 2]
        table.cursor_home()
        await pilot.pause()
        table.cursor_down(2)
        assert table.cursor_key == key_of(BASE, 1)
        assert table.scroll_offset.y == 0


async def test_more_pinned_rows_than_half_a_screen_scroll() -> None:
    order = list(range(1, 60))
    async with table_on((80, 24), ranked(BASE, order)) as (table, pilot, _app):
        table.change(pinned=tuple(key_of(BASE, row) for row in order[:40]))
        table.cursor_end()
        await pilot.pause()
        assert line_of(table, key_of(BASE, order[-1])) == table.size.height - 1
        assert table.scroll_offset.y > 0


async def test_a_click_below_the_pinned_rows_takes_the_row_that_stands_there() -> None:
    order = list(range(1, 60))
    async with table_on((80, 24), ranked(BASE, order)) as (table, pilot, _app):
        move_to(table, key_of(BASE, 5))
        table.toggle_pin()
        table.cursor_end()
        await pilot.pause()
        drawn = lines(table)
        for line in (1, 2, 10):
            await pilot.click(table, offset=(8, line))
            key = table.cursor_key
            assert key is not None
            assert key.symbol[:6] in drawn[line]
            assert line_of(table, key) == line
