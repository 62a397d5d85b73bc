"""Slow, plain versions of what the stores compute, written from the definitions and sharing no code with them."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from engine.events import Candle, Trade

MINUTE = 60_000
LENGTHS = [MINUTE, 5 * MINUTE, 15 * MINUTE, 240 * MINUTE]

Values = tuple[float, float, float, float, float, float, int]
"""open, high, low, close, quote volume, taker buy quote volume, trades"""


def resampled(candles: Iterable[Candle]) -> dict[int, dict[int, Values]]:
    """By interval and open time, every closed bar sent plus every bar all of whose children exist."""
    sent: dict[int, dict[int, Values]] = {length: {} for length in LENGTHS}
    for c in candles:
        if c.closed and c.interval_ms in sent:
            sent[c.interval_ms][c.open_ms] = (
                c.open, c.high, c.low, c.close, c.volume_quote, c.taker_buy_quote, c.trades,
            )  # fmt: skip
    result = {LENGTHS[0]: dict(sent[LENGTHS[0]])}
    for child, length in itertools.pairwise(LENGTHS):
        groups: dict[int, dict[int, Values]] = defaultdict(dict)
        for open_ms, bar in result[child].items():
            if open_ms % child == 0:
                groups[open_ms // length * length][open_ms] = bar
        bars: dict[int, Values] = {}
        for start, group in groups.items():
            if len(group) == length // child:
                bars[start] = _merged([group[t] for t in sorted(group)])
        bars.update(sent[length])
        result[length] = bars
    return result


def _merged(bars: list[Values]) -> Values:
    counts = [b[6] for b in bars]
    return (
        bars[0][0],
        max(b[1] for b in bars),
        min(b[2] for b in bars),
        bars[-1][3],
        math.fsum(b[4] for b in bars) if all(b[4] == b[4] for b in bars) else math.nan,
        math.fsum(b[5] for b in bars) if all(b[5] == b[5] for b in bars) else math.nan,
        sum(counts) if min(counts) >= 0 else -1,
    )


def newest_run(bars: dict[int, Values], interval_ms: int) -> list[int]:
    """Open times of the consecutive bars that end at the newest."""
    if not bars:
        return []
    at = max(bars)
    run = [at]
    while at - interval_ms in bars:
        at -= interval_ms
        run.append(at)
    return run[::-1]


def per_second(trades: Iterable[Trade], last_second: int, seconds: int) -> dict[str, list[float]]:
    """Sums by second over the seconds up to `last_second`."""
    sums = {name: [0.0] * seconds for name in ("buy", "sell", "trades", "buys")}
    for t in trades:
        place = t.ts_ms // 1000 - (last_second - seconds + 1)
        if 0 <= place < seconds:
            sums["buy" if t.taker_buy else "sell"][place] += t.price * t.size
            sums["trades"][place] += 1
            sums["buys"][place] += t.taker_buy
    return sums


def large(trades: Sequence[Trade]) -> list[bool]:
    """Whether each trade reaches the 99th percentile of the last 2,000 before its second; False below 200."""
    flags: list[bool] = []
    past: list[float] = []
    level, second = math.inf, -1
    for t in trades:
        if t.ts_ms // 1000 > second:
            second = t.ts_ms // 1000
            if len(past) >= 200:
                level = float(np.quantile(past[-2000:], 0.99))
        past.append(t.price * t.size)
        flags.append(past[-1] >= level)
    return flags


def bucket_imbalances(trades: Iterable[Trade], bucket: float) -> list[float]:
    """Imbalance of each full bucket of constant size, from where each trade lies on the line of summed volume."""
    edges: list[tuple[float, float, float]] = []
    total = 0.0
    for t in trades:
        notional = t.price * t.size
        edges.append((total, total + notional, 1.0 if t.taker_buy else -1.0))
        total += notional
    result = []
    for k in range(int(total / bucket + 1e-9)):
        low, high = k * bucket, (k + 1) * bucket
        inside = [max(0.0, min(b, high) - max(a, low)) * sign for a, b, sign in edges if a < high and b > low]
        result.append(math.fsum(inside) / bucket)
    return result


def vpins(imbalances: Sequence[float], buckets: int = 50) -> list[float]:
    """Mean |imbalance| of the last `buckets` after each bucket once there are so many."""
    return [
        math.fsum(abs(x) for x in imbalances[i - buckets : i]) / buckets for i in range(buckets, len(imbalances) + 1)
    ]
