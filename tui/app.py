"""The console application: dispatches actions and holds the state that the screens share.

Started by `tui.launch`. Its base, `tui.console`, reads the engine and keeps the state saved between runs. Larger groups
of actions have a module each (`tui.app_choices`, `tui.app_recording`, `tui.app_reports`), and the actions of one screen
live on that screen. It holds no market data and must never wait for the engine.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Final

from textual import events
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.css.query import NoMatches
from textual.driver import Driver
from textual.screen import Screen
from textual.timer import Timer

from engine.config.presets import PRESETS
from engine.config.schema import preset_name
from engine.text import clean
from tui import presenters, screens
from tui.actions import BY_ID, ON_EVERY_SCREEN, ON_MAP, ON_REPORTS, WHERE, Action, usable
from tui.app_choices import Choices
from tui.app_recording import RecordingControls
from tui.app_reports import Reports
from tui.presenters.row import Key
from tui.presenters.view_state import ViewState
from tui.screens.overlay import ReportScreen
from tui.screens.pane_screen import PaneScreen
from tui.state import Instrument
from tui.widgets import few_colours
from tui.widgets.panes import DepthPane

LOG: Final = logging.getLogger("prism.console")

CALM_S: Final = 0.15
"""Pause after the last resize before everything is repainted."""


class PrismApp(Choices, RecordingControls, Reports, inherit_bindings=False):
    """See the module."""

    CSS_PATH = "prism.tcss"
    TITLE = "prism"
    ENABLE_COMMAND_PALETTE = False  # its fixed key would bypass the table of actions; `do_palette` opens it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(BY_ID[name].keys), f"act('{name}')", show=False, priority=True, id=name)
        for name in ON_EVERY_SCREEN
    ]

    _calm: Timer | None = None
    _has_size = False

    def get_driver_class(self) -> type[Driver]:
        """Ours on a terminal; Textual's own on Windows and when another driver is chosen (a web page, for example)."""
        if sys.platform == "win32" or "TEXTUAL_DRIVER" in os.environ:
            return super().get_driver_class()
        from tui.terminal_driver import TerminalDriver

        return TerminalDriver

    def on_mount(self) -> None:
        self._running_loop = asyncio.get_running_loop()
        if not self.is_headless:  # without a terminal, every colour is available
            self._filters += few_colours.filters(self.console.color_system)
        self.set_keymap(self.keymap.rebound)
        for problem in (*self.themes.problems, *self.keymap.problems, *self._notices):
            self.tell(problem, severity="warning")
        if self._theme_wanted != self.theme:
            self.tell(f"no theme {self._theme_wanted!r}; using {self.theme}", severity="warning")
        elif (named := self.config.console.theme) not in self.available_themes:
            self.tell(f"console.theme: no theme {named!r}; {self.theme}, which you chose, stays", severity="warning")
        preset = self._state.preset or preset_name(self.config.engine.preset)
        if preset in PRESETS:
            self.source.set_preset(str(preset))
        self._hold_asked_for()
        self.main.call_after_refresh(self._painted)
        self.set_interval(1 / self.config.console.refresh_hz, self.follow)

    def on_resize(self, event: events.Resize) -> None:
        """Repaint everything once a burst of resizes is over. On a busy machine, a resize that is overtaken by the next
        may be painted only in part, and cells that have not changed since would keep what the terminal left there."""
        if self._calm is not None:
            self._calm.stop()
        if self._has_size:
            self._calm = self.set_timer(CALM_S, self.refresh)
            self.fit_palette(event.size)
        self._has_size = True

    def _painted(self) -> None:
        self._begin()
        self._has_begun = True

    # What the screens share

    def highlight(self, key: Key | None) -> None:
        """The table's cursor moved to another symbol. The screens follow it unless a symbol's screen is open."""
        if self.is_symbol_open:
            return
        self.be_about(key)

    def be_about(self, key: Key | None) -> None:
        """Make this the symbol that the screens show and the engine focuses on."""
        if key is not None and key != self.key:
            self.key = key
            self.source.focus(key.venue, key.symbol)
            if self.book:
                # It was chosen for the previous symbol; the user has not chosen another book for this one.
                self.book = self.main.query_one(DepthPane).book = ""
                self._hold_asked_for()
            # The cursor is painted first: the panes of its symbol take several times as long.
            if not self._is_turning:
                self._is_turning = True
                self.call_after_refresh(self._turn)
        elif key is None:
            self.key = None

    def _turn(self) -> None:
        """Show the symbol under the cursor, skipping those that it only passed."""
        self._is_turning = False
        self._pieces = None  # they belong to the previous symbol
        self.follow()

    @property
    def greeted(self) -> bool:
        """Whether the user has hidden the lines for newcomers."""
        return self._state.greeted

    def open_symbol(self, key: Key, over: Screen[Any] | None = None) -> None:
        """Push a symbol's screen over the main screen, or over `over`; does nothing unless that one is in front. Until
        it is left, the screens show that symbol."""
        if self.screen is (over or self.main):
            self.be_about(key)
            state = self._state
            self.push_screen(
                screens.drilldown.DrillScreen(key, state.face, state.depth_grouping, state.timeframe, self.book)
            )

    @property
    def pane_choices(self) -> tuple[str, int]:
        """The face and the depth grouping last chosen, on whichever screen."""
        return self._state.face, self._state.depth_grouping

    @property
    def kept_filters(self) -> dict[str, str]:
        """Saved filter expressions by name."""
        return dict(self._state.filters)

    def remember_table(self, table: ViewState) -> None:
        """Save the table's sort, filters, watch-list and pins."""
        self.remember(
            sort=table.sort,
            reverse=table.reverse,
            side=table.side,
            find=table.text,
            expression=table.expression,
            watched=tuple(sorted(Instrument(*key) for key in table.watched)),
            watch_only=table.watch_only,
            pinned=tuple(Instrument(*key) for key in table.pinned),
        )
        self._hold_asked_for()

    def choose_book(self, book: str) -> None:
        """Show this book of the asset on both screens until the symbol changes; the engine holds its full depth."""
        if book == self.book:
            self.tell("no other perpetual on this asset, so no other book")
            return
        self.book = self.main.query_one(DepthPane).book = book
        self._hold_asked_for()

    def _peers(self) -> set[tuple[str, str]]:
        """The other perpetuals on the asset under the cursor."""
        snapshot = self._snapshot
        row = snapshot.row_of(*self.key) if snapshot is not None and self.key is not None else None
        if snapshot is None or row is None:
            return set()
        return {(one.venue, one.symbol) for one in presenters.depth_books.peers_of(snapshot, row)}

    def _hold_asked_for(self) -> None:
        """Have the engine keep full depth of pinned and watched symbols, and of peers whose book is shown."""
        held = {(one.venue, one.symbol) for one in (*self._state.watched, *self._state.pinned)}
        self.source.hold(held | (self._peers() if self.book else set()))

    # Actions

    async def action_act(self, name: str) -> None:
        """Carry out an action of the table by its id."""
        action = BY_ID[name]
        screen = self.screen
        if isinstance(screen, ReportScreen) and name not in ON_REPORTS:
            or_map = " or the map" if name in ON_MAP else ""
            self.tell(f"{action.label}: only {WHERE[action.where]}{or_map}; {self.keymap.text('back')} goes back")
            return
        if not isinstance(screen, PaneScreen):
            if name in (*ON_EVERY_SCREEN, "interrupt") or isinstance(screen, ReportScreen):
                self._carry_out(getattr(self, action.handler), action)
            return
        if not usable(action.where, screen.KIND, self.replaying):
            self.tell(f"{action.label}: only {WHERE[action.where]}")
            return
        if screen is self.main:
            self.main.table.touch()
        self._carry_out(getattr(screen, action.handler, None) or getattr(self, action.handler), action)

    def _carry_out(self, handler: Callable[..., None], action: Action) -> None:
        if action.argument:
            handler(action.argument)
        else:
            handler()

    def do_quit(self) -> None:
        self.exit()

    def do_interrupt(self) -> None:
        self.tell(f"{self.keymap.text('quit')} ends prism")

    def do_suspend(self) -> None:
        if self._driver is not None and self._driver.can_suspend and sys.platform != "win32":
            self.action_suspend_process()
        else:
            self.tell("this terminal has no shell to return to")

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Entries of the palette: every action available now, and every theme by name."""
        if isinstance(screen, PaneScreen):
            for action in screen.available():
                if action.group != "move" and action.id != "palette":
                    title = f"{action.label}  ({self.keymap.text(action.id)})"
                    yield SystemCommand(title, action.help, lambda name=action.id: self.run_action(f"act('{name}')"))
        for name in self.themes.themes:
            yield SystemCommand(f"theme {name}", f"Use the theme {name}.", lambda name=name: self._set_theme(name))

    # Ending

    def end_from_thread(self) -> None:
        """Ask the app to end, from any thread. Raises RuntimeError if its loop is not running."""
        if self._running_loop is None:
            raise RuntimeError("the console has not started")
        self._running_loop.call_soon_threadsafe(self.exit)

    def _handle_exception(self, error: Exception) -> None:
        """Every error ends the app, but one: that a widget is missing once the app ends.

        From then on Textual removes widgets and mounts no children, in an order of its own, while handlers still run.
        """
        ending = self._exit or not self._running  # asked to, or cancelled by an interrupt
        if ending and isinstance(error, NoMatches):
            LOG.info("a widget was gone as the console ended: %s", error)
            return
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        """One line for the user, details in a file. Textual itself would print all locals to the terminal."""
        error = self._exception
        path = self._state_path.parent / "crash.log"
        told = f"prism stopped because of an internal error ({type(error).__name__}); details in {path}"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            details = "".join(traceback.format_exception(error)) if error else "no exception known\n"
            path.write_text(details, encoding="utf-8", errors="replace")
        except OSError as failure:
            told = f"prism stopped because of an internal error: {error!r} (not written to {path}: {failure.strerror})"
        self.failed = clean(told, 500)
        self._close_messages_no_wait()
