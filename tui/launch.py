"""Runs the console on an engine: `prism`, `prism demo` and `prism replay`.

Called by the command line once one of those commands was chosen. It starts the engine, runs the app under the
lifeline, closes the engine and turns the outcome into an exit code and, where something went wrong, one line.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, cast

from engine.config.schema import Config
from engine.playback import Player, Recording
from engine.runtime import Engine
from engine.snapshot import Mode
from engine.storage.recorder import Recorder
from engine.text import clean
from engine.transport.capture import CaptureReader
from tui.app import PrismApp
from tui.headless import diagnostics
from tui.headless.settings import loaded_settings
from tui.lifeline import Lifeline, terminals
from tui.live import live_engine, recorder_of, simulator_of
from tui.log import write_log
from tui.simulated import Simulator
from tui.source import Source

CLOSE_S: Final = 2.0
"""How long the engine may take to end after the screen is gone."""
SIGNS: Final = "▲▼●│█⠿"
"""One of each block that the console draws with."""
GC_ALLOCATIONS: Final = 50_000
"""Allocations between two collections of the youngest generation."""


def run(args: argparse.Namespace) -> int:
    """`prism`, `prism demo` and `prism replay CAPTURE`: `args` as `tui.commands` defines them.

    Raises ConfigError for settings and CaptureError for a recording that cannot be used, before the screen opens.
    """
    loaded = loaded_settings(args)
    write_log()
    with contextlib.ExitStack() as open_while:
        invented = args.mode == "demo" or getattr(args, "demo", False)
        simulator = open_while.enter_context(simulator_of(args)) if invented else None
        recorder = open_while.enter_context(contextlib.closing(recorder_of(args))) if hasattr(args, "folder") else None
        engine = open_engine(args, loaded.config, simulator, recorder)
        # Frames make objects by the thousand and hardly a cycle; at Python's default the collector would look through
        # all that was loaded many times a second, in the middle of a paint.
        gc.freeze()
        gc.set_threshold(GC_ALLOCATIONS)
        engine.start()
        return run_console(
            engine,
            loaded.config,
            loaded.notices,
            None if loaded.found else loaded.path,
            in_browser=getattr(args, "in_browser", False),
        )


def open_engine(
    args: argparse.Namespace, config: Config, simulator: Simulator | None = None, recorder: Recorder | None = None
) -> Engine:
    """The engine of a command, not yet started. Raises CaptureError for a recording."""
    mode = cast("Mode", args.mode)
    if mode == "replay":
        reader = CaptureReader(args.capture)
        recording = Recording(clean(reader.path.name), lambda: iter(reader), bad_lines=lambda: reader.bad_lines)
        return Player(config, recording, mode, speed=args.speed, start_ms=args.start)
    return live_engine(config, simulator, recorder)


def run_console(
    source: Source,
    config: Config,
    notices: Sequence[str] = (),
    config_would_be: Path | None = None,
    *,
    in_browser: bool = False,
) -> int:
    """Show `source` until the user ends it or it fails; returns the exit code. Only from the main thread.

    `in_browser`: standard input and output are the pipes of a page, and the program ends with its standard input.
    """
    if not in_browser and not (sys.__stdin__ and sys.__stdin__.isatty() and sys.__stderr__ and sys.__stderr__.isatty()):
        diagnostics.notice("the console needs a terminal for input and output; `prism scan` works without one")
        source.close(CLOSE_S)
        return diagnostics.FAILED
    if not in_browser and os.environ.get("TERM") == "dumb":
        diagnostics.notice("this terminal (TERM=dumb) cannot be drawn on; `prism scan` works there")
        source.close(CLOSE_S)
        return diagnostics.FAILED
    if not in_browser and not _draws(encoding := sys.__stderr__.encoding if sys.__stderr__ is not None else "ascii"):
        diagnostics.notice(
            f"the console draws with signs that this terminal's encoding ({encoding}) lacks: "
            "set LC_ALL=C.UTF-8; `prism scan` works without"
        )
        source.close(CLOSE_S)
        return diagnostics.FAILED
    if not os.environ.get("NO_COLOR"):
        os.environ.pop("NO_COLOR", None)  # Textual takes an empty one for a wish too
    app = PrismApp(source, config, notices=notices, config_would_be=config_would_be)
    lifeline = Lifeline(app.end_from_thread, source.close, (sys.stdin.fileno(),) if in_browser else terminals())
    try:
        with lifeline.watching():
            app.run()
    finally:
        source.close(CLOSE_S)
    if lifeline.reason:
        return lifeline.code
    if app.failed is not None:
        diagnostics.notice(app.failed)
        return diagnostics.FAILED
    return app.return_code or diagnostics.DONE


def _draws(encoding: str) -> bool:
    """Whether text in this encoding has the signs of the screens. Python takes UTF-8 itself where the locale is C."""
    try:
        SIGNS.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
