"""What users call keys is what Textual calls them, though no Textual is loaded to find out."""

from __future__ import annotations

import pytest
from textual.keys import KEY_NAME_REPLACEMENTS, Keys, _character_to_key

from tui.actions import ACTIONS, key_text
from tui.key_names import NAMED, SHORTER, key_name


def test_every_character_has_textuals_name() -> None:
    for code in range(33, 0x3000):
        if (character := chr(code)).isprintable():
            assert key_name(character) == _character_to_key(character)
    assert KEY_NAME_REPLACEMENTS == SHORTER


def test_every_named_key_is_one_of_textuals() -> None:
    assert {key.value for key in Keys} >= NAMED - {"enter"}


@pytest.mark.parametrize(
    ("written", "text"),
    [
        *((sign, sign) for sign in "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~§°´¨«»¿€"),
        ("ctrl+!", "^!"), ("ctrl+/", "^/"), ("alt+x", "alt+x"), ("alt+!", "alt+!"), ("shift+Left", "⇧←"),
        ("shift+tab", "⇧tab"), ("ctrl+pageup", "^pgup"), ("F12", "F12"), ("ctrl+f5", "^F5"), ("space", "space"),
        ("é", "é"), ("G", "G"), ("Escape", "esc"), ("section_sign", "§"),
    ],
)  # fmt: skip
def test_a_key_stands_on_screen_as_users_know_it(written: str, text: str) -> None:
    assert key_text(key_name(written)) == text


def test_the_defaults_are_keys() -> None:
    for action in ACTIONS:
        assert tuple(map(key_name, action.keys)) == action.keys


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("&", "ampersand"), ("ampersand", "ampersand"), ("ctrl+f", "ctrl+f"), ("Ctrl+F", "ctrl+f"), ("F5", "f5"),
        ("shift+Left", "shift+left"), ("ctrl+/", "ctrl+slash"), ("G", "G"), ("é", "é"), ("PageUp", "pageup"),
        ("+", "plus"), ("ctrl++", "ctrl+plus"),
        ("shift+j", "J"), ("Shift+J", "J"), ("shift+é", "É"), ("shift+alt+f", "alt+shift+f"),
        ("ctrl+alt+x", "alt+ctrl+x"), ("ctrl+ctrl+f", "ctrl+f"),
        ("shift+1", ""), ("shift+&", ""), ("shift+ampersand", ""), ("shift+ß", ""),
        ("", ""), ("ctrl+", ""), ("ctrl", ""), ("hyper+x", ""), ("f25", ""), ("jk", ""), ("\x1b", ""),
    ],
)  # fmt: skip
def test_keys_as_users_write_them(written: str, name: str) -> None:
    assert key_name(written) == name
