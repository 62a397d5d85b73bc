"""The candidates table in every theme: legible, and the same words."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.color import Color

from engine.config.schema import Config, ConsoleSection
from tests.tui.fake_source import make_app, relaxed, settle
from tests.tui.table_host import lines, table_on
from themes.loader import load
from tui.widgets.candidates_paint import Palette
from tui.widgets.theme_colours import contrast


@pytest.mark.parametrize("name", sorted(load().themes))
def test_dimmed_and_block_cells_stay_readable(name: str) -> None:
    theme = load().themes[name]
    variables = {**theme.to_color_system().generate(), **theme.variables}
    palette = Palette(variables, Color.parse(str(theme.background)))
    for band in range(5):
        for suffix in (".part", ".thin", ".block", ".part.block", ".thin.block", ""):
            style = palette.style(f"score-{band}{suffix}", "plain")
            assert style.color is not None
            assert style.bgcolor is not None
            assert style.color.triplet is not None
            assert style.bgcolor.triplet is not None
            ratio = contrast(style.color.triplet, style.bgcolor.triplet)
            assert ratio >= 4.5, f"score-{band}{suffix}: {ratio:.2f}"
        whole, part, thin = (palette.style(f"score-{band}{suffix}.block", "plain") for suffix in ("", ".part", ".thin"))
        assert len({(style.color, style.bgcolor) for style in (whole, part, thin)}) == 3, "less data looks less"


@pytest.mark.parametrize("theme", ["textual-light", "ansi-dark", "prism-light"])
async def test_any_theme_shows_the_same_words(theme: str) -> None:
    async with table_on((80, 24), theme=theme) as (table, pilot, app):
        text = "\n".join(lines(table))
        assert "▲LONG" in text
        app.theme = "prism-contrast"
        await pilot.pause()
        assert "\n".join(lines(table)) == text


@pytest.mark.parametrize("zebra", [False, True])
async def test_every_second_row_is_tinted_if_wanted(tmp_path: Path, zebra: bool) -> None:
    app, _, clock = make_app(tmp_path, config=Config(engine=relaxed().engine, console=ConsoleSection(zebra=zebra)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, clock, pilot)
        table = app.main.table
        grounds = [next(iter(table.render_line(y))).style for y in range(3, 9)]
        colors = [style.bgcolor for style in grounds if style is not None]
        assert len(set(colors)) == 1 + zebra
        assert colors[::2] == colors[:1] * 3
        assert colors[1::2] == colors[1:2] * 3
