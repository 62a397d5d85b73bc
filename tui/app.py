"""The console application: pulls the newest snapshot, hands it to the screen in front, carries out actions.

Started by `tui.launch`. It holds what both screens share (the symbol under the cursor, the preset, what is
remembered between runs) and nothing of the market: no message crosses from the engine, the app looks at the source
eight times a second. It must never wait for the engine.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import sys
import traceback
from collections.abc import Iterable, Sequence
from datetime import tzinfo
from math import inf, isfinite
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

import platformdirs
from msgspec.structs import replace
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.command import CommandPalette
from textual.screen import Screen

from engine.clock import Clock, SystemClock
from engine.config.presets import PRESETS
from engine.config.schema import Config, preset_name
from engine.snapshot import ReplayStatus, Snapshot
from engine.text import clean
from themes import loader
from tui.actions import BY_ID, ON_EVERY_SCREEN, Keymap, usable
from tui.export import ExportError, write_new
from tui.presenters.alerts import AlertChoice, Alerts, desktop_notice
from tui.presenters.preset_change import preset_change
from tui.presenters.selection import ViewState
from tui.presenters.sheet import Key
from tui.presenters.view import Risk, View
from tui.presenters.waiting import waiting
from tui.screens.drilldown import DrillScreen
from tui.screens.help import HelpScreen
from tui.screens.main import MainScreen
from tui.screens.market import MarketScreen
from tui.screens.pane_screen import PaneScreen
from tui.screens.venues import ReportScreen, VenuesScreen
from tui.source import Source
from tui.state import ConsoleState, Instrument, default_path, load, save
from tui.widgets import few_colours

SILENT_S: Final = 5.0
"""A healthy engine publishes several times a second; after this long without, the screen says so."""
FAILURE_SHOWN_S: Final = 1.5
"""How long a failure stands on screen before the program ends with it."""
SPEEDS: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, inf)

Severity = Literal["information", "warning", "error"]


class PrismApp(App[None], inherit_bindings=False):
    """See the module."""

    CSS_PATH = "prism.tcss"
    TITLE = "prism"
    ENABLE_COMMAND_PALETTE = False  # its fixed key would stand beside the table of actions; `do_palette` opens it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(BY_ID[name].keys), f"act('{name}')", show=False, priority=True, id=name)
        for name in ON_EVERY_SCREEN
    ]

    def __init__(
        self,
        source: Source,
        config: Config | None = None,
        *,
        state_path: Path | None = None,
        clock: Clock | None = None,
        zone: tzinfo | None = None,
        notices: Sequence[str] = (),
        config_would_be: Path | None = None,
    ) -> None:
        self.themes = loader.load(platformdirs.user_config_path("prism") / "themes")
        super().__init__()
        self.source = source
        self.config = config or Config()
        self.keymap = Keymap(self.config.console.keys)
        self.key: Key | None = None
        """The symbol under the cursor, kept while it is off the table."""
        self.config_would_be = config_would_be
        """Where a configuration would lie; None where there is one."""
        self.urgent = ""
        """What the status line must say before all else."""
        self.failed: str | None = None
        """Why the program ended, for the one line after the terminal is restored."""
        self._clock = clock or SystemClock()
        self._zone = zone
        self._state_path = state_path or default_path()
        self._state, state_notice = load(self._state_path)
        self._kept = self._state
        self._notices = (*notices, *([state_notice] if state_notice else []))
        section = self.config.console
        self._alerts = Alerts(
            AlertChoice(
                section.alert_candidate,
                section.alert_liquidation,
                section.alert_venue,
                section.large_liquidation_usd,
                section.alert_every_s,
            )
        )
        self._snapshot: Snapshot | None = None
        self._newest_ns = self._tick_ns = self._clock.monotonic_ns()
        self._running_loop: asyncio.AbstractEventLoop | None = None
        self.main: MainScreen = self._make_main()

    def _make_main(self) -> MainScreen:
        state, section = self._state, self.config.console
        minimum = state.liquidation_minimum_usd or section.min_liquidation_usd
        return MainScreen(table_state(state), state.face, state.depth_grouping, minimum, section.flash)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return loader.variable_defaults()

    def on_mount(self) -> None:
        self._running_loop = asyncio.get_running_loop()
        if not self.is_headless:  # what no terminal shows has every colour
            self._filters += few_colours.filters(self.console.color_system)
        for theme in self.themes.themes.values():
            self.register_theme(loader.red_up(theme) if self.config.console.up_color == "red" else theme)
        wanted = self._state.theme or self.config.console.theme
        self.theme = wanted if wanted in self.available_themes else loader.DEFAULT
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

    # Looking at the engine

    @property
    def replaying(self) -> bool:
        """Whether the keys of a recording mean something."""
        return self._recording() is not None

    def _recording(self) -> ReplayStatus | None:
        """Where the recording stands; a demo is a recording too, but not one to be steered."""
        snapshot = self._snapshot
        return snapshot.replay if snapshot is not None and snapshot.mode == "replay" else None

    def now_s(self) -> float:
        """A time that never jumps, seconds."""
        return self._clock.monotonic_ns() / 1e9

    def refresh_view(self) -> None:
        """Take the newest snapshot and show it in the screen in front."""
        now_ns = self._clock.monotonic_ns()
        paused_s, self._tick_ns = (now_ns - self._tick_ns) / 1e9, now_ns
        if paused_s > SILENT_S:
            self.tell(f"display paused for {paused_s:.0f} s: the terminal did not read, or the machine slept")
            self._newest_ns = now_ns
        snapshot = self.source.latest()
        if snapshot is not None and snapshot is not self._snapshot:
            self._snapshot, self._newest_ns = snapshot, now_ns
        self._judge(now_ns)
        self._ring(now_ns / 1e9)
        if not self.is_running or not self.screen_stack:
            return
        screen = self.screen
        view = self.view()
        if isinstance(screen, ReportScreen) and view is not None:
            screen.present(view)
        if not isinstance(screen, PaneScreen) or not screen.stands:
            return
        if view is None or not view.snapshot.at_ms:
            screen.wait(waiting(self._snapshot, self.keymap.text("venues")), view)
        else:
            screen.present(view)

    def view(self) -> View | None:
        """This moment, under the preset in force on screen; None before the first snapshot."""
        snapshot = self._snapshot
        if snapshot is None:
            return None
        preset = self.preset
        if preset != snapshot.preset and preset in snapshot.rankings:
            snapshot = dataclasses.replace(snapshot, preset=preset)
        row = snapshot.row_of(*self.key) if self.key else None
        now_ms = self._clock.now_ns() // 1_000_000 if snapshot.mode == "live" else snapshot.at_ms
        account = self.config.account
        risk = Risk(account.equity_usd, account.risk_frac, account.depth_cap_frac)
        return View(snapshot, row, now_ms, self._zone, risk, self.config.console.large_liquidation_usd)

    def _judge(self, now_ns: int) -> None:
        failure = self.source.failure()
        if failure is None and not self.source.alive():
            failure = "the engine ended without a reason"
        if failure is not None:
            if self.failed is None:
                self.failed = clean(failure)
                self.set_timer(FAILURE_SHOWN_S, self._end_failed)
            self.urgent = f"engine failed: {self.failed}"
            return
        replay = self._recording()
        silent_s = (now_ns - self._newest_ns) / 1e9
        held = replay is not None and (replay.paused or replay.finished)
        self.urgent = f"engine silent for {silent_s:.0f} s" if silent_s > SILENT_S and not held else ""

    def _ring(self, now_s: float) -> None:
        if not self._state.alerts or self._snapshot is None:
            return
        text = clean(self._alerts.look(self._snapshot, self.preset, now_s))
        if not text:
            return
        self.tell(text)
        way = self.config.console.alert_by
        if way != "desktop":
            self.bell()
        if way != "bell" and self._driver is not None:
            self._driver.write(desktop_notice(text, "TMUX" in os.environ))

    def _end_failed(self) -> None:
        self.exit(return_code=1)

    # What both screens share

    @property
    def preset(self) -> str:
        """The preset in force on screen."""
        chosen = self._state.preset or preset_name(self.config.engine.preset) or "balanced"
        return chosen if chosen in PRESETS else "balanced"

    def highlight(self, key: Key | None) -> None:
        """The cursor is on another symbol."""
        if key is not None and key != self.key:
            self.key = key
            self.source.focus(key.venue, key.symbol)
            self.refresh_view()
        elif key is None:
            self.key = None

    @property
    def greeted(self) -> bool:
        """Whether the lines for newcomers were hidden."""
        return self._state.greeted

    def open_symbol(self) -> None:
        """Push the symbol's screen."""
        if not isinstance(self.screen, DrillScreen) and self.key is not None:
            self.push_screen(DrillScreen(self._state.face, self._state.depth_grouping, self._state.timeframe))

    def remember(self, **changes: Any) -> None:
        """Keep a choice for the next run."""
        state = replace(self._state, **changes)
        if state != self._state:
            self._state = state
            if notice := save(self._state_path, state, self._kept):
                self.tell(notice, severity="warning")
            else:
                self._kept = state

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

    def _hold_asked_for(self) -> None:
        """Let the engine keep full depth of what is pinned or on the watch-list."""
        self.source.hold({(one.venue, one.symbol) for one in (*self._state.watched, *self._state.pinned)})

    def tell(self, text: str, severity: Severity = "information") -> None:
        """A short notice in a corner; never read as markup."""
        self.notify(clean(text), severity=severity, markup=False, timeout=5)

    def export_folder(self) -> Path:
        """Where exports go: the user's documents where there is such a folder, else beside the state file."""
        documents = platformdirs.user_documents_path()
        return documents / "prism" if documents.is_dir() else self._state_path.parent / "exports"

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
            self.tell(f"{action.label}: only {'in a recording' if action.where == 'replay' else 'on the main screen'}")
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

    def do_preset(self, name: str) -> None:
        snapshot = self._snapshot
        if snapshot is not None and self.preset in snapshot.rankings and name in snapshot.rankings:
            rankings = snapshot.rankings
            self.tell(preset_change(rankings[self.preset], rankings[name], snapshot.instruments))
        self.remember(preset=name)
        self.source.set_preset(name)
        self.main.table.set_preset(name)
        self.refresh_view()

    def do_preset_step(self, step: str) -> None:
        names = list(PRESETS)
        self.do_preset(names[(names.index(self.preset) + int(step)) % len(names)])

    def do_alerts(self) -> None:
        self.remember(alerts=not self._state.alerts)
        self._alerts.forget()
        if self._snapshot is not None:
            # What is so at this moment is no news.
            self._alerts.look(self._snapshot, self.preset, self.now_s())
        section = self.config.console
        events = {
            "new candidates": section.alert_candidate,
            "large liquidations": section.alert_liquidation,
            "venues": section.alert_venue,
        }
        chosen = ", ".join(name for name, on in events.items() if on)
        if not self._state.alerts:
            self.tell("alerts off")
        elif chosen:
            self.tell(f"alerts on by {section.alert_by.replace('both', 'bell and desktop')}: {chosen}")
        else:
            self.tell("alerts on, but the configuration chooses no event", severity="warning")

    def do_theme(self) -> None:
        names = list(self.themes.themes)
        place = names.index(self.theme) if self.theme in names else -1
        self._set_theme(names[(place + 1) % len(names)])

    def _set_theme(self, name: str) -> None:
        self.theme = name
        self.remember(theme=name)
        self.tell(f"theme {name}")

    def do_help(self) -> None:
        screen = self.screen
        if isinstance(screen, PaneScreen):
            title, text = screen.title_of(screen.front), screen.help_of(screen.front)
            self.push_screen(HelpScreen(title, text, screen.available(), self.keymap))

    def do_venues(self) -> None:
        self._report(VenuesScreen())

    def do_market(self) -> None:
        self._report(MarketScreen())

    def _report(self, report: ReportScreen) -> None:
        if isinstance(self.screen, PaneScreen):
            self.push_screen(report)
            self.call_after_refresh(self.refresh_view)

    def do_palette(self) -> None:
        self.push_screen(CommandPalette(id="--command-palette"))

    def do_picture(self) -> None:
        svg = self.export_screenshot(title=self.TITLE or "prism")
        try:
            path = write_new(svg.encode("utf-8", "replace"), "screen", "svg", self.export_folder())
        except ExportError as error:
            self.tell(str(error), severity="error")
        else:
            self.tell(f"picture written to {path}")

    def do_copy_symbol(self) -> None:
        if self.key is None:
            self.tell("no symbol under the cursor to copy")
        else:
            self.copy_to_clipboard(self.key.symbol)
            self.tell(f"{self.key.symbol} copied, if this terminal lets programs set its clipboard (OSC 52)")

    def do_replay_pause(self) -> None:
        replay = self._recording()
        if replay is not None:
            self.source.pause(not replay.paused)

    def do_replay_step(self) -> None:
        replay = self._recording()
        if replay is not None and not replay.paused:
            self.source.pause(True)
        self.source.step()

    def do_speed(self, step: str) -> None:
        replay = self._recording()
        if replay is not None:
            place = min(range(len(SPEEDS)), key=lambda i: _distance(SPEEDS[i], replay.speed))
            speed = SPEEDS[min(len(SPEEDS) - 1, max(0, place + int(step)))]
            self.source.set_speed(speed)
            self.tell(f"speed {f'{speed:g} times' if isfinite(speed) else 'as fast as it goes'}")

    def do_seek(self, by_ms: str) -> None:
        replay = self._recording()
        if replay is not None:
            self.source.seek(max(replay.start_ms, replay.at_ms + int(by_ms)))

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


def table_state(state: ConsoleState) -> ViewState:
    """What the table starts with."""
    sides: dict[str, Literal["both", "long", "short"]] = {"long": "long", "short": "short"}
    return ViewState(
        preset=state.preset,
        sort=state.sort or "rank",
        reverse=state.reverse,
        text=state.find,
        expression=state.expression,
        side=sides.get(state.side, "both"),
        watched=frozenset(Key(i.venue, i.symbol) for i in state.watched),
        watch_only=state.watch_only,
        pinned=tuple(Key(i.venue, i.symbol) for i in state.pinned),
    )


def _distance(one: float, other: float) -> float:
    return 0.0 if one == other else abs(one - other) if isfinite(one) and isfinite(other) else inf
