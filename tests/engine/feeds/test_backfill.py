"""Which bars are asked for, and that nothing is asked for twice in vain."""

from __future__ import annotations

from engine.feeds.backfill import AGAIN_MS, BARS, DOUBT_MS, NOTHING, Backfill, Job, Run
from engine.market.candles import CAPACITY
from engine.prism.bar_bank import ANCHOR_BARS, SLOW_BARS
from engine.timeframes import INTERVAL_MS, SCORED
from engine.transport.rest_client import DEADLINE_S
from engine.venues.bars import UNDATED_MS

NOW = 1_700_000_000_000 // 14_400_000 * 14_400_000 + 7 * 60_000


class Held:
    """What a market has, by symbol and interval."""

    def __init__(self) -> None:
        self.runs: dict[tuple[str, str], Run] = {}

    def __call__(self, symbol: str, interval: str) -> Run:
        return self.runs.get((symbol, interval), NOTHING)

    def whole(self, symbol: str, now_ms: int) -> None:
        for interval in BARS:
            length = INTERVAL_MS[interval]
            self.runs[symbol, interval] = Run(now_ms // length * length - length, BARS[interval])


def taken(backfill: Backfill, now_ms: int) -> list[Job]:
    jobs = []
    while (job := backfill.take(now_ms)) is not None:
        jobs.append(job)
    return jobs


def test_a_cold_start_asks_for_every_timeframe_of_the_first_symbol_first() -> None:
    backfill = Backfill(Held(), 1000)
    assert backfill.plan(["BTC", "ETH"], NOW) == 8
    jobs = taken(backfill, NOW)
    assert [(job.symbol, job.interval) for job in jobs[:4]] == [("BTC", name) for name in BARS]
    assert {(job.interval, job.bars) for job in jobs} == {(name, bars + 1) for name, bars in BARS.items()}


def test_as_many_bars_are_wanted_as_the_scores_rest_on() -> None:
    assert all(BARS[name] == SLOW_BARS + ANCHOR_BARS - 1 for name in SCORED)
    assert all(bars <= CAPACITY for bars in BARS.values())
    # The weight of a Binance request rises at 500 bars.
    assert max(BARS.values()) + 1 < 500


def test_older_bars_are_asked_for_when_every_symbol_has_the_newest() -> None:
    held = Held()
    backfill = Backfill(held, 300)
    backfill.plan(["BTC", "ETH"], NOW, {"BTC", "ETH"})
    assert {(job.bars, job.end_ms) for job in taken(backfill, NOW)} == {(300, None)}
    for symbol in ("BTC", "ETH"):
        for interval in BARS:
            length = INTERVAL_MS[interval]
            held.runs[symbol, interval] = Run(NOW // length * length - length, min(299, BARS[interval]))
    # A new listing goes first, though it is the least important.
    assert backfill.plan(["BTC", "ETH", "NEW"], NOW + 1_000, {"BTC", "ETH"}) == 4 + 2 * 3
    jobs = taken(backfill, NOW + 1_000)
    assert [job.symbol for job in jobs] == ["NEW"] * 4 + ["BTC"] * 3 + ["ETH"] * 3
    older = next(job for job in jobs if (job.symbol, job.interval) == ("BTC", "15m"))
    oldest_ms = NOW // 900_000 * 900_000 - 299 * 900_000
    assert (older.bars, older.end_ms) == (BARS["15m"] - 299, oldest_ms - 900_000)
    # The venue had none: it is not asked again, but it is after a failure.
    assert backfill.plan(["BTC", "ETH"], NOW + 2_000, {"BTC", "ETH"}) == 0
    backfill.failed(older)
    assert backfill.plan(["BTC", "ETH"], NOW + 2_000, {"BTC", "ETH"}) == 1


def test_a_long_history_comes_page_by_page() -> None:
    held, pages = Held(), []
    backfill = Backfill(held, 100)
    length = INTERVAL_MS["4h"]
    held.whole("BTC", NOW)
    held.runs["BTC", "4h"] = Run(NOW // length * length - length, 99)
    while backfill.plan(["BTC"], NOW, {"BTC"}):
        (job,) = taken(backfill, NOW)
        run = held("BTC", "4h")
        assert job.end_ms == run.newest_ms - run.bars * length
        held.runs["BTC", "4h"] = Run(run.newest_ms, run.bars + job.bars)
        pages.append(job.bars)
    assert pages == [100, 100, 100, 64]


def test_what_is_not_scored_gets_no_older_bars() -> None:
    held = Held()
    held.whole("BTC", NOW)
    held.runs["BTC", "5m"] = Run(NOW // 300_000 * 300_000 - 300_000, 299)
    assert Backfill(held, 300).plan(["BTC"], NOW, {"ETH"}) == 0


def test_what_an_earlier_run_kept_is_not_asked_for_again() -> None:
    held = Held()
    held.whole("BTC", NOW)
    backfill = Backfill(held, 1000)
    assert backfill.plan(["BTC"], NOW) == 0
    later = NOW + 3_600_000
    assert backfill.plan(["BTC"], later) == 3
    jobs = {job.interval: job.bars for job in taken(backfill, later)}
    # The missing ones, one that is known to join them, and the forming one.
    assert jobs == {"5m": 12 + 2, "15m": 4 + 2, "1m": 60 + 2}


def test_an_answer_is_no_longer_than_the_venue_gives() -> None:
    backfill = Backfill(Held(), 100)
    backfill.plan(["BTC"], NOW)
    assert {job.bars for job in taken(backfill, NOW)} == {100}


def test_as_many_bars_as_the_venue_ever_gives_at_once_are_all_that_can_be_kept() -> None:
    held = Held()
    for interval in BARS:
        length = INTERVAL_MS[interval]
        held.runs["BTC", interval] = Run(NOW // length * length - length, 99)
    assert Backfill(held, 100).plan(["BTC"], NOW) == 0
    assert Backfill(held, 101).plan(["BTC"], NOW) == 0, "the newest may have been left open"
    assert Backfill(held, 102).plan(["BTC"], NOW) == len(BARS)


def test_a_coin_without_more_bars_is_not_asked_for_them_again() -> None:
    held = Held()
    backfill = Backfill(held, 1000)
    backfill.plan(["YOUNG"], NOW)
    taken(backfill, NOW)
    for interval in BARS:
        length = INTERVAL_MS[interval]
        held.runs["YOUNG", interval] = Run(NOW // length * length - length, 3)
    assert backfill.plan(["YOUNG"], NOW + 1_000) == 0
    assert backfill.plan(["YOUNG"], NOW + AGAIN_MS - 60_000) == 0


def test_a_hole_is_asked_for_whole_and_a_failure_is_asked_again() -> None:
    held = Held()
    held.whole("BTC", NOW)
    held.runs["BTC", "1m"] = Run(NOW - 60_000, 5, hole=True)
    backfill = Backfill(held, 1000)
    assert backfill.plan(["BTC"], NOW) == 1
    (job,) = taken(backfill, NOW)
    assert (job.interval, job.bars) == ("1m", BARS["1m"] + 1)
    assert backfill.plan(["BTC"], NOW + 1_000) == 0
    backfill.failed(job)
    assert backfill.plan(["BTC"], NOW + 1_000) == 1


def test_a_bar_is_in_doubt_for_as_long_as_its_answer_may_have_been_under_way() -> None:
    assert DEADLINE_S * 1000 <= UNDATED_MS < DOUBT_MS


def test_a_bar_that_had_just_closed_is_asked_for_once_more_if_it_did_not_come() -> None:
    held = Held()
    held.whole("BTC", NOW)
    closed_ms = NOW // 900_000 * 900_000
    held.runs["BTC", "15m"] = NOTHING
    backfill = Backfill(held, 1000)
    backfill.plan(["BTC"], closed_ms)
    (job,) = taken(backfill, closed_ms)
    # The answer came 2 s after the bar closed, and the parser left the bar open.
    backfill.answered(job, closed_ms + 2_000)
    held.runs["BTC", "15m"] = Run(closed_ms - 2 * 900_000, BARS["15m"])
    assert backfill.plan(["BTC"], closed_ms + DOUBT_MS - 1) == 0
    assert backfill.plan(["BTC"], closed_ms + DOUBT_MS) == 1
    (again,) = taken(backfill, closed_ms + DOUBT_MS)
    # The missing bar, one that is known to join it, and the forming one.
    assert (again.interval, again.bars) == ("15m", 3)
    backfill.answered(again, closed_ms + DOUBT_MS + 100)
    assert backfill.plan(["BTC"], closed_ms + DOUBT_MS + 15_000) == 0


def test_a_bar_in_doubt_that_came_meanwhile_is_not_asked_for() -> None:
    held = Held()
    closed_ms = NOW // 900_000 * 900_000
    backfill = Backfill(held, 1000)
    backfill.plan(["BTC"], closed_ms)
    for job in taken(backfill, closed_ms):
        backfill.answered(job, closed_ms + 2_000)
    held.whole("BTC", closed_ms)
    assert backfill.plan(["BTC"], closed_ms + DOUBT_MS) == 0


def test_a_job_whose_bars_have_come_meanwhile_is_left_out() -> None:
    held = Held()
    backfill = Backfill(held, 1000)
    backfill.plan(["BTC", "ETH"], NOW)
    held.whole("BTC", NOW)
    assert {job.symbol for job in taken(backfill, NOW)} == {"ETH"}
