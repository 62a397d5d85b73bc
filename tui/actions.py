"""The one table of everything a user can do: key dispatch, footer, help and palette all read it.

An action has an id that users rebind by, its keys in Textual's names, and where it makes sense. Handlers live on
the app or a screen as `do_<name>`; a test holds the table, the handlers and the documentation together. Nothing
here knows what an action does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from engine.prism.board import FACES

Where = Literal["anywhere", "main", "drill", "replay"]
"""`main` and `drill` are the two screens of panes; `replay` is either of them on a recording."""
WHERE: Final[dict[Where, str]] = {
    "anywhere": "on a screen of panes",
    "main": "on the main screen",
    "drill": "on a symbol's screen",
    "replay": "in a recording",
}
"""In words, for an action pressed elsewhere."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a user can do."""

    id: str
    """What a keymap in the configuration names."""
    keys: tuple[str, ...]
    label: str
    """Two words at most, for the footer and the palette."""
    help: str
    """One sentence for the help screen."""
    group: str
    where: Where = "anywhere"
    footer: int = 0
    """Importance in the footer, 1 first; 0: never there."""
    does: str = ""
    """The handler's name after `do_` where several actions share one."""
    argument: str = ""
    """What a shared handler is given."""

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
            f"Sort the table by the {face} face and break it down; elsewhere only break it down.",
            "prism",
            does="face",
            argument=face,
        )
        for number, face in enumerate(FACES, start=1)
    )


ACTIONS: Final[tuple[Action, ...]] = (
    Action("cursor_down", ("j", "down"), "down", "Move down one line.", "move", does="move", argument="cursor_down"),
    Action("cursor_up", ("k", "up"), "up", "Move up one line.", "move", does="move", argument="cursor_up"),
    Action("cursor_left", ("h", "left"), "left", "In a breakdown, show the face before.",
           "move", does="move", argument="cursor_left"),
    Action("cursor_right", ("l", "right"), "right", "In a breakdown, show the next face.",
           "move", does="move", argument="cursor_right"),
    Action("page_down", ("pagedown", "ctrl+d"), "page down", "Move down one page.",
           "move", does="move", argument="page_down"),
    Action("page_up", ("pageup", "ctrl+u"), "page up", "Move up one page.", "move", does="move", argument="page_up"),
    Action("first", ("g", "home"), "first", "Go to the first line.", "move", does="move", argument="first"),
    Action("last", ("G", "end"), "last", "Go to the last line.", "move", does="move", argument="last"),
    Action("open", ("enter",), "open", "Open everything about the symbol under the cursor.", "move", "main", 1),
    Action("back", ("escape",), "back", "Close what is open: an input, a filter, the symbol's screen.",
           "move", footer=2),
    Action("pane_next", ("tab",), "next pane", "Move to the next pane; on a small terminal, show it.",
           "move", footer=4, does="pane", argument="1"),
    Action("pane_previous", ("shift+tab",), "previous pane", "Move to the pane before.",
           "move", does="pane", argument="-1"),
    Action("jump", ("apostrophe",), "jump", "Label every pane with a letter; press it to go there.", "move", footer=14),
    Action("maximise", ("o",), "maximise", "Give the whole screen to the pane in focus, or take it back.", "move"),
    Action("find", ("slash",), "find", "Show the symbols that contain a text.", "table", "main", 3),
    Action("filter", ("f",), "filter", "Show the rows for which an expression holds.", "table", "main", 5),
    Action("filter_next", ("F",), "next filter", "Use the next filter kept by a name, then none.", "table", "main"),
    Action("sort_next", ("s",), "sort", "Sort by the next column.", "table", "main", 6, does="sort", argument="1"),
    Action("sort_previous", ("S",), "sort back", "Sort by the column before.",
           "table", "main", does="sort", argument="-1"),
    Action("reverse", ("r",), "reverse", "Reverse the order.", "table", "main"),
    Action("direction", ("d",), "direction", "Show long and short, only long, only short.", "table", "main", 8),
    Action("watch", ("w",), "watch", "Put the symbol on the watch-list, or take it off.", "table", footer=12),
    Action("watch_only", ("W",), "watch-list", "Show only the watch-list, or everything.", "table", "main"),
    Action("pin", ("space",), "pin", "Keep the row on top, or let it go.", "table", "main", 11),
    Action("vetoed", ("v",), "vetoed", "Show the rows that a gate stopped, each with that gate.", "table", "main", 7),
    Action("freeze", ("z",), "freeze", "Hold the table still while data keeps arriving.", "table", "main", 5),
    *_faces(),
    Action("face_next", ("n",), "next face", "Break down the next face.", "prism"),
    Action("preset_next", ("p",), "preset", "Use the next preset.",
           "prism", footer=10, does="preset_step", argument="1"),
    Action("preset_previous", ("P",), "preset back", "Use the preset before.",
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
    Action("book_next", ("c",), "next book", "Show the next book of the asset: another venue's, or all merged.",
           "panes", does="book", argument="1"),
    Action("book_previous", ("C",), "book back", "Show the book of the asset before.",
           "panes", does="book", argument="-1"),
    Action("liquidations_more", ("m",), "min size up", "Hide liquidations below the next larger size.",
           "panes", does="liquidations", argument="1"),
    Action("liquidations_less", ("M",), "min size down", "Show liquidations from the next smaller size.",
           "panes", does="liquidations", argument="-1"),
    Action("timeframe_next", ("i",), "timeframe", "Draw the next longer timeframe.",
           "panes", "drill", 5, does="timeframe", argument="1"),
    Action("timeframe_previous", ("I",), "timeframe back", "Draw the next shorter timeframe.",
           "panes", "drill", does="timeframe", argument="-1"),
    Action("replay_pause", ("comma",), "hold", "Hold the recording, or let it go on.", "replay", "replay", 3),
    Action("replay_step", ("full_stop",), "step", "Advance the held recording by one scan.", "replay", "replay", 6),
    Action("replay_slower", ("less_than_sign",), "slower", "Play the recording more slowly.",
           "replay", "replay", does="speed", argument="-1"),
    Action("replay_faster", ("greater_than_sign",), "faster", "Play the recording faster.",
           "replay", "replay", 7, does="speed", argument="1"),
    Action("replay_back", ("left_square_bracket",), "seek back", "Go back one minute.",
           "replay", "replay", does="seek", argument="-60000"),
    Action("replay_forward", ("right_square_bracket",), "seek on", "Go forward one minute.",
           "replay", "replay", 8, does="seek", argument="60000"),
    Action("copy_symbol", ("y",), "copy", "Copy the symbol to the clipboard.", "program", footer=16),
    Action("export_csv", ("x",), "export", "Write what the table shows to a CSV file.",
           "program", "main", 15, does="export", argument="csv"),
    Action("export_json", ("X",), "export JSON", "Write what the table shows to a JSON file.",
           "program", "main", does="export", argument="json"),
    Action("picture", ("ctrl+s",), "picture", "Write a picture of the screen as it stands to an SVG file.", "program"),
    Action("theme", ("t",), "theme", "Use the next theme.", "program", footer=17),
    Action("alerts", ("b",), "alerts", "Ring for new candidates, large liquidations and silent venues, or stop.",
           "program", footer=19),
    Action("help", ("question_mark",), "help", "Say what has focus and every key that works here.",
           "program", footer=3),
    Action("venues", ("V",), "venues", "Say how every venue does, and what the engine has to tell.",
           "program", footer=9),
    Action("market", ("a",), "market", "Show breadth, scores, liquidations by minute and a map of the largest assets.",
           "program", footer=9),
    Action("palette", ("ctrl+p",), "palette", "Search everything that can be done by name.", "program", footer=18),
    Action("suspend", ("ctrl+z",), "suspend", "Give the terminal back to the shell; `fg` goes on.", "program"),
    Action("interrupt", ("ctrl+c",), "interrupt", "Say which key ends prism.", "program"),
    Action("quit", ("ctrl+q",), "quit", "End prism.", "program", footer=4),
)  # fmt: skip

ON_EVERY_SCREEN: Final = ("quit", "picture")
"""Actions that the app itself binds, so that they work over reports and help too."""
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
    "apostrophe": "'", "slash": "/", "space": "space", "plus": "+", "equals_sign": "=", "minus": "-", "comma": ",",
    "full_stop": ".", "less_than_sign": "<", "greater_than_sign": ">", "left_square_bracket": "[",
    "right_square_bracket": "]", "question_mark": "?", "escape": "esc", "pagedown": "pgdn", "pageup": "pgup",
    "up": "↑", "down": "↓", "left": "←", "right": "→", "shift+tab": "⇧tab",
}  # fmt: skip
"""How a key is written on screen where its Textual name is not what is printed on it."""


