"""A disk that hangs: `os.fsync` returns only when a test lets it."""

from __future__ import annotations

import os
import threading
from typing import Final

import pytest

PATIENCE_S: Final = 20.0
"""After which the disk answers by itself, so that a test fails instead of hanging."""


class HungDisk:
    """Answers at once until `hang`, then not before `answer`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.writes = 0
        """Since it hangs."""
        self.gave_up = False
        """Somebody waited for it for `PATIENCE_S`."""
        self._answers = threading.Event()
        self._answers.set()
        self._is_counted = False
        self._real = os.fsync
        monkeypatch.setattr(os, "fsync", self._fsync)

    def hang(self) -> None:
        """From now on nothing is written."""
        self._is_counted = True
        self._answers.clear()

    def answer(self) -> None:
        """Everything is written."""
        self._answers.set()

    def _fsync(self, handle: int) -> None:
        self.writes += self._is_counted
        self.gave_up = not self._answers.wait(PATIENCE_S) or self.gave_up
        self._real(handle)
