"""All venues gone: what nobody sees any more is offered to nobody, says how old it is, and comes back with them.

The age must grow though no event moves the market's own time, live as in a recording of the same minutes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest

from engine.config.schema import Config
from engine.documents import encode, scan_document
from engine.live import LiveEngine
from engine.market.state import QUIET_MS
from engine.pipeline import Pipeline
from engine.ranking.gates import AGE_LIMIT_S
from engine.ranking.words import veto_text
from engine.replay import ScanCadence
from engine.snapshot import Snapshot
from engine.transport.capture_records import Record
from engine.wiring import Wiring
from engine.written import Written
from tests.faults.rig import Rig

EXCHANGES = ("okx", "binance")
GONE_S = 95
BOUND_S = AGE_LIMIT_S + QUIET_MS / 1000
TOLD = re.compile(r"age of prices (\d+) s > 60 s")


@dataclass
class Kept:
    """What `prism record` would have written."""

    records: list[Record] = field(default_factory=list)

    def take(self, record: Record) -> None:
        self.records.append(record)

    def written(self) -> Written:
        return Written(len(self.records), 0, 0)


class RecordedRig(Rig):
    """A rig whose records are kept."""

    def _make_engine(self) -> LiveEngine:
        self.kept = Kept()
        wiring = Wiring(self.sim.routes, pace=100.0, seed=1, recorder=self.kept)
        return LiveEngine(self.config, "demo", wiring, self.clock)


def ranked(snapshot: Snapshot) -> int:
    """Candidates under all presets."""
    return sum(len(ranking.candidates) for ranking in snapshot.rankings.values())


def oldest_offered_s(snapshot: Snapshot, pipeline: Pipeline, now_ms: int) -> float:
    """Of the candidates, the longest time that neither a trade nor a quote came; 0 where there are none."""
    facts = pipeline.state.derivatives.view(pipeline.state.at_ms, pipeline.state.at_ms, pipeline._scan[0].books)  # type: ignore[index]
    rows = sorted({row for ranking in snapshot.rankings.values() for row in ranking.candidates.tolist()})
    return max((now_ms - max(int(facts.last_ms[row]), int(facts.quote_ms[row])) for row in rows), default=0) / 1000


@pytest.mark.parametrize("kind", ["refuse", "silent"])
async def test_a_market_that_nobody_sees_offers_no_entry_says_its_age_and_comes_back(kind: str) -> None:
    rig = RecordedRig(EXCHANGES, assets=4, rate=120.0, places=3, scan_ms=1_000, step_ms=50)
    async with rig:
        await rig.run(60.0)
        assert ranked(rig.snapshot) > 0
        for exchange in EXCHANGES:
            rig.inject(kind=kind, exchange=exchange)
        oldest_s, offered_ms = 0.0, 0
        for _ in range(GONE_S):
            await rig.run(1.0)
            now_ms = rig.clock.now_ns() // 1_000_000
            oldest_s = max(oldest_s, oldest_offered_s(rig.snapshot, rig.pipeline, now_ms))
            offered_ms = now_ms if ranked(rig.snapshot) else offered_ms
        assert 10.0 < oldest_s <= BOUND_S + 2.0, "offered while it may still be right, and not after the bound"
        assert told_in_words(rig.snapshot)
        gone_ms = now_ms
        rig.sim.lift()
        await rig.until(rig.is_whole, 120.0, "whole again")
        took = await rig.until(lambda: ranked(rig.snapshot) > 0, 30.0, "candidates again")
        now_ms = rig.clock.now_ns() // 1_000_000
        assert oldest_offered_s(rig.snapshot, rig.pipeline, now_ms) < 5.0, "what is offered again is seen again"
        print(f"\nboth     {kind:6}: candidates {took:5.1f} s after all is whole again")
    first, second = replayed(rig.kept.records, rig.config), replayed(rig.kept.records, rig.config)
    assert first == second, "a recording says the same each time"
    unseen = [offered for recv_ms, offered, _ in first if offered_ms + 1_000 < recv_ms <= gone_ms]
    assert unseen, "and is scanned then"
    assert not any(unseen), "and stops to offer when the live engine does"
    assert first[-1][1] > 0


def told_in_words(shot: Snapshot) -> bool:
    """Whether nothing is offered, and every row says how old its prices are."""
    assert ranked(shot) == 0
    assert not [feed.state for feed in shot.feeds if feed.state not in ("down", "stale", "connecting")]
    for ranking in shot.rankings.values():
        assert ranking.vetoed.size
        for row in ranking.vetoed.tolist():
            found = TOLD.search(veto_text(ranking, row) or "")
            assert found, veto_text(ranking, row)
            assert AGE_LIMIT_S < int(found[1]) <= GONE_S + 2
    return True


def replayed(records: list[Record], config: Config) -> list[tuple[int, int, bytes]]:
    """By scan of a recording: receive time, candidates under all presets, and every twentieth in full."""
    pipeline, cadence = Pipeline(config, "replay"), ScanCadence(config.engine.scan_interval_ms)
    found = []
    for record in records:
        if cadence.due(record.t):
            pipeline.quiet_until(record.t // 1_000_000)
            pipeline.scan()
            shot = pipeline.snapshot()
            document = encode(scan_document(shot)) if pipeline.scans % 20 == 0 else b""
            found.append((record.t // 1_000_000, ranked(shot), document))
        pipeline.ingest(record)
    return found
