"""Runs the console on an engine: `prism demo` and `prism replay`.

Called by the command line once one of those commands was chosen. It starts the engine, runs the app under the
lifeline, closes the engine and turns the outcome into an exit code and, where something went wrong, one line.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import cast

from engine.config import loading
from engine.config.schema import Config
from engine.runtime import Engine, Recording
from engine.simulator.demo_recording import BUNDLED
from engine.snapshot import Mode
from engine.text import clean
from engine.transport.capture import CaptureReader
from tui.app import PrismApp
from tui.headless import diagnostics
from tui.lifeline import Lifeline, terminals
from tui.source import Source

CLOSE_S = 2.0
"""How long the engine may take to end after the screen is gone."""


def run(args: argparse.Namespace) -> int:
    """`prism demo` and `prism replay CAPTURE`: `args` as `tui.commands` defines them.

    Raises ConfigError for settings and CaptureError for a recording that cannot be used, before the screen opens.
    """
    loaded = loading.load()
    engine = open_engine(args, loaded.config)
    engine.start()
    return run_console(engine, loaded.config, loaded.notices)


def open_engine(args: argparse.Namespace, config: Config) -> Engine:
    """The engine of a command, not yet started. The demo plays the bundled invented market over and over."""
    mode = cast("Mode", args.mode)
    reader = CaptureReader(BUNDLED if mode == "demo" else args.capture)
    recording = Recording(
        name=clean(reader.path.name),
        records=lambda: iter(reader),
        loops=mode == "demo",
        bad_lines=lambda: reader.bad_lines,
    )
    if mode == "demo":
        return Engine(config, recording, mode)
    return Engine(config, recording, mode, speed=args.speed, start_ms=args.start)


def run_console(source: Source, config: Config, notices: Sequence[str] = ()) -> int:
    """Show `source` until the user ends it or it fails; returns the exit code. Only from the main thread."""
    if not (sys.__stdin__ and sys.__stdin__.isatty() and sys.__stderr__ and sys.__stderr__.isatty()):
        diagnostics.notice("the console needs a terminal for input and output; `prism scan` works without one")
        source.close(CLOSE_S)
        return diagnostics.FAILED
    app = PrismApp(source, config, notices=notices)
    lifeline = Lifeline(app.end_from_thread, source.close, terminals())
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
