"""The JSON documents of `prism scan` and `prism explain`.

Called by the headless commands with a snapshot; `engine.scan_table` makes the CSV of the same figures. Nothing may be
computed here: every number comes from the snapshot. An unknown value is null, and a status or a note says why. No
wall-clock value may enter, so that two replays of one capture give the same bytes.

    prism.scan/1     docs/json.md    candidates by rank, then the vetoed rows, most convinced first
    prism.explain/1  docs/json.md    one row, with the inputs of each component
"""

from __future__ import annotations

import math
from typing import Any, Final

import msgspec
import numpy as np

from engine.prism.across import Compared
from engine.prism.board import COMPONENT_INDEX, COMPONENTS, FACES, TIMEFRAMES, Board, Reading, Status
from engine.prism.past import Change
from engine.prism.standing import Standing
from engine.prism.verdict import flip, movers
from engine.prism.wording import sentence
from engine.ranking.gates import GATE_NAMES
from engine.ranking.result import GATES, Levels, LevelStatus, Ranking
from engine.ranking.words import veto_gate, veto_text
from engine.snapshot import Snapshot

Document = dict[str, Any]

SCAN_SCHEMA: Final = "prism.scan/1"
EXPLAIN_SCHEMA: Final = "prism.explain/1"
MOVERS: Final = 3
"""How many components an explanation names."""
SIDES: Final = {1: "long", -1: "short", 0: None}


def encode(document: Document) -> bytes:
    """`document` as UTF-8 JSON with one newline at the end; field order as built, floats in shortest round-trip form.

    Raises ValueError for NaN or infinity, which JSON does not have and which would otherwise silently become null.
    """
    _refuse_not_finite(document, "document")
    return msgspec.json.encode(document) + b"\n"


def scan_document(snapshot: Snapshot, top: int | None = None) -> Document:
    """The whole ranking under the preset in force.

    `top` limits the list of candidates; the counts and the vetoed rows stay complete, so that every vetoed symbol
    still says why.
    """
    ranking = snapshot.ranking
    rankable = np.concatenate([ranking.candidates, ranking.vetoed])
    shown = ranking.candidates if top is None else ranking.candidates[: max(0, top)]
    return {
        "schema": SCAN_SCHEMA,
        "mode": snapshot.mode,
        "preset": snapshot.preset,
        "at_ms": snapshot.at_ms,
        "universe": len(rankable),
        "scored": int((~np.isnan(board_in_force(snapshot).prism[rankable])).sum()),
        "gated": len(ranking.vetoed),
        "candidates": [row_document(snapshot, row, rank) for rank, row in enumerate(shown.tolist(), 1)],
        "vetoed": [row_document(snapshot, row, None) for row in ranking.vetoed.tolist()],
    }


def explain_document(snapshot: Snapshot, row: int) -> Document:
    """One row with the inputs of every component and, if the snapshot is focused on it, its structural prices.

    Raises IndexError for a row that is not in the snapshot.
    """
    if not 0 <= row < len(snapshot.instruments):
        raise IndexError(f"row {row}: the snapshot holds {len(snapshot.instruments)} instruments")
    place = np.flatnonzero(snapshot.ranking.candidates == row)
    focused = snapshot.focus is not None and snapshot.focus.row == row
    levels = snapshot.focus.structure if focused and snapshot.focus is not None else ()
    head = {"schema": EXPLAIN_SCHEMA, "mode": snapshot.mode, "preset": snapshot.preset, "at_ms": snapshot.at_ms}
    body = row_document(snapshot, row, int(place[0]) + 1 if len(place) else None, with_inputs=True)
    if not len(place) and row not in snapshot.ranking.vetoed:
        instrument = snapshot.instruments[row]
        what = instrument.kind if instrument.kind != "perp" else instrument.category
        body |= {"first_failed": None, "reason": f"not ranked: {what}, quoted in {instrument.quote}"}
    body |= _verdict(board_in_force(snapshot), row)
    if focused and snapshot.focus is not None:
        body |= {"change": _change(snapshot.focus.change, snapshot.at_ms)}
        _add_standing(body["faces"], snapshot.focus.standing)
    structure = [{"name": name, "price": _number(price)} for name, price in levels] if focused else None
    across = [_compared(one) for one in snapshot.focus.across] if focused and snapshot.focus is not None else None
    return head | body | {"structure": structure, "across_venues": across}


