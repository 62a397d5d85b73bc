"""The table of all user actions. Key dispatch, footer, help and palette read it.

An action has an id, by which users rebind it, its keys by Textual's names, and the screens on which it is available.
Handlers are the methods `do_<name>` of the app or a screen; a test keeps table, handlers and documentation in step.
Nothing here knows what an action does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from engine.prism.faces import FACES
from tui.key_names import CHARACTERS, MODIFIERS, key_name, prints

Where = Literal["anywhere", "main", "drill", "replay"]
"""`main` and `drill` are the two screens of panes; `replay` is either of them on a recording."""
WHERE: Final[dict[Where, str]] = {
    "anywhere": "on a screen of panes",
    "main": "on the main screen",
    "drill": "on a symbol's screen",
    "replay": "in a recording",
}
"""In words, for the notice when a key is pressed elsewhere."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a user can do."""

    id: str
    """The name under `keys` in the configuration."""
    keys: tuple[str, ...]
    label: str
    """Two words at most, for the footer and the palette."""
    help: str
    """One sentence for the help screen."""
    group: str
    where: Where = "anywhere"
    footer: int = 0
    """Priority in the footer, 1 first; 0: never shown there."""
    does: str = ""
    """The handler's name after `do_`, if several actions share it; empty: the id."""
    argument: str = ""
    """Passed to a shared handler."""

    @property
    def handler(self) -> str:
        """Name of the method that carries it out."""
        return f"do_{self.does or self.id}"


def _faces() -> tuple[Action, ...]:
    return tuple(
        Action(
            f"face_{face}",
            (str(number),),
            f"face {face}",
            f"Show the {face} face's components; in the table, also sort by it.",
            "prism",
            does="face",
            argument=face,
        )
        for number, face in enumerate(FACES, start=1)
    )


