"""Kept bans: a venue that banned this address is left alone by the next run too, and a bad file stops nothing."""

from __future__ import annotations

import logging
import random
import stat
from pathlib import Path

import pytest

from engine.errors import Transient
from engine.storage.bans import LONGEST_NS, MAX_BYTES, SHORTEST_NS, BanStore
from engine.transport.budgets import Budgets, Priority, Rest
from engine.transport.rest_client import RestClient
from tests.engine.transport.fake_net import FakeNet, answer
from tests.engine.transport.plain_language import FIRST, PlainLanguage
from tests.engine.transport.stepped_clock import SteppedClock

S = 1_000_000_000
REQUEST = "GET /candles?symbol=BTC-USDT-SWAP"


def rest(clock: SteppedClock, name: str = FIRST, seconds: float = 600, why: str = "418 banned") -> Rest:
    return Rest(name, clock.now_ns() + round(seconds * S), why)


class Run:
    """A program from its start to its end: what of it a ban concerns."""

    def __init__(self, path: Path, clock: SteppedClock) -> None:
        self.net = FakeNet(clock)
        self.budgets = Budgets(clock)
        self.bans = BanStore(path, clock)
        self.budgets.restore(self.bans.load())
        self.budgets.on_rest = lambda: self.bans.keep(self.budgets.rests())
        self.client = RestClient(self.net, clock, random.Random(1), self.budgets, lambda record: None)

    async def ask(self) -> int:
        """The status of an answer to a request that does not wait."""
        return (await self.client.ask(PlainLanguage(), REQUEST, priority=Priority.POLL)).status


async def test_a_ban_survives_a_restart_and_ends_when_the_venue_said(tmp_path: Path) -> None:
    clock, path = SteppedClock(), tmp_path / "state" / "bans.json"
    first = Run(path, clock)
    first.net.on_get(FIRST, answer({"banned": 600}, status=418))
    with pytest.raises(Transient):
        await first.ask()
    await first.client.close()
    asked = len(first.net.gets)

    await clock.advance(100)
    second = Run(path, clock)
    second.net.on_get(FIRST, answer({}))
    status = second.client.status()[FIRST]
    assert (status.state, status.words) == ("resting", "418 banned")
    assert status.wait_words(clock.now_ns()) == "asked again in 9 min"
    with pytest.raises(Transient, match="418 banned; asked again in 500 s"):
        await second.ask()
    assert (asked, second.net.gets) == (1, [])

    await clock.advance(499.5)
    with pytest.raises(Transient):
        await second.ask()
    await clock.advance(0.6)
    assert await second.ask() == 200
    assert second.client.status()[FIRST].state == "ok"
    await second.client.close()


async def test_a_pool_that_rested_rests_again_whatever_host_is_asked(tmp_path: Path) -> None:
    clock = SteppedClock()
    BanStore(tmp_path / "bans.json", clock).keep([rest(clock, "plain")])
    run = Run(tmp_path / "bans.json", clock)
    with pytest.raises(Transient, match="418 banned"):
        await run.ask()
    assert run.net.gets == []
    assert "plain" not in run.client.status(), "a pool is no host"
    await run.client.close()


def test_what_a_restored_rest_and_a_new_one_say_the_longer_holds() -> None:
    clock = SteppedClock()
    budgets = Budgets(clock)
    budgets.rest("a", 60, "new")
    budgets.restore([rest(clock, "a", 30, "old"), rest(clock, "b", 30), rest(clock, "c", -1)])
    assert [(one.name, one.why) for one in budgets.rests()] == [("a", "new"), ("b", "418 banned")]
    budgets.restore([rest(clock, "a", 90, "older")])
    assert budgets.rests()[0].why == "older"


def test_there_need_be_no_file_and_it_is_for_its_owner_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = SteppedClock()
    store = BanStore(tmp_path / "deep" / "bans.json", clock)
    assert store.load() == []
    store.keep([rest(clock)])
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert [one.name for one in store.load()] == [FIRST]
    assert caplog.records == []


async def test_of_each_name_the_rest_that_ends_last_is_kept_whoever_wrote_it(tmp_path: Path) -> None:
    clock = SteppedClock()
    ours, theirs = BanStore(tmp_path / "bans.json", clock), BanStore(tmp_path / "bans.json", clock)
    ours.keep([rest(clock, "a", 60), rest(clock, "b", 600)])
    theirs.keep([rest(clock, "a", 300, "longer"), rest(clock, "b", 30, "shorter"), rest(clock, "c", 60)])
    assert [(one.name, one.why) for one in ours.load()] == [("a", "longer"), ("b", "418 banned"), ("c", "418 banned")]
    await clock.advance(61)
    assert [one.name for one in ours.load()] == ["a", "b"]
    ours.keep([rest(clock, "d")])
    assert b'"c"' not in ours.path.read_bytes()


def test_moments_and_ends_beyond_belief_are_not_kept(tmp_path: Path) -> None:
    clock = SteppedClock()
    store = BanStore(tmp_path / "bans.json", clock)
    store.keep([rest(clock, "moment", SHORTEST_NS / S - 1), rest(clock, "age", LONGEST_NS / S + 60)])
    assert not store.path.exists()
    # A clock that has been set back since: three days and more are no ban.
    store.keep([rest(clock, seconds=LONGEST_NS / S)])
    clock.wall_skew_ns -= 3600 * S
    assert store.load() == []


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{", b"[]", b"\xff\xfe", b'{"version":1}', b'{"version":2,"rests":[]}', b'{"version":1,"rests":[{}]}',
        b'{"version":1,"rests":[{"name":"a","until_ms":"soon","why":""}]}', b"[" * 30_000, b" " * (MAX_BYTES + 1),
    ],
    ids=["empty", "cut", "list", "bytes", "bare", "newer", "no fields", "words", "deep", "large"],
)  # fmt: skip
def test_a_damaged_file_is_ignored_with_one_line_and_replaced_by_the_next_ban(
    tmp_path: Path, raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    clock, path = SteppedClock(), tmp_path / "bans.json"
    path.write_bytes(raw)
    store = BanStore(path, clock)
    with caplog.at_level(logging.INFO):
        assert store.load() == []
        assert len(caplog.records) == 1
        assert "bans of earlier runs are not known" in caplog.text
        assert str(path) in caplog.text
        store.keep([rest(clock)])
    assert len(caplog.records) == 1
    assert [one.name for one in store.load()] == [FIRST]


def test_a_folder_that_cannot_be_written_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = SteppedClock()
    (tmp_path / "file").write_text("")
    store = BanStore(tmp_path / "file" / "bans.json", clock)
    store.keep([rest(clock, "a")])
    store.keep([rest(clock, "b")])
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == ["bans are not kept"]


def test_words_of_a_venue_are_harmless_when_they_come_back(tmp_path: Path) -> None:
    clock = SteppedClock()
    store = BanStore(tmp_path / "bans.json", clock)
    store.keep([Rest("a\x1b[2J", clock.now_ns() + 60 * S, "why\x1b[31m" + "x" * 5_000)])
    (found,) = store.load()
    assert "\x1b" not in found.name + found.why
    assert len(found.why) <= 200
