"""The candidates table draws little: only the lines that look different now."""

from __future__ import annotations

from tests.tui.table_host import BASE, ranked, table_on, with_columns
from tui.widgets.candidates import FLASH_S


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
