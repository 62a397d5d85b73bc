"""What the console exports of its table: the values shown, under the names that `prism scan` has for them."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.documents import scan_document
from engine.scan_table import scan_csv
from tests.tui.candidate_views import BASE, rows_of, shown, with_columns
from tui.export import path_text


def test_the_export_holds_what_is_shown_unformatted() -> None:
    model = shown(BASE, sort="volume")
    names, rows = model.export()
    assert [row[names.index("symbol")] for row in rows] == [key.symbol for key in model.order]
    assert not any(isinstance(value, float) and value != value for row in rows for value in row)
    score = names.index("score")
    assert [row[score] for row in rows] == pytest.approx(BASE.board.prism[rows_of(model, BASE)].tolist())


def test_the_export_tells_funding_as_stated_and_per_8_h() -> None:
    rate, hours = np.full(60, 0.00005), np.full(60, 4.0)
    snapshot = with_columns(BASE, funding_frac=rate, funding_interval_h=hours)
    names, rows = shown(snapshot).export()
    told = {name: rows[0][names.index(name)] for name in ("funding_frac", "funding_8h", "funding_interval_h")}
    assert told == {"funding_frac": 0.00005, "funding_8h": pytest.approx(0.0001), "funding_interval_h": 4.0}
    assert "funding" not in names, "which of the two that is, no file says"
    assert len(set(names)) == len(names)
    assert all(len(row) == len(names) for row in rows)


def test_the_export_and_the_scan_call_the_same_thing_by_the_same_name() -> None:
    names, rows = shown(BASE).export()
    exported = {
        (row[names.index("venue")], row[names.index("symbol")]): dict(zip(names, row, strict=True)) for row in rows
    }
    scan = list(csv.DictReader(io.StringIO(scan_csv(replace(BASE, preset="relaxed")))))
    shared = [name for name in scan[0] if name in names]
    apart = {"levels", "r", "atr_timeframe", "reason"}
    assert set(scan[0]) - set(shared) == apart
    found = 0
    for line in scan:
        other = exported.get((line["venue"], line["symbol"]))
        if other is None or not line["rank"]:
            continue
        found += 1
        for name in shared:
            value = other[name]
            assert (
                line[name] == ("" if value is None else value)
                if isinstance(value, str | None)
                else (float(line[name]) == pytest.approx(value))
            ), name
        if line["r"]:
            assert float(line["r"]) / float(line["entry"]) == pytest.approx(other["r_frac"])
    assert found > 5


def test_the_export_names_the_gate_and_the_depth_as_the_document_does() -> None:
    names, rows = shown(BASE, vetoed=True).export()
    document = scan_document(replace(BASE, preset="relaxed"))
    told = {(row["venue"], row["symbol"]): row for row in document["vetoed"]}
    for row in rows:
        held = dict(zip(names, row, strict=True))
        wanted = told[held["venue"], held["symbol"]]
        assert held["first_failed"] == wanted["first_failed"]
        assert held["depth_1pct_usd"] == pytest.approx(wanted["levels"]["depth_1pct_usd"])


def test_a_notice_names_a_file_below_the_home_folder_by_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.setenv("USERPROFILE", "/home/someone")
    assert path_text(Path("/home/someone/Documents/prism/prism-screen-0001.svg")) == str(
        Path("~/Documents/prism/prism-screen-0001.svg")
    )
    assert path_text(Path("/srv/prism/x.csv")) == str(Path("/srv/prism/x.csv"))
    assert path_text(Path("/home/someones/x.csv")) == str(Path("/home/someones/x.csv"))
