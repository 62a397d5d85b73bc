"""What the exit codes of the commands without a screen say of the market that they met."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace

import numpy as np
import pytest

from engine.config.schema import Config
from engine.documents import row_document
from engine.pipeline import Pipeline
from engine.prism.board import COMPONENT_NAMES
from engine.ranking.gates import GATE_NAMES
from engine.snapshot import Mode
from tests.recorded import recorded
from tests.tui.fake_source import scene
from tui import cli
from tui.headless import market
from tui.headless.explain import _levels as level_texts
from tui.headless.explain import _plain as plain_figure
from tui.presenters.view import words


@pytest.mark.parametrize(("mode", "code"), [("live", 1), ("demo", 1), ("replay", 0)])
def test_a_scan_to_which_no_venue_brought_anything_failed(
    mode: Mode, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(market, "run", lambda *_: Pipeline(Config(), mode))
    assert cli.main(["scan", "--for", "1"]) == code
    told = capsys.readouterr()
    assert "no perpetual to show" in told.out
    assert ("no venue sent anything; `prism doctor`" in told.err) is bool(code)


def test_a_filter_counts_the_rows_that_lack_a_value_among_those_that_can_be_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot = scene("live")
    ranking = replace(snapshot.ranking, candidates=np.array([3, 5]), vetoed=np.array([8]))
    unknown = replace(snapshot.columns, oi_change_1h_frac=np.full(len(snapshot.instruments), np.nan))
    snapshot = replace(snapshot, columns=unknown, rankings={**snapshot.rankings, snapshot.preset: ranking})
    monkeypatch.setattr(market, "run", lambda *_: argparse.Namespace(snapshot=lambda: snapshot))
    assert cli.main(["scan", "--filter", "oi_1h > 0.03"]) == 0
    assert "filter: 3 rows lack a 1 h open-interest change" in capsys.readouterr().err


def test_of_the_gated_those_that_lack_least_come_first(capsys: pytest.CaptureFixture[str]) -> None:
    capture = str(recorded("captures", "composite-four-venues.jsonl.gz"))
    assert cli.main(["scan", "--replay", capture, "--format", "json"]) == 0
    failed = {
        (row["symbol"], row["venue"]): sum(not gate["passed"] for gate in row["gates"] if gate["gate"] != "persistence")
        for row in json.loads(capsys.readouterr().out)["vetoed"]
    }
    assert cli.main(["scan", "--replay", capture]) == 0
    lines = capsys.readouterr().out.split("Gated")[1].splitlines()
    shown = [(count, line.split()) for line in lines for key, count in failed.items() if line.split()[:2] == list(key)]
    assert len(shown) == min(15, len(failed)) > 3
    counts = [count for count, _ in shown]
    assert counts == sorted(counts)
    assert [words[5] for _, words in shown] == [str(count) for count in counts], "beside side, score and coverage"


def test_components_and_gates_are_named_as_on_screen_and_by_their_ids_in_json(
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = [
        "explain",
        "bybit-linear:BTCUSDT",
        "--replay",
        str(recorded("captures", "composite-four-venues.jsonl.gz")),
    ]
    assert cli.main([*command, "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    ids = {name for face in document["faces"].values() for name in face["components"]}
    assert ids == set(COMPONENT_NAMES)
    assert {gate["gate"] for gate in document["gates"]} == set(GATE_NAMES)
    assert cli.main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    for name in ids:
        assert any(line.split("  ")[0].strip() == words(name) for line in lines), name
    for name in (*ids, *GATE_NAMES):
        assert not any(line.split("  ")[0].strip() == name for line in lines if "_" in name), name
    for name in ("24h volume", "scans in a row", "volume divergence", "RSI"):
        assert any(line.startswith(f" {name} ") for line in lines), name


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (-1e-12, "0"),
        (1e-300, "0"),
        (1.5e-7, "0.00000015"),
        (-0.002717, "-0.002717"),
        (1e9, "1,000,000,000.00"),
    ],
)
def test_a_figure_is_written_without_an_exponent(value: float | None, text: str) -> None:
    assert plain_figure(value) == text


def test_a_status_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    capture = str(recorded("captures", "composite-four-venues.jsonl.gz"))
    assert cli.main(["explain", "bybit-linear:BTCUSDT", "--replay", capture]) == 0
    out = capsys.readouterr().out
    assert "5m warming: 0/15 bars" in out
    assert "warming: 5m warming" not in out


def test_levels_say_their_status_once(capsys: pytest.CaptureFixture[str]) -> None:
    capture = str(recorded("captures", "composite-four-venues.jsonl.gz"))
    assert cli.main(["explain", "binance-usdm:SANDUSDT", "--replay", capture]) == 0
    assert "Levels: warming: 0/15 bars of 15m" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("since_ms", "told"),
    [(None, "Levels (ok, moving): entry"), (4_000, "Levels (ok, fixed 2025-10-14 12:32:13 UTC, 4.0 s ago): entry")],
)
def test_levels_say_whether_they_are_fixed(since_ms: int | None, told: str) -> None:
    market = scene()
    levels = dict(row_document(market, int(market.ranking.candidates[0]), 1)["levels"])
    levels["fixed_ms"] = None if since_ms is None else market.at_ms - since_ms
    assert str(level_texts(levels, market.at_ms)[0]).startswith(told)


def test_a_time_without_a_recording_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def gathered(*_: object, **__: object) -> Pipeline:
        raise AssertionError("data was gathered")

    monkeypatch.setattr(market, "run", gathered)
    for source in ([], ["--demo"]):
        assert cli.main(["explain", "BTCUSDT", "--at", "2024-01-01", *source]) == 2
        assert "--at is a time of a recording; name it with --replay" in capsys.readouterr().err


def test_a_time_before_the_recording_is_told_with_its_beginning(capsys: pytest.CaptureFixture[str]) -> None:
    capture = str(recorded("captures", "composite-four-venues.jsonl.gz"))
    assert cli.main(["explain", "ETHUSDT", "--replay", capture, "--at", "2026-08-09T20:00:00Z"]) == 2
    assert (
        "--at 2026-08-09 20:00:00 UTC is before the recording begins, 2026-08-09 21:28:20 UTC"
        in capsys.readouterr().err
    )


def test_a_book_too_old_to_be_scored_passes_no_gate(capsys: pytest.CaptureFixture[str]) -> None:
    """Bybit is silent for the last 76 s of this recording."""
    capture = str(recorded("captures", "composite-four-venues.jsonl.gz"))
    assert cli.main(["explain", "bybit-linear:ETHUSDT", "--replay", capture, "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["faces"]["orderbook"]["components"]["liquidity"]["status"] == "stale"
    depth = next(gate for gate in document["gates"] if gate["gate"] == "depth")
    assert (depth["passed"], depth["value"]) == (False, None)


@pytest.mark.parametrize("mode", ["live", "demo"])
def test_nothing_can_be_explained_if_no_venue_sent_anything(
    mode: Mode, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(market, "run", lambda *_, **__: Pipeline(Config(), mode))
    assert cli.main(["explain", "BTCUSDT"]) == 1
    told = capsys.readouterr()
    assert "no venue sent anything; `prism doctor`" in told.err
    assert "no instrument named" not in told.err