def _compared(one: Compared) -> Document:
    """One input compared across the venues of the asset."""
    return {
        "name": one.name,
        "unit": one.unit,
        "combined": _number(one.combined),
        "median": _number(one.median),
        "venues": [
            {"venue": voice.venue, "symbol": voice.symbol, "value": _number(voice.value), "disagrees": voice.marked}
            for voice in one.voices
        ],
    }


def _verdict(board: Board, row: int) -> Document:
    """The three components that move the score most, and which ones would flip its side if they were neutral."""
    found = movers(board, row)
    turned = flip(found, float(board.prism[row]))
    return {
        "movers": [
            {
                "face": mover.face,
                "component": mover.component,
                "points": _number(mover.points),
                "words": sentence(mover.component, board.readings[mover.component], row),
            }
            for mover in found[:MOVERS]
        ],
        "flip": None if turned is None else {"neutral": list(turned.components), "score": _number(turned.score)},
    }


def _change(change: Change | None, at_ms: int) -> Document | None:
    """What changed the score since it was last 10 points away."""
    if change is None:
        return None
    return {
        "age_ms": at_ms - change.at_ms,
        "score": _number(change.score),
        "movers": [
            {"face": mover.face, "component": mover.component, "points": _number(mover.points)}
            for mover in change.movers[:MOVERS]
        ],
    }


def _add_standing(faces: Document, standing: Standing | None) -> None:
    """Percentiles beside the raw readings of a focused row."""
    if standing is None:
        return
    for face in faces.values():
        for name, component in face["components"].items():
            place = COMPONENT_INDEX[name]
            component["universe_percentile"] = _number(standing.universe[place] * 100.0)
            component["own_percentile"] = _number(standing.own[place] * 100.0)
            component["own_samples"] = int(standing.samples[place])


def board_in_force(snapshot: Snapshot) -> Board:
    """The board under the face weights of the preset in force."""
    return snapshot.ranking.board or snapshot.board


def row_document(snapshot: Snapshot, row: int, rank: int | None, *, with_inputs: bool = False) -> Document:
    """One row: instrument, verdict, faces with components, levels, gates. `rank` is None if it is no candidate."""
    instrument, ranking, board = snapshot.instruments[row], snapshot.ranking, board_in_force(snapshot)
    document = {
        "rank": rank,
        "venue": instrument.venue,
        "symbol": instrument.symbol,
        "asset": instrument.asset,
        "side": SIDES[int(ranking.side[row])],
        "score": _number(board.prism[row]),
        "conviction": _number(ranking.conviction[row]),
        "coverage": _number(board.coverage[row]),
        "price": _number(snapshot.columns.last[row]),
        "spread_bps": _number(snapshot.columns.spread_bps[row]),
        "faces": _faces(board, row, with_inputs),
        "levels": levels_document(ranking.levels, row),
        "gates": _gates(ranking, row),
        "traps": _traps(snapshot, row),
        "same_asset": _same_asset(snapshot, row),
    }
    if rank is None:
        document["first_failed"] = veto_gate(ranking, row)
        document["reason"] = veto_text(ranking, row)
    return document


def _traps(snapshot: Snapshot, row: int) -> list[Document] | None:
    """Warnings against taking the row's side; None if they were not computed."""
    if snapshot.traps is None:
        return None
    found = snapshot.traps.of(row, int(snapshot.ranking.side[row]))
    return [{"name": trap.name, "saw": trap.saw} for trap in found]


def _same_asset(snapshot: Snapshot, row: int) -> list[Document]:
    """The other instruments on the row's asset, including spot legs, by venue and symbol."""
    mine = snapshot.instruments[row]
    others = [
        other
        for other in snapshot.instruments
        if other.asset == mine.asset and other.category == mine.category and other is not mine
    ]
    others.sort(key=lambda other: (other.venue, other.symbol))
    return [{"venue": other.venue, "symbol": other.symbol, "kind": other.kind} for other in others]


