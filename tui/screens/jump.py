"""Jump mode: shows a letter on every pane; pressing it moves there.

Pushed over a screen of panes. Panes that the current layout does not show are listed at the bottom.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Final

from rich.text import Text
from textual import events
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from tui.screens.overlay import Overlay
from tui.widgets.pane import LEFT

LETTERS: Final = "asdfghjkl"


class JumpScreen(Overlay[str | None]):
    """Dismissed with the id of the chosen pane, or None for any other key or place."""

    DEFAULT_CSS = """
    JumpScreen { align: left top; layers: base labels; }
    JumpScreen .label {
        layer: labels; width: auto; height: 1; background: $accent; color: $background; text-style: bold; padding: 0 1;
    }
    JumpScreen #elsewhere { dock: bottom; height: auto; background: $panel; color: $foreground; padding: 0 1; }
    """
    FOOTED: ClassVar[bool] = False

    def __init__(self, targets: list[tuple[str, str, tuple[int, int] | None]]) -> None:
        super().__init__()
        self._targets = dict(zip(LETTERS, targets, strict=False))

    def content(self) -> Iterator[Widget]:
        hidden = []
        for letter, (_, title, place) in self._targets.items():
            if place is None:
                hidden.append(f"{letter} {title}")
                continue
            label = Static(Text(f"{letter}  {title}"), classes="label")
            label.styles.offset = (place[0] + 1, place[1])
            label.styles.position = "absolute"
            yield label
        yield Static(Text("   ".join(["press a letter; any other key goes back", *hidden])), id="elsewhere")

    def on_click(self, event: events.Click) -> None:
        """A click goes to the pane under it, or back where there is none."""
        x, y = event.screen_offset
        names = (name for name, _, place in self._targets.values() if place is not None)
        panes = [name for name in names if self._below.query_one(f"#{name}").region.contains(x, y)]
        self.dismiss(panes[0] if panes and event.button == LEFT else None)

    @property
    def _below(self) -> Screen[Any]:
        """The screen whose panes are labelled."""
        return self.app.screen_stack[-2]

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        target = self._targets.get(event.character or "")
        self.dismiss(target[0] if target else None)
