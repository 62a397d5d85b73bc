"""`prism record DIR`: write what the venues send to a capture. With `--console`, `tui.launch` runs instead.

Run by the command line. The files are always complete except for the last second: a recorder that is killed loses no
more than that. Progress goes to stderr, one line at a time.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from typing import Final

from engine.runtime import Engine
from engine.storage.recorder import Recorder
from engine.text import clean
from tui.headless import diagnostics
from tui.headless.settings import settings
from tui.live import live_engine
from tui.log import write_log
from tui.presenters.format import mebibytes_text
from tui.presenters.view import count_text
from tui.recording import recorder_of
from tui.simulated import simulator_of

TELL_EVERY_S: Final = 10.0
LOOK_EVERY_S: Final = 0.2
CLOSE_S: Final = 5.0


def run(args: argparse.Namespace) -> int:
    """Record until the time or the size is reached, the disk is full, or the user interrupts; return the exit code."""
    config = settings(args)
    write_log()
    with contextlib.ExitStack() as open_while:
        simulator = open_while.enter_context(simulator_of(args)) if args.demo else None
        recorder = open_while.enter_context(contextlib.closing(recorder_of(args)))
        engine = live_engine(config, simulator, recorder)
        engine.start()
        try:
            with contextlib.suppress(KeyboardInterrupt):
                _wait(engine, recorder, args.for_seconds)
        finally:
            engine.close(CLOSE_S)
    if (failure := engine.failure()) is not None:
        diagnostics.notice(failure)
        return diagnostics.FAILED
    diagnostics.notice(f"{_told(recorder)} in {clean(args.folder)}")
    return diagnostics.DONE


def _wait(engine: Engine, recorder: Recorder, for_seconds: float | None) -> None:
    """Wait until the recording must end, and print its progress."""
    began = told = time.monotonic()
    while engine.alive() and not recorder.stopped:
        now = time.monotonic()
        if for_seconds is not None and now - began >= for_seconds:
            return
        if now - told >= TELL_EVERY_S:
            told = now
            diagnostics.notice(_told(recorder))
        time.sleep(LOOK_EVERY_S)
    if recorder.stopped:
        diagnostics.notice(recorder.stopped)


def _told(recorder: Recorder) -> str:
    return (
        f"{recorder.records} records, {mebibytes_text(recorder.bytes_written)} in {count_text(recorder.files, 'file')}"
    )
