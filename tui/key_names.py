"""Translates keys as users write them in the configuration to Textual's names.

Called by `tui.actions`, also for `prism config check`, which does not load Textual. Textual must not be imported here;
a test compares the names with Textual's own.
"""

from __future__ import annotations

import unicodedata
from typing import Final

MODIFIERS: Final = ("ctrl+", "alt+", "shift+")
NAMED: Final = frozenset({
    "escape", "enter", "tab", "space", "backspace", "delete", "insert", "home", "end", "pageup", "pagedown",
    "up", "down", "left", "right", *(f"f{number}" for number in range(1, 25)),
})  # fmt: skip
"""Keys that print nothing, by Textual's names (`textual.keys.Keys`)."""
SHORTER: Final = {
    "solidus": "slash", "reverse_solidus": "backslash", "commercial_at": "at", "hyphen_minus": "minus",
    "plus_sign": "plus", "low_line": "underscore",
}  # fmt: skip
"""Character names that Textual shortens (`textual.keys.KEY_NAME_REPLACEMENTS`)."""


def key_name(written: str) -> str:
    """Textual's name of a key as a user writes it: `j`, `&`, `ampersand`, `ctrl+f`, `f5`. Empty if it is no key."""
    key, held = written, set[str]()
    while found := next((one for one in MODIFIERS if key.lower().startswith(one)), ""):
        held.add(found)
        key = key[len(found) :]
    modifiers = "".join(sorted(held))  # the order of Textual's names
    if len(key) == 1 and key.isprintable():
        if modifiers == "shift+":
            # A terminal sends the capital, and for other keys a character that depends on the keyboard.
            return key.upper() if key.isalpha() and len(key.upper()) == 1 else ""
        # A terminal cannot tell `ctrl+f` from `ctrl+F`.
        return modifiers + _of_character(key.lower() if modifiers else key)
    name = key.lower()
    known = name in NAMED or (name in CHARACTERS and modifiers != "shift+")
    return modifiers + name if known else ""


def prints(key: str) -> bool:
    """Whether a key, by Textual's name, types a character."""
    return len(key) == 1 or key == "space" or key in CHARACTERS


def _of_character(character: str) -> str:
    if character.isalnum():
        return character
    name = unicodedata.name(character, "").lower().replace("-", "_").replace(" ", "_")
    return SHORTER.get(name, name)


CHARACTERS: Final = {
    _of_character(character): character
    for character in (*map(chr, range(33, 256)), "€")
    if character.isprintable() and not character.isalnum()
}
"""The signs of western keyboards by their names."""
