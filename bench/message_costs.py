"""The cost of one message in prism by type: from text to books, tape and market state. Called by `bench.frames`.

Every frame is read, even best quotes that prism would conflate. Types that the given recording lacks are taken from
other recordings of the collection. The cost of a message is its time in the fastest round, so that time given to
another process does not count, less the time of reading the clock.
"""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Final

import numpy as np

from bench.recordings import ROOT, missing
from engine.events import BookDelta, BookSnapshot, Candle, Liquidation, MarketEvent, MarkPrice, Quote, Ticker, Trade
from engine.pipeline import Pipeline
from engine.transport.capture import CaptureReader, Frame, Record, Response
from engine.venues.registry import make_parsers

KINDS: Final[dict[str, tuple[type, ...]]] = {
    "change of a book": (BookDelta,),
    "whole book": (BookSnapshot,),
    "trade": (Trade,),
    "liquidation": (Liquidation,),
    "candle": (Candle,),
    "ticker": (Ticker,),
    "mark price": (MarkPrice,),
    "best quote": (Quote,),
}
"""The type of a message by its events; the first that fits, because tickers may contain marks and quotes too."""
ELSEWHERE: Final = {
    "mark price": "binance-usdm-2023-04-04.jsonl.gz",
    "ticker": "bybit-2026-08-09.jsonl.gz",
    "candle": "candles-2025-10-14.jsonl.gz",
    "liquidation": "liquidations-2025-12.jsonl.gz",
}
"""Recordings of types that sessions of trades, quotes and books lack."""
FEWEST: Final = 20
"""Least number of messages of a type for a figure."""
CLOCK_READINGS: Final = 10_000


@dataclass(frozen=True)
class Cost:
    """The cost of one type of message; times in microseconds, of each message in its fastest round."""

    messages: int
    characters: float
    """Mean length of a text."""
    mean: float
    middle: float
    tail: float
    """99th percentile."""


def kind_of(events: Sequence[MarketEvent]) -> str | None:
    """The type of a message with these events; None if it has no market event."""
    for kind, types in KINDS.items():
        if any(isinstance(event, types) for event in events):
            return kind
    return None


def kinds_of(records: Sequence[Record]) -> list[str | None]:
    """The type of each record; None if it is not a frame with a market event."""
    parsers = make_parsers()
    found: list[str | None] = []
    for record in records:
        kind, parser = None, parsers.get(record.venue)
        if parser is not None and isinstance(record, Response):
            parser.response(record.request, record.status, record.body, record.t)
        elif parser is not None and isinstance(record, Frame):
            kind = kind_of(parser.frame(record.text, record.connection, record.t).events)
        found.append(kind)
    return found


def costs(records: Sequence[Record], make: Callable[[], Pipeline], rounds: int) -> dict[str, Cost]:
    """By type, the cost of a recording's messages in new pipelines that read every frame."""
    kinds = kinds_of(records)
    places: dict[str, list[int]] = defaultdict(list)
    for place, kind in enumerate(kinds):
        if kind is not None:
            places[kind].append(place)
    clock = _clock_ns()
    taken = (np.array([_pass(records, make()) for _ in range(rounds)]).min(axis=0) - clock) / 1e3
    out = {}
    for kind in KINDS:
        if len(mine := places.get(kind, [])) < FEWEST:
            continue
        times = taken[mine]
        texts = [record.text for record in (records[place] for place in mine) if isinstance(record, Frame)]
        middle, tail = np.percentile(times, (50, 99)).tolist()
        out[kind] = Cost(len(mine), sum(map(len, texts)) / len(texts), float(times.mean()), middle, tail)
    return out


def _pass(records: Sequence[Record], pipeline: Pipeline) -> list[int]:
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    ingest, clock = pipeline.ingest, perf_counter_ns
    taken = []
    for record in records:
        start = clock()
        ingest(record)
        taken.append(clock() - start)
    return taken


def _clock_ns() -> float:
    """Median time of reading the clock twice."""
    clock = perf_counter_ns
    readings = []
    for _ in range(CLOCK_READINGS):
        start = clock()
        readings.append(clock() - start)
    return median(readings)


def report(name: str, records: Sequence[Record], make: Callable[[], Pipeline], rounds: int) -> None:
    """Print the types that a recording contains, then those found only in other recordings of the collection."""
    print(
        f"\nprism, one message by type, every one read; of each the least of {rounds} rounds, without the clock's time"
    )
    found = costs(records, make, rounds)
    for kind, cost in found.items():
        _print(kind, cost, name)
    for kind, other in ELSEWHERE.items():
        if kind in found:
            continue
        path: Path = ROOT / "captures" / other
        if reason := missing(path):
            print(f"  {kind:<18} not measured: {reason}")
            continue
        cost = costs(list(CaptureReader(path)), make, rounds)[kind]
        _print(kind, cost, other)


def _print(kind: str, cost: Cost, name: str) -> None:
    print(
        f"  {kind:<18}{cost.mean:8.2f} us mean {cost.middle:8.2f} p50 {cost.tail:9.2f} p99"
        f"{cost.messages:10,} messages of {cost.characters:6,.0f} characters   {name}"
    )
