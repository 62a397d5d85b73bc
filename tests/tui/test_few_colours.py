"""Ink and paper on terminals of few colours: nearest, but always told apart where they were."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import Color, ColorType
from rich.segment import Segment
from rich.style import Style
from textual.color import Color as TextualColor

from tui.widgets.few_colours import FewColours, filters, legible
from tui.widgets.few_colours import _triplet as triplet
from tui.widgets.theme_colours import DISTINCT, contrast

TRIPLETS = st.tuples(*[st.integers(0, 255)] * 3)


@pytest.mark.parametrize(("system", "kind"), [("standard", ColorType.STANDARD), ("256", ColorType.EIGHT_BIT)])
@given(ink=TRIPLETS, paper=TRIPLETS)
def test_what_was_told_apart_still_is(
    system: str, kind: ColorType, ink: tuple[int, int, int], paper: tuple[int, int, int]
) -> None:
    style = Style(color=Color.from_rgb(*ink), bgcolor=Color.from_rgb(*paper), bold=True)
    [few] = filters(system)
    [made] = few.apply([Segment("x", style)], TextualColor(*paper))
    assert made.style is not None
    assert made.style.color is not None
    assert made.style.bgcolor is not None
    assert made.style.color.type is made.style.bgcolor.type is kind
    assert made.style.bold
    needed = min(DISTINCT, contrast(ink, paper))
    assert contrast(triplet(made.style.color), triplet(made.style.bgcolor)) >= needed


def test_other_terminals_are_left_alone() -> None:
    assert filters("truecolor") == []
    assert filters(None) == []
    plain = Style(bold=True)
    assert legible(plain, "standard") is plain
    assert FewColours("256").apply([Segment("x")], TextualColor(0, 0, 0)) == [Segment("x")]
