"""How long a full scan takes: `python -m bench.scan`.

Two markets of 600 rows from one seed. The first is live (`bench.live_market`): a whole `Pipeline`, in which every row
has trades, a quote and a book delta before each scan, so that nothing can come from a cache. It is scanned without a
closed bar and after a 5m bar of every row, with the time of each stage, each face, and a snapshot. It is also scanned
forty times a second, with a quarter of the rows moved since the previous scan. The second is a view that only closes
bars (`bench.synthetic_view`): the score after one closed on every timeframe for every row.

In the same run TA-Lib computes ten indicators over one timeframe of bars like these, called symbol by symbol. The peer
does less work (one timeframe of three, two faces of six, no books); it is there to scale the figures to the machine. On
a shared machine, compare processor time.
"""

from __future__ import annotations

import argparse
import resource
import sys
from collections.abc import Callable
from functools import partial
from time import perf_counter, process_time
from typing import Any

import numpy as np

from bench.indicators import TA
from bench.live_market import LiveMarket
from bench.synthetic_view import all_bars_closed, synthetic_view
from engine.market.view import Bars, MarketView
from engine.pipeline import Pipeline
from engine.prism.board import FACES, Reading
from engine.prism.score import Scorer

INTERVAL_MS = 500
"""Event time between scans of the live market, the engine's own default."""

STILL = "nothing closed"
PART = "a quarter moved in 25 ms"
SCORE = "score: six faces and the account"


class Times:
    """Wall and processor time of one kind of work, milliseconds."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.wall_ms: list[float] = []
        self.cpu_ms: list[float] = []

    def take(self, work: Callable[[], object]) -> Any:
        """Run `work` once, record its times, and return its result."""
        cpu, wall = process_time(), perf_counter()
        answer = work()
        self.wall_ms.append((perf_counter() - wall) * 1e3)
        self.cpu_ms.append((process_time() - cpu) * 1e3)
        return answer

    def __str__(self) -> str:
        cpu, late = np.percentile(self.cpu_ms, [50, 99])
        return (
            f"{self.name:<58} cpu median {cpu:8.2f} ms   p99 {late:8.2f} ms   "
            f"wall median {np.median(self.wall_ms):8.2f} ms   n {len(self.wall_ms)}"
        )


class Stages:
    """The parts of a pipeline's scan, timed from outside, by scenario."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.what = ""
        self.times: dict[tuple[str, str], Times] = {}
        """By scenario and part, in the order in which they first ran."""
        self._time(pipeline.books, "columns", "columns of the books")
        self._time(pipeline.state, "view", "view of the market")
        self._time(pipeline.scorer, "score", SCORE)
        self._time(pipeline.ranker, "rank", "ranking under all presets")
        self._time_faces(pipeline.scorer)

    def take(self, part: str, work: Callable[[], object]) -> Any:
        """Run `work` once and record its times as `part` of the current scenario."""
        times = self.times.get((self.what, part))
        if times is None:
            times = self.times[self.what, part] = Times(f"{self.what}: {part}")
        return times.take(work)

    def _time(self, owner: object, method: str, part: str) -> None:
        work = getattr(owner, method)
        vars(owner)[method] = lambda *given, **named: self.take(part, partial(work, *given, **named))

    def _time_faces(self, scorer: Scorer) -> None:
        faces = scorer.faces

        def timed(view: MarketView) -> dict[str, Callable[[], dict[str, Reading]]]:
            return {name: partial(self.take, f"  {name}", face) for name, face in faces(view).items()}

        vars(scorer)["faces"] = timed


def peer(bars: Bars) -> None:
    """RSI, MACD, ATR, ADX, CCI, %R, AO, OBV, CMF and ADL of every row, by TA-Lib calls for each symbol."""
    for row in range(len(bars.count)):
        high, low, close = bars.high[row], bars.low[row], bars.close[row]
        volume = bars.volume_usd[row]
        median = (high + low) / 2.0
        TA.RSI(close, 14)
        TA.MACD(close, 12, 26, 9)
        TA.ATR(high, low, close, 14)
        TA.ADX(high, low, close, 14)
        TA.CCI(high, low, close, 20)
        TA.WILLR(high, low, close, 14)
        _ = TA.SMA(median, 5) - TA.SMA(median, 34)
        TA.OBV(close, volume)
        flow = ((close - low) - (high - close)) / (high - low) * volume
        _ = TA.SUM(flow, 20) / TA.SUM(volume, 20)
        TA.AD(high, low, close, volume)


def live(market: LiveMarket, rounds: int, between: Callable[[], object]) -> Stages:
    """Scan the live market in rounds: four times with nothing closed and all rows moved, eight times with a quarter
    moved, once after a 5m bar, and `between` once."""
    pipeline = market.pipeline
    stages = Stages(pipeline)
    stages.what = "first scan"
    stages.take("whole scan", pipeline.scan)
    for _ in range(rounds):
        for _ in range(4):
            market.tick(INTERVAL_MS)
            stages.what = STILL
            stages.take("whole scan", pipeline.scan)
            stages.take("snapshot", pipeline.snapshot)
        for _ in range(8):
            market.tick(25, 0.25)
            stages.what = PART
            stages.take("whole scan", pipeline.scan)
        between()
        market.close_bar("5m")
        stages.what = "5m closed"
        stages.take("whole scan", pipeline.scan)
    return stages


def main() -> None:
    """Run and print."""
    options = argparse.ArgumentParser(description="Time a full scan of a synthetic market.")
    options.add_argument("--rows", type=int, default=600)
    options.add_argument("--bars", type=int, default=500)
    options.add_argument("--rounds", type=int, default=12, help="of twelve scans, one after a 5m bar, one peer run")
    given = options.parse_args()
    still = synthetic_view(rows=given.rows, width=given.bars)
    beside = Times("TA-Lib, ten indicators, one timeframe, by symbol")
    empty = _memory_mib()
    market = LiveMarket(given.rows, given.bars)
    loaded = _memory_mib()
    stages = live(market, given.rounds, partial(beside.take, partial(peer, still.bars["15m"])))
    most = _memory_mib()
    print(f"{given.rows} rows, {given.bars} bars of 1m, 5m, 15m and 4h, 200 book levels a side, 900 s of tape")
    for times in (*stages.times.values(), *closing(still, given.rounds), beside):
        print(times)
    spent = {part: float(np.median(times.cpu_ms)) for (what, part), times in stages.times.items() if what == STILL}
    shares = (f"{face} {spent[f'  {face}'] / spent[SCORE]:.0%}" for face in FACES)
    print(f"shares of the score, {STILL}: {', '.join(shares)}")
    print(
        f"peak memory: {empty:.0f} MiB before the market, {loaded:.0f} MiB with it loaded, {most:.0f} MiB after scans"
    )


def closing(now: MarketView, rounds: int) -> tuple[Times, ...]:
    """Only the score, of a market in which only bars change: from scratch, unchanged, and with all bars closed."""
    scorer = Scorer()
    first, still = Times("score from nothing"), Times("score, market standing still")
    moved = Times("score, a bar closed on every timeframe for every row")
    first.take(partial(scorer.score, now))
    for step in range(rounds):
        still.take(partial(scorer.score, now))
        now = all_bars_closed(now, step)
        moved.take(partial(scorer.score, now))
    return first, still, moved


def _memory_mib() -> float:
    """Peak memory of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
