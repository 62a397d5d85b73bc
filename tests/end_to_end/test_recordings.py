"""Recorded traffic through the whole engine: reproducible to the byte, blind to the future, complete, and honest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

from engine.config.schema import Config
from engine.documents import encode, explain_document, scan_document
from engine.pipeline import Pipeline
from engine.prism.board import COMPONENTS, FACES
from engine.replay import run_through
from engine.snapshot import Snapshot
from engine.transport.capture import CaptureReader
from engine.transport.capture_records import Record
from tests.recorded import recorded

pytestmark = pytest.mark.recorded


@cache
def records(name: str, count: int | None = None) -> tuple[Record, ...]:
    reader = iter(CaptureReader(recorded("captures", f"{name}.jsonl.gz")))
    if count is None:
        return tuple(reader)
    return tuple(record for _, record in zip(range(count), reader, strict=False))


def played(of: tuple[Record, ...], until_ms: int | None = None) -> Pipeline:
    pipeline = Pipeline(Config(), "replay")
    run_through(pipeline, of, until_ms)
    return pipeline


@cache
def final(name: str) -> Snapshot:
    return played(records(name)).snapshot()


def rows_of(snapshot: Snapshot) -> list[int]:
    return [*snapshot.ranking.candidates.tolist(), *snapshot.ranking.vetoed.tolist()]


def all_rows(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from document["candidates"]
    yield from document["vetoed"]


@pytest.mark.parametrize("name", ["composite-four-venues", "binance-usdm-2021-04-17", "okx-2022-05-13"])
def test_replaying_a_capture_twice_gives_identical_bytes(name: str) -> None:
    first, second = played(records(name)).snapshot(), played(records(name)).snapshot()
    assert encode(scan_document(first)) == encode(scan_document(second))
    for row in range(len(first.instruments)):
        assert encode(explain_document(first, row)) == encode(explain_document(second, row))


@pytest.mark.parametrize(("name", "share"), [("composite-four-venues", 0.5), ("candles-2025-10-14", 0.3)])
def test_what_was_said_at_a_time_does_not_depend_on_what_came_after(name: str, share: float) -> None:
    """The streaming values at t equal those of a run on the recording cut at t, for every component."""
    whole = records(name, 12_000)
    cut_ms = whole[int(len(whole) * share)].t // 1_000_000
    streaming = Pipeline(Config(), "replay")
    cut = tuple(record for record in whole if record.t <= cut_ms * 1_000_000)
    run_through(streaming, cut)
    at_t = streaming.snapshot()
    for record in whole[len(cut) :]:
        streaming.ingest(record)
    streaming.scan()
    alone = played(whole, cut_ms).snapshot()
    assert at_t.at_ms == alone.at_ms
    assert encode(scan_document(at_t)) == encode(scan_document(alone))


def test_every_perpetual_of_the_composite_is_ranked_or_vetoed_by_name() -> None:
    snapshot = final("composite-four-venues")
    document = scan_document(snapshot)
    found = {(row["venue"], row["symbol"]) for row in all_rows(document)}
    assert len(found) == document["universe"] == 17
    assert {venue for venue, _ in found} == {"binance-usdm", "bybit-linear", "okx"}
    assert ("okx", "UNI-USD-SWAP") in found
    for row in document["vetoed"]:
        assert row["first_failed"]
        assert row["reason"]


def test_spot_legs_and_other_venues_are_the_same_asset() -> None:
    rows = {(row["venue"], row["symbol"]): row for row in all_rows(scan_document(final("composite-four-venues")))}
    btc = rows["bybit-linear", "BTCUSDT"]["same_asset"]
    assert {(other["venue"], other["symbol"], other["kind"]) for other in btc} >= {
        ("bybit-spot", "BTCUSDT", "spot"),
        ("okx", "BTC-USDT", "spot"),
        ("okx", "BTC-USD-220527", "future"),
    }
    dent = rows["binance-usdm", "DENTUSDT"]["same_asset"]
    assert ("binance-spot", "DENTUSDT") in {(other["venue"], other["symbol"]) for other in dent}


def test_thirty_symbols_score_on_real_bars() -> None:
    document = scan_document(final("candles-2025-10-14"))
    assert (document["universe"], document["scored"]) == (30, 30)
    for row in all_rows(document):
        faces = row["faces"]
        assert faces["technical"]["coverage"] == 1.0
        assert all(held["status"] == "ok" for held in faces["technical"]["components"].values())
        # Bybit's candles carry no taker volume, so two of the six volume components cannot be.
        volume = faces["volume"]["components"]
        assert [name for name, held in volume.items() if held["status"] == "missing"] == ["volume_delta", "divergence"]
        assert all("taker volume" in volume[name]["note"] for name in ("volume_delta", "divergence"))
        assert faces["structure"]["score"] is not None
        assert row["levels"]["atr"] > 0


@pytest.mark.parametrize("name", ["composite-four-venues", "candles-2025-10-14", "binance-usdm-2021-04-17"])
def test_every_row_adds_up_and_every_gap_has_a_reason(name: str) -> None:
    for row in all_rows(scan_document(final(name))):
        faces = row["faces"]
        assert list(faces) == list(FACES)
        if row["score"] is not None:
            assert 0 <= row["score"] <= 100
            assert sum(face["impact"] for face in faces.values()) == pytest.approx(row["score"], abs=1e-9)
            assert sum(face["weight"] for face in faces.values()) == pytest.approx(1.0)
        for face_name, face in faces.items():
            assert list(face["components"]) == list(COMPONENTS[face_name])
            held = face["components"].values()
            if face["score"] is not None:
                assert sum(one["impact"] for one in held) == pytest.approx(face["score"], abs=1e-9)
            for one in held:
                if one["status"] == "ok":
                    assert 0 <= one["adjusted"] <= 100
                else:
                    assert one["score"] is None
                    assert one["weight"] == 0
                    assert one["note"]


def test_the_order_of_the_venues_in_time_is_all_that_counts() -> None:
    """Permuting symbols changes no score: the same messages with the venues' simultaneous ones in another order."""
    whole = records("composite-four-venues", 9_000)
    turned = tuple(sorted(whole, key=lambda record: (record.t, -len(record.venue), record.venue)))
    one, two = played(whole).snapshot(), played(turned).snapshot()
    scores = {(i.venue, i.symbol): float(one.board.prism[row]) for row, i in enumerate(one.instruments)}
    for row, instrument in enumerate(two.instruments):
        before = scores[instrument.venue, instrument.symbol]
        after = float(two.board.prism[row])
        assert after == pytest.approx(before, abs=1e-9, nan_ok=True), instrument


def test_the_explanation_names_inputs_with_unit_and_age() -> None:
    snapshot = final("candles-2025-10-14")
    row = snapshot.row_of("bybit-linear", "ZECUSDT")
    assert row is not None
    document = json.loads(encode(explain_document(snapshot, row)))
    rsi = document["faces"]["technical"]["components"]["rsi"]
    assert rsi["inputs"]
    assert all(entry["unit"] for entry in rsi["inputs"])
    assert any(entry["age_ms"] is not None for entry in rsi["inputs"])


def test_books_of_the_final_picture_are_those_of_the_recording() -> None:
    pipeline = played(records("bybit-2026-08-09"))
    pipeline.focus("bybit-linear", "BTCUSDT")
    focus = pipeline.snapshot().focus
    assert focus is not None
    assert focus.ladder.status == "synced"
    bids = [float(price) for price, _, _ in focus.ladder.bids]
    asks = [float(price) for price, _, _ in focus.ladder.asks]
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]
    assert np.isfinite([notional for _, _, notional in focus.ladder.bids]).all()
