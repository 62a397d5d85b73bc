"""The base of the console application: reads the newest snapshot and keeps the state saved between runs.

Base class of `tui.app.PrismApp` and of the mix-ins with its actions (`tui.app_choices`, `tui.app_recording`,
`tui.app_reports`). It polls the source eight times a second (`console.refresh_hz`), checks that the engine is healthy,
and raises alerts. It must never wait for the engine and carries out no action.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import math
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import platformdirs
from msgspec.structs import replace
from textual import events
from textual.notifications import Notification, Notify
from textual.screen import Screen

from engine.clock import Clock, SystemClock
from engine.config.presets import PRESETS
from engine.config.schema import Config, preset_name
from engine.text import clean
from themes import loader
from themes.files import DEFAULT, user_folder
from tui.actions import Keymap
from tui.keys_in_order import KeysInOrder
from tui.presenters.alerts import AlertChoice, Alerts, desktop_notice
from tui.presenters.columns import symbol_text
from tui.presenters.row import Key
from tui.presenters.told import KEPT, STANDS_S, Severity, Told, fitted, leaving, returning
from tui.presenters.view import Risk, View, venue_title
from tui.presenters.view_state import ViewState
from tui.presenters.waiting import waiting
from tui.screens.main import MainScreen
from tui.screens.overlay import Overlay
from tui.screens.pane_screen import PaneScreen, size_class
from tui.source import Source
from tui.state import ConsoleState, StateWriter, default_path, fit_to_show, load
from tui.widgets import theme_colours

if TYPE_CHECKING:
    from engine.snapshot import ReplayStatus, Snapshot

SILENT_S: Final = 5.0
"""A healthy engine publishes several times a second; after this long without a snapshot, the screen says so."""
FAILURE_SHOWN_S: Final = 1.5
"""How long a failure is shown on screen before the program ends."""
SAVE_S: Final = 2.0
"""How long the app's end waits for the disk to take the last choices; `tui.launch` waits longer, and says so."""

BESIDE_WORDS: Final = 6
"""Columns of a line that a notice's words do not get: its edge, the blanks around them, margin and scroll bar."""
UNDER_WAY_S: Final = 0.3
"""A snapshot that arrives this soon after a request may have been made before it."""

_SHOWN: Final = object()
"""Returned when no piece is left."""

