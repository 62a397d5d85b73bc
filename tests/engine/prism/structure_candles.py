"""Real candles as views, and slow independent versions of what the structure face computes from bars.

The oracles follow the definitions bar by bar in plain Python and share no code with the engine.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from engine.market.view import Bars, MarketView
from engine.timeframes import INTERVAL_MS
from tests.engine.builders import make_view
from tests.recorded import recorded

WIDTH = 400


class Bar(NamedTuple):
    open_ms: int
    open: float
    high: float
    low: float
    close: float
    volume_usd: float


Series = dict[str, list[Bar]]


@lru_cache(maxsize=2)
def candles(capture: str) -> dict[str, Series]:
    """Bars by timeframe and symbol; coarser ones are resampled where the recording holds only finer ones."""
    found: dict[str, dict[str, dict[int, Bar]]] = {name: {} for name in ("5m", "15m", "4h")}
    names = {"5": "5m", "15": "15m", "240": "4h"}
    with gzip.open(recorded("captures", capture), "rt") as lines:
        next(lines)
        for line in lines:
            for interval, symbol, bar in _decode(json.loads(line)):
                found[names[interval]].setdefault(symbol, {})[bar.open_ms] = bar
    for fine, coarse in (("5m", "15m"), ("15m", "4h")):
        for symbol, bars in found[fine].items():
            held = found[coarse].setdefault(symbol, {})
            for bar in _resampled(bars, INTERVAL_MS[fine], INTERVAL_MS[coarse]):
                held.setdefault(bar.open_ms, bar)
    return {
        name: {symbol: [bars[key] for key in sorted(bars)] for symbol, bars in sorted(of.items())}
        for name, of in found.items()
    }


def _decode(line: dict[str, Any]) -> list[tuple[str, str, Bar]]:
    body = json.loads(line["d"])
    if "result" in body:
        interval = line["r"].split("interval=")[1].split("&")[0]
        symbol = body["result"]["symbol"]
        listed = [(int(k[0]), [float(x) for x in k[1:]]) for k in body["result"]["list"]]
        return [(interval, symbol, Bar(start, k[0], k[1], k[2], k[3], k[5])) for start, k in listed]
    _, interval, symbol = body["topic"].split(".")
    parts = ("open", "high", "low", "close", "turnover")
    return [(interval, symbol, Bar(k["start"], *(float(k[p]) for p in parts))) for k in body["data"] if k["confirm"]]


def _resampled(bars: dict[int, Bar], fine: int, coarse: int) -> list[Bar]:
    made = []
    for start in sorted({key // coarse * coarse for key in bars}):
        parts = [bars.get(at) for at in range(start, start + coarse, fine)]
        whole = [part for part in parts if part is not None]
        if len(whole) == len(parts):
            made.append(
                Bar(
                    start,
                    whole[0].open,
                    max(part.high for part in whole),
                    min(part.low for part in whole),
                    whole[-1].close,
                    sum(part.volume_usd for part in whole),
                )
            )
    return made


def view_at(capture: str, at_ms: int) -> MarketView:
    """The market of the recording at `at_ms`: only bars closed by then, price the newest close."""
    every = candles(capture)
    symbols = sorted(every["15m"])
    base = make_view(len(symbols), at_ms=at_ms, complete=True)
    bars = {name: _bars([every[name].get(s, []) for s in symbols], INTERVAL_MS[name], at_ms) for name in every}
    finest = np.where(bars["5m"].count > 0, bars["5m"].close[:, -1], bars["15m"].close[:, -1])
    return replace(base, bars=base.bars | bars, derivatives=replace(base.derivatives, last=finest))


def _bars(rows: list[list[Bar]], interval_ms: int, at_ms: int) -> Bars:
    shape = (len(rows), WIDTH)
    parts = {name: np.full(shape, np.nan) for name in ("open", "high", "low", "close", "volume_usd")}
    open_ms, count = np.full(shape, -1, dtype=np.int64), np.zeros(len(rows), dtype=np.int64)
    total = np.zeros(len(rows), dtype=np.int64)
    for row, bars in enumerate(rows):
        closed = [bar for bar in bars if bar.open_ms + interval_ms <= at_ms]
        total[row] = len(closed)
        kept = _after_newest_hole(closed, interval_ms)[-WIDTH:]
        count[row] = len(kept)
        for place, bar in zip(range(WIDTH - len(kept), WIDTH), kept, strict=True):
            open_ms[row, place] = bar.open_ms
            for name, values in parts.items():
                values[row, place] = getattr(bar, name)
    none = np.full(shape, np.nan)
    unknown = np.full(shape, -1, dtype=np.int64)
    return Bars(interval_ms, open_ms, **parts, buy_usd=none, trades=unknown, count=count, revision=total)


def _after_newest_hole(bars: list[Bar], interval_ms: int) -> list[Bar]:
    for place in range(len(bars) - 1, 0, -1):
        if bars[place].open_ms - bars[place - 1].open_ms != interval_ms:
            return bars[place:]
    return bars


def row_bars(bars: Bars, row: int) -> list[Bar]:
    """One row of `bars` as records, oldest first."""
    kept = range(bars.close.shape[1] - int(bars.count[row]), bars.close.shape[1])
    parts = (bars.open, bars.high, bars.low, bars.close, bars.volume_usd)
    return [Bar(int(bars.open_ms[row, i]), *(float(part[row, i]) for part in parts)) for i in kept]


def slow_atr(bars: list[Bar], period: int = 14) -> list[float]:
    """Wilder's ATR, NaN where it is not yet defined."""
    ranges = [max(bar.high, before.close) - min(bar.low, before.close) for before, bar in pairwise(bars)]
    out = [float("nan")] * len(bars)
    if len(ranges) >= period:
        value = sum(ranges[:period]) / period
        out[period] = value
        for place in range(period, len(ranges)):
            value = (value * (period - 1) + ranges[place]) / period
            out[place + 1] = value
    return out


