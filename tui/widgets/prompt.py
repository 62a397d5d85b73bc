"""The input line of `find` and `filter`. It covers the bottom of the screen, so that nothing moves.

The main screen opens it and evaluates each text: a row count, or an error with its position. The error is shown below
the input, with a mark under the character at fault. An error of two lines also covers the footer, so that the input
does not move.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input

from tui.keys_in_order import OrderedInput
from tui.presenters.complaint import complaint_lines
from tui.presenters.lines import Line
from tui.state import MAX_TEXT_CHARS
from tui.widgets.pane import Bar


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of evaluating a text."""

    count: str
    """`12 rows`; empty if it does not parse."""
    complaint: str = ""
    position: int = 0
    """Index of the character at fault."""
    note: str = ""
    """What else `enter` does; empty: nothing."""


class Prompt(Vertical):
    """One line of input with its verdict; hidden until opened."""

    DEFAULT_CSS = """
    Prompt { layer: prompt; dock: bottom; height: 2; margin-bottom: 1; display: none; background: $panel; }
    Prompt Horizontal { height: 1; }
    Prompt #prompt-label { width: 9; height: 1; background: $panel; }
    Prompt #prompt-count { width: 22; height: 1; background: $panel; }
    Prompt #prompt-complaint { height: 1; background: $panel; }
    Prompt.-long { height: 3; margin-bottom: 0; }
    Prompt.-long #prompt-complaint { height: 2; }
    Prompt Input { height: 1; border: none; padding: 0; width: 1fr; background: $panel; }
    Prompt Input:focus { border: none; }
    """
    # As fixed as `enter` in an input: the line below it names both.
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "app.act('back')", show=False)]
    LABEL_WIDTH = 9

    class Closed(Message):
        """The user accepted the text, or cancelled and so restored the previous one."""

        def __init__(self, kind: str, text: str, accepted: bool) -> None:
            super().__init__()
            self.kind, self.text, self.accepted = kind, text, accepted

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.kind = ""
        self._before = ""
        self._judge: Callable[[str], Verdict] = lambda _text: Verdict("")
        self._verdict = Verdict("")

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Bar(id="prompt-label")
            yield OrderedInput(id="prompt-input", select_on_focus=False, max_length=MAX_TEXT_CHARS)
            yield Bar(id="prompt-count")
        yield Bar(id="prompt-complaint")

    def on_mount(self) -> None:
        self.watch(self.query_one(Input), "scroll_x", self._again, init=False)

    def on_resize(self) -> None:
        self._again()

    @property
    def is_open(self) -> bool:
        return bool(self.display)

    def open(self, kind: str, text: str, judge: Callable[[str], Verdict], suggester: Suggester | None) -> None:
        """Show the prompt with `text` to edit; `judge` is called at every change."""
        self.kind, self._before, self._judge = kind, text, judge
        entry = self.query_one(Input)
        entry.suggester = suggester
        entry.value = text
        entry.cursor_position = len(text)
        self.query_one("#prompt-label", Bar).show_lines((((f" {kind} ", "strong accent"),),))
        self.display = True
        self.screen.set_focus(entry)  # at once: `focus` is queued, and the next key may come before it
        self._say(judge(text))

    def close(self, accepted: bool) -> None:
        """Hide it and notify the screen."""
        if self.is_open:
            self.display = False
            entry = self.query_one(Input)
            if self.screen.focused is entry:
                self.screen.set_focus(None)  # at once, as in `open`: the next key is for the screen
            self.post_message(self.Closed(self.kind, entry.value if accepted else self._before, accepted))

    def leave(self) -> None:
        """The user went on to a pane: apply the text if it parses, as `enter` does, else restore the previous one."""
        if self.is_open:
            self.close(accepted=not self._judge(self.query_one(Input).value).complaint)

    def _again(self) -> None:
        """Realign the mark with its character after the text has scrolled."""
        if self.is_open:
            self._say(self._verdict)

    def _say(self, verdict: Verdict) -> None:
        self._verdict = verdict
        count: Line = ((verdict.count.rjust(21), "muted"),)
        self.query_one("#prompt-count", Bar).show_lines((count,))
        lines = self._complaint(verdict)
        self.set_class(len(lines) > 1, "-long")
        self.query_one("#prompt-complaint", Bar).show_lines(lines)

    def _complaint(self, verdict: Verdict) -> list[Line]:
        if not verdict.complaint:
            return [((f" {verdict.note or 'enter applies it, escape cancels'}", "muted"),)]
        entry = self.query_one(Input)
        at = self.LABEL_WIDTH + cell_len(entry.value[: verdict.position]) - int(entry.scroll_offset.x)
        right = max(self.LABEL_WIDTH, self.LABEL_WIDTH + entry.size.width - 1)
        return complaint_lines(verdict.complaint, at, self.LABEL_WIDTH, right, self.size.width)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.is_open:
            self._say(self._judge(event.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        verdict = self._judge(event.value)
        if not verdict.complaint:
            self.close(accepted=True)
