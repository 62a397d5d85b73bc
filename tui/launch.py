"""Runs the console on an engine: `prism`, `prism demo`, `prism replay` and `prism record --console`.

Called by the command line for these commands. It runs the app under the lifeline, starts the engine once the first
screen is painted, closes it, and turns the outcome into an exit code and, after a failure, one line.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.config.schema import Config
from engine.text import clean
from tui.collecting import collect_seldom
from tui.engine_process.remote import EngineProcess
from tui.headless import diagnostics
from tui.headless.settings import loaded_settings
from tui.interrupts import end_at_once
from tui.lifeline import Lifeline, terminals
from tui.log import write_log

if TYPE_CHECKING:
    from engine.playback import Player
    from engine.transport.capture import CaptureReader
    from tui.app import PrismApp
    from tui.source import Source

CLOSE_S: Final = 2.0
"""How long the engine may take to end after the screen is closed."""
SAVE_S: Final = 8.0
"""How long a disk that is slow to take the user's last choices may delay the end of prism, which then says so."""
CLOSING_SAVE_S: Final = 0.2
"""The same after the terminal closed or a signal, once the engine is closed; counts against the three seconds of
`tui.lifeline`."""
FRAMES_PER_S: Final = "250"
"""Upper limit of Textual's frame rate. At its default of 60, a key pressed just after a frame waits 16 ms for the next.
Only what has changed is painted, eight times a second and at keys."""
LOOK_S: Final = 0.1
"""Pause between two attempts to end a console that has not started yet."""
SIGNS: Final = "▲▼●│█⠿"
"""One of each block that the console draws with."""


def run(args: argparse.Namespace) -> int:
    """Run a command with a console: live, demo, `record --console` or replay. `args` as defined in `tui.commands`.

    Before the screen opens, raises ConfigError for settings that cannot be used, and CaptureError for a recording.
    """
    loaded = loaded_settings(args)
    write_log()
    engine = open_engine(args, loaded.config)
    code = run_console(
        engine,
        loaded.config,
        loaded.notices,
        None if loaded.found else loaded.path,
        start=engine.start,
        in_browser=getattr(args, "in_browser", False),
        for_seconds=getattr(args, "for_seconds", None),
    )
    last = engine.latest()
    if last is not None and (written := last.health.written) is not None:
        if written.ended:
            diagnostics.notice(written.ended)
        diagnostics.notice(f"the recording is in {clean(args.folder)}; `prism replay` plays it")
    return code


def open_engine(args: argparse.Namespace, config: Config) -> EngineProcess | Player:
    """The engine of a command, not yet started. Raises CaptureError.

    A replay runs in a thread: the user controls it, and it may wait for the screen. Live and simulated markets run in a
    process of their own, so that neither they nor the screen ever wait for each other.
    """
    if args.mode == "replay":
        from engine.playback import Player, Recording
        from engine.transport.capture import CaptureReader
        from engine.transport.capture_records import SIMULATED

        reader = CaptureReader(args.capture)
        recording = Recording(
            clean(reader.path.name),
            lambda: iter(reader),
            bad_lines=lambda: reader.bad_lines,
            end_ns=_end_of(reader),
            simulated=reader.header.note == SIMULATED,
        )
        return Player(config, recording, "replay", speed=args.speed, start_ms=args.start)
    if hasattr(args, "folder"):
        from tui.recording import recorder_of

        recorder_of(args).close()  # the engine's process opens its own; this one reports an unusable folder early
    return EngineProcess(config, args)


def _end_of(reader: CaptureReader) -> Callable[[], int | None]:
    """A function that returns the recording's end, ns, or None until it is known. A daemon thread reads the recording
    to its end, because days of it take a while."""
    found: list[int | None] = []

    def look() -> None:
        with contextlib.suppress(OSError):  # the player meets the same error and reports it
            found.append(reader.end_ns())

    threading.Thread(target=look, name="prism-end", daemon=True).start()
    return lambda: found[0] if found else None