T = TypeVar("T")


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
        begin: Callable[[], object] = lambda: None,
    ) -> None:
        """`begin` is called once the main screen has been painted; it starts the engine and the background loading."""
        self.themes = loader.load(user_folder())
        self.config = config or Config()
        super().__init__()  # asks for the colours of the theme
        self.source = source
        self.keymap = Keymap(self.config.console.keys)
        self.key: Key | None = None
        """The symbol that the screens show: the one that was opened, else the one under the cursor."""
        self.book = ""
        """Which book of its asset is shown, named as in `tui.presenters.depth_books`; empty: its own."""
        self.config_would_be = config_would_be
        """Where prism looked for a configuration; None if there is one."""
        self.urgent = ""
        """A message that takes precedence in the status line; empty: none."""
        self._told: deque[Told] = deque(maxlen=KEPT)
        self._put_off: Notification | None = None
        """What a small terminal shows again once the notice that displaced it has left, for the time it had left."""
        self._begin = begin
        self._has_begun = False
        self.failed: str | None = None
        """Why the program ended, for the one line after the terminal is restored."""
        self._clock = clock or SystemClock()
        self._zone = zone
        self._state_path = state_path or default_path()
        self._state, state_notice = load(self._state_path)
        self._writer = StateWriter(self._state_path, self._state, self._tell_unsaved)
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
        self._wishes: dict[str, tuple[float, Any]] = {}
        """The last request to a recording, by name: when (seconds) and the value."""
        self._newest_ns = self._tick_ns = self._clock.monotonic_ns()
        self._pieces: Iterator[None] | None = None
        """The parts of the newest snapshot that are not shown yet."""
        self._is_pressed = False
        """A key was pressed, and its effect may not be painted yet."""
        self._running_loop: asyncio.AbstractEventLoop | None = None
        self._is_turning = False
        """The cursor moved to another symbol, which the panes do not show yet."""
        self.main: MainScreen = self._make_main()
        self._theme_wanted = self._dress()

    def _make_main(self) -> MainScreen:
        state, section = self._state, self.config.console
        minimum = 0.0 if state.liquidations_all else state.liquidation_minimum_usd or section.min_liquidation_usd
        return MainScreen(table_state(state), state.face, state.depth_grouping, minimum, section)

    def _dress(self) -> str:
        """Register every theme and set the chosen one before the first style is parsed: setting it later would parse
        all styles again.

        Returns the name of the chosen theme, which may not exist.
        """
        for theme in self.themes.themes.values():
            self.register_theme(loader.red_up(theme) if self.config.console.up_color == "red" else theme)
        wanted = self._state.theme or self.config.console.theme
        self.set_reactive(ConsoleApp.theme, wanted if wanted in self.available_themes else DEFAULT)
        theme = self.current_theme
        self.update_classes(
            {f"-theme-{theme.name}": True, "-dark-mode": theme.dark, "-light-mode": not theme.dark}, update=False
        )
        self.stylesheet.set_variables(self.get_css_variables())
        return wanted

    def get_default_screen(self) -> Screen[Any]:
        return self.main

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return loader.variable_defaults(self.current_theme.dark, self.config.console.up_color)

    def get_css_variables(self) -> dict[str, str]:
        self.theme_variables = theme_colours.legible(super().get_css_variables())
        return self.theme_variables

    # Looking at the engine

    @property
    def replaying(self) -> bool:
        """Whether a recording is playing, so that the playback keys apply."""
        return self._recording() is not None

    @property
    def is_symbol_open(self) -> bool:
        """Whether a symbol's screen is open, in front or below a report."""
        return any(isinstance(screen, PaneScreen) and screen.KIND == "drill" for screen in self.screen_stack)

    def _recording(self) -> ReplayStatus | None:
        """The playback state of a recording; None for live markets and demos, which cannot be controlled."""
        snapshot = self._snapshot
        return snapshot.replay if snapshot is not None and snapshot.mode == "replay" else None

    def _wish(self, name: str, value: T) -> T:
        """Note a request to the recording; returns its value."""
        self._wishes[name] = (self.now_s(), value)
        return value

    def _wished(self, name: str, shown: T) -> T:
        """The last requested value, until a snapshot made after the request has arrived; then `shown`."""
        asked_s, value = self._wishes.get(name, (-math.inf, shown))
        return value if self._newest_ns / 1e9 < asked_s + UNDER_WAY_S else shown

    def now_s(self) -> float:
        """Monotonic time, seconds."""
        return self._clock.monotonic_ns() / 1e9

    def refresh_view(self) -> None:
        """Take the newest snapshot and show all of it on the screen in front at once."""
        self._pieces = None
        for _ in self._showing():
            pass

    def follow(self) -> None:
        """Take the newest snapshot and show it piece by piece, so that no key waits for more than one of them."""
        if not self.screen_stack:
            return  # the timer's last tick, after the screens are gone
        for _ in self._pieces or ():
            pass  # the pieces of the previous snapshot are late: show the rest of them at once
        self._pieces = pieces = self._showing()
        self._go_on(pieces, self.screen)

    def _go_on(self, pieces: Iterator[None], front: Screen[Any]) -> None:
        """Show one piece and schedule the next. If a key was pressed, its effect is painted before the next piece."""
        if pieces is not self._pieces or not self.screen_stack:
            return
        if self.screen is not front or next(pieces, _SHOWN) is _SHOWN:
            self._pieces = None
        elif self._is_pressed:
            self._is_pressed = False
            self.call_after_refresh(self._go_on, pieces, front)
        else:
            asyncio.get_running_loop().call_soon(self.call_later, self._go_on, pieces, front)

    async def on_event(self, event: events.Event) -> None:
        self._is_pressed = self._is_pressed or isinstance(event, events.Key)
        await super().on_event(event)

    def _showing(self) -> Iterator[None]:
        """Take the newest snapshot and show one piece of it at each step."""
        self._take()
        yield
        if not self.is_running or not self.screen_stack:
            return
        screen, view = self.screen, self.view()
        if isinstance(screen, Overlay):
            yield from screen.presenting(view)
        if not isinstance(screen, PaneScreen) or not screen.stands:
            return
        if view is None or not view.snapshot.at_ms:
            screen.wait(waiting(self._snapshot, self.keymap.text("venues")), view)
        else:
            yield from screen.presenting(view)

    def _take(self) -> None:
        """Take the newest snapshot, check the engine's health and raise alerts."""
        now_ns = self._clock.monotonic_ns()
        paused_s, self._tick_ns = (now_ns - self._tick_ns) / 1e9, now_ns
        if paused_s > SILENT_S:
            self.tell(f"display paused for {paused_s:.0f} s: the terminal did not read, or the machine slept")
            self._newest_ns = now_ns
        snapshot = self.source.latest()
        if snapshot is not None and snapshot is not self._snapshot:
            self._snapshot, self._newest_ns = snapshot, now_ns
            self.main.note_ranks(snapshot)
        self._judge(now_ns)
        self._ring(now_ns / 1e9)

    def view(self) -> View | None:
        """What the presenters show now, under the preset chosen on screen; None before the first snapshot."""
        snapshot = self._snapshot
        if snapshot is None:
            return None
        preset = self.preset
        if preset != snapshot.preset and preset in snapshot.rankings:
            snapshot = dataclasses.replace(snapshot, preset=preset)
        replay = snapshot.replay
        if replay is not None and (seek_ms := self._wished("seek", replay.seek_ms)) != replay.seek_ms:
            snapshot = dataclasses.replace(snapshot, replay=dataclasses.replace(replay, seek_ms=seek_ms))
        row = snapshot.row_of(*self.key) if self.key else None
        account = self.config.account
        risk = Risk(account.equity_usd, account.risk_frac, account.depth_cap_frac)
        return View(
            snapshot,
            row,
            self._now_ms(),
            self._zone,
            risk,
            self.config.console.large_liquidation_usd,
            tuple(self._told),
            f"{symbol_text(self.key.symbol)} of {venue_title(self.key.venue)}" if self.key and row is None else "",
            self._alerts_words(snapshot),
            self.keymap,
        )

    def _alerts_words(self, snapshot: Snapshot) -> str:
        """What the header says of alerts; empty while they are off."""
        if not self._state.alerts:
            return ""
        waits = self.config.console.alert_candidate and self._alerts.waits(snapshot)
        return "alerts wait for history" if waits else "alerts"

    def _now_ms(self) -> int:
        """Event time in demo and replay, the machine's clock in live; ms, 0 before the first snapshot."""
        snapshot = self._snapshot
        if snapshot is None:
            return 0
        return self._clock.now_ns() // 1_000_000 if snapshot.mode == "live" else snapshot.at_ms

    def _judge(self, now_ns: int) -> None:
        failure = self.source.failure()
        if failure is None and self._has_begun and not self.source.alive():
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
        if self._snapshot is None:
            return
        if not self._state.alerts:
            self._alerts.follow(self._snapshot)
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
        """The preset chosen on screen, else the configured one."""
        chosen = self._state.preset or preset_name(self.config.engine.preset) or "balanced"
        return chosen if chosen in PRESETS else "balanced"

    def remember(self, **changes: Any) -> None:
        """Save a choice for the next run."""
        state = fit_to_show(replace(self._state, **changes))
        if state != self._state:
            self._state = state
            self._writer.write(state)

    def _tell_unsaved(self, notice: str) -> None:
        """A choice could not be saved. Called in the writer's thread."""
        if self._running_loop is not None:
            with contextlib.suppress(RuntimeError):  # it ended meanwhile: `tui.launch` prints the notice
                self._running_loop.call_soon_threadsafe(functools.partial(self.tell, notice, severity="warning"))

    def on_unmount(self) -> None:
        """The terminal is restored by now: wait for the choices that are still being saved."""
        self._writer.flush(SAVE_S)

    def saved(self, limit_s: float) -> bool:
        """Wait up to `limit_s` seconds for the choices that are still being saved; returns whether none is left."""
        return self._writer.flush(limit_s)

    @property
    def unsaved(self) -> str:
        """Why the last choices could not be saved; empty if they were."""
        return self._writer.notice

    def tell(self, text: str, severity: Severity = "information") -> None:
        """Show a short notice on the status line, and list it on the venues screen; never markup."""
        said = Told(self._now_ms(), clean(text), severity)
        if self._told and (self._told[-1].text, self._told[-1].severity) == (said.text, severity):
            self._told.pop()
        self._told.append(said)
        shown = fitted(said.text, self.size.width - BESIDE_WORDS)
        self.notify(shown, severity=severity, markup=False, timeout=STANDS_S[severity])

    def on_notify(self, event: Notify) -> None:
        """Remove the notices that a new one displaces, before Textual shows it."""
        new, standing = event.notification, list(self._notifications)
        has_room = size_class(*self.size) in ("medium", "wide")
        if not has_room:
            known = [*([self._put_off] if self._put_off else []), *standing]
            place = returning(_texts(known), new.message)
            self._put_off = None if place is None else _from_now(known[place], known[place] in standing)
        for place in leaving(_texts(standing), new.message, has_room=has_room):
            del self._notifications[standing[place]]
            for screen in self.screen_stack:
                # Textual alone would remove the toast and leave its holder, which shows as an empty line.
                for holder in screen.query("ToastHolder"):
                    if holder.id and holder.id.endswith(standing[place].identity):
                        holder.remove()

    def _unnotify(self, notification: Notification, refresh: bool = True) -> None:
        """A notice left: its time is over, or it was clicked."""
        super()._unnotify(notification, refresh)
        self.call_later(self._bring_back)

    def _bring_back(self) -> None:
        put_off = self._put_off
        if put_off is not None and not self._notifications:
            self._put_off = None
            # Not by `notify`, whose message may come after that of a newer notice and displace it.
            self._notifications.add(_from_now(put_off, counts=False))
            self._refresh_notifications()

    def export_folder(self) -> Path:
        """Where exports go: `prism` in the user's documents folder if there is one, else beside the state file."""
        documents = platformdirs.user_documents_path()
        return documents / "prism" if documents.is_dir() else self._state_path.parent / "exports"


def table_state(state: ConsoleState) -> ViewState:
    """The table's settings as saved by the last run."""
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


def _texts(notices: Sequence[Notification]) -> list[tuple[str, Severity]]:
    return [(one.message, one.severity) for one in notices]


def _from_now(notice: Notification, counts: bool) -> Notification:
    """The same notice anew, with the time that it has left if its time `counts`, else with all of it."""
    left_s = notice.time_left if counts else notice.timeout
    return Notification(notice.message, severity=notice.severity, timeout=left_s, markup=False)
