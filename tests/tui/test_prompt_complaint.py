"""What is wrong with a filter while it is typed: whole, in two lines at most, its mark under the character."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.widgets import Input

from tests.tui.fake_source import SIZES, make_app, relaxed, settle, text_of
from tui.presenters.complaint import complaint_lines, elided
from tui.presenters.lines import plain, width_of

LONG = "score > 60 and funding < 0.0001 and oi_1h > 0.03 and volme_24h > 1M"


@given(st.text("ab ü币", max_size=260), st.integers(0, 120), st.integers(30, 100))
def test_two_lines_at_most_never_wider_than_there_is_room_and_the_mark_in_its_column(
    text: str, at: int, width: int
) -> None:
    left, right = 9, width - 15
    lines = complaint_lines(text, at, left, right, width)
    assert 1 <= len(lines) <= 2
    assert all(width_of(line) <= width for line in lines)
    before = 0
    for words, style in lines[0]:
        if style == "down":
            assert words == ("◀" if at < left else "▶" if at > right else "▲")
            assert before == min(max(at, left), right)
        before += width_of(((words, style),))


def test_what_fits_is_told_whole_and_what_does_not_keeps_its_beginning_and_its_end() -> None:
    text = "there is no gate `sprad`; there are age, data, conviction; did you mean spread?"
    for at in range(9, 58):
        assert " ".join(plain(complaint_lines(text, at, 9, 57, 80)).replace("▲", " ").split()) == text
    much = f"there is no gate `sprad`; there are {', '.join(['conviction'] * 20)}; did you mean spread?"
    told = " ".join(plain(complaint_lines(much, 30, 9, 57, 80)).replace("▲", " ").split())
    assert told.startswith("there is no gate `sprad`;")
    assert told.endswith("did you mean spread?")
    assert "…" in told
    assert elided("abcdef", 6) == "abcdef"
    assert elided("abcdef", 5) == "ab…ef"


@pytest.mark.parametrize("size", SIZES)
async def test_the_mark_stays_under_its_character_and_the_input_on_its_line(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=size) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("f")
        await pilot.pause()
        line = app.main.prompt.query_one(Input).region.y
        app.main.prompt.query_one(Input).value = LONG[:-9]
        for keys in (("end",), tuple(LONG[-9:]), ("backspace", "backspace")):
            await pilot.press(*keys)
            await pilot.pause(0.05)
            assert app.main.prompt.query_one(Input).region.y == line
        rows = text_of(app).split("\n")
        assert rows[line + 1].index("▲") == rows[line].index("volme")
        told = " ".join(" ".join(rows[line + 1 :]).replace("▲", " ").split())
        assert "there is no `volme_24h`; did you mean volume_24h?" in told
        for _ in range(5):
            await pilot.press("backspace")
        await pilot.press("home")
        await pilot.pause(0.05)
        entry = app.main.prompt.query_one(Input)
        rows = text_of(app).split("\n")
        if "volme" in rows[line]:
            assert rows[line + 1].index("▲") == rows[line].index("volme")
        else:
            assert rows[line + 1].index("▶") == entry.region.right - 1


async def test_a_complaint_of_two_lines_gives_the_footer_back(tmp_path: Path) -> None:
    app, _, clock = make_app(tmp_path, config=relaxed())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("f", *"score > 1 and gate = sprad")
        await pilot.pause()
        rows = text_of(app).split("\n")
        assert "did you mean spread?" in rows[-1]
        await pilot.press("escape")
        await pilot.pause()
        assert "enter open" in text_of(app).split("\n")[-1]
        await pilot.press("f", *"score > 1")
        await pilot.pause()
        assert "enter apply" in text_of(app).split("\n")[-1]
