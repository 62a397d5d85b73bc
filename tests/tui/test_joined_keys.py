"""An escape and the key after it are two keys, also in one piece; what a terminal means as one thing stays one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.widgets import Input

from tui.joined_keys import JoinedKeys
from tui.keys_in_order import OrderedInput


def keys(*texts: str) -> list[str]:
    """What the program reads of these texts, each from one read."""
    parser, joined = XTermParser(), JoinedKeys()
    found = []
    for text in texts:
        for piece in joined.apart(text):
            for message in parser.feed(piece) if isinstance(piece, str) else [piece]:
                if isinstance(message, events.Key):
                    found.append(message.key)
                elif isinstance(message, events.Paste):
                    found.append(f"paste {message.text!r}")
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1bf", ["alt+f"]),
        ("\x1bb", ["alt+b"]),
        ("\x1b1", ["alt+1"]),
        ("\x1bG", ["alt+shift+g"]),
        ("\x1bj\x1bOQ", ["alt+j", "f2"]),
        ("\x1b/btc\r", ["escape", "slash", "b", "t", "c", "enter"]),
        ("\x1b\r", ["escape", "enter"]),
        ("\x1b:", ["escape", "colon"]),
        ("\x1b\t", ["escape", "tab"]),
        ("jj\x1b k", ["j", "j", "escape", "space", "k"]),
        ("\x1b\x1bOQ", ["escape", "f2"]),
        ("\x1b[B\x1bOA\x1b[1;5C", ["down", "up", "ctrl+right"]),
        ("\x1b[102;3u", ["alt+f"]),
    ],
)
def test_pieces(text: str, expected: list[str]) -> None:
    assert keys(text) == expected


@pytest.mark.parametrize("cut", range(6, 24))
def test_pasted_text_is_no_keys_wherever_a_read_ends(cut: int) -> None:
    whole = "\x1b[200~a\x1bfb\x1bz\x1b[31m\x1b[201~\x1bf"
    assert keys(whole[:cut], whole[cut:]) == ["paste 'afbz[31m'", "alt+f"]


def test_replies_of_the_terminal_pass_as_they_are() -> None:
    replies = "\x1b[?2026;2$y\x1bP>|xterm(390)\x1b\\\x1b]11;rgb:0000/0000/0000\x1b\\\x1b[24;80R"
    assert list(JoinedKeys().apart(replies)) == [replies]


@given(st.lists(st.text(st.sampled_from("\x1b[O?1;~200fbzGé/\r \\P]"), max_size=12), max_size=3))
def test_nothing_is_lost_but_escapes_within_pasted_text(texts: list[str]) -> None:
    joined, back = JoinedKeys(), ""
    for text in texts:
        for piece in joined.apart(text):
            if isinstance(piece, str):
                back += piece
            else:
                back += "\x1b" if piece.key == "escape" else f"\x1b{piece.character}"
    whole = "".join(texts)
    if any("\x1b[200~" in text for text in texts):
        assert back.replace("\x1b", "") + joined._held.replace("\x1b", "") == whole.replace("\x1b", "")
    else:
        assert back == whole


async def test_in_an_input_they_move_by_words() -> None:
    class Host(App[None]):
        def compose(self) -> list[Input]:
            return [OrderedInput("score > 70")]

    app = Host()
    async with app.run_test() as pilot:
        box = app.query_one(Input)
        box.cursor_position = 10
        for name, wanted in (("b", 8), ("b", 0), ("f", 8), ("f", 10)):
            app.post_message(events.Key(f"alt+{name}", name))
            await pilot.pause()
            assert box.cursor_position == wanted
        assert box.value == "score > 70"