def run_console(
    source: Source,
    config: Config,
    notices: Sequence[str] = (),
    config_would_be: Path | None = None,
    *,
    start: Callable[[], object] = lambda: None,
    in_browser: bool = False,
    for_seconds: float | None = None,
) -> int:
    """Show `source` until the user quits, it fails or `for_seconds` are over; return the exit code. Call it only from
    the main thread.

    `start` starts the source once the first screen is painted: the engine and the simulator load for half a second on
    every core, and would delay that paint. `in_browser`: standard input and output are the pipes of a web page, and
    the program ends when its standard input closes.
    """
    if not in_browser and (without := _without_terminal()):
        diagnostics.notice(f"the console needs a terminal, but {without} is not one; `prism scan` works without one")
        source.close(CLOSE_S)
        return diagnostics.FAILED
    if not in_browser and os.environ.get("TERM") == "dumb":
        diagnostics.notice("this terminal (TERM=dumb) cannot be drawn on; `prism scan` works there")
        source.close(CLOSE_S)
        return diagnostics.FAILED
    if not in_browser and not _draws(encoding := sys.__stderr__.encoding if sys.__stderr__ is not None else "ascii"):
        diagnostics.notice(
            f"the console draws with signs that this terminal's encoding ({encoding}) lacks: "
            "set LC_ALL=C.UTF-8; `prism scan` works without them"
        )
        source.close(CLOSE_S)
        return diagnostics.FAILED
    if not os.environ.get("NO_COLOR"):
        os.environ.pop("NO_COLOR", None)  # Textual obeys even an empty one
    os.environ.setdefault("TEXTUAL_FPS", FRAMES_PER_S)
    with end_at_once():
        from tui import loading
        from tui.app import PrismApp

    def begin() -> None:
        start()
        loading.begin()

    collect_seldom()
    app = PrismApp(source, config, notices=notices, config_would_be=config_would_be, begin=begin)

    def close(timeout_s: float) -> None:
        source.close(timeout_s)
        app.saved(CLOSING_SAVE_S)

    lifeline = Lifeline(app.end_from_thread, close, (sys.stdin.fileno(),) if in_browser else terminals())
    if for_seconds is not None:
        threading.Thread(target=_end_after, args=(for_seconds, app), name="prism-for", daemon=True).start()
    try:
        with lifeline.watching():
            app.run()
            if not lifeline.reason:
                _finish_saving(app)
    finally:
        source.close(CLOSE_S)
    if lifeline.reason:
        return lifeline.code
    if app.failed is not None:
        diagnostics.notice(app.failed)
        return diagnostics.FAILED
    return app.return_code or diagnostics.DONE


def _finish_saving(app: PrismApp) -> None:
    """Wait until the user's last choices are saved, and say so if that takes long or fails."""
    if not app.saved(0):
        diagnostics.notice("the disk is slow: your last choices are still being saved")
        if not app.saved(SAVE_S):
            diagnostics.notice(f"the disk did not take your last choices within {SAVE_S:.0f} s; they may be lost")
    if app.unsaved:
        diagnostics.notice(app.unsaved)


def _end_after(seconds: float, app: PrismApp) -> None:
    """End `app` when its time is over, which may be before it has started."""
    time.sleep(seconds)
    while True:
        with contextlib.suppress(RuntimeError):
            app.end_from_thread()
            return
        time.sleep(LOOK_S)


def _without_terminal() -> str:
    """The name of the first stream the console uses that is not a terminal; empty if both are terminals."""
    used = {"standard input": sys.__stdin__, "standard error, on which it draws,": sys.__stderr__}
    return next((name for name, stream in used.items() if stream is None or not stream.isatty()), "")


def _draws(encoding: str) -> bool:
    """Whether this encoding has the signs that the screens use. In the C locale, Python uses UTF-8 by itself."""
    try:
        SIGNS.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
