"""The engine as a thread: it plays, obeys, survives an idle console and says why when it ends."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from engine.config.schema import Config
from engine.pipeline import Pipeline
from engine.playback import Player, Recording
from engine.replay import ScanCadence, run_through
from engine.simulator.demo_recording import BUNDLED
from engine.snapshot import Snapshot
from engine.transport.capture import CaptureReader
from engine.transport.capture_records import Record

SLICE = 6_000
"""Records of the bundled recording that the tests play: its warm-up and about a minute of market."""


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return list(itertools.islice(iter(CaptureReader(BUNDLED)), SLICE))


def wait_for(condition: Callable[[], bool], engine: Player, seconds: float = 60.0) -> None:
    """Return once `condition` holds; the engine's own thread is what moves it."""
    pause = threading.Event()
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        assert engine.alive() or condition(), f"the engine ended: {engine.failure()}"
        pause.wait(0.01)
    raise AssertionError("the engine did not come to it")


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether `condition` comes to hold within this time."""
    pause = threading.Event()
    return any(condition() or pause.wait(0.01) for _ in range(int(seconds / 0.01)))


def shot(engine: Player) -> Snapshot:
    snapshot = engine.latest()
    assert snapshot is not None
    return snapshot


def playing(records: list[Record], *, loops: bool = False, speed: float = float("inf")) -> Player:
    engine = Player(Config(), Recording("test", lambda: iter(records), loops), "replay", speed=speed)
    engine.start()
    return engine


def finished(engine: Player) -> bool:
    snapshot = engine.latest()
    return snapshot is not None and snapshot.replay is not None and snapshot.replay.finished


def test_how_long_a_recording_is_is_known_while_it_plays(records: list[Record]) -> None:
    end_ns = records[-1].t
    engine = Player(
        Config(), Recording("test", lambda: iter(records), end_ns=lambda: end_ns), "replay", speed=0.01
    )  # fmt: skip
    engine.start()
    try:
        wait_for(lambda: engine.latest() is not None and shot(engine).replay is not None, engine)
        wait_for(lambda: (replay := shot(engine).replay) is not None and replay.end_ms is not None, engine)
        replay = shot(engine).replay
        assert replay is not None
        assert replay.end_ms == end_ns // 1_000_000
        assert not replay.finished
    finally:
        engine.close(5.0)


def test_a_replay_ends_where_a_headless_run_ends(records: list[Record]) -> None:
    pipeline = Pipeline(Config(), "replay")
    run_through(pipeline, records)
    wanted = pipeline.snapshot()
    engine = playing(records)
    try:
        wait_for(lambda: finished(engine), engine)
        got = shot(engine)
    finally:
        engine.close(10)
    assert got.at_ms == wanted.at_ms
    assert got.health.scans == wanted.health.scans
    assert got.board.prism.tobytes() == wanted.board.prism.tobytes()
    assert got.ranking.candidates.tolist() == wanted.ranking.candidates.tolist()


def test_nobody_looking_holds_nothing_up(records: list[Record]) -> None:
    engine = playing(records)
    try:
        wait_for(lambda: finished(engine), engine)
        assert shot(engine).health.frames == sum(1 for record in records if hasattr(record, "text"))
    finally:
        engine.close(10)
    assert not engine.alive()
    assert engine.failure() is None


def test_pause_step_and_go_on(records: list[Record]) -> None:
    engine = Player(Config(), Recording("test", lambda: iter(records)), "replay", speed=50.0)
    engine.pause(True)
    engine.start()
    try:
        wait_for(lambda: engine.latest() is not None, engine)
        held = shot(engine)
        assert held.replay is not None
        assert held.replay.paused
        scans = held.health.scans
        engine.step()
        wait_for(lambda: shot(engine).health.scans == scans + 1, engine)
        engine.pause(False)
        wait_for(lambda: shot(engine).health.scans > scans + 3, engine)
    finally:
        engine.close(10)


@pytest.mark.parametrize("speed", [0.01, 1.0, 50.0, float("inf")])
def test_each_step_of_a_paused_recording_goes_to_the_next_scan_whatever_the_speed(
    records: list[Record], speed: float
) -> None:
    config = Config()
    cadence = ScanCadence(config.engine.scan_interval_ms)
    cadence.due(records[0].t)
    scans_ms = [record.t // 1_000_000 for record in records if cadence.due(record.t)]
    engine = Player(config, Recording("test", lambda: iter(records)), "replay", speed=speed)
    engine.pause(True)
    engine.start()

    def position() -> tuple[int, int]:
        replay = shot(engine).replay
        assert replay is not None
        return replay.at_ms, shot(engine).health.scans

    try:
        wait_for(lambda: engine.latest() is not None, engine)
        engine.step()
        wait_for(lambda: shot(engine).health.scans == 2, engine)
        at_ms, scans = position()
        place = scans_ms.index(at_ms)
        for steps in (1, 1, 1, 1, 3):
            place, scans = place + steps, scans + steps
            wanted = scans_ms[place], scans
            for _ in range(steps):
                engine.step()
            wait_for(lambda wanted=wanted: position() == wanted, engine)  # type: ignore[misc]
    finally:
        engine.close(10)


def test_seeking_back_plays_again_from_the_start_in_a_new_epoch(records: list[Record]) -> None:
    engine = playing(records)
    try:
        wait_for(lambda: finished(engine), engine)
        before = shot(engine)
        assert before.replay is not None
        target = before.replay.start_ms + 20_000
        engine.set_speed(1.0)
        engine.seek(target)
        wait_for(lambda: shot(engine).epoch > before.epoch and shot(engine).at_ms >= target - 2_000, engine)
        after = shot(engine)
        assert after.replay is not None
        assert not after.replay.finished
        assert after.replay.at_ms < before.replay.at_ms
    finally:
        engine.close(10)


def test_seeking_back_at_full_speed_arrives_and_plays_on_to_the_end(records: list[Record]) -> None:
    engine = playing(records)
    try:
        wait_for(lambda: finished(engine), engine)
        before = shot(engine)
        assert before.replay is not None
        engine.seek(before.replay.start_ms + 20_000)
        wait_for(lambda: shot(engine).epoch > before.epoch and finished(engine), engine)
        after = shot(engine).replay
        assert after is not None
        assert after.seek_ms is None
        assert shot(engine).epoch == before.epoch + 1, "it began anew once"
    finally:
        engine.close(10)


def test_seeking_beyond_the_end_ends_there(records: list[Record]) -> None:
    engine = playing(records, speed=1_000.0)
    try:
        wait_for(lambda: engine.latest() is not None, engine)
        start = shot(engine).replay
        assert start is not None
        engine.seek(start.start_ms + 86_400_000)
        wait_for(lambda: finished(engine), engine)
        epoch = shot(engine).epoch
        assert not _until(lambda: shot(engine).epoch > epoch or not finished(engine), 1.0)
        status = shot(engine).replay
        assert status is not None
        assert status.seek_ms is None
    finally:
        engine.close(10)


def test_a_seek_says_where_it_is_going_until_it_is_there(records: list[Record]) -> None:
    engine = Player(Config(), Recording("test", lambda: iter(records)), "replay", speed=1.0)
    engine.start()
    try:
        wait_for(lambda: engine.latest() is not None, engine)
        status = shot(engine).replay
        assert status is not None
        target = status.start_ms + 40_000
        seen: set[int | None] = set()
        engine.seek(target)

        def arrived() -> bool:
            now = shot(engine).replay
            assert now is not None
            seen.add(now.seek_ms)
            return now.at_ms >= target

        wait_for(arrived, engine)
        assert seen == {None, target}
    finally:
        engine.close(10)


def test_a_gap_is_waited_for_before_its_end_is_shown_and_a_seek_skips_it(records: list[Record]) -> None:
    hour_ms, early = 3_600_000, records[:2_000]
    late = [msgspec.structs.replace(record, t=record.t + hour_ms * 1_000_000) for record in records[2_000:2_500]]
    before_ms, after_ms = early[-1].t // 1_000_000, late[0].t // 1_000_000
    held = Recording("test", lambda: iter([*early, *late]))
    engine = Player(Config(), held, "replay", speed=50.0, start_ms=before_ms - 500)
    engine.start()
    try:

        def waits() -> bool:
            replay = shot(engine).replay if engine.latest() is not None else None
            return replay is not None and replay.at_ms == before_ms and replay.next_ms == after_ms

        wait_for(waits, engine)
        assert shot(engine).at_ms < before_ms + 60_000, "the market is not shown as it is an hour later"
        engine.seek(before_ms + 60_000)
        wait_for(lambda: finished(engine), engine)
        replay = shot(engine).replay
        assert replay is not None
        assert replay.next_ms is None
    finally:
        engine.close(10)


def test_after_a_silence_the_recording_is_where_the_market_is_shown(records: list[Record]) -> None:
    """A seek by a minute starts from there, not from the last record before the silence."""
    quiet_ms, early = 40_000, records[:2_000]
    late = [msgspec.structs.replace(record, t=record.t + quiet_ms * 1_000_000) for record in records[2_000:2_500]]
    before_ms, after_ms = early[-1].t // 1_000_000, late[0].t // 1_000_000
    held = Recording("test", lambda: iter([*early, *late]))
    engine = Player(Config(), held, "replay", speed=50.0, start_ms=before_ms - 500)
    engine.pause(True)
    engine.start()

    def arrived() -> bool:
        replay = None if engine.latest() is None else shot(engine).replay
        return replay is not None and replay.seek_ms is None

    try:
        wait_for(arrived, engine)
        for _ in range(10):
            if shot(engine).at_ms > before_ms + quiet_ms / 2:
                break
            scans = shot(engine).health.scans
            engine.step()
            wait_for(lambda scans=scans: shot(engine).health.scans > scans, engine)  # type: ignore[misc]
        replay = shot(engine).replay
        assert replay is not None
        assert replay.at_ms == after_ms
    finally:
        engine.close(10)


def test_a_looping_recording_begins_again(records: list[Record]) -> None:
    engine = playing(records[:3_000], loops=True)
    try:
        wait_for(lambda: engine.latest() is not None and shot(engine).epoch >= 3, engine)
        status = shot(engine).replay
        assert status is not None
        assert status.loop >= 3
    finally:
        engine.close(10)


def test_focus_and_preset_show_up_in_a_later_picture(records: list[Record]) -> None:
    engine = playing(records)
    try:
        wait_for(lambda: finished(engine), engine)
        engine.focus("binance-usdm", "BTCUSDT")
        engine.set_preset("relaxed")
        engine.set_preset("no such preset")
        wait_for(lambda: shot(engine).focus is not None and shot(engine).preset == "relaxed", engine)
        focus = shot(engine).focus
        assert focus is not None
        assert focus.ladder.status == "synced"
        assert focus.ladder.bids
        assert float(focus.ladder.bids[0][0]) < float(focus.ladder.asks[0][0])
        assert len(focus.charts["15m"].close) > 100
        assert focus.tape
        assert len(shot(engine).ranking.candidates) == len(shot(engine).rankings["relaxed"].candidates)
    finally:
        engine.close(10)


def test_closing_while_it_plays_takes_no_time_to_speak_of(records: list[Record]) -> None:
    engine = playing(records, speed=0.01)
    wait_for(lambda: engine.alive(), engine)
    engine.close(3)
    assert not engine.alive()


class Asking(Player):
    """Is asked for something whenever it looks whether a seek goes back: in the middle of its own reckoning."""

    asks: Callable[[Player], None] = staticmethod(lambda engine: None)

    def _goes_back(self) -> bool:
        before = super()._goes_back()
        self.asks(self)
        return before


def test_a_speed_that_is_asked_for_at_any_moment_ends_no_replay(records: list[Record]) -> None:
    asked: list[float] = []

    def press(engine: Player) -> None:
        asked.append(1_000.0 if len(asked) % 2 else 2_000.0)
        engine.set_speed(asked[-1])

    engine = Asking(Config(), Recording("test", lambda: iter(records[:3_000])), "replay", speed=1_000.0)
    engine.asks = press
    engine.start()
    try:
        wait_for(lambda: finished(engine), engine)
    finally:
        engine.close(10)
    assert engine.failure() is None
    assert len(asked) > 100


def test_a_seek_that_is_asked_for_as_another_arrives_is_not_lost(records: list[Record]) -> None:
    first = records[0].t // 1_000_000 + 20_000
    second = first + 15_000
    asked: list[int] = []

    def press(engine: Player) -> None:
        if not asked and engine._pipeline.clock_ms > first - 100:
            asked.append(second)
            engine.seek(second)

    engine = Asking(Config(), Recording("test", lambda: iter(records)), "replay", speed=0.001, start_ms=first)
    engine.asks = press
    engine.start()
    try:
        wait_for(lambda: bool(asked) and shot(engine).at_ms >= second - 1_000, engine)
    finally:
        engine.close(10)


def test_what_the_console_asks_for_is_carried_out_by_the_engine_alone_in_order(records: list[Record]) -> None:
    engine = Player(Config(), Recording("test", lambda: iter(records)), "replay", speed=4.0)
    engine._anchor = anchor = (1, 2)
    for _ in range(3):
        engine.pause(True)
        engine.step()
        engine.set_speed(8.0)
        engine.seek(7)
        engine.hold([("okx", "BTC-USDT-SWAP")])
    untouched = engine._replay_status()
    assert (untouched.paused, untouched.speed, untouched.seek_ms) == (False, 4.0, None)
    assert (engine._anchor, engine._steering.steps, engine._kept) == (anchor, 0, frozenset())
    assert engine._obey()
    done = engine._replay_status()
    assert (done.paused, done.speed, done.seek_ms, engine._steering.steps) == (True, 8.0, 7, 3)
    assert engine.__dict__["_anchor"] is None
    assert engine._kept == frozenset([("okx", "BTC-USDT-SWAP")])
    assert not engine._obey()


def test_a_picture_shows_what_was_asked_for_before_it(records: list[Record]) -> None:
    engine = Player(Config(), Recording("test", lambda: iter(records)), "replay")
    engine._scan()
    engine.pause(True)
    engine._publish(force=True)
    replay = shot(engine).replay
    assert replay is not None
    assert replay.paused


def test_an_engine_that_fails_says_so() -> None:
    def broken() -> Iterator[Record]:
        yield from ()
        raise RuntimeError("the disk went away")

    engine = Player(Config(), Recording("test", broken), "replay")
    engine.start()
    wait_for(lambda: engine.failure() is not None, engine)
    engine.close(10)
    assert not engine.alive()
    assert "RuntimeError" in str(engine.failure())


def test_a_snapshot_does_not_follow_the_state(records: list[Record]) -> None:
    pipeline = Pipeline(Config(), "replay")
    run_through(pipeline, records[:3_000])
    pipeline.focus("binance-usdm", "ETHUSDT")
    before = pipeline.snapshot()
    last, prism = before.columns.last.copy(), before.board.prism.copy()
    inputs = {
        (name, key): values.copy()
        for name, reading in before.board.readings.items()
        for key, (values, _, _) in reading.inputs.items()
    }
    for record in records[3_000:]:
        pipeline.ingest(record)
    pipeline.scan()
    pipeline.snapshot()
    assert before.columns.last.tobytes() == last.tobytes()
    assert before.board.prism.tobytes() == prism.tobytes()
    for (name, key), values in inputs.items():
        assert before.board.readings[name].inputs[key][0].tobytes() == values.tobytes(), (name, key)


def test_the_cadence_scans_once_for_a_silence() -> None:
    cadence = ScanCadence(100)
    ms = 1_000_000
    assert [cadence.due(t * ms) for t in (0, 50, 99, 100, 150, 5_000, 5_010, 5_100)] == [
        False, False, False, True, False, True, False, True,
    ]  # fmt: skip


def test_the_bundled_recording_is_marked_and_not_large() -> None:
    reader = CaptureReader(BUNDLED)
    assert "DEMO" in reader.header.note
    assert Path(BUNDLED).stat().st_size < 4 * 2**20
