"""What stands at the lower edge of a pane: whole sentences, no bare heading, and the names of the other panes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.builders import make_snapshot
from tests.tui.fake_source import make_app, relaxed, settle, text_of
from tests.tui.pane_views import ROWS, view_of
from tui.presenters.breakdown import stacked
from tui.presenters.explanation import explanation_lines
from tui.widgets.pane import with_others


def test_the_lower_edge_names_as_many_other_panes_as_fit() -> None:
    others = ["tab", "prism", "depth", "liquidations"]
    assert with_others("12 shown", others, 60) == "12 shown · tab: prism, depth, liquidations"
    assert with_others("12 shown", others, 40) == "12 shown · tab: prism, depth and 1 more"
    assert with_others("12 shown", others, 38) == "12 shown · tab: prism and 2 more"
    assert with_others("", others, 24) == "tab: prism and 2 more"
    assert with_others("12 shown", others, 12) == "12 shown"
    assert with_others("12 shown", (), 60) == "12 shown"


async def test_a_small_terminal_names_the_panes_that_it_does_not_show(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(100, 24)) as pilot:
        await settle(app, clock, pilot)
        assert "tab: prism, depth" in text_of(app)
        await pilot.press("tab")
        await settle(app, clock, pilot)
        assert "technical face · tab: depth, liquidations, candidates" in text_of(app)
        await pilot.press("shift+tab", "enter")
        await settle(app, clock, pilot)
        assert "tab: depth, tape" in text_of(app)


@pytest.mark.parametrize("height", range(20, 46))
def test_no_pane_ends_on_a_bare_heading(height: int) -> None:
    blocks = [[(("head", "heading"),), *[((f"line {n}", ""),)] * size] for n, size in enumerate((8, 8, 10, 5))]
    lines = stacked(height, *blocks)
    seen = lines[:height]
    assert not (seen[-1] == (("head", "heading"),) and len(lines) > height)
    assert [line for line in lines if line] == [line for block in blocks for line in block]


def test_no_sentence_of_the_explanation_ends_below_the_edge() -> None:
    view = view_of(make_snapshot(ROWS, 5))
    whole, below = explanation_lines(view, 44, 200)
    assert not below
    for height in range(8, len(whole)):
        lines, below = explanation_lines(view, 44, height)
        assert [line for line in lines if line] == whole
        assert below > 0
        assert not lines[height][0][0].startswith("  "), "a sentence begins below the edge"
