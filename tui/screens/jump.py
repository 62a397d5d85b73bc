"""Jump mode: a letter on every pane; pressing it goes there.

Pushed over a screen of panes. Panes without a place in the present layout are listed at the bottom.
"""

from __future__ import annotations

from typing import Final

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widgets import Static

LETTERS: Final = "asdfghjkl"


class JumpScreen(ModalScreen[str | None]):
    """Dismissed with the id of the chosen pane, or None for any other key."""

    DEFAULT_CSS = """
    JumpScreen { background: $background 40%; layers: base labels; }
    JumpScreen .label {
        layer: labels; width: auto; height: 1; background: $accent; color: $background; text-style: bold; padding: 0 1;
    }
    JumpScreen #elsewhere { dock: bottom; height: 1; background: $panel; color: $foreground; padding: 0 1; }
    """

    def __init__(self, targets: list[tuple[str, str, tuple[int, int] | None]]) -> None:
        super().__init__()
        self._targets = dict(zip(LETTERS, targets, strict=False))

    def compose(self) -> ComposeResult:
        hidden = []
        for letter, (_, title, place) in self._targets.items():
            if place is None:
                hidden.append(f"{letter} {title}")
                continue
            label = Static(Text(f"{letter}  {title}"), classes="label")
            label.styles.offset = (place[0] + 1, place[1])
            label.styles.position = "absolute"
            yield label
        told = "press a letter; any other key goes back"
        yield Static(Text("   ".join([*hidden, told])), id="elsewhere")

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        target = self._targets.get(event.character or "")
        self.dismiss(target[0] if target else None)
