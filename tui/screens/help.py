"""The help screen: explains the pane in focus and lists every key that works there. Pushed by the app."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import BindingType

from tui.actions import GROUPS, Action, Keymap
from tui.presenters.footer import Hint
from tui.presenters.format import pad
from tui.presenters.lines import BLANK, Line, wrapped
from tui.presenters.view import View
from tui.screens.overlay import ReportScreen, bound
from tui.widgets.pane import Pane

Terms = Sequence[tuple[str, str]]
"""Words on the screen, each with its meaning."""


def help_lines(
    title: str, text: str, actions: Sequence[Action], keymap: Keymap, width: int, terms: Terms = ()
) -> list[Line]:
    """A paragraph about the pane in focus and its terms, then the keys by group."""
    lines: list[Line] = []
    if text:
        lines += [((title, "strong accent"),), *wrapped(text, width), BLANK]
    if terms:
        column = max(cell_len(term) for term, _ in terms)
        lines.append((("Columns, from left to right", "heading"),))
        for term, meaning in terms:
            lines += _explained(pad(term, column), "strong", meaning, width)
        lines.append(BLANK)
    keys = max((len(keymap.texts(action.id)) for action in actions), default=0)
    for group, heading in GROUPS.items():
        held = [action for action in actions if action.group == group]
        if not held:
            continue
        lines.append(((heading, "heading"),))
        for action in held:
            lines += _explained(f"{keymap.texts(action.id):<{keys}}", "accent", action.help, width)
        lines.append(BLANK)
    return lines


def _explained(name: str, style: str, meaning: str, width: int) -> list[Line]:
    """A name and, beside it, its meaning in as many lines as it needs."""
    beside = cell_len(name) + 3
    first, *rest = wrapped(meaning, max(20, width - beside)) or [BLANK]
    return [((f" {name}  ", style), *first), *(((" " * beside, ""), *line) for line in rest)]


class HelpPane(Pane):
    """The scrollable text."""

    TITLE = "help"

    def __init__(self, title: str, text: str, actions: Sequence[Action], keymap: Keymap, terms: Terms) -> None:
        super().__init__(id="help")
        self._content = (title, text, actions, keymap)
        self._terms = terms

    def on_mount(self) -> None:
        keymap = self._content[3]
        self.head("help", f"{keymap.text('back')} goes back")
        self.call_after_refresh(self.fill)

    def on_resize(self, event: events.Resize) -> None:
        self.fill()

    def fill(self) -> None:
        """Lay out the text for the current width."""
        width = self.scrollable_content_region.width
        if width >= 20:
            self._strips.clear()
            self._replace(help_lines(*self._content, width, self._terms))

    def present(self, view: View) -> None:
        """Help does not change with the market."""


class HelpScreen(ReportScreen):
    """A report over the screen that it explains."""

    DEFAULT_CSS = """
    HelpScreen HelpPane { width: 90%; max-width: 104; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [bound("help", "dismiss")]

    def hints(self) -> Sequence[Hint]:
        return super().hints()[:-1]  # its own key only leaves it

    def __init__(self, title: str, text: str, actions: Sequence[Action], keymap: Keymap, terms: Terms = ()) -> None:
        super().__init__(HelpPane(title, text, actions, keymap, terms))
