"""Everything that can go wrong with one venue, one after the other, on a running engine.

Each case says what the user sees while it lasts, that the other venue is not disturbed, that the venue is whole again
within a bound of simulated time, and that books, trades and candles then equal the market's. Recovery times are printed
with `-s`; `docs/live-venues.md` holds a table of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from engine.market.book import Book
from tests.faults.rig import Rig
from tests.faults.truth import check_books, check_candles, check_trades

BOOK = {"binance": "depth", "bybit": "orderbook.200", "okx": "books", "bitget": "books"}
TRADES = {"binance": "aggTrade", "bybit": "publicTrade", "okx": "trades", "bitget": "publicTrade"}
PERPS = {"binance": "binance-usdm", "bybit": "bybit-linear", "okx": "okx", "bitget": "bitget-usdt"}
OTHER = {"binance": "okx", "bybit": "binance", "okx": "bybit", "bitget": "binance"}


@dataclass
class Stage:
    """A rig and what was noted of it before a fault."""

    rig: Rig
    exchange: str
    gaps: int = 0
    rejected: int = 0
    reconnects: int = 0
    states: set[str] = field(default_factory=set)
    others: set[str] = field(default_factory=set)
    requests: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.gaps, self.rejected, self.reconnects = self.now()

    def now(self) -> tuple[int, int, int]:
        """Gaps, refused frames and reconnects of the exchange's products so far."""
        products = self.rig.products(self.exchange)
        feeds = [self.rig.feed(product) for product in products]
        gaps = sum(self.rig.pipeline.books.counts(product).resyncs for product in products)
        return gaps, sum(feed.rejected for feed in feeds), sum(feed.reconnects for feed in feeds)

    async def watch(self, seconds: float) -> None:
        """Let time pass and note every state that the console would have shown."""
        end = self.rig.clock.seconds + seconds
        while self.rig.clock.seconds < end:
            await self.rig.run(0.5)
            for feed in self.rig.snapshot.feeds:
                mine = feed.venue in self.rig.products(self.exchange)
                (self.states if mine else self.others).add(feed.state)
                if mine and feed.requests:
                    self.requests.add(feed.requests)


@dataclass(frozen=True)
class Case:
    """One fault: how it is injected, how long, what is seen, and by when all is well after it."""

    name: str
    faults: tuple[dict[str, Any], ...]
    lasts_s: float
    seen: Callable[[Stage], bool]
    bound_s: float
    lift: bool = True


def broke(stage: Stage) -> bool:
    """A connection broke and was made anew, which the console told."""
    told = [notice for notice in stage.rig.pipeline.notices if "connection" in notice]
    return stage.now()[2] > stage.reconnects and bool(told)


def resynced(stage: Stage) -> bool:
    """A book lost its chain."""
    return stage.now()[0] > stage.gaps


def refused(stage: Stage) -> bool:
    """Frames were refused and counted."""
    return stage.now()[1] > stage.rejected


def unnoticed(stage: Stage) -> bool:
    """The streams stayed live all the while."""
    return stage.states == {"live"}


