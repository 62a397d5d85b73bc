"""Keeps text legible on terminals with 16 or 256 colours.

Installed by the app if the terminal has no true colour. Rich maps text colour and background separately to the nearest
colour of the terminal, and the two may coincide: bright red digits on a dark red flash would become grey on grey. Here
the background is mapped first, and then the text to the nearest colour that is distinct from it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal

from rich.color import Color, ColorSystem, ColorType
from rich.palette import Palette
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import DEFAULT_TERMINAL_THEME
from textual.color import Color as TextualColor
from textual.filter import LineFilter

from tui.widgets.theme_colours import DISTINCT, Triplet, contrast

_XTERM: Final = Palette(
    [(0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0), (0, 0, 238), (205, 0, 205), (0, 205, 205), (229, 229, 229),
     (127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0), (92, 92, 255), (255, 0, 255), (0, 255, 255),
     (255, 255, 255)]
)  # fmt: skip
"""xterm's first sixteen colours. Users may have changed theirs, which no program can know."""

Few = Literal["standard", "256"]


class FewColours(LineFilter):
    """A Textual line filter over everything that is painted."""

    def __init__(self, system: Few) -> None:
        super().__init__()
        self._system: Few = system

    def apply(self, segments: list[Segment], background: TextualColor) -> list[Segment]:
        """The same text in the terminal's colours."""
        return [
            segment if segment.style is None else Segment(segment.text, legible(segment.style, self._system), None)
            for segment in segments
        ]


def filters(system: str | None) -> list[LineFilter]:
    """The filters that a terminal of this colour system (Rich's name) needs."""
    return [FewColours(name) for name in _SYSTEMS if name == system]


@lru_cache(8192)
def legible(style: Style, system: Few) -> Style:
    """`style` in the terminal's colours, with the contrast it had or `DISTINCT`, whichever is lower."""
    ink, paper = style.color, style.bgcolor
    if ink is None or paper is None or ink.is_default or paper.is_default:
        return style
    paper_few = paper.downgrade(_SYSTEMS[system])
    ink_few = ink.downgrade(_SYSTEMS[system])
    behind, wanted = _triplet(paper_few), _triplet(ink)
    needed = min(DISTINCT, contrast(wanted, _triplet(paper)))
    if contrast(_triplet(ink_few), behind) < needed:
        ink_few = _nearest(wanted, behind, system)
    return style + Style(color=ink_few, bgcolor=paper_few)


_SYSTEMS: Final[dict[Few, ColorSystem]] = {"standard": ColorSystem.STANDARD, "256": ColorSystem.EIGHT_BIT}


def _nearest(wanted: Triplet, behind: Triplet, system: Few) -> Color:
    """Of the terminal's colours distinct from `behind`, the one nearest to `wanted`; there always are some."""
    numbers = range(16) if system == "standard" else range(16, 256)
    kind = ColorType.STANDARD if system == "standard" else ColorType.EIGHT_BIT
    colors = [Color(str(number), kind, number) for number in numbers]
    apart = [color for color in colors if contrast(_triplet(color), behind) >= DISTINCT]
    return min(apart, key=lambda color: _distance(_triplet(color), wanted))


def _triplet(color: Color) -> Triplet:
    if color.type is ColorType.STANDARD and color.number is not None:
        return _of(_XTERM, color.number)
    return tuple(color.get_truecolor(DEFAULT_TERMINAL_THEME))  # type: ignore[return-value]


def _of(palette: Palette, number: int) -> Triplet:
    red, green, blue = palette[number]
    return red, green, blue


def _distance(one: Triplet, other: Triplet) -> float:
    """Weighted colour distance, as in Rich: https://www.compuphase.com/cmetric.htm."""
    mean = (one[0] + other[0]) // 2
    red, green, blue = (a - b for a, b in zip(one, other, strict=True))
    return ((512 + mean) * red * red >> 8) + 4 * green * green + ((767 - mean) * blue * blue >> 8)
