"""How long a full scan takes: `python -m bench.scan`.

Scores a synthetic market of 600 rows, all six faces and the account, as the engine does ten times a second: once
where no bar closed since the last scan and once where one closed on every timeframe for every row. Beside it, in
the same run, TA-Lib computes ten indicators over one timeframe of the same bars, called symbol by symbol. The peer
does a smaller job (one timeframe of three, two faces of six); it is there to scale the figures to the machine.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from time import perf_counter, process_time

import numpy as np
import talib

from bench.synthetic_view import all_bars_closed, synthetic_view
from engine.market.view import Bars
from engine.prism.score import Scorer


class Times:
    """Wall and processor time of one kind of work, milliseconds."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.wall_ms: list[float] = []
        self.cpu_ms: list[float] = []

    def take(self, work: Callable[[], object]) -> None:
        """Run once and remember."""
        cpu, wall = process_time(), perf_counter()
        work()
        self.wall_ms.append((perf_counter() - wall) * 1e3)
        self.cpu_ms.append((process_time() - cpu) * 1e3)

    def __str__(self) -> str:
        median, late = np.percentile(self.wall_ms, [50, 99])
        return (
            f"{self.name:<52} median {median:8.1f} ms   p99 {late:8.1f} ms   "
            f"cpu median {np.median(self.cpu_ms):8.1f} ms   n {len(self.wall_ms)}"
        )


def peer(bars: Bars) -> None:
    """RSI, MACD, ATR, ADX, CCI, %R, AO, OBV, CMF and ADL of every row, one TA-Lib call each and symbol."""
    for row in range(len(bars.count)):
        high, low, close = bars.high[row], bars.low[row], bars.close[row]
        volume = bars.volume_usd[row]
        median = (high + low) / 2.0
        talib.RSI(close, 14)
        talib.MACD(close, 12, 26, 9)
        talib.ATR(high, low, close, 14)
        talib.ADX(high, low, close, 14)
        talib.CCI(high, low, close, 20)
        talib.WILLR(high, low, close, 14)
        _ = talib.SMA(median, 5) - talib.SMA(median, 34)
        talib.OBV(close, volume)
        flow = ((close - low) - (high - close)) / (high - low) * volume
        _ = talib.SUM(flow, 20) / talib.SUM(volume, 20)
        talib.AD(high, low, close, volume)


def main() -> None:
    """Run and print. The four kinds of work take turns, so that a busy machine slows all of them alike."""
    options = argparse.ArgumentParser(description="Time a full scan of a synthetic market.")
    options.add_argument("--rows", type=int, default=600)
    options.add_argument("--bars", type=int, default=500)
    options.add_argument(
        "--rounds", type=int, default=25, help="four scans, one with closed bars and one peer run each"
    )
    given = options.parse_args()
    now = synthetic_view(rows=given.rows, width=given.bars)
    scorer = Scorer()
    first = Times("first scan: all indicators and levels from scratch")
    still = Times("scan, no bar closed")
    moved = Times("scan, a bar closed on every timeframe for every row")
    beside = Times("TA-Lib, ten indicators, one timeframe, by symbol")
    first.take(partial(scorer.score, now))
    for step in range(given.rounds):
        for _ in range(4):
            still.take(partial(scorer.score, now))
        beside.take(partial(peer, now.bars["15m"]))
        now = all_bars_closed(now, step)
        moved.take(partial(scorer.score, now))
    print(f"{given.rows} rows, {given.bars} bars of 1m, 5m, 15m and 4h, 200 book levels a side, 900 s of tape")
    for times in (still, moved, first, beside):
        print(times)


if __name__ == "__main__":
    main()
