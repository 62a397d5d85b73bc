"""The demo recording: made from one seed, understood without a refusal, and worth looking at."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from engine.config.schema import Config
from engine.pipeline import Pipeline
from engine.replay import run_through
from engine.simulator.demo_assets import ASSETS
from engine.simulator.demo_recording import BUNDLED, PREROLL_MS, START_MS, write
from engine.snapshot import Snapshot
from engine.transport.capture import CaptureReader
from engine.venues.base import Verdict


@pytest.fixture(scope="module")
def warm() -> Pipeline:
    """The bundled recording half a minute after the part that is passed through at once."""
    pipeline = Pipeline(Config(), "demo")
    run_through(pipeline, CaptureReader(BUNDLED), START_MS + PREROLL_MS + 30_000)
    return pipeline


@pytest.fixture(scope="module")
def snapshot(warm: Pipeline) -> Snapshot:
    return warm.snapshot()


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    first, second, other = (tmp_path / name for name in ("a.jsonl.zst", "b.jsonl.zst", "c.jsonl.zst"))
    write(first, live_s=4)
    write(second, live_s=4)
    write(other, seed=7, live_s=4)
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes() != other.read_bytes()


def test_its_header_says_demo_and_no_line_is_bad() -> None:
    reader = CaptureReader(BUNDLED)
    assert "DEMO" in reader.header.note
    assert sum(1 for _ in reader) > 10_000
    assert reader.bad_lines == 0
    assert reader.notices == []


def test_every_message_is_understood_and_every_book_proven(warm: Pipeline) -> None:
    for venue, tally in warm.tallies.items():
        assert tally.verdicts[Verdict.REJECTED] == tally.verdicts[Verdict.UNKNOWN] == 0, (venue, tally.detail)
        counts = warm.books.counts(venue)
        assert (counts.sequence_gaps, counts.resyncs, counts.resyncing) == (0, 0, 0), venue


def test_every_coin_trades_where_it_should(snapshot: Snapshot) -> None:
    wanted = Counter(venue.replace("okx-spot", "okx") for asset in ASSETS for venue in asset.venues)
    assert Counter(instrument.venue for instrument in snapshot.instruments) == wanted
    assert all(not instrument.inferred for instrument in snapshot.instruments)


def test_there_are_candidates_on_both_sides(snapshot: Snapshot) -> None:
    balanced = snapshot.rankings["balanced"]
    sides = {int(balanced.side[row]) for row in balanced.candidates}
    assert len(balanced.candidates) >= 4
    assert sides == {1, -1}
    assert len(snapshot.rankings["relaxed"].candidates) > len(balanced.candidates)
    assert len(balanced.vetoed) > 0


def test_liquidations_of_both_sides_are_seen(snapshot: Snapshot) -> None:
    assert {line.side for line in snapshot.liquidations} == {"long", "short"}
    assert {line.venue for line in snapshot.liquidations} == {"binance-usdm", "bybit-linear", "okx"}
