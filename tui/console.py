"""What every part of the console application stands on: the newest snapshot, and what is remembered between runs.

Base of `tui.app.PrismApp` and of the parts of it that carry out actions (`tui.app_choices`, `tui.app_recording`,
`tui.app_reports`). It looks at the source eight times a second, judges whether the engine does well, and rings. It
must never wait for the engine and carries out no action.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import Sequence
from datetime import tzinfo
from pathlib import Path
from typing import Any, Final, Literal

import platformdirs
from msgspec.structs import replace

from engine.clock import Clock, SystemClock
from engine.config.presets import PRESETS
from engine.config.schema import Config, preset_name
from engine.snapshot import ReplayStatus, Snapshot
from engine.text import clean
from themes import loader
from themes.files import user_folder
from tui.actions import Keymap
from tui.keys_in_order import KeysInOrder
from tui.presenters.alerts import AlertChoice, Alerts, desktop_notice
from tui.presenters.selection import ViewState
from tui.presenters.sheet import Key
from tui.presenters.view import Risk, View
from tui.presenters.waiting import waiting
from tui.screens.main import MainScreen
from tui.screens.pane_screen import PaneScreen
from tui.screens.venues import ReportScreen
from tui.source import Source
from tui.state import ConsoleState, default_path, load, save

SILENT_S: Final = 5.0
"""A healthy engine publishes several times a second; after this long without, the screen says so."""
FAILURE_SHOWN_S: Final = 1.5
"""How long a failure stands on screen before the program ends with it."""

Severity = Literal["information", "warning", "error"]


class ConsoleApp(KeysInOrder):
    """See the module."""

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
        self.themes = loader.load(user_folder())
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
        self._is_turning = False
        """The cursor has come to another symbol, which the panes do not show yet."""
        self.main: MainScreen = self._make_main()

    def _make_main(self) -> MainScreen:
        state, section = self._state, self.config.console
        minimum = state.liquidation_minimum_usd or section.min_liquidation_usd
        return MainScreen(
            table_state(state), state.face, state.depth_grouping, minimum, section.flash, state.depth_book
        )

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return loader.variable_defaults()

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

    # What every part shares

    @property
    def preset(self) -> str:
        """The preset in force on screen."""
        chosen = self._state.preset or preset_name(self.config.engine.preset) or "balanced"
        return chosen if chosen in PRESETS else "balanced"

    def remember(self, **changes: Any) -> None:
        """Keep a choice for the next run."""
        state = replace(self._state, **changes)
        if state != self._state:
            self._state = state
            if notice := save(self._state_path, state, self._kept):
                self.tell(notice, severity="warning")
            else:
                self._kept = state

    def tell(self, text: str, severity: Severity = "information") -> None:
        """A short notice in a corner; never read as markup."""
        self.notify(clean(text), severity=severity, markup=False, timeout=5)

    def export_folder(self) -> Path:
        """Where exports go: the user's documents where there is such a folder, else beside the state file."""
        documents = platformdirs.user_documents_path()
        return documents / "prism" if documents.is_dir() else self._state_path.parent / "exports"


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