ACTIONS: Final[tuple[Action, ...]] = (
    Action("cursor_down", ("j", "down"), "down", "Move down one line.", "move", does="move", argument="cursor_down"),
    Action("cursor_up", ("k", "up"), "up", "Move up one line.", "move", does="move", argument="cursor_up"),
    Action("cursor_left", ("h", "left"), "left", "In a breakdown, show the previous face; on the map, move left.",
           "move", does="move", argument="cursor_left"),
    Action("cursor_right", ("l", "right"), "right", "In a breakdown, show the next face; on the map, move right.",
           "move", does="move", argument="cursor_right"),
    Action("page_down", ("pagedown", "ctrl+d"), "page down", "Move down one page.",
           "move", does="move", argument="page_down"),
    Action("page_up", ("pageup", "ctrl+u"), "page up", "Move up one page.", "move", does="move", argument="page_up"),
    Action("first", ("g", "home"), "first", "Go to the first line.", "move", does="move", argument="first"),
    Action("last", ("G", "end"), "last", "Go to the last line.", "move", does="move", argument="last"),
    Action("open", ("enter",), "open", "Open the screen of the symbol under the cursor.", "move", "main", 1),
    Action("back", ("escape",), "back",
           "Close the input, leave the gated view, clear the filters, or leave the symbol's screen.", "move", footer=2),
    Action("pane_next", ("tab",), "next pane", "Move to the next pane; on a small terminal, show it.",
           "move", footer=4, does="pane", argument="1"),
    Action("pane_previous", ("shift+tab",), "previous pane", "Move to the previous pane.",
           "move", does="pane", argument="-1"),
    Action("jump", ("apostrophe",), "jump", "Label every pane with a letter; press a letter to go there.",
           "move", footer=14),
    Action("maximise", ("o",), "maximise", "Maximise the pane in focus, or restore it.", "move"),
    Action("find", ("slash",), "find", "Show the symbols that contain a text.", "table", "main", 3),
    Action("filter", ("f",), "filter", "Show the rows for which an expression is true.", "table", "main", 5),
    Action("filter_next", ("F",), "next filter", "Apply the next saved filter, then none.", "table", "main"),
    Action("sort_next", ("s",), "sort", "Sort by the next column.", "table", "main", 6, does="sort", argument="1"),
    Action("sort_previous", ("S",), "sort back", "Sort by the previous column.",
           "table", "main", does="sort", argument="-1"),
    Action("reverse", ("r",), "reverse", "Reverse the order.", "table", "main"),
    Action("direction", ("d",), "direction", "Switch between long and short, only long, and only short.",
           "table", "main", 8),
    Action("watch", ("w",), "watch", "Put the symbol on the watch-list, or take it off.", "table", footer=12),
    Action("watch_only", ("W",), "watch-list", "Show only the watch-list, or all rows.", "table", "main"),
    Action("pin", ("space",), "pin", "Pin the row to the top, or unpin it.", "table", "main", 11),
    Action("vetoed", ("v",), "gated", "Show the gated rows, each with the gate that it fails.", "table", "main", 7),
    Action("freeze", ("z",), "freeze", "Freeze the table; data keeps arriving.", "table", "main", 5),
    *_faces(),
    Action("face_next", ("n",), "next face", "Show the next face's components.", "prism"),
    Action("preset_next", ("p",), "preset", "Use the next preset.",
           "prism", footer=10, does="preset_step", argument="1"),
    Action("preset_previous", ("P",), "preset back", "Use the previous preset.",
           "prism", does="preset_step", argument="-1"),
    Action("preset_strict", ("f1",), "strict", "Use the preset strict: fewest candidates.",
           "prism", does="preset", argument="strict"),
    Action("preset_balanced", ("f2",), "balanced", "Use the preset balanced.",
           "prism", does="preset", argument="balanced"),
    Action("preset_relaxed", ("f3",), "relaxed", "Use the preset relaxed: most candidates.",
           "prism", does="preset", argument="relaxed"),
    Action("depth_coarser", ("plus", "equals_sign"), "coarser", "Group the order book by more ticks.",
           "panes", does="depth", argument="1"),
    Action("depth_finer", ("minus",), "finer", "Group the order book by fewer ticks.",
           "panes", does="depth", argument="-1"),
    Action("book_next", ("c",), "next book", "Show the asset's next book: another venue's, or all merged.",
           "panes", does="book", argument="1"),
    Action("book_previous", ("C",), "book back", "Show the asset's previous book.",
           "panes", does="book", argument="-1"),
    Action("liquidations_more", ("m",), "min size up", "Raise the smallest liquidation shown.",
           "panes", does="liquidations", argument="1"),
    Action("liquidations_less", ("M",), "min size down", "Lower the smallest liquidation shown.",
           "panes", does="liquidations", argument="-1"),
    Action("timeframe_next", ("i",), "timeframe", "Show the next longer timeframe.",
           "panes", "drill", 5, does="timeframe", argument="1"),
    Action("timeframe_previous", ("I",), "timeframe back", "Show the next shorter timeframe.",
           "panes", "drill", does="timeframe", argument="-1"),
    Action("replay_pause", ("comma",), "pause", "Pause or resume the recording.", "replay", "replay", 3),
    Action("replay_step", ("full_stop",), "step", "Advance the paused recording by one scan.", "replay", "replay", 6),
    Action("replay_slower", ("less_than_sign",), "slower", "Play the recording more slowly.",
           "replay", "replay", does="speed", argument="-1"),
    Action("replay_faster", ("greater_than_sign",), "faster", "Play the recording faster.",
           "replay", "replay", 7, does="speed", argument="1"),
    Action("replay_back", ("left_square_bracket",), "seek back", "Seek back one minute.",
           "replay", "replay", does="seek", argument="-60000"),
    Action("replay_forward", ("right_square_bracket",), "seek forward", "Seek forward one minute.",
           "replay", "replay", 8, does="seek", argument="60000"),
    Action("copy_symbol", ("y",), "copy", "Copy the symbol to the clipboard.", "program", footer=16),
    Action("export_csv", ("x",), "export", "Export the table as shown to a CSV file.",
           "program", "main", 15, does="export", argument="csv"),
    Action("export_json", ("X",), "export JSON", "Export the table as shown to a JSON file.",
           "program", "main", does="export", argument="json"),
    Action("picture", ("ctrl+s",), "picture", "Save a picture of the screen to an SVG file.", "program"),
    Action("theme", ("t",), "theme", "Switch to the next theme.", "program", footer=17),
    Action("alerts", ("b",), "alerts", "Turn alerts on or off: new candidates, large liquidations, silent venues.",
           "program", footer=19),
    Action("help", ("question_mark",), "help", "Explain the pane in focus and list every key that works here.",
           "program", footer=3),
    Action("venues", ("V",), "venues", "Show the state of every venue and of the engine, and the notices.",
           "program", footer=9),
    Action("market", ("a",), "market", "Show breadth, scores, liquidations by minute and a map of every asset.",
           "program", footer=9),
    Action("palette", ("ctrl+p",), "palette", "Search all actions by name.", "program", footer=18),
    Action("suspend", ("ctrl+z",), "suspend", "Suspend prism and return to the shell; `fg` resumes it.", "program"),
    Action("interrupt", ("ctrl+c",), "interrupt", "Say which key quits prism.", "program"),
    Action("quit", ("ctrl+q",), "quit", "Quit prism.", "program", footer=4),
)  # fmt: skip

