"""The fixed bars: header, status line and footer. They keep their height, so nothing below them ever moves."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events

from tui.actions import Action, Keymap
from tui.presenters.footer import footer_line
from tui.presenters.header import replay_line, top_line, venue_line
from tui.presenters.lines import Line
from tui.presenters.view import View
from tui.widgets.pane import Bar


class HeaderBar(Bar):
    """Mode, clock, preset and market; below it every venue's light."""

    DEFAULT_CSS = "HeaderBar { height: 2; background: $panel; }"

    def present(self, view: View) -> None:
        """Show this moment."""
        self.show_lines((top_line(view, self.size.width), venue_line(view, self.size.width)))

    def wait(self, reason: str) -> None:
        """Before the first snapshot."""
        self.show_lines(((("▌", "brand"), ("prism  ", "strong"), (reason, "muted")),))


class StatusBar(Bar):
    """One line for the most urgent thing to say: a failure, silence, a frozen table, a recording's position."""

    DEFAULT_CSS = "StatusBar { height: 1; background: $panel; }"

    def say(self, urgent: str, told: Sequence[Line], view: View | None) -> None:
        """`urgent` first of all; else the first of `told`; else where a recording stands."""
        width = self.size.width
        if urgent:
            self.show_lines((((f" {urgent} ".ljust(width), "warning strong reverse"),),))
        elif told:
            self.show_lines(told[:1])
        elif view is not None and view.snapshot.mode == "replay" and view.snapshot.replay is not None:
            self.show_lines((replay_line(view.snapshot.replay, view, width),))
        else:
            self.show_lines(())


class FooterBar(Bar):
    """The most important keys that work now; a click does what the key does."""

    DEFAULT_CSS = "FooterBar { height: 1; background: $panel; }"

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._places: list[tuple[int, int, str]] = []

    def present(self, actions: Sequence[Action], keymap: Keymap) -> None:
        """Name the keys of `actions` as far as they fit."""
        line, self._places = footer_line(actions, keymap, self.size.width)
        self.show_lines((line,))

    async def on_click(self, event: events.Click) -> None:
        for first, after, action in self._places:
            if first <= event.x < after:
                await self.run_action(f"app.act('{action}')")
                return
