"""The table of every action for `docs/keys.md`, made from the table of actions.

`python -m tui.reference docs/keys.md` puts it between the page's two markers; a test fails where the page holds
another one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tui.actions import ACTIONS, GROUPS, Keymap

BEGIN: Final = "<!-- keys: made by `python -m tui.reference docs/keys.md` -->"
END: Final = "<!-- keys: end -->"
PLACES: Final = {
    "anywhere": "",
    "main": "main screen",
    "drill": "a symbol's screen",
    "replay": "recordings",
}


def tables() -> str:
    """One table a group, in Markdown."""
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
                yield f"| {keys} | `{action.id}` | {action.help} | {PLACES[action.where]} |"
        yield ""


def renewed(page: str) -> str:
    """`page` with the table of today between its markers; raises ValueError where it lacks them."""
    before, begin, rest = page.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"expected the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{tables()}\n{END}{after}"


if __name__ == "__main__":
    for target in map(Path, sys.argv[1:]):
        target.write_text(renewed(target.read_text(encoding="utf-8")), encoding="utf-8")