ON_EVERY_SCREEN: Final = ("quit", "picture")
"""Actions that the app itself binds, so that they work over the labels of panes and the palette too."""
ON_REPORTS: Final = frozenset(
    {
        "cursor_down", "cursor_up", "page_down", "page_up", "first", "last", "back",
        "preset_next", "preset_previous", "preset_strict", "preset_balanced", "preset_relaxed",
        "theme", "alerts", "help", "venues", "market", "suspend", "interrupt",
        *ON_EVERY_SCREEN,
    }
)  # fmt: skip
"""Actions that also work on the market, the venues and help. The others say there which key goes back."""
ON_MAP: Final = frozenset({"cursor_left", "cursor_right", "open", "watch", "copy_symbol"})
"""Actions that also work on the market's map, those about a symbol on the one under its cursor. `pin` does not: it
moves a row of the table, and its key pages a report."""
BY_ID: Final[dict[str, Action]] = {action.id: action for action in ACTIONS}
GROUPS: Final[dict[str, str]] = {
    "move": "Move",
    "table": "Candidates",
    "prism": "Score and preset",
    "panes": "Other panes",
    "replay": "Recording",
    "program": "Program",
}
KEY_WORDS: Final[dict[str, str]] = {
    "escape": "esc", "pagedown": "pgdn", "pageup": "pgup", "up": "↑", "down": "↓", "left": "←", "right": "→",
}  # fmt: skip
"""How a key that prints nothing is written on screen if not by Textual's name."""
_NAMED: Final = re.compile(r"\{([a-z_]+)\}")
MODIFIER_SIGNS: Final = {"ctrl+": "^", "shift+": "⇧"}


def key_text(key: str) -> str:
    """One key as written on screen: `^p` for `ctrl+p`, `F1` for `f1`, `!` for `exclamation_mark`."""
    for modifier in MODIFIERS:
        if key.startswith(modifier):
            return MODIFIER_SIGNS.get(modifier, modifier) + key_text(key.removeprefix(modifier))
    if len(key) > 1 and key[0] == "f" and key[1:].isdigit():
        return key.upper()
    return KEY_WORDS.get(key) or CHARACTERS.get(key, key)


class Keymap:
    """The keys of each action, with the user's rebindings.

    `rebound` maps action ids to comma-separated keys, as in the configuration. A rebinding that cannot be used is
    reported in `problems`, and the action keeps its default: an unknown id, no key, or a key that another action has
    once all are rebound, so that actions may swap keys.
    """

    def __init__(self, rebound: Mapping[str, str] | None = None) -> None:
        self._keys = {action.id: action.keys for action in ACTIONS}
        reasons: dict[str, str] = {}
        wanted: dict[str, tuple[str, ...]] = {}
        for name, text in (rebound or {}).items():
            wanted[name], reasons[name] = self._read(name, text)
        wanted = {name: keys for name, keys in wanted.items() if not reasons[name]}
        while taken := self._taken(wanted):
            name, key, other = taken
            reasons[name] = f"{key_text(key)} already means {other}; rebind that one too"
            del wanted[name]
        self._keys |= wanted
        self.refused = [(name, reason) for name, reason in reasons.items() if reason]
        """Name and reason of every rebinding that cannot be used."""
        self.rebound = {name: ",".join(keys) for name, keys in wanted.items()}

    @property
    def problems(self) -> list[str]:
        """The refused rebindings, one sentence each."""
        return [f"keys.{name}: {reason}" for name, reason in self.refused]

    def _read(self, name: str, text: str) -> tuple[tuple[str, ...], str]:
        """The keys that a rebinding names, and why it cannot be used; empty if it can, other rebindings permitting."""
        written = [key.strip() for key in text.split(",") if key.strip()] or ([","] if text.strip() == "," else [])
        keys = tuple(key_name(key) for key in written)
        if name not in self._keys:
            return keys, "no such action; `?` lists them"
        if not keys:
            return keys, "names no key; write one such as `ctrl+f`"
        if unknown := [key for key, known in zip(written, keys, strict=True) if not known]:
            return keys, f"{unknown[0]!r} is no key; write one such as `ctrl+f`, `f5`, `pageup` or `&`"
        return keys, ""

    def _taken(self, wanted: Mapping[str, tuple[str, ...]]) -> tuple[str, str, str] | None:
        """The first of these rebindings that must be refused, its key, and the action that has that key; None if all
        can be used together. Of two that want one key, the first gets it."""
        owners = {key: name for name, keys in self._keys.items() if name not in wanted for key in keys}
        asked = [(name, key) for name, keys in wanted.items() for key in keys]
        for name, key in asked:
            if key in owners:
                return name, key, owners[key]
        return next(((name, key, owners[key]) for name, key in asked if owners.setdefault(key, name) != name), None)

    def text(self, name: str) -> str:
        """The action's first key, as written on screen."""
        return key_text(self._keys[name][0])

    def text_while_typing(self, name: str) -> str:
        """The action's first key that works in an input, where characters are text; empty if none does."""
        return next((key_text(key) for key in self._keys[name] if not prints(key)), "")

    def filled(self, text: str) -> str:
        """One of prism's own texts with the key of each action that it names in braces: `{freeze} freezes it`."""
        return _NAMED.sub(lambda found: self.text(found[1]), text)

    def texts(self, name: str) -> str:
        """All of the action's keys, as written on screen."""
        return " ".join(key_text(key) for key in self._keys[name])


def usable(where: Where, screen: Literal["main", "drill"], replaying: bool) -> bool:
    """Whether an action with this `where` is available on this screen."""
    return where in ("anywhere", screen) or (where == "replay" and replaying)
