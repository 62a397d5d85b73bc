"""What an engine measures of itself, on clocks and figures that the test gives."""

from __future__ import annotations

import asyncio
import gc
import math

import pytest

from engine.clock import ManualClock
from engine.config.schema import Config
from engine.gauges import MEMORY_EVERY_NS, SAMPLES, Gauges, memory_bytes, spread_of
from engine.runtime import Engine
from engine.transport.tasks import settle, spawn
from tests.engine.transport.stepped_clock import SteppedClock

MS = 1_000_000


def test_the_spread_of_durations() -> None:
    spread = spread_of(n * MS for n in range(101))
    assert (spread.p50_ms, spread.p99_ms, spread.most_ms) == (50.0, 99.0, 100.0)
    assert spread_of([7 * MS]).p99_ms == 7.0
    assert math.isnan(spread_of([]).p50_ms)


async def test_a_loop_that_wakes_late_is_measured() -> None:
    clock = SteppedClock()
    gauges = Gauges(clock, lambda: (1.0, 2.0))
    tasks: dict[asyncio.Task[None], None] = {}
    spawn(tasks, gauges.watch(), "gauges")
    await clock.advance(1.0)
    assert gauges.vitals().loop_late.most_ms == 0.0
    # Something holds the loop for 400 ms beyond the next tick.
    clock._monotonic_ns += 500 * MS
    await clock.advance(0.0)
    assert gauges.vitals().loop_late.most_ms == 400.0
    assert gauges.vitals().loop_late.p50_ms == 0.0
    await settle(tasks)


def test_only_the_newest_durations_count() -> None:
    gauges = Gauges(ManualClock(), lambda: (1.0, 2.0))
    gauges.scanned(9_000 * MS)
    for _ in range(SAMPLES):
        gauges.scanned(3 * MS)
        gauges.published(MS)
    vitals = gauges.vitals(paused=3, lightened="less")
    assert (vitals.scan.most_ms, vitals.publish.most_ms, gauges.scan_ms) == (3.0, 1.0, 3.0)
    assert (vitals.paused, vitals.lightened) == (3, "less")


def test_before_the_first_scan_and_the_second_count_nothing_is_known() -> None:
    clock = ManualClock()
    gauges = Gauges(clock, lambda: (1.0, 2.0))
    assert math.isnan(gauges.scan_ms)
    assert math.isnan(gauges.frames_per_s)
    gauges.counted(1_000)
    assert math.isnan(gauges.frames_per_s)
    clock.advance(500 * MS)
    gauges.counted(1_100)
    assert gauges.frames_per_s == 200.0


def test_the_rate_is_of_the_last_seconds_and_of_nothing_before_a_pause() -> None:
    clock = ManualClock()
    gauges = Gauges(clock, lambda: (1.0, 2.0))
    frames = 0
    for rate in (10, 1_000):
        for _ in range(8):
            gauges.counted(frames)
            clock.advance(1_000 * MS)
            frames += rate
    gauges.counted(frames)
    assert gauges.frames_per_s == 1_000.0
    clock.advance(4_000 * MS)
    gauges.counted(frames + 400)
    assert gauges.frames_per_s == 100.0, "a scan that takes long is no pause"
    clock.advance(60_000 * MS)
    gauges.counted(frames + 400)
    assert math.isnan(gauges.frames_per_s)
    clock.advance(1_000 * MS)
    gauges.counted(frames + 700)
    assert gauges.frames_per_s == 300.0


def test_a_stall_is_told_once_with_a_picture_and_asking_for_the_health_takes_nothing() -> None:
    engine = Engine(Config(), "demo", ManualClock())
    engine._stalls._ended(0, 2.0)
    engine._health()
    engine._health()
    assert len(engine._pipeline.notices) == 0
    engine._publish(force=True)
    engine._publish(force=True)
    shot = engine.latest()
    assert shot is not None
    assert [words for words in shot.health.notices if "stalled for 2.0 s" in words] == list(shot.health.notices)
    assert len(shot.health.notices) == 1


def test_pauses_of_the_collector_are_counted_while_it_is_watched_only() -> None:
    clock = ManualClock()
    before = list(gc.callbacks)
    with Gauges(clock, lambda: (1.0, 2.0)) as gauges:
        gauges._collected("start", {})
        clock.advance(12 * MS)
        gauges._collected("stop", {})
        assert gauges.vitals().collection.most_ms == 12.0
        assert gauges.vitals().collections == 1
        gc.collect()
        assert gauges.vitals().collections >= 2
    assert gc.callbacks == before


def test_memory_is_looked_up_now_and_then() -> None:
    clock, looks = ManualClock(), [0]

    def memory() -> tuple[float, float]:
        looks[0] += 1
        return looks[0] * 1.0, 9.0

    gauges = Gauges(clock, memory)
    assert [gauges.vitals().memory_bytes for _ in range(5)] == [1.0] * 5
    clock.advance(MEMORY_EVERY_NS)
    assert (gauges.vitals().memory_bytes, gauges.vitals().memory_peak_bytes) == (2.0, 9.0)


def test_the_memory_of_this_process_is_believable(monkeypatch: pytest.MonkeyPatch) -> None:
    now, peak = memory_bytes()
    assert math.isnan(now) or 10 * 2**20 < now <= peak
    monkeypatch.setattr("engine.gauges._STATUS", type("Gone", (), {"read_text": lambda *_, **__: "VmRSS: kB"})())
    assert math.isnan(memory_bytes()[0])


def test_a_snapshot_holds_them() -> None:
    engine = Engine(Config(), "demo", ManualClock())
    engine._scan()
    engine._publish(force=True)
    engine._publish(force=True)
    shot = engine.latest()
    assert shot is not None
    assert shot.health.vitals is not None
    assert shot.health.vitals.scan.most_ms == shot.health.scan_p99_ms == 0.0
    assert shot.health.vitals.publish.most_ms == 0.0
    assert math.isnan(shot.health.vitals.loop_late.p50_ms)
