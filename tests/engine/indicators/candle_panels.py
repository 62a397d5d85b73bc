"""Panels of candles for the indicator tests: recorded ones, and walks of rows with different numbers of bars."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from dataclasses import dataclass
from functools import cache

import numpy as np

from engine.arrays import Floats, Ints
from tests.recorded import recorded


@dataclass(frozen=True)
class Panel:
    """`[rows, bars]`, right-aligned, NaN to the left."""

    open_ms: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    buy: Floats
    count: Ints

    def row(self, row: int) -> dict[str, Floats]:
        """The bars of one row alone, without padding."""
        bars = int(self.count[row])
        names = ("high", "low", "close", "volume", "buy")
        return {name: np.ascontiguousarray(getattr(self, name)[row, -bars:]) for name in names}


def from_lists(rows: list[list[tuple[float, ...]]]) -> Panel:
    """A panel of rows of (open_ms, open, high, low, close, volume, buy)."""
    width = max(len(row) for row in rows)
    values = np.full((7, len(rows), width), np.nan)
    for i, row in enumerate(rows):
        values[:, i, width - len(row) :] = np.array(row).T
    open_ms = np.where(np.isnan(values[0]), -1, values[0]).astype(np.int64)
    return Panel(
        open_ms=open_ms,
        open=values[1],
        high=values[2],
        low=values[3],
        close=values[4],
        volume=values[5],
        buy=values[6],
        count=np.array([len(row) for row in rows]),
    )


def walks(counts: list[int], seed: int = 1, interval_ms: int = 300_000, end_ms: int = 1_760_445_000_000) -> Panel:
    """Random walks of bars at prices from 1e-6 to 1e5, all ending at the same time."""
    rng = np.random.default_rng(seed)
    rows = []
    for count in counts:
        start = 10.0 ** rng.uniform(-6, 5)
        close = start * np.exp(np.cumsum(rng.standard_t(4, count) * 0.004))
        opened = np.append(start, close[:-1])
        high = np.maximum(opened, close) * (1 + np.abs(rng.normal(0, 0.002, count)))
        low = np.minimum(opened, close) * (1 - np.abs(rng.normal(0, 0.002, count)))
        volume = rng.lognormal(rng.uniform(5, 18), 1.0, count)
        buy = volume * rng.uniform(0.1, 0.9, count)
        open_ms = end_ms - interval_ms * np.arange(count, 0, -1)
        rows.append(list(zip(open_ms, opened, high, low, close, volume, buy, strict=True)))
    return from_lists(rows)


@cache
def recorded_panels() -> dict[str, Panel]:
    """Bybit candles of 30 symbols by timeframe: 5m from kline frames, 15m and 4h from REST bodies; no taker volume."""
    by_symbol: dict[str, dict[str, list[tuple[float, ...]]]] = {name: defaultdict(list) for name in ("5m", "15m", "4h")}
    with gzip.open(recorded("captures", "candles-2025-10-14.jsonl.gz"), "rt") as lines:
        for line in lines:
            record = json.loads(line)
            if "d" not in record:
                continue
            body = json.loads(record["d"])
            if "r" in record:
                name = "4h" if "interval=240" in record["r"] else "15m"
                for bar in reversed(body["result"]["list"]):
                    opened, *prices, _, turnover = map(float, bar)
                    by_symbol[name][body["result"]["symbol"]].append((opened, *prices, turnover, np.nan))
            elif body["data"][0]["confirm"]:
                bar = body["data"][0]
                numbers = (float(bar[key]) for key in ("start", "open", "high", "low", "close", "turnover"))
                by_symbol["5m"][body["topic"].rsplit(".", 1)[1]].append((*numbers, np.nan))
    return {name: from_lists([rows[symbol] for symbol in sorted(rows)]) for name, rows in by_symbol.items()}
