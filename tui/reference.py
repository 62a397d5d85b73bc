"""Generates the tables of `docs/keys.md` from the table of actions and the columns of the candidates.

`python -m tui.reference docs/keys.md` puts them between the page's two markers. A test fails if the page is out of
date.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from engine.config.page import with_part
from tui.actions import ACTIONS, GROUPS, ON_EVERY_SCREEN, ON_MAP, ON_REPORTS, Action, Keymap
from tui.presenters.columns import glossary

BEGIN: Final = "<!-- keys: made by `python -m tui.reference docs/keys.md` -->"
END: Final = "<!-- keys: end -->"
PLACES: Final = {
    "anywhere": "panes",
    "main": "main screen",
    "drill": "a symbol's screen",
    "replay": "panes, on recordings",
}


def tables() -> str:
    """One table per group of actions and one of the columns, in Markdown."""
    return "\n".join(_tables())


def _tables() -> Iterator[str]:
    keymap = Keymap()
    for group, heading in GROUPS.items():
        yield f"### {heading}"
        yield ""
        yield "| keys | action | does | where |"
        yield "| --- | --- | --- | --- |"
        for action in ACTIONS:
            if action.group == group:
                keys = " ".join(f"`{key}`" for key in keymap.texts(action.id).split())
                yield f"| {keys} | `{action.id}` | {action.help} | {_where(action)} |"
        yield ""
    yield "### Columns of the candidates"
    yield ""
    yield "| heading | shows |"
    yield "| --- | --- |"
    for heading, meaning in glossary():
        yield f"| {heading} | {meaning} |"
    yield ""


def _where(action: Action) -> str:
    if action.id in ON_EVERY_SCREEN:
        return "everywhere"
    also = ", reports" if action.id in ON_REPORTS else ", the map" if action.id in ON_MAP else ""
    return PLACES[action.where] + also


def renewed(page: str) -> str:
    """`page` with current tables between its markers. Raises ValueError if it lacks them."""
    return with_part(page, BEGIN, END, tables())


if __name__ == "__main__":
    for target in map(Path, sys.argv[1:]):
        target.write_text(renewed(target.read_text(encoding="utf-8")), encoding="utf-8")
