"""The first line of the program."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from tui.__main__ import main
from tui.headless import diagnostics


class Interrupt:
    """Interrupts the loading of one module."""

    def find_spec(self, name: str, *_: Any) -> None:
        if name == "tui.cli":
            raise KeyboardInterrupt


def test_an_interrupt_while_modules_load_ends_as_an_interrupted_command(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "tui.cli", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupt(), *sys.meta_path])
    assert main() == diagnostics.INTERRUPTED
    assert capfd.readouterr() == ("", "")


def test_it_runs_the_command_of_the_process_and_returns_its_code(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["prism", "no-such-command"])
    assert main() == diagnostics.USAGE
    assert "no-such-command" in capfd.readouterr().err
