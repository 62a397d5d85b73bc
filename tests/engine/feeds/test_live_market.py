"""All venues together: who is followed and in which order, who gets full depth, and what a silence leads to."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast

from engine.feeds.market import REORDER_EVERY_MS, RESTORED_AT_ONCE, STEER_EVERY_MS, LiveMarket
from engine.feeds.venue import VenueFeed
from engine.instruments import Instrument
from engine.kept_bar import Kept
from engine.notices import Notices
from engine.pipeline import Pipeline
from engine.snapshot import SILENT_MS
from engine.transport.capture_records import Frame
from tests.engine.transport.stepped_clock import SteppedClock, settled

PERPS, SPOT = "bybit-linear", "bybit-spot"


def perp(asset: str, **fields: object) -> Instrument:
    return Instrument(PERPS, f"{asset}USDT", "perp", asset, "USDT", asset, **fields)  # type: ignore[arg-type]


def spot(asset: str) -> Instrument:
    return Instrument(SPOT, f"{asset}USDT", "spot", asset, "USDT", asset)


@dataclass
class Tally:
    newest_ms: int = -1


@dataclass
class FakePipeline:
    """What the market reads of the pipeline, as the test says."""

    listed: dict[str, list[Instrument]] = field(default_factory=dict)
    order: list[Instrument] = field(default_factory=list)
    traded: dict[tuple[str, str], float] = field(default_factory=dict)
    spot_legs: dict[tuple[str, str], Instrument] = field(default_factory=dict)
    tallies: dict[str, Tally] = field(default_factory=dict)
    notices: Notices = field(default_factory=lambda: Notices(lambda: 0))
    gone: list[str] = field(default_factory=list)
    restored: list[tuple[str, int]] = field(default_factory=list)
    refused: Callable[[Frame], None] | None = None
    gapped: Callable[[str, str, int, int], None] | None = None
    lost_trades: Callable[[str, str, int, int], None] | None = None

    def listing(self, venue: str) -> list[Instrument]:
        return self.listed.get(venue, [])

    def listed_since(self, venue: str, recv_ns: int) -> set[str]:
        return {one.symbol for one in self.listed.get(venue, []) if not one.inferred}

    def ranked(self) -> list[Instrument]:
        return self.order

    def legs(self) -> dict[tuple[str, str], Instrument]:
        return self.spot_legs

    def volumes(self) -> dict[tuple[str, str], float]:
        return self.traded

    def ended(self, instrument: Instrument) -> None:
        self.gone.append(instrument.symbol)

    def restore(self, instrument: Instrument, interval_ms: int, bars: Iterable[object]) -> None:
        self.restored.append((instrument.symbol, interval_ms))


class FakeFeed:
    """Keeps what it was told."""

    def __init__(self, venue: str, relisted: Callable[[str, int], None]) -> None:
        self.venue = venue
        self.relisted = relisted
        self.followed: Sequence[Instrument] = []
        self.follows = 0
        self.orders = 0
        self.deep: list[str] = []
        self.doubts = 0
        self.is_silent = False
        self.doubted: list[str] = []
        self.gapped: list[tuple[str, int, int]] = []
        self.lost: list[tuple[str, int, int]] = []
        self.filled: list[tuple[int, int]] = []
        self.stands = True
        self.ends: list[str] = []
        self.goodbye: Callable[[], Awaitable[object]] | None = None

    def start(self) -> None:
        self.ends.append("started")

    async def close(self) -> None:
        if self.goodbye is not None:
            await self.goodbye()
        self.ends.append("closed")

    def follow(self, instruments: Sequence[Instrument]) -> None:
        self.followed = list(instruments)
        self.follows += 1

    def reorder(self, instruments: Sequence[Instrument]) -> None:
        self.followed = list(instruments)
        self.orders += 1

    def deepen(self, instruments: Sequence[Instrument]) -> None:
        self.deep = [one.symbol for one in instruments]

    def doubt(self) -> None:
        self.doubts += 1
        self.is_silent = True

    def speaks(self) -> None:
        self.is_silent = False

    def doubt_frame(self, frame: Frame) -> None:
        self.doubted.append(frame.text)

    def doubt_trades(self, symbol: str, since_ms: int, until_ms: int) -> None:
        self.gapped.append((symbol, since_ms, until_ms))

    def fill_hole(self, symbol: str, since_ms: int, until_ms: int) -> None:
        self.lost.append((symbol, since_ms, until_ms))

    def fill_all_trades(self, since_ms: int, until_ms: int) -> bool:
        if self.stands:
            self.filled.append((since_ms, until_ms))
        return self.stands

    @property
    def symbols(self) -> list[str]:
        return [one.symbol for one in self.followed]


class Room:
    """A market of perpetuals and spot at one venue, with `places` for full depth."""

    def __init__(self, places: int = 2, include_tradfi: bool = False) -> None:
        self.clock = SteppedClock()
        self.pipeline = FakePipeline()
        self.market = LiveMarket(
            cast(Pipeline, self.pipeline), self.clock, places=places, include_tradfi=include_tradfi
        )
        self.feeds: dict[str, FakeFeed] = {}
        for venue in (PERPS, SPOT):
            self.market.add(lambda relisted, venue=venue: self._make(venue, relisted))  # type: ignore[misc]
        self.market.start()

    def _make(self, venue: str, relisted: Callable[[str, int], None]) -> VenueFeed:
        self.feeds[venue] = FakeFeed(venue, relisted)
        return cast(VenueFeed, self.feeds[venue])

    @property
    def perps(self) -> FakeFeed:
        return self.feeds[PERPS]

    @property
    def spot(self) -> FakeFeed:
        return self.feeds[SPOT]

    def list(self, venue: str, *instruments: Instrument, answered: bool = True) -> None:
        self.pipeline.listed[venue] = list(instruments)
        self.feeds[venue].relisted(venue, self.clock.now_ns() if answered else 0)

    async def steer(self, *asked: str, after_ms: int = STEER_EVERY_MS) -> None:
        await self.clock.advance(after_ms / 1000)
        self.market.steer({(PERPS, symbol) for symbol in asked})


def test_what_is_listed_is_followed_the_most_traded_first_and_leaders_before_all() -> None:
    room = Room()
    room.pipeline.traded = {(PERPS, "AUSDT"): 10.0, (PERPS, "CUSDT"): 30.0, (PERPS, "BTCUSDT"): 1.0}
    room.list(PERPS, perp("A"), perp("B"), perp("C"), perp("BTC"), perp("GONE", status="ended"))
    assert room.perps.symbols == ["BTCUSDT", "CUSDT", "AUSDT", "BUSDT"]
    assert room.market.changes == deque(), "a first listing changes nothing"


def test_the_same_listing_again_disturbs_nobody() -> None:
    room = Room()
    for _ in range(3):
        room.list(PERPS, perp("A"), perp("B"))
    assert room.perps.follows == 1


def test_spot_is_followed_once_a_perpetual_of_its_asset_is_listed() -> None:
    room = Room()
    room.list(SPOT, spot("A"), spot("B"))
    assert room.spot.symbols == []
    room.list(PERPS, perp("A"))
    assert room.spot.symbols == ["AUSDT"]


def test_what_begins_and_ends_is_followed_and_told() -> None:
    room = Room()
    room.list(PERPS, perp("A"), perp("B"))
    room.list(PERPS, perp("B"), perp("NEW"))
    assert room.perps.symbols == ["BUSDT", "NEWUSDT"]
    assert room.pipeline.gone == ["AUSDT"]
    told = list(room.pipeline.notices)
    assert len(told) == 2
    assert any("NEWUSDT listed" in words for words in told)
    assert any("AUSDT ended" in words for words in told)
    assert list(room.market.changes) == told


def test_without_a_listing_only_what_the_streams_spoke_of_is_followed() -> None:
    room = Room()
    room.list(PERPS, perp("A", inferred=True), perp("B"), answered=False)
    assert room.perps.symbols == ["AUSDT"]


def test_perpetuals_on_stocks_are_followed_only_where_they_are_wanted() -> None:
    for wanted, symbols in ((False, ["AUSDT"]), (True, ["AUSDT", "TSLAUSDT"])):
        room = Room(include_tradfi=wanted)
        room.list(PERPS, perp("A"), perp("TSLA", category="tradfi"))
        assert room.perps.symbols == symbols


KEPT = [(PERPS, "AUSDT", 300_000), (PERPS, "AUSDT", 60_000), (PERPS, "XUSDT", 60_000)]


async def read_one(key: tuple[str, str, int]) -> list[Kept]:
    return [Kept(0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1)]


async def restored() -> None:
    """Every series that can be read has been restored."""
    for _ in range(2 * RESTORED_AT_ONCE):
        await settled()


async def test_kept_bars_are_restored_before_their_instrument_is_followed_and_once_only() -> None:
    room = Room()
    room.market.keep_ready(KEPT, read_one)
    room.list(PERPS, perp("A"), perp("C"))
    await restored()
    assert room.perps.symbols == ["AUSDT", "CUSDT"]
    room.list(PERPS, perp("A"), perp("B"))
    await restored()
    assert room.perps.symbols == ["AUSDT", "BUSDT"]
    assert room.pipeline.restored == [("AUSDT", 300_000), ("AUSDT", 60_000)]
    await room.market.close()


async def test_nobody_waits_for_the_kept_bars_of_others_and_the_first_not_for_the_last() -> None:
    room, answers = Room(), asyncio.Semaphore(0)

    async def slowly(key: tuple[str, str, int]) -> list[Kept]:
        await answers.acquire()
        return await read_one(key)

    many = [perp(f"S{number:03}") for number in range(2 * RESTORED_AT_ONCE)]
    room.market.keep_ready([(PERPS, one.symbol, 60_000) for one in many], slowly)
    room.list(PERPS, perp("NEW"), *many)
    await restored()
    assert room.perps.symbols == ["NEWUSDT"]
    assert len(room.market.chosen[PERPS]) == len(many) + 1
    for _ in range(RESTORED_AT_ONCE):
        answers.release()
    await restored()
    assert room.perps.symbols == sorted(["NEWUSDT", *(one.symbol for one in many[:RESTORED_AT_ONCE])])
    # What is delisted meanwhile is not followed, and what is listed is.
    room.list(PERPS, perp("NEWER"), *many[:-1])
    for _ in range(RESTORED_AT_ONCE):
        answers.release()
    await restored()
    assert room.perps.symbols == sorted(["NEWERUSDT", *(one.symbol for one in many[:-1])])
    await room.market.close()


async def test_a_fault_while_bars_are_restored_leaves_nobody_unfollowed() -> None:
    room = Room()

    async def broken(key: tuple[str, str, int]) -> list[Kept]:
        raise RuntimeError("a fault of ours")

    room.market.keep_ready(KEPT, broken)
    room.list(PERPS, perp("A"), perp("B"))
    await restored()
    assert room.perps.symbols == ["AUSDT", "BUSDT"]
    await room.market.close()


async def test_depth_goes_to_leaders_to_the_best_ranked_and_to_whom_the_user_asked_for() -> None:
    room = Room(places=2)
    assets = [perp(name) for name in ("BTC", "A", "B", "C", "D")]
    room.list(PERPS, *assets)
    room.pipeline.order = [assets[2], assets[1], assets[3], assets[4]]
    await room.steer("DUSDT", "NOTLISTED")
    assert set(room.perps.deep) == {"BTCUSDT", "DUSDT", "BUSDT", "AUSDT"}
    await room.steer()
    assert "DUSDT" not in room.perps.deep


async def test_with_fewer_places_leaders_and_what_is_asked_for_keep_theirs() -> None:
    room = Room(places=2)
    room.list(PERPS, *map(perp, ["BTC", "A", "B", "C"]))
    room.pipeline.order = [perp(asset) for asset in ("A", "B", "C", "BTC")]
    await room.steer("CUSDT")
    assert room.perps.deep == ["BTCUSDT", "CUSDT", "AUSDT", "BUSDT"]
    room.market.limit(1)
    await room.steer("CUSDT")
    assert room.perps.deep == ["BTCUSDT", "CUSDT", "AUSDT"]
    room.market.limit(0)
    await room.steer("CUSDT")
    assert room.perps.deep == ["BTCUSDT", "CUSDT"]
    room.market.limit(2)
    await room.steer("CUSDT")
    assert room.perps.deep == ["BTCUSDT", "CUSDT", "AUSDT", "BUSDT"]


async def test_the_spot_leg_of_what_is_deep_is_deep_too() -> None:
    room = Room(places=1)
    room.list(PERPS, perp("A"), perp("B"))
    room.list(SPOT, spot("A"), spot("B"))
    room.pipeline.spot_legs = {(PERPS, "AUSDT"): spot("A"), (PERPS, "BUSDT"): spot("B")}
    room.pipeline.order = [perp("A")]
    await room.steer()
    assert (room.perps.deep, room.spot.deep) == (["AUSDT"], ["AUSDT"])


async def test_a_spot_leg_that_ended_is_deep_no_more_though_the_newest_scan_still_names_it() -> None:
    room = Room(places=1)
    room.list(PERPS, perp("A"))
    room.list(SPOT, spot("A"))
    room.pipeline.spot_legs = {(PERPS, "AUSDT"): spot("A")}
    room.pipeline.order = [perp("A")]
    await room.steer()
    assert room.spot.deep == ["AUSDT"]
    room.list(SPOT)
    await room.steer()
    assert (room.perps.deep, room.spot.deep) == (["AUSDT"], [])


async def test_steering_and_reordering_have_their_pace() -> None:
    room = Room(places=1)
    room.list(PERPS, perp("A"), perp("B"))
    await room.steer()
    orders = room.perps.orders
    room.pipeline.traded = {(PERPS, "BUSDT"): 5.0}
    await room.steer("BUSDT", after_ms=STEER_EVERY_MS // 2)
    assert room.perps.deep == [], "too soon"
    await room.steer("BUSDT", after_ms=STEER_EVERY_MS // 2)
    assert room.perps.deep == ["BUSDT"]
    await room.steer(after_ms=REORDER_EVERY_MS)
    assert room.perps.orders == orders + 1
    assert room.perps.symbols == ["BUSDT", "AUSDT"]
    assert room.spot.orders == 0, "nothing is followed there"


async def test_a_silence_puts_trades_in_doubt_once_and_they_are_asked_for_when_it_ends() -> None:
    room = Room()
    tally = room.pipeline.tallies[PERPS] = Tally()
    await room.steer()
    assert room.perps.doubts == 0, "nothing came yet: nothing is held that could be in doubt"
    spoke_ms = tally.newest_ms = room.clock.now_ns() // 1_000_000
    await room.steer(after_ms=SILENT_MS)
    assert room.perps.doubts == 0
    for _ in range(3):
        await room.steer()
    assert room.perps.doubts == 1
    assert room.spot.doubts == 0

    tally.newest_ms = room.clock.now_ns() // 1_000_000
    room.perps.stands = False
    await room.steer()
    assert room.perps.filled == []
    await room.steer(after_ms=SILENT_MS)
    await room.steer()
    assert room.perps.doubts == 2, "what was asked for in between is in doubt again"
    tally.newest_ms = room.clock.now_ns() // 1_000_000
    room.perps.stands = True
    await room.steer()
    assert [since for since, _ in room.perps.filled] == [spoke_ms], "from the beginning of the first silence"
    await room.steer()
    assert len(room.perps.filled) == 1


def test_a_frame_that_cannot_be_read_is_told_to_its_own_feed() -> None:
    room = Room()
    assert room.pipeline.refused is not None
    room.pipeline.refused(Frame(1, SPOT, "bybit-spot/public/1", "bad"))
    room.pipeline.refused(Frame(1, "okx", "okx/public/1", "bad"))
    assert (room.perps.doubted, room.spot.doubted) == ([], ["bad"])


async def test_all_feeds_begin_and_end_together() -> None:
    room = Room()
    closing = asyncio.Barrier(2)
    for feed in room.feeds.values():
        feed.goodbye = closing.wait
    await asyncio.wait_for(room.market.close(), 60.0)
    assert [feed.ends for feed in room.feeds.values()] == [["started", "closed"]] * 2


async def test_a_broken_chain_of_a_book_puts_the_trades_of_its_symbol_in_doubt() -> None:
    room = Room()
    assert room.pipeline.gapped is not None
    room.pipeline.gapped(PERPS, "BTCUSDT", 1_000, 2_000)
    room.pipeline.gapped("okx", "BTCUSDT", 1_000, 2_000)
    assert (room.perps.gapped, room.spot.gapped) == ([("BTCUSDT", 1_000, 2_000)], [])


def test_trades_that_never_came_are_told_to_their_feed() -> None:
    room = Room()
    room.market.start()
    assert room.pipeline.lost_trades is not None
    room.pipeline.lost_trades(PERPS, "BTCUSDT", 1_000, 2_000)
    room.pipeline.lost_trades("okx", "BTCUSDT", 1_000, 2_000)
    assert (room.perps.lost, room.spot.lost) == ([("BTCUSDT", 1_000, 2_000)], [])
