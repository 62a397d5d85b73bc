"""What the exit codes of the commands without a screen say of the market that they met."""

from __future__ import annotations

import pytest

from engine.config.schema import Config
from engine.pipeline import Pipeline
from engine.snapshot import Mode
from tui import cli
from tui.headless import market


@pytest.mark.parametrize(("mode", "code"), [("live", 1), ("demo", 1), ("replay", 0)])
def test_a_scan_to_which_no_venue_brought_anything_failed(
    mode: Mode, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(market, "run", lambda *_: Pipeline(Config(), mode))
    assert cli.main(["scan", "--for", "1"]) == code
    told = capsys.readouterr()
    assert "no perpetual to show" in told.out
    assert ("no venue brought anything; `prism doctor`" in told.err) is bool(code)