def cases(exchange: str) -> list[Case]:
    """The matrix of one venue."""
    book, trades = BOOK[exchange], TRADES[exchange]

    def one(kind: str, **given: Any) -> dict[str, Any]:
        return {"kind": kind, "exchange": exchange, **given}

    return [
        Case("connections break", (one("drop"),), 5, broke, 90),
        Case("closed at the end of its life", (one("kick"),), 5, broke, 90),
        Case("half-open", (one("half_open"),), 100, lambda s: broke(s) or "down" in s.states, 90),
        Case("refused for 15 s", (one("refuse"),), 15, lambda s: "down" in s.states, 60),
        Case("all topics silent, pongs go on", (one("silent"),), 130, lambda s: s.states != {"live"}, 120),
        Case("frames of books dropped", (one("swallow", match=book, count=3),), 6, resynced, 90),
        Case("frames duplicated", (one("duplicate"),), 6, lambda s: "down" not in s.states, 30),
        Case("frames reordered", (one("reorder", match=book),), 4, resynced, 90),
        Case("frames late by 2 s", (one("delay", value=2000),), 5, lambda s: "down" not in s.states, 60),
        Case("frames cut in half", (one("truncate", match=book, count=3),), 6, refused, 90),
        Case("frames of bad bytes", (one("corrupt", match=trades, count=3),), 6, refused, 90),
        Case("a frame of 5 MB", (one("oversize", match=book, count=1, value=5_000_000),), 6, broke, 90),
        Case("crossed books", (one("crossed", match=book, count=2),), 6, lambda s: resynced(s) or refused(s), 90),
        Case("another symbol's name", (one("wrong_symbol", match=book, count=3),), 6, lambda s: True, 90),
        Case("a topic that does not exist", (one("unknown_topic", match=trades, count=5),), 6, unnoticed, 10),
        Case("ten times the frames", (one("burst", value=9),), 5, lambda s: "down" not in s.states, 30),
        Case("subscriptions refused", (one("ack_error", for_ms=4_000), one("drop")), 8, broke, 240),
        Case(
            "429 to every request",
            (one("429"), one("swallow", match=book, count=2)),
            12,
            lambda s: "live" in s.states,
            60,
        ),
        Case("418 to every request", (one("418"),), 60, unnoticed, 60),
        Case("500 to every request", (one("500"),), 30, unnoticed, 60),
        Case("answers take 8 s", (one("slow", value=8_000),), 30, unnoticed, 60),
        Case("answers cut in half", (one("bad_json"),), 60, unnoticed, 60),
        Case("restart, sequences start again", (one("restart"),), 5, broke, 60),
        # Last: a host that refuses the region is not asked again for an hour.
        Case("451 to every request", (one("451", match="/"),), 60, unnoticed, 60),
        Case("403 with a page", (one("403", match="/"),), 60, unnoticed, 60),
    ]


@pytest.mark.parametrize("exchange", ["binance", "bybit", "okx", "bitget"])
async def test_every_fault_is_seen_disturbs_nobody_else_and_is_recovered_from(exchange: str) -> None:
    told = []
    async with Rig((exchange, OTHER[exchange]), assets=3, rate=60.0, places=2, scan_ms=1_000, step_ms=40) as rig:
        await rig.run(20.0)
        for case in cases(exchange):
            recovery_s = await passed(rig, exchange, case)
            told += [f"{exchange:8} {case.name:34} {recovery_s:6.1f} s"]
    print("\n" + "\n".join(told))


async def passed(rig: Rig, exchange: str, case: Case) -> float:
    """Let one fault happen; simulated seconds until all is whole again after it."""
    stage = Stage(rig, exchange)
    undisturbed = sum(rig.feed(product).reconnects for product in rig.products(OTHER[exchange]))
    for fault in case.faults:
        rig.inject(**fault)
    await stage.watch(case.lasts_s)
    rig.sim.lift()
    try:
        assert case.seen(stage), (
            f"not seen: {stage.states}, {stage.now()} after {(stage.gaps, stage.rejected, stage.reconnects)}"
        )
        assert stage.others == {"live"}, f"the other venue was {stage.others}"
        recovery_s = await rig.until(rig.is_whole, case.bound_s, "whole again")
        await rig.run(2.0)
        # A change that was lost shows with the next one, which on a quiet book takes a while.
        await rig.until(lambda: rig.is_whole() and has_caught_up(rig), case.bound_s, "whole for good")
        await rig.hold()
        for product in rig.market.feeds:
            assert check_books(rig, product) > 0, product
            check_trades(rig, product, 60)
            check_candles(rig, product)
        rig.release()
        now = sum(rig.feed(product).reconnects for product in rig.products(OTHER[exchange]))
        assert now == undisturbed, "the other venue connected anew"
    except AssertionError as error:
        raise AssertionError(f"{exchange}, {case.name}: {error}") from error
    return recovery_s


def has_caught_up(rig: Rig) -> bool:
    """Whether every deep book has taken its market's newest change, or has just been told of it."""
    for product, feed in rig.market.feeds.items():
        for symbol in feed.deep:
            one, book = rig.world.find(product, symbol), rig.pipeline.books.whole(product, symbol)
            if one is None or book is None or rig.world.book(one, 1).ms - book.updated_ms > 1_500:
                return False
    return True


