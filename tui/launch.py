"""Runs the console on an engine: `prism demo` and `prism replay`.

Called by the command line once one of those commands was chosen. It starts the engine, runs the app under the
lifeline, closes the engine and turns the outcome into an exit code and, where something went wrong, one line.
"""

from __future__ import annotations

import sys

from engine.config.schema import Config
from tui.app import PrismApp
from tui.headless import diagnostics
from tui.lifeline import Lifeline, terminals
from tui.source import Source

CLOSE_S = 2.0
"""How long the engine may take to end after the screen is gone."""


def run_console(source: Source, config: Config) -> int:
    """Show `source` until the user ends it or it fails; returns the exit code. Only from the main thread."""
    if not (sys.__stdin__ and sys.__stdin__.isatty() and sys.__stderr__ and sys.__stderr__.isatty()):
        diagnostics.notice("the console needs a terminal for input and output; `prism scan` works without one")
        source.close(CLOSE_S)
        return diagnostics.FAILED
    app = PrismApp(source, config)
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
