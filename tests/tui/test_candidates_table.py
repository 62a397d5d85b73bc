"""What stands in the candidates table: whole headings, every row as text, and why there is none."""

from __future__ import annotations

import pytest
from rich.cells import cell_len
from textual.color import Color

from tests.tui.table_host import BASE, SIZES, key_of, lines, ranked, renamed, table_on
from themes.loader import load
from tui.presenters.columns import FACE_LETTERS, layout
from tui.widgets.candidates import CandidatesTable
from tui.widgets.candidates_paint import Palette, paint_header


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
        table.change(pinned=(key_of(BASE, 3),))
        held = lines(table)
        assert BASE.instruments[3].symbol.removesuffix("-SWAP") in held[1]
        assert f"no row passes relaxed ({gated} gated; press v)" in held[3], "below the pinned row"
        assert "gated by depth within 1 %" in held[4]
        table.change(pinned=())
        table.update_snapshot(BASE, 3.0)
        table.set_text_filter("zzzz")
        assert "matches `zzzz`" in "\n".join(lines(table))
        table.toggle_vetoed()
        table.clear_filters()
        assert "GATE▲" in lines(table)[0], "rows without a rank stand by the gates that they fail"
        assert "#▲" not in lines(table)[0]
        table.toggle_vetoed()
        assert "#▲" in lines(table)[0]


def heading(width: int, sort: str, vetoed: bool = False) -> str:
    palette = Palette(load().themes["prism-dark"].variables, Color.parse("black"))
    return paint_header(layout(width, vetoed), sort, True, width, palette).text


@pytest.mark.parametrize("width", [60, 74, 114, 194, 240])
@pytest.mark.parametrize("vetoed", [False, True])
def test_every_sorted_heading_has_its_arrow_and_only_faces_touch_the_next(width: int, vetoed: bool) -> None:
    titles = [column.title for column in layout(width, vetoed)]
    assert all(cell_len(title) == len(title) for title in titles)
    for column in layout(width, vetoed):
        text = heading(width, column.key, vetoed)
        assert cell_len(text) == width
        assert text.count("▼") == 1, text
        # The faces stand one cell apart: there the arrow touches the next one.
        parted = text.replace("▼", " ") if column.title in FACE_LETTERS[:-1] else text
        assert column.title not in FACE_LETTERS or f"{column.title}▼" in text or f" ▼{column.title}" in text
        assert [word.strip("▼") for word in parted.split()] == " ".join(titles).split(), text


def test_the_rank_stands_apart_from_the_symbol() -> None:
    assert "#▼ SYMBOL" in heading(194, "rank")
    assert " ▼SCORE CONV" in heading(194, "score")
    assert " ▼D SIDE" in heading(194, "deep")
    assert "COV▼ TR" in heading(194, "coverage")
