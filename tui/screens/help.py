"""The help screen: what has focus, and every key that works there, from the table of actions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from tui.actions import GROUPS, Action, Keymap
from tui.presenters.lines import BLANK, Line, wrapped
from tui.presenters.view import View
from tui.widgets.pane import Pane


def help_lines(title: str, text: str, actions: Sequence[Action], keymap: Keymap, width: int) -> list[Line]:
    """A paragraph on the pane in focus, then the keys by group."""
    lines: list[Line] = []
    if text:
        lines += [((title, "strong accent"),), *wrapped(text, width), BLANK]
    keys = max((len(keymap.texts(action.id)) for action in actions), default=0)
    for group, heading in GROUPS.items():
        held = [action for action in actions if action.group == group]
        if not held:
            continue
        lines.append(((heading, "heading"),))
        for action in held:
            first, *rest = wrapped(action.help, max(20, width - keys - 3)) or [BLANK]
            lines.append(((f" {keymap.texts(action.id):<{keys}}  ", "accent"), *first))
            lines += [((" " * (keys + 3), ""), *line) for line in rest]
        lines.append(BLANK)
    return lines


class HelpPane(Pane):
    """The scrollable text."""

    TITLE = "help"

    def __init__(self, title: str, text: str, actions: Sequence[Action], keymap: Keymap) -> None:
        super().__init__(id="help")
        self._content = (title, text, actions, keymap)

    def on_mount(self) -> None:
        self.head("help", "escape goes back")
        self.call_after_refresh(self.fill)

    def on_resize(self, event: events.Resize) -> None:
        self.fill()

    def fill(self) -> None:
        """Write the text for the present width."""
        width = self.scrollable_content_region.width
        if width >= 20:
            self._strips.clear()
            self._replace(help_lines(*self._content, width))

    def present(self, view: View) -> None:
        """Help does not change with the market."""


class HelpScreen(ModalScreen[None]):
    """Over the screen it explains."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; background: $background 40%; }
    HelpScreen HelpPane { width: 90%; max-width: 104; height: 90%; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,enter,q", "dismiss", "back"),
        Binding("down,j", "move('cursor_down')", "down", show=False),
        Binding("up,k", "move('cursor_up')", "up", show=False),
        Binding("pagedown,space", "move('page_down')", "page down", show=False),
        Binding("pageup", "move('page_up')", "page up", show=False),
        Binding("home,g", "move('first')", "first", show=False),
        Binding("end,G", "move('last')", "last", show=False),
    ]

    def __init__(self, title: str, text: str, actions: Sequence[Action], keymap: Keymap) -> None:
        super().__init__()
        self._pane = HelpPane(title, text, actions, keymap)

    def compose(self) -> ComposeResult:
        yield self._pane

    def action_move(self, how: str) -> None:
        getattr(self._pane, how)()
