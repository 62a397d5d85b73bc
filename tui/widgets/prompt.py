"""The input line of `find` and `filter`, laid over the bottom of the screen so that nothing moves.

The screen says what each text comes to: a count, or a complaint with the character it is about. The complaint
stands under the input, its mark under that character.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input

from tui.keys_in_order import OrderedInput
from tui.presenters.filter_expression import MAX_CHARS
from tui.presenters.lines import Line
from tui.widgets.pane import Bar


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a text comes to."""

    count: str
    """`12 rows`; empty where it does not parse."""
    complaint: str = ""
    position: int = 0
    """Character the complaint is about."""
    note: str = ""
    """What `enter` does besides, where it does."""


class Prompt(Vertical):
    """One line of input with its verdict; hidden until opened."""

    DEFAULT_CSS = """
    Prompt { layer: prompt; dock: bottom; height: 2; margin-bottom: 1; display: none; background: $panel; }
    Prompt Horizontal { height: 1; }
    Prompt #prompt-label { width: 9; height: 1; background: $panel; }
    Prompt #prompt-count { width: 22; height: 1; background: $panel; }
    Prompt #prompt-complaint { height: 1; background: $panel; }
    Prompt Input { height: 1; border: none; padding: 0; width: 1fr; background: $panel; }
    Prompt Input:focus { border: none; }
    """
    LABEL_WIDTH = 9

    class Closed(Message):
        """The user took the text (`accepted`) or went back to what it was."""

        def __init__(self, kind: str, text: str, accepted: bool) -> None:
            super().__init__()
            self.kind, self.text, self.accepted = kind, text, accepted

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.kind = ""
        self._before = ""
        self._judge: Callable[[str], Verdict] = lambda _text: Verdict("")

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Bar(id="prompt-label")
            yield OrderedInput(id="prompt-input", select_on_focus=False, max_length=MAX_CHARS)
            yield Bar(id="prompt-count")
        yield Bar(id="prompt-complaint")

    @property
    def is_open(self) -> bool:
        return bool(self.display)

    def open(self, kind: str, text: str, judge: Callable[[str], Verdict], suggester: Suggester | None) -> None:
        """Show the prompt with `text` to edit; `judge` is asked at every change."""
        self.kind, self._before, self._judge = kind, text, judge
        entry = self.query_one(Input)
        entry.suggester = suggester
        entry.value = text
        entry.cursor_position = len(text)
        self.query_one("#prompt-label", Bar).show_lines((((f" {kind} ", "strong accent"),),))
        self.display = True
        self.screen.set_focus(entry)  # at once: `focus` waits for its turn, and the next key may not
        self._say(judge(text))

    def close(self, accepted: bool) -> None:
        """Hide it and tell the screen."""
        if self.is_open:
            self.display = False
            text = self.query_one(Input).value if accepted else self._before
            self.post_message(self.Closed(self.kind, text, accepted))

    def _say(self, verdict: Verdict) -> None:
        count: Line = ((verdict.count.rjust(21), "muted"),)
        self.query_one("#prompt-count", Bar).show_lines((count,))
        self.query_one("#prompt-complaint", Bar).show_lines((self._complaint(verdict),))

    def _complaint(self, verdict: Verdict) -> Line:
        if not verdict.complaint:
            return ((f" {verdict.note or 'enter keeps it, escape goes back'}", "muted"),)
        entry = self.query_one(Input)
        at = self.LABEL_WIDTH + cell_len(entry.value[: verdict.position]) - int(entry.scroll_offset.x)
        at = min(max(0, at), max(0, self.size.width - 2))
        if at + 2 + cell_len(verdict.complaint) <= self.size.width or at < cell_len(verdict.complaint) + 2:
            return ((" " * at, ""), ("▲ ", "down"), (verdict.complaint, "warning"))
        text = verdict.complaint.rjust(at - 1)
        return ((text + " ", "warning"), ("▲", "down"))

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
