"""Which bars are asked for, and that nothing is asked for twice in vain."""

from __future__ import annotations

from engine.feeds.backfill import AGAIN_MS, BARS, NOTHING, Backfill, Job, Run
from engine.timeframes import INTERVAL_MS

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
    assert {job.bars for job in jobs} == {301}


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
    assert (job.interval, job.bars) == ("1m", 301)
    assert backfill.plan(["BTC"], NOW + 1_000) == 0
    backfill.failed(job)
    assert backfill.plan(["BTC"], NOW + 1_000) == 1


def test_a_job_whose_bars_have_come_meanwhile_is_left_out() -> None:
    held = Held()
    backfill = Backfill(held, 1000)
    backfill.plan(["BTC", "ETH"], NOW)
    held.whole("BTC", NOW)
    assert {job.symbol for job in taken(backfill, NOW)} == {"ETH"}
