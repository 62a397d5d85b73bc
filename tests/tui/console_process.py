"""A console on a fake engine in a process of its own, for the tests that close its terminal or its page.

Run as `python -m tests.tui.console_process FOLDER [page]`; every snapshot differs, so that the screen always has work.
"""

from __future__ import annotations

import itertools
import os
import sys
from dataclasses import replace
from pathlib import Path

from engine.config.schema import Config
from engine.snapshot import Snapshot
from tests.tui.fake_source import FakeSource, scene
from tui.launch import run_console


class BusySource(FakeSource):
    """Publishes a newer picture at every look."""

    def __init__(self, folder: Path) -> None:
        super().__init__(scene())
        self._numbers = itertools.count(1)
        self._folder = folder

    def latest(self) -> Snapshot | None:
        number = next(self._numbers)
        assert self.snapshot is not None
        columns = self.snapshot.columns
        busy = replace(columns, last=columns.last * (1 + number % 7 * 1e-3))
        self.snapshot = replace(self.snapshot, sequence=number, columns=busy)
        return self.snapshot

    def close(self, timeout_s: float) -> None:
        (self._folder / "closed").touch()


if __name__ == "__main__":
    home = Path(sys.argv[1])
    os.environ["XDG_STATE_HOME"] = os.environ["XDG_CONFIG_HOME"] = str(home)
    sys.exit(run_console(BusySource(home), Config(), in_browser="page" in sys.argv[2:]))
