"""The documents of scan and explain: shape, sums, nulls, determinism, and the CSV beside them."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from engine.config.presets import FACE_WEIGHTS, PRESETS
from engine.documents import encode, explain_document, row_document, scan_document
from engine.prism.board import COMPONENTS, FACES
from engine.ranking.ranker import Ranker
from engine.ranking.result import GATES
from engine.scan_table import COLUMNS, guarded, scan_csv
from engine.snapshot import Snapshot
from tests.engine.builders import make_board, make_snapshot, make_view

ROW_FIELDS = [
    "rank", "venue", "symbol", "asset", "side", "score", "conviction", "coverage", "price", "spread_bps", "faces",
    "levels", "gates", "traps", "same_asset",
]  # fmt: skip
COMPONENT_FIELDS = [
    "status", "raw", "unit", "score", "divergence", "adjusted", "weight", "impact", "timeframes", "note",
]  # fmt: skip


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return make_snapshot(40)


@pytest.fixture(scope="module")
def document(snapshot: Snapshot) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(encode(scan_document(snapshot)))
    return loaded


def every_row(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [*document["candidates"], *document["vetoed"]]


def test_fields_stand_in_the_documented_order(document: dict[str, Any]) -> None:
    assert list(document) == [
        "schema", "mode", "preset", "at_ms", "universe", "scored", "gated", "candidates", "vetoed",
    ]  # fmt: skip
    assert document["schema"] == "prism.scan/1"
    for row in document["candidates"]:
        assert list(row) == ROW_FIELDS
    for row in document["vetoed"]:
        assert list(row) == [*ROW_FIELDS, "first_failed", "reason"]
        assert row["rank"] is None
        assert row["first_failed"] in dict(GATES)
        assert row["reason"]
    for row in every_row(document):
        assert list(row["faces"]) == list(FACES)
        for face, shown in row["faces"].items():
            assert list(shown["components"]) == list(COMPONENTS[face])
            for component in shown["components"].values():
                assert list(component) == COMPONENT_FIELDS
        assert [gate["gate"] for gate in row["gates"]] == [name for name, _ in GATES]


def test_counts_and_ranks(document: dict[str, Any], snapshot: Snapshot) -> None:
    assert [row["rank"] for row in document["candidates"]] == list(range(1, len(document["candidates"]) + 1))
    assert document["gated"] == len(document["vetoed"]) > 0
    assert document["universe"] == len(every_row(document)) == sum(i.is_rankable for i in snapshot.instruments)
    assert document["scored"] == sum(row["score"] is not None for row in every_row(document))


def test_every_row_adds_up(document: dict[str, Any]) -> None:
    for row in every_row(document):
        total = 0.0
        for face in row["faces"].values():
            shown = list(face["components"].values())
            known = face["score"] is not None
            assert sum(component["impact"] for component in shown) == pytest.approx(face["score"] if known else 0.0)
            for component in shown:
                expected = component["weight"] * (component["adjusted"] or 0.0)
                assert component["impact"] == pytest.approx(expected)
                assert (component["status"] == "ok") == (component["score"] is not None)
                if component["status"] != "ok":
                    assert component["weight"] == 0
            assert face["impact"] == pytest.approx(face["weight"] * face["score"] if known else 0.0)
            total += face["impact"]
        assert total == pytest.approx(row["score"])
        assert row["conviction"] == pytest.approx(abs(row["score"] - 50) * 2)


def test_statuses_and_sides_are_words(document: dict[str, Any]) -> None:
    statuses = {
        component["status"]
        for row in every_row(document)
        for face in row["faces"].values()
        for component in face["components"].values()
    }
    assert {"ok", "warming", "missing"} <= statuses <= {"ok", "warming", "stale", "missing"}
    assert {row["side"] for row in every_row(document)} <= {"long", "short", None}
    assert {row["levels"]["status"] for row in every_row(document)} <= {"ok", "warming", "stale", "missing"}


def test_levels_say_since_when_they_are_fixed_and_null_if_they_move(snapshot: Snapshot) -> None:
    ranking = snapshot.ranking
    candidate, gated = int(ranking.candidates[0]), int(ranking.vetoed[0])
    times = ranking.levels.fixed_ms.copy()
    times[candidate], times[gated] = snapshot.at_ms - 4_000, -1
    levels = replace(ranking.levels, fixed_ms=times)
    ranked = replace(ranking, levels=levels)
    changed = replace(snapshot, rankings={**snapshot.rankings, snapshot.preset: ranked})
    found = {
        (row["venue"], row["symbol"]): row["levels"] for row in every_row(json.loads(encode(scan_document(changed))))
    }
    for row, since in ((candidate, snapshot.at_ms - 4_000), (gated, None)):
        one = snapshot.instruments[row]
        assert found[one.venue, one.symbol]["fixed_ms"] == since
        assert json.loads(encode(explain_document(changed, row)))["levels"]["fixed_ms"] == since


def test_a_row_of_nothing_is_null_everywhere() -> None:
    view = make_view(3)
    board = make_board(view)
    nothing = np.full(3, np.nan)
    bare = replace(board, prism=nothing, face_score=np.full((3, 6), np.nan), coverage=np.zeros(3))
    row = scan_document(make_snapshot(view=view, board=bare))["vetoed"][0]
    assert row["side"] is row["score"] is row["conviction"] is None
    assert row["faces"]["technical"]["score"] is None
    assert row["levels"]["status"] == "missing"
    assert row["levels"]["tp"] == [None, None, None]
    assert row["levels"]["note"] == "no side"
    assert row["levels"]["fixed_ms"] is None
    assert row["first_failed"] == "data"
    assert row["reason"] == "no score: no component has data"


def test_top_cuts_candidates_and_nothing_else(snapshot: Snapshot, document: dict[str, Any]) -> None:
    cut = json.loads(encode(scan_document(snapshot, 2)))
    assert cut["candidates"] == document["candidates"][:2]
    assert cut["vetoed"] == document["vetoed"]
    assert cut["universe"] == document["universe"]


def test_two_equal_snapshots_give_the_same_bytes() -> None:
    assert encode(scan_document(make_snapshot(20, 5))) == encode(scan_document(make_snapshot(20, 5)))
    assert encode(scan_document(make_snapshot(20, 5))) != encode(scan_document(make_snapshot(20, 6)))


def test_explain_is_the_scan_row_with_inputs(snapshot: Snapshot, document: dict[str, Any]) -> None:
    row = int(snapshot.ranking.candidates[0])
    explained = json.loads(encode(explain_document(snapshot, row)))
    assert list(explained)[:4] == ["schema", "mode", "preset", "at_ms"]
    assert explained["schema"] == "prism.explain/1"
    for face in explained["faces"].values():
        for component in face["components"].values():
            inputs, said = component.pop("inputs"), component.pop("words")
            assert said is None or "nan" not in said
            assert inputs
            assert all(list(entry) == ["name", "value", "unit", "age_ms", "source"] for entry in inputs)
    assert {name: explained[name] for name in ROW_FIELDS} == document["candidates"][0]


def test_the_unit_names_the_timeframe_that_the_row_was_read_on(snapshot: Snapshot) -> None:
    rsi = replace(snapshot.board.readings["rsi"], other_units={3: "index, 14 x 4h"})
    board = replace(snapshot.board, readings={**snapshot.board.readings, "rsi": rsi})
    mixed = replace(snapshot, board=board)
    units = [row_document(mixed, row, None)["faces"]["technical"]["components"]["rsi"]["unit"] for row in (2, 3)]
    assert units == [snapshot.board.units[0], "index, 14 x 4h"]


def test_explain_ages_are_event_time() -> None:
    snapshot = make_snapshot(4)
    inputs = explain_document(snapshot, 0)["faces"]["technical"]["components"]["rsi"]["inputs"]
    age = snapshot.at_ms - int(snapshot.columns.last_ms[0])
    assert [entry["age_ms"] for entry in inputs] == [age, None]


def test_explain_shows_structure_only_of_the_focused_row() -> None:
    snapshot = make_snapshot(4, focus_row=1)
    assert [level["name"] for level in explain_document(snapshot, 1)["structure"]] == ["POC 24h", "VAH 24h", "VAL 24h"]
    assert explain_document(snapshot, 0)["structure"] is None


def test_a_spot_row_is_explained_but_not_ranked() -> None:
    snapshot = make_snapshot(4)
    found = explain_document(snapshot, 3)
    assert found["rank"] is None
    assert found["reason"] == "not ranked: spot, quoted in USDT"
    assert found["first_failed"] is None


@pytest.mark.parametrize("row", [-1, 4])
def test_explain_refuses_a_row_that_is_not_there(row: int) -> None:
    with pytest.raises(IndexError, match="holds 4 instruments"):
        explain_document(make_snapshot(4), row)


def test_a_presets_own_face_weights_are_the_ones_shown() -> None:
    view = make_view(12)
    board = make_board(view)
    only = {face: float(face == "sentiment") for face in FACE_WEIGHTS}
    rankings = Ranker().rank(board, view, {"balanced": msgspec.structs.replace(PRESETS["balanced"], face_weights=only)})
    for row in every_row(scan_document(make_snapshot(view=view, board=board, rankings=rankings))):
        assert row["score"] == pytest.approx(row["faces"]["sentiment"]["score"])
        assert row["faces"]["technical"]["weight"] == 0


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_encode_refuses_what_json_does_not_have(value: float) -> None:
    with pytest.raises(ValueError, match=r"document\.a\[1\]"):
        encode({"a": [1.0, value]})


def test_numbers_are_shortest_round_trip() -> None:
    assert encode({"x": 0.1, "y": 1e-7, "z": 112154.8}) == b'{"x":0.1,"y":1e-7,"z":112154.8}\n'


def test_csv_holds_the_same_figures(snapshot: Snapshot, document: dict[str, Any]) -> None:
    lines = list(csv.DictReader(io.StringIO(scan_csv(snapshot))))
    assert tuple(lines[0]) == COLUMNS
    rows = every_row(document)
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        assert line["symbol"] == guarded(row["symbol"])
        assert float(line["score"]) == row["score"]
        assert (float(line["tp2"]) if line["tp2"] else None) == row["levels"]["tp"][1]
        assert line["reason"] == row.get("reason", "")
        assert line["rank"] == ("" if row["rank"] is None else str(row["rank"]))


@pytest.mark.parametrize("symbol", ["=1+1", "+A", "-A", "@SUM(A1)", "\tA"])
def test_csv_cells_from_outside_are_no_formulas(symbol: str) -> None:
    snapshot = make_snapshot(3)
    first = replace(snapshot.instruments[0], symbol=symbol, asset=symbol)
    line = list(csv.reader(io.StringIO(scan_csv(replace(snapshot, instruments=(first, *snapshot.instruments[1:]))))))
    cells = [cell for row in line[1:] for cell in row if cell.lstrip("'") == symbol]
    assert cells == ["'" + symbol] * 2


def test_a_plain_symbol_is_left_alone_and_a_carriage_return_is_not() -> None:
    assert guarded("\rA") == "'\rA"
    assert guarded("1000PEPEUSDT") == "1000PEPEUSDT"
