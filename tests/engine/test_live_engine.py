"""The live engine over a scripted network: what it keeps between runs, what it says, and that it ends whole."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from engine.config.schema import Config, EngineSection, VenuesSection
from engine.live import LiveEngine
from engine.snapshot import Vitals
from engine.transport.budgets import Priority
from engine.transport.capture_records import Record, Response
from engine.transport.net import HttpAnswer
from engine.venues.live import Cost
from engine.wiring import Wiring
from engine.written import Written
from tests.engine.transport.budget_desk import uses
from tests.engine.transport.fake_net import HANG, FakeNet, answer
from tests.engine.transport.stepped_clock import SteppedClock, settled

FAPI = "https://fapi.binance.com"
BANNED = answer({"code": -1003, "msg": "Way too many requests; IP banned"}, status=418, headers={"retry-after": "130"})


class Kept:
    """Takes what is recorded."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.ended = ""

    def take(self, record: Record) -> None:
        self.records.append(record)

    def written(self) -> Written:
        return Written(len(self.records), 0, 0, self.ended)


class Scripted(LiveEngine):
    """The engine on Binance alone, whose venues answer as scripted, on a clock that is moved by hand."""

    def __init__(self, clock: SteppedClock, wiring: Wiring) -> None:
        self.net = FakeNet(clock)
        self.net.on_connect("wss://", HANG)
        self.net.on_get("https://data-api.binance.vision", HANG)
        self.net.on_get("https://api.binance.com", HANG)
        self.stepped = clock
        venues = VenuesSection(binance=True, bybit=False, okx=False, bitget=False)
        config = Config(engine=EngineSection(scan_interval_ms=1_000), venues=venues)
        super().__init__(config, "live", replace(wiring, seed=1), clock)

    def make_net(self) -> FakeNet:
        return self.net

    async def run(self, seconds: float) -> None:
        """Run for so long and end."""
        work = asyncio.create_task(self._run())
        await self.stepped.advance(seconds)
        self._closing = True
        await self.stepped.advance_until(work.done, 60)
        work.result()
        await settled()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"left running: {left}"
        assert self.net.closed

    def asked(self, host: str) -> int:
        return sum(url.startswith(host) for url in self.net.gets)

    @property
    def last_vitals(self) -> Vitals | None:
        return self._latest.health.vitals if self._latest is not None else None

    @property
    def notices(self) -> list[str]:
        return list(self._pipeline.notices)


def requests_of(engine: LiveEngine, product: str) -> str:
    return next(feed.requests for feed in engine.last_feeds if feed.venue == product)


async def test_a_ban_of_one_run_is_kept_by_the_next(tmp_path: Path) -> None:
    clock, wiring = SteppedClock(), Wiring(bans=tmp_path / "state" / "bans.json")
    first = Scripted(clock, wiring)
    first.net.on_get(FAPI, BANNED)
    await first.run(5)
    asked = first.asked(FAPI)
    # What was under way together when the ban came, and nothing after it.
    assert 1 <= asked <= 3
    assert "fapi.binance.com resting: HTTP 418 code -1003" in requests_of(first, "binance-usdm")

    second = Scripted(clock, wiring)
    second.net.on_get(FAPI, answer({}))
    await second.run(60)
    assert second.asked(FAPI) == 0
    assert "asked again in 6" in requests_of(second, "binance-usdm")

    await clock.advance(70)
    third = Scripted(clock, wiring)
    third.net.on_get(FAPI, answer({}))
    await third.run(5)
    assert third.asked(FAPI) > 0
    assert requests_of(third, "binance-usdm") == ""


async def test_without_a_file_nothing_is_kept() -> None:
    clock = SteppedClock()
    first = Scripted(clock, Wiring())
    first.net.on_get(FAPI, BANNED)
    await first.run(2)
    second = Scripted(clock, Wiring())
    second.net.on_get(FAPI, answer({}))
    await second.run(2)
    assert second.asked(FAPI) > 0


