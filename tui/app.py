"""The console application: carries out the actions of the table and knows what the screens share.

Started by `tui.launch`. What it looks at and remembers is `tui.console`; actions that need room have a module each
(`tui.app_choices`, `tui.app_recording`, `tui.app_reports`), and those of one screen live on the screen. It holds
nothing of the market and must never wait for the engine.
"""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
from collections.abc import Iterable
from typing import Any, ClassVar

from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.screen import Screen

from engine.config.presets import PRESETS
from engine.config.schema import preset_name
from engine.text import clean
from themes import files as theme_files
from themes import loader
from tui.actions import BY_ID, ON_EVERY_SCREEN, WHERE, usable
from tui.app_choices import Choices
from tui.app_recording import RecordingControls
from tui.app_reports import Reports
from tui.presenters.depth_books import peers_of
from tui.presenters.selection import ViewState
from tui.presenters.sheet import Key
from tui.screens.drilldown import DrillScreen
from tui.screens.pane_screen import PaneScreen
from tui.state import Instrument
from tui.widgets import few_colours
from tui.widgets.panes import DepthPane


class PrismApp(Choices, RecordingControls, Reports, inherit_bindings=False):
    """See the module."""

    CSS_PATH = "prism.tcss"
    TITLE = "prism"
    ENABLE_COMMAND_PALETTE = False  # its fixed key would stand beside the table of actions; `do_palette` opens it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(BY_ID[name].keys), f"act('{name}')", show=False, priority=True, id=name)
        for name in ON_EVERY_SCREEN
    ]

    def get_driver_class(self) -> type[Driver]:
        """Ours on a terminal; Textual's where a page or another system shows the console."""
        if sys.platform == "win32" or "TEXTUAL_DRIVER" in os.environ:
            return super().get_driver_class()
        from tui.terminal_driver import TerminalDriver

        return TerminalDriver

    def on_mount(self) -> None:
        self._running_loop = asyncio.get_running_loop()
        if not self.is_headless:  # what no terminal shows has every colour
            self._filters += few_colours.filters(self.console.color_system)
        for theme in self.themes.themes.values():
            self.register_theme(loader.red_up(theme) if self.config.console.up_color == "red" else theme)
        wanted = self._state.theme or self.config.console.theme
        self.theme = wanted if wanted in self.available_themes else theme_files.DEFAULT
        self.set_keymap(self.keymap.rebound)
        self.push_screen(self.main)
        for problem in (*self.themes.problems, *self.keymap.problems, *self._notices):
            self.tell(problem, severity="warning")
        if wanted != self.theme:
            self.tell(f"no theme {wanted!r}; using {self.theme}", severity="warning")
        preset = self._state.preset or preset_name(self.config.engine.preset)
        if preset in PRESETS:
            self.source.set_preset(str(preset))
        self._hold_asked_for()
        self.set_interval(1 / self.config.console.refresh_hz, self.refresh_view)

    # What the screens share

    def highlight(self, key: Key | None) -> None:
        """The cursor is on another symbol."""
        if key is not None and key != self.key:
            self.key = key
            self.source.focus(key.venue, key.symbol)
            if self._state.depth_book:
                self._hold_asked_for()
            # The cursor is painted first; what the panes say of its symbol takes several times as long.
            if not self._is_turning:
                self._is_turning = True
                self.call_after_refresh(self._turn)
        elif key is None:
            self.key = None

    def _turn(self) -> None:
        """Show the symbol that the cursor has come to, once for all that it passed on the way."""
        self._is_turning = False
        self.refresh_view()

    @property
    def greeted(self) -> bool:
        """Whether the lines for newcomers were hidden."""
        return self._state.greeted

    def open_symbol(self) -> None:
        """Push the symbol's screen."""
        if not isinstance(self.screen, DrillScreen) and self.key is not None:
            state = self._state
            self.push_screen(DrillScreen(state.face, state.depth_grouping, state.timeframe, state.depth_book))

    @property
    def kept_filters(self) -> dict[str, str]:
        """Expressions by the names they are kept under."""
        return dict(self._state.filters)

    def remember_table(self, table: ViewState) -> None:
        """Keep the table's sort, filters, watch-list and pins."""
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
        """Keep which book of an asset both screens show, and let the engine follow it."""
        if book == self._state.depth_book:
            self.tell("no other perpetual on this asset, so no other book")
            return
        self.remember(depth_book=book)
        self.main.query_one(DepthPane).book = book
        self._hold_asked_for()

    def _peers(self) -> set[tuple[str, str]]:
        """The other perpetuals on the asset under the cursor."""
        snapshot = self._snapshot
        row = snapshot.row_of(*self.key) if snapshot is not None and self.key is not None else None
        return {(one.venue, one.symbol) for one in peers_of(snapshot, row)} if snapshot and row is not None else set()

    def _hold_asked_for(self) -> None:
        """Let the engine keep full depth of what is pinned, on the watch-list, or shown beside the row's own book."""
        held = {(one.venue, one.symbol) for one in (*self._state.watched, *self._state.pinned)}
        self.source.hold(held | (self._peers() if self._state.depth_book else set()))

    # Actions

    async def action_act(self, name: str) -> None:
        """Carry out an action of the table by its id."""
        action = BY_ID[name]
        screen = self.screen
        if not isinstance(screen, PaneScreen):
            if name in (*ON_EVERY_SCREEN, "interrupt"):
                getattr(self, action.handler)()
            return
        if not usable(action.where, screen.KIND, self.replaying):
            self.tell(f"{action.label}: only {WHERE[action.where]}")
            return
        if screen is self.main:
            self.main.table.touch()
        handler = getattr(screen, action.handler, None) or getattr(self, action.handler)
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
            self.tell("this terminal has no shell to give way to")

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The palette: every action that makes sense now, and every theme by name."""
        if isinstance(screen, PaneScreen):
            for action in screen.available():
                if action.group != "move" and action.id != "palette":
                    title = f"{action.label}  ({self.keymap.text(action.id)})"
                    yield SystemCommand(title, action.help, lambda name=action.id: self.run_action(f"act('{name}')"))
        for name in self.themes.themes:
            yield SystemCommand(f"theme {name}", f"Use the theme {name}.", lambda name=name: self._set_theme(name))

    # Ending

    def end_from_thread(self) -> None:
        """Ask the app to end, from any thread; raises RuntimeError where its loop does not run."""
        if self._running_loop is None:
            raise RuntimeError("the console has not started")
        self._running_loop.call_soon_threadsafe(self.exit)

    def _fatal_error(self) -> None:
        """One line for the user and the details in a file, where Textual would print all locals to the terminal."""
        error = self._exception
        path = self._state_path.parent / "crash.log"
        told = f"prism stopped on an error of its own ({type(error).__name__}); details in {path}"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(traceback.format_exception(error)) if error else "no exception known\n")
        except OSError as failure:
            told = f"prism stopped on an error of its own: {error!r} (not written to {path}: {failure.strerror})"
        self.failed = clean(told, 500)
        self._close_messages_no_wait()
