"""What `prism record DIR` writes with, from its command line."""

from __future__ import annotations

import argparse
from pathlib import Path

from engine.errors import CaptureError
from engine.storage.recorder import Recorder
from engine.text import clean


def recorder_of(args: argparse.Namespace) -> Recorder:
    """What `prism record DIR` writes with. Raises CaptureError where nothing can be written there."""
    folder = Path(args.folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return Recorder(folder, max_bytes=args.max_size, note="the built-in exchange simulator" if args.demo else "")
    except OSError as error:
        raise CaptureError(f"{clean(str(folder))}: no recording can be made there: {error.strerror}") from None
