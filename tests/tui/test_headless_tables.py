"""Tables on stdout: nothing in them is cut, however narrow the terminal is."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from tests.recorded import recorded
from tui import cli
from tui.headless import tables
from tui.headless.tables import Column, fitted

_COLUMNS = (
    Column("component", False, 0, 9),
    Column("score", True, 0),
    Column("unit", False, 2),
    Column("share", True, 1),
    Column("status", False, 0, 14),
)
_ROWS = [
    ["trade flow", "100.00", "fraction", "12.5", "ok: without share 5 m, share 15 m and large trades"],
    ["support/resistance", "1,234,567.25", "quote", "0.1", "warming: 0/15 bars"],
]


def _written(available: int) -> str:
    out = io.StringIO()
    console = Console(file=out, width=available, markup=False, emoji=False, highlight=False)
    for part in fitted("a title", _COLUMNS, _ROWS, available):
        console.print(part)
    return out.getvalue()


@pytest.mark.parametrize("available", [30, 40, 50, 60, 70, 80, 100, 120, 10_000])
def test_no_number_and_no_heading_is_cut(available: int) -> None:
    text = _written(available)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= available
    for row in _ROWS:
        assert row[1] in text
        for word in row[4].split():
            assert word in text
    for column in _COLUMNS[1:]:
        assert column.heading in text, "shown, or named as left out"
    if available >= 60:
        left_out = text.partition("too narrow: ")[2].replace("\n", " ")
        shown = next(line.split() for line in text.splitlines() if line.startswith(" component "))
        assert sorted([*shown, *re.findall(r"\w+", left_out)]) == sorted(column.heading for column in _COLUMNS)


def test_prose_is_wrapped_before_a_column_is_left_out() -> None:
    assert "too narrow" not in _written(70)
    assert "too narrow: unit\n" in _written(60)


@pytest.mark.recorded
@pytest.mark.parametrize("available", [60, 80, 120])
def test_an_explanation_keeps_its_numbers_at_every_width(
    available: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    capture = str(recorded("captures", "composite-four-venues.jsonl.gz"))
    monkeypatch.setattr(tables, "width", lambda: available)
    assert cli.main(["explain", "binance-usdm:SANDUSDT", "--replay", capture]) == 0
    out = capsys.readouterr().out
    assert "…" not in out
    for component in ("trade flow", "imbalance"):
        assert re.search(rf"{component}\s+(score )?\d+\.\d\d\s+(weight )?0\.\d{{3}}\s+(impact )?\d+\.\d\d", out)
    assert re.search(r"buy_share_1m\s+(value )?0\.\d{4,}\s", out)
