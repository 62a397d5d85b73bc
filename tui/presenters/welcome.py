"""The two lines for newcomers: which keys to press, and where a configuration would be written.

The main screen shows them above the status line until `escape` hides them for good. They also say that no configuration
is needed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from rich.cells import cell_len

from engine.text import clean
from tui.actions import BY_ID, Keymap
from tui.presenters.lines import Line, width_of

SHOWN: Final = ("open", "pane_next", "vetoed", "help", "quit")
"""The actions shown, in this order."""
HIDES: Final = "hides this"


def welcome_lines(keymap: Keymap, config: Path | None, width: int) -> list[Line]:
    """The two lines in `width` cells; `config` is where a configuration would be written, None if there is one."""
    close: Line = ((keymap.text("back"), "strong accent"), (f" {HIDES} ", "muted"))
    room = width - width_of(close)
    line: list[tuple[str, str]] = [(" first time? ", "strong")]
    for name in SHOWN:
        piece = ((keymap.text(name), "strong accent"), (f" {BY_ID[name].label}  ", "text"))
        if width_of((*line, *piece)) <= room:
            line += piece
    fill = " " * (room - width_of(tuple(line)))
    return [(*line, (fill, ""), *close), ((_settings(config, width), "muted"),)]


def _settings(config: Path | None, width: int) -> str:
    if config is None:
        return " your settings are in force; `prism config show` lists them"
    try:
        place = f"~/{config.relative_to(Path.home())}"
    except ValueError:
        place = str(config)
    place = clean(place, 200)
    told = f" no settings file is needed; `prism config init` would write {place}"
    if cell_len(told) <= width:
        return told
    start = " settings, none needed: "
    room = width - len(start) - 1
    while cell_len(place) > room:
        place = f"…{place[2:]}"
    return start + place