async def test_candles_that_cannot_be_kept_are_said_and_stop_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    engine = Scripted(SteppedClock(), Wiring(candles=tmp_path / "file" / "candles.sqlite3"))
    engine.net.on_get(FAPI, answer({}))
    await engine.run(3)
    assert any(words.startswith("candles are not kept") for words in engine.notices)
    assert engine._pipeline.scans >= 3


async def test_how_a_recording_does_is_in_every_picture_and_its_end_is_told_once() -> None:
    for ended in ("", "the recording in DIR ended: No space left on device"):
        kept = Kept()
        kept.ended = ended
        engine = Scripted(SteppedClock(), Wiring(recorder=kept))
        engine.net.on_get(FAPI, answer({}))
        await engine.run(3)
        picture = engine.latest()
        assert picture is not None
        assert picture.health.written is not None
        assert picture.health.written.ended == ended
        assert picture.health.written.records > 0
        assert engine.notices.count(ended) == (1 if ended else 0)
    unrecorded = Scripted(SteppedClock(), Wiring())
    await unrecorded.run(2)
    picture = unrecorded.latest()
    assert picture is not None
    assert picture.health.written is None


async def test_what_is_answered_reaches_the_recorder_and_the_budget() -> None:
    kept = Kept()
    engine = Scripted(SteppedClock(), Wiring(recorder=kept))
    limits = [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 1200}]

    def listing(url: str) -> HttpAnswer:
        return answer({"serverTime": 1, "rateLimits": limits, "symbols": []})

    engine.net.on_get(FAPI, answer({}))
    engine.net.on_get(FAPI + "/fapi/v1/exchangeInfo", listing)
    await engine.run(3)
    listings = [one for one in kept.records if isinstance(one, Response) and "exchangeInfo" in one.request]
    assert listings
    assert {use.name: use.capacity for use in uses(engine._budgets)}["binance-fapi"] == 600


async def test_who_waits_for_a_budget_is_let_go_when_the_engine_ends() -> None:
    engine = Scripted(SteppedClock(), Wiring())
    engine.net.on_get(FAPI, answer({}))
    waiting: list[asyncio.Task[None]] = []

    def ask() -> None:
        engine._budgets.rest("somewhere", 1e6, "banned")
        waiting.append(asyncio.create_task(engine._budgets.take("somewhere", Cost(()), Priority.POLL)))

    asyncio.get_running_loop().call_later(0.0, ask)
    await engine.run(3)
    assert [task.cancelled() for task in waiting] == [True]


async def test_a_network_that_is_not_there_is_told_and_tried_for_ever() -> None:
    engine = Scripted(SteppedClock(), Wiring())
    await engine.run(120)
    assert "unreachable" in requests_of(engine, "binance-usdm")
    assert any("its listing could not be read" in words for words in engine.notices)
    assert {feed.state for feed in engine.last_feeds} <= {"connecting", "down"}
    assert engine.asked(FAPI) > 10


async def test_an_overloaded_engine_says_so_follows_fewer_books_and_recovers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.load.BETTER_AFTER_NS", 5_000_000_000)
    clock = SteppedClock()
    engine = Scripted(clock, Wiring())
    engine.net.on_get(FAPI, HANG)
    told: list[str] = []
    scan, takes_ns = engine._pipeline.scan, [4_000_000_000]

    def slow_scan() -> None:
        scan()
        clock._monotonic_ns += takes_ns[0]

    monkeypatch.setattr(engine._pipeline, "scan", slow_scan)
    monkeypatch.setattr(engine, "_announce", told.append)
    work = asyncio.create_task(engine._run())
    await clock.advance(60)
    assert engine._load.places < engine._config.venues.full_depth
    assert engine.last_vitals is not None
    assert "instead of 40 a venue" in engine.last_vitals.lightened
    takes_ns[0] = 0
    await clock.advance(90)
    assert engine._load.places == engine._config.venues.full_depth
    assert engine.last_vitals.lightened == ""
    engine._closing = True
    await clock.advance_until(work.done, 60)
    work.result()
    order = [
        next(place for place, words in enumerate(told) if words.startswith(start))
        for start in ("this machine is slower", "overloaded: whole books", "scans keep up", "no longer overloaded")
    ]
    assert order == sorted(order)