def key_text(key: str) -> str:
    """One key as users read it: `^p` for `ctrl+p`, `F1` for `f1`."""
    if key in KEY_WORDS:
        return KEY_WORDS[key]
    if key.startswith("ctrl+"):
        return "^" + key_text(key.removeprefix("ctrl+"))
    if len(key) > 1 and key[0] == "f" and key[1:].isdigit():
        return key.upper()
    return key


class Keymap:
    """The table with the user's rebindings: which keys each action has.

    `rebound` maps action ids to comma-separated keys, as the configuration gives them. What cannot be used is told
    in `problems` and left at its default: an unknown id, no key at all, or a key that would then mean two things.
    """

    def __init__(self, rebound: Mapping[str, str] | None = None) -> None:
        self._keys = {action.id: action.keys for action in ACTIONS}
        self.problems: list[str] = []
        self.rebound: dict[str, str] = {}
        for name, text in (rebound or {}).items():
            self._rebind(name, text)

    def _rebind(self, name: str, text: str) -> None:
        keys = tuple(_normalised(key.strip()) for key in text.split(",") if key.strip()) or (
            (_normalised(","),) if text.strip() == "," else ()
        )
        if name not in self._keys:
            self.problems.append(f"keys.{name}: no such action; `?` lists them")
        elif not keys:
            self.problems.append(f"keys.{name}: names no key; write one such as `ctrl+f`")
        elif taken := self._owner(keys, name):
            self.problems.append(f"keys.{name}: {key_text(taken[1])} already means {taken[0]}; rebind that one first")
        else:
            self._keys[name] = keys
            self.rebound[name] = ",".join(keys)

    def _owner(self, keys: Iterable[str], name: str) -> tuple[str, str] | None:
        wanted = set(keys)
        for other, held in self._keys.items():
            if other != name and (shared := sorted(wanted & set(held))):
                return other, shared[0]
        return None

    def keys(self, name: str) -> tuple[str, ...]:
        """The keys in force of one action."""
        return self._keys[name]

    def text(self, name: str) -> str:
        """The action's first key as users read it."""
        return key_text(self._keys[name][0])

    def texts(self, name: str) -> str:
        """All of the action's keys as users read them."""
        return " ".join(key_text(key) for key in self._keys[name])


_NAMES: Final[dict[str, str]] = {text: name for name, text in KEY_WORDS.items() if len(text) == 1 and text.isascii()}


def _normalised(key: str) -> str:
    return _NAMES.get(key, key)


def usable(where: Where, screen: Literal["main", "drill"], replaying: bool) -> bool:
    """Whether an action that makes sense at `where` does so on this screen."""
    return where in ("anywhere", screen) or (where == "replay" and replaying)