@pytest.mark.parametrize("exchange", ["binance", "bybit", "okx", "bitget"])
async def test_a_link_of_5_kb_a_second_is_told_to_bring_late_data_and_costs_nothing_once_it_is_wide(
    exchange: str,
) -> None:
    """What comes is young by its arrival; how old it is by its venue's own time must be told all the same."""
    product = PERPS[exchange]
    async with Rig((exchange, OTHER[exchange]), assets=6, rate=120.0, places=4) as rig:
        await rig.run(15.0)
        stage = Stage(rig, exchange)
        rig.inject(kind="narrow", exchange=exchange, value=5_000)

        def is_told() -> bool:
            return "market data comes" in rig.feed(product).detail

        await rig.until(is_told, 60.0, "that data is late is told")
        newest_ms = max(book.updated_ms for book in books_of(rig, product))
        late_s = (rig.clock.now_ns() // 1_000_000 - newest_ms) / 1000
        assert 4.0 < late_s < 16.0, "told at 5 s, judged over windows of 5 s"
        await rig.until(lambda: rig.feed(product).state == "stale", 120.0, "stale")
        age_ms = rig.feed(product).age_ms
        assert age_ms is not None
        assert age_ms < 2_000, "frames do come"
        assert {feed.state for feed in rig.snapshot.feeds if feed.venue in rig.products(OTHER[exchange])} == {"live"}
        rig.sim.lift()
        took = await rig.until(lambda: rig.is_whole() and not is_told(), 30.0, "young again")
        await rig.hold()
        assert check_books(rig, product) > 0
        check_trades(rig, product, 60)
        assert stage.now()[1:] == (stage.rejected, stage.reconnects)
        print(f"\n{exchange:8} a link of 5 kB/s                    {took:6.1f} s")


async def test_a_connection_of_which_much_cannot_be_read_is_replaced_with_its_reason_told() -> None:
    async with Rig(("bybit", "okx"), assets=3, rate=60.0, places=2) as rig:
        await rig.run(5.0)
        rig.inject(kind="corrupt", exchange="bybit", match=BOOK["bybit"])
        told = set[str]()

        def is_replaced() -> bool:
            told.add(rig.feed("bybit-linear").detail)
            return rig.feed("bybit-linear").reconnects > 0

        took = await rig.until(is_replaced, 45.0, "connected anew")
        await rig.run(0.5)
        told.add(rig.feed("bybit-linear").detail)
        assert [words for words in told if "frames in 30 s could not be read" in words], told
        rig.sim.lift()
        await rig.until(lambda: rig.is_whole() and has_caught_up(rig), 60.0, "whole again")
        assert rig.feed("okx").reconnects == 0
        await rig.hold()
        assert check_books(rig, "bybit-linear") > 0
        print(f"\nbybit    much cannot be read                {took:6.1f} s")


def books_of(rig: Rig, product: str) -> list[Book]:
    """The whole books that are followed."""
    found = (rig.pipeline.books.whole(product, symbol) for symbol in rig.market.feeds[product].deep)
    return [book for book in found if book is not None]


async def test_all_venues_gone_together_are_told_one_by_one_and_whole_again_within_a_minute() -> None:
    async with Rig(assets=4, rate=120.0, places=3) as rig:
        await rig.run(10.0)
        before = {name: streams.opened for name, streams in rig.sim.streams.items()}
        for exchange in BOOK:
            rig.inject(kind="refuse", exchange=exchange)
        took = await rig.until(lambda: {feed.state for feed in rig.snapshot.feeds} == {"down"}, 30.0, "all down")
        assert took < 5.0
        await rig.run(20.0)
        for feed in rig.snapshot.feeds:
            assert "attempt" in feed.detail, (feed.venue, feed.detail)
        rig.sim.lift()
        took = await rig.until(rig.is_whole, 60.0, "whole again")
        await rig.run(2.0)
        await rig.until(lambda: rig.is_whole() and has_caught_up(rig), 30.0, "whole for good")
        await rig.hold()
        for product in rig.market.feeds:
            assert check_books(rig, product) > 0, product
            check_trades(rig, product, 60)
            check_candles(rig, product)
        for name, streams in rig.sim.streams.items():
            held = len(streams.clients)
            assert streams.opened - before[name] <= 3 * held, f"{name}: {streams.opened} connections for {held}"
        print(f"\nall      gone together for 20 s             {took:6.1f} s")


async def test_twenty_times_the_frames_for_a_minute_are_all_read_and_leave_nothing_behind() -> None:
    async with Rig(("bybit", "okx"), assets=3, rate=60.0, places=2) as rig:
        await rig.run(15.0)
        frames = rig.pipeline.frames
        await rig.run(5.0)
        usual = (rig.pipeline.frames - frames) / 5.0
        for exchange in ("bybit", "okx"):
            rig.inject(kind="burst", exchange=exchange, value=19)
        frames, states = rig.pipeline.frames, set()
        for _ in range(60):
            await rig.run(1.0)
            states |= {feed.state for feed in rig.snapshot.feeds}
        assert rig.pipeline.frames - frames > 15 * 60 * usual
        assert states == {"live"}
        rig.sim.lift()
        took = await rig.until(rig.is_whole, 10.0, "whole again")
        assert not any(feed.waiting for feed in rig.snapshot.feeds)
        await rig.hold()
        for product in rig.market.feeds:
            assert check_books(rig, product) > 0
            assert check_trades(rig, product, 60) > 0
        print(f"\nboth     twenty times the frames            {took:6.1f} s")


async def test_an_instrument_that_ends_is_told_given_up_and_ranked_no_more() -> None:
    async with Rig(("bybit", "binance"), assets=4, rate=60.0, places=2) as rig:
        symbol = next(
            one.symbol for one in rig.market.feeds["bybit-linear"].followed if one.asset not in ("BTC", "ETH")
        )
        rig.inject(kind="delist", exchange="bybit", match=f"bybit-linear:{symbol}")

        def is_gone() -> bool:
            row = rig.snapshot.row_of("bybit-linear", symbol)
            ranking = rig.snapshot.ranking
            return row is not None and row not in ranking.candidates and row not in ranking.vetoed

        took = await rig.until(is_gone, 60.0, "the symbol is ranked no more")
        assert f"bybit-linear: {symbol} ended" in rig.pipeline.notices
        assert symbol not in {one.symbol for one in rig.market.feeds["bybit-linear"].followed}
        await rig.run(3.0)
        topics = {topic for held in rig.sim.streams["bybit"].subscriptions().values() for topic in held}
        assert not [topic for topic in topics if topic.startswith("linear:") and topic.endswith(f".{symbol}")]
        print(f"\nbybit    an instrument ends                 {took:6.1f} s")


async def test_a_listing_is_followed_within_a_minute_of_its_first_trade() -> None:
    async with Rig(("okx", "binance"), assets=20, rate=60.0, places=2, listings=True) as rig:
        before: set[tuple[str, str]] = {
            (one.venue, one.symbol) for one in rig.world.instruments if rig.world.status(one) == "trading"
        }
        await rig.until(lambda: _new(rig, before) != set(), 400.0, "something is listed")
        fresh = _new(rig, before)

        def is_followed() -> bool:
            held = {(one.venue, one.symbol) for feed in rig.market.feeds.values() for one in feed.followed}
            return fresh <= held

        took = await rig.until(is_followed, 60.0, f"{fresh} followed")
        assert [notice for notice in rig.pipeline.notices if notice.endswith("listed")]
        print(f"\na listing is followed                       {took:6.1f} s")


def _new(rig: Rig, before: set[tuple[str, str]]) -> set[tuple[str, str]]:
    trading = {
        (one.venue, one.symbol)
        for one in rig.world.instruments
        if rig.world.status(one) == "trading" and one.kind == "perp"
    }
    return {key for key in trading - before if not rig.world.find(*key).tradfi}  # type: ignore[union-attr]


async def test_a_clock_that_is_off_is_measured_and_shown() -> None:
    async with Rig(("okx",), assets=2, rate=30.0, places=1) as rig:
        rig.inject(kind="skew", exchange="okx", value=5_000)
        took = await rig.until(lambda: abs((rig.feed("okx").skew_ms or 0.0) - 5_000) < 200, 130.0, "the skew is shown")
        print(f"\nokx      a clock that is off is shown        {took:6.1f} s")
