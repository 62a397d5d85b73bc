"""The fixed bars: header, status line and footer. Their height never changes, so nothing else on the screen moves."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events

from tui.actions import Action, Keymap
from tui.presenters.footer import Hint, footer_line, hints_line
from tui.presenters.header import replay_line, top_line, venue_line
from tui.presenters.lines import Line
from tui.presenters.view import View
from tui.widgets.pane import LEFT, Bar


class HeaderBar(Bar):
    """Mode, clock, preset and market; on the second line, the state of every venue."""

    DEFAULT_CSS = "HeaderBar { height: 2; background: $panel; }"

    def present(self, view: View) -> None:
        """Show the newest snapshot."""
        self.show_lines((top_line(view, self.size.width), venue_line(view, self.size.width)))

    def wait(self, reason: str) -> None:
        """Before the first snapshot, show why there is none."""
        self.show_lines(((("▌", "brand"), ("prism  ", "strong"), (reason, "muted")),))


class StatusBar(Bar):
    """One line for the most urgent message: a failure, a silent engine, a frozen table, a recording's position."""

    DEFAULT_CSS = "StatusBar { height: 1; background: $panel; }"

    def say(self, urgent: str, told: Sequence[Line], view: View | None) -> None:
        """Show `urgent`; else the first of `told`; else the position of a recording."""
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
    """The most important keys available now. A click does what the key does."""

    DEFAULT_CSS = "FooterBar { height: 1; background: $panel; }"

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._places: list[tuple[int, int, str]] = []

    def present(self, actions: Sequence[Action], keymap: Keymap) -> None:
        """Show as many keys of `actions` as fit."""
        line, places = footer_line(actions, keymap, self.size.width)
        self._places = [(first, after, f"app.act('{name}')") for first, after, name in places]
        self.show_lines((line,))

    def hint(self, hints: Sequence[Hint]) -> None:
        """Show as many of these keys as fit."""
        line, self._places = hints_line(hints, self.size.width)
        self.show_lines((line,))

    async def on_click(self, event: events.Click) -> None:
        for first, after, does in self._places:
            if event.button == LEFT and does and first <= event.x < after:
                await self.run_action(does)
                return
