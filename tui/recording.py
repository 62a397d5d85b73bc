"""Builds the recorder of `prism record DIR` from its command line.

Called by the headless command, and with `--console` by the launcher and the engine's process.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from engine.errors import CaptureError
from engine.storage.recorder import Recorder
from engine.text import clean
from engine.transport.capture_records import SIMULATED


def recorder_of(args: argparse.Namespace) -> Recorder:
    """The recorder of `prism record DIR`. Raises CaptureError if it cannot write there."""
    folder = Path(args.folder)
    note = SIMULATED if args.demo else ""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        recorder = Recorder(folder, max_bytes=args.max_size, note=note)
    except OSError as error:
        raise CaptureError(f"{clean(str(folder))}: cannot record there: {error.strerror}") from None
    if recorder.stopped:
        raise CaptureError(recorder.stopped)
    return recorder
