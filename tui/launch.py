"""Runs the console on an engine: `prism`, `prism demo` and `prism replay`.

Called by the command line once one of those commands was chosen. It starts the engine before it loads anything of the
screen, so that the two load beside each other, runs the app under the lifeline, closes the engine and turns the outcome
into an exit code and, where something went wrong, one line.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.config.schema import Config
from engine.text import clean
from tui.collecting import collect_seldom
from tui.engine_process.remote import EngineProcess
from tui.headless import diagnostics
from tui.headless.settings import loaded_settings
from tui.lifeline import Lifeline, terminals
from tui.log import write_log

if TYPE_CHECKING:
    from engine.playback import Player
    from tui.source import Source

CLOSE_S: Final = 2.0
"""How long the engine may take to end after the screen is gone."""
SIGNS: Final = "▲▼●│█⠿"
"""One of each block that the console draws with."""


def run(args: argparse.Namespace) -> int:
    """The commands with a console, live, demo, `record --console` and replay; `args` as `tui.commands` defines them.

    Raises ConfigError for settings and CaptureError for a recording that cannot be used, before the screen opens.
    """
    loaded = loaded_settings(args)
    write_log()
    engine = open_engine(args, loaded.config)
    engine.start()
    return run_console(
        engine,
        loaded.config,
        loaded.notices,
        None if loaded.found else loaded.path,
        in_browser=getattr(args, "in_browser", False),
    )


def open_engine(args: argparse.Namespace, config: Config) -> EngineProcess | Player:
    """The engine of a command, not yet started: of a recording in a thread, since it is steered and waits for whoever
    looks; of live markets in a process of its own, since nobody may wait for it. Raises CaptureError."""
    if args.mode == "replay":
        from engine.playback import Player, Recording
        from engine.transport.capture import CaptureReader

        reader = CaptureReader(args.capture)
        recording = Recording(clean(reader.path.name), lambda: iter(reader), bad_lines=lambda: reader.bad_lines)
        return Player(config, recording, "replay", speed=args.speed, start_ms=args.start)
    if hasattr(args, "folder"):
        from tui.recording import recorder_of

        recorder_of(args).close()  # the engine's process makes its own; a folder that cannot be used is told here
    return EngineProcess(config, args)


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
    # The engine has begun and loads its own modules in its process, while this one loads those of the screen.
    from tui.app import PrismApp

    collect_seldom()
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