def slow_value_area(bars: list[Bar], atr: float) -> tuple[float, float, float]:
    """(POC, VAH, VAL), each bar's volume spread over its range bin by bin."""
    bars = [bar for bar in bars if bar.volume_usd > 0]
    bottom, top = min(bar.low for bar in bars), max(bar.high for bar in bars)
    count = int(min(120, max(20, round(5 * (top - bottom) / atr))))
    width = (top - bottom) / count
    profile = [0.0] * count
    for bar in bars:
        if bar.high == bar.low:
            profile[min(count - 1, int((bar.low - bottom) / width))] += bar.volume_usd
            continue
        for place in range(count):
            low, high = bottom + place * width, bottom + (place + 1) * width
            overlap = min(high, bar.high) - max(low, bar.low)
            if overlap > 0:
                profile[place] += bar.volume_usd * overlap / (bar.high - bar.low)
    centre = sum(place * volume for place, volume in enumerate(profile)) / sum(profile)
    busiest = [place for place in range(count) if profile[place] >= max(profile) * (1 - 1e-9)]
    poc = min(busiest, key=lambda place: abs(place - centre))
    first = last = poc
    while sum(profile[first : last + 1]) < 0.7 * sum(profile):
        below = profile[first - 1] if first else -1.0
        above = profile[last + 1] if last + 1 < count else -1.0
        if below > above:
            first -= 1
        else:
            last += 1
    return bottom + (poc + 0.5) * width, bottom + (last + 1) * width, bottom + first * width


def slow_blocks(bars: list[Bar], atr: list[float], *, bullish: bool) -> list[tuple[float, float, float]]:
    """Open blocks (top, bottom, strength), newest first."""
    sign = 1 if bullish else -1
    found: list[tuple[int, float, float, float]] = []
    for now in range(20, len(bars)):
        body = sign * (bars[now].close - bars[now].open)
        mean = sum(bar.volume_usd for bar in bars[now - 20 : now]) / 20
        if not (body > 0 and body >= 1.5 * atr[now - 1] and bars[now].volume_usd > mean):
            continue
        against = [i for i in range(max(0, now - 10), now) if sign * (bars[i].close - bars[i].open) < 0]
        if not against or any(origin == against[-1] for origin, *_ in found):
            continue
        origin = against[-1]
        window = bars[max(0, origin - 10) : origin]
        if bullish:
            beyond = sum(bar.low >= bars[origin].low for bar in window)
        else:
            beyond = sum(bar.high <= bars[origin].high for bar in window)
        swing = beyond / max(1, len(window))
        strength = 0.6 * (1 - mean / bars[now].volume_usd) + 0.4 * swing
        middle = (bars[origin].high + bars[origin].low) / 2
        later = bars[now + 1 :]
        spent = any((bar.low <= middle) if bullish else (bar.high >= middle) for bar in later)
        found.append((origin, bars[origin].high, bars[origin].low, float("nan") if spent else strength))
    return [(top, bottom, strength) for _, top, bottom, strength in reversed(found) if strength == strength]


def slow_swings(bars: list[Bar], wing: int = 3) -> tuple[list[int], list[int]]:
    """Places of swing highs and lows, found by walking forward and confirming `wing` bars late."""
    highs, lows = [], []
    for now in range(2 * wing, len(bars)):
        middle = now - wing
        before, after = bars[middle - wing : middle], bars[middle + 1 : now + 1]
        if all(bars[middle].high > b.high for b in before) and all(bars[middle].high >= b.high for b in after):
            highs.append(middle)
        if all(bars[middle].low < b.low for b in before) and all(bars[middle].low <= b.low for b in after):
            lows.append(middle)
    return highs, lows


def slow_vwap(bars: list[Bar]) -> float:
    """Sum of typical price times volume over sum of volume."""
    total = sum(bar.volume_usd for bar in bars)
    return sum((bar.high + bar.low + bar.close) / 3 * bar.volume_usd for bar in bars) / total