def levels_document(levels: Levels, row: int) -> Document:
    """Entry, stop and targets of one row, null if there are none; `note` says why, or gives a caveat.

    `fixed_ms` is null if the levels follow the price.
    """
    fixed_ms = int(levels.fixed_ms[row])
    return {
        "status": LevelStatus(int(levels.status[row])).name.lower(),
        "entry": _number(levels.entry[row]),
        "stop": _number(levels.stop[row]),
        "tp": [_number(price) for price in levels.target[row]],
        "r": _number(levels.risk[row]),
        "atr": _number(levels.atr[row]),
        "atr_timeframe": levels.atr_timeframe,
        "reward_risk_net": [_number(ratio) for ratio in levels.reward_risk_net[row]],
        "depth_1pct_usd": _number(levels.depth_1pct_usd[row]),
        "note": levels.notes.get(row),
        "fixed_ms": fixed_ms if fixed_ms >= 0 else None,
    }


def _gates(ranking: Ranking, row: int) -> list[Document]:
    values, passed = ranking.gate_value[row].tolist(), ranking.gate_passed[row].tolist()
    limits = ranking.gate_limit.tolist()
    return [
        {
            "gate": gate,
            "passed": passed[place],
            "value": _number(values[place]),
            "limit": _number(limits[place]),
            "unit": GATES[place][1],
        }
        for place, gate in enumerate(GATE_NAMES)
    ]


def _faces(board: Board, row: int, with_inputs: bool) -> Document:
    return {
        face: {
            "score": _number(board.face_score[row, place]),
            "weight": _number(board.face_weight[row, place]),
            "impact": _number(board.face_impact[row, place]),
            "coverage": _number(board.face_coverage[row, place]),
            "divergence": _number(board.face_divergence[row, place]),
            "components": {name: _component(board, row, name, with_inputs) for name in COMPONENTS[face]},
        }
        for place, face in enumerate(FACES)
    }


def _component(board: Board, row: int, name: str, with_inputs: bool) -> Document:
    column, reading = COMPONENT_INDEX[name], board.readings[name]
    frames = None
    if reading.timeframes is not None:
        scores = board.timeframes[row, column].tolist()
        frames = {frame: _number(score) for frame, score in zip(TIMEFRAMES, scores, strict=True)}
    document: Document = {
        "status": Status(int(board.status[row, column])).name.lower(),
        "raw": _number(board.raw[row, column]),
        "unit": board.unit(row, column),
        "score": _number(board.score[row, column]),
        "divergence": _number(board.divergence[row, column]),
        "adjusted": _number(board.adjusted[row, column]),
        "weight": _number(board.weight[row, column]),
        "impact": _number(board.impact[row, column]),
        "timeframes": frames,
        "note": reading.notes.get(row),
    }
    if with_inputs:
        document["words"] = sentence(name, reading, row) if document["raw"] is not None else None
        document["inputs"] = _inputs(reading, row, board.at_ms)
    return document


def _inputs(reading: Reading, row: int, at_ms: int) -> list[Document]:
    listed = []
    for name, (values, unit, times) in reading.inputs.items():
        time = -1 if times is None else int(times[row])
        listed.append(
            {
                "name": name,
                "value": _number(values[row]),
                "unit": unit,
                "age_ms": None if time < 0 else at_ms - time,
                "source": reading.sources.get(name, {}).get(row),
            }
        )
    return listed


def _number(value: float | np.floating[Any]) -> float | None:
    """A finite float, or None; minus zero becomes zero."""
    plain = float(value)
    return plain + 0.0 if math.isfinite(plain) else None


def _refuse_not_finite(value: object, path: str) -> None:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{path} is {value}, which JSON does not have")
    elif isinstance(value, dict):
        for key, inner in value.items():
            _refuse_not_finite(inner, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(value):
            _refuse_not_finite(inner, f"{path}[{place}]")
