"""What one message costs prism by its type: text of a frame to books, tape and market state. Called by `bench.frames`.

Every frame is read, also the best quotes that prism passes over where a newer one comes before a scan. Types that the
given recording does not hold are taken from others of the collection. A message costs what it took in the fastest of
the rounds, so that a slice of time given to another process counts for none, and what the clock itself takes is
subtracted.
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
"""What a message is by what is in it; the first that fits, as tickers may hold marks and quotes too."""
ELSEWHERE: Final = {
    "mark price": "binance-usdm-2023-04-04.jsonl.gz",
    "ticker": "bybit-2026-08-09.jsonl.gz",
    "candle": "candles-2025-10-14.jsonl.gz",
    "liquidation": "liquidations-2025-12.jsonl.gz",
}
"""Recordings that hold what sessions of trades, quotes and books do not."""
FEWEST: Final = 20
"""Messages of a type that make a figure."""
CLOCK_READINGS: Final = 10_000


@dataclass(frozen=True)
class Cost:
    """Of one type of message; times in microseconds, of each message the least of the rounds."""

    messages: int
    characters: float
    """Of a text, mean."""
    mean: float
    middle: float
    tail: float
    """99th percentile."""


def kind_of(events: Sequence[MarketEvent]) -> str | None:
    """The type of a message that held these events; None for those that are none of the market's."""
    for kind, types in KINDS.items():
        if any(isinstance(event, types) for event in events):
            return kind
    return None


def kinds_of(records: Sequence[Record]) -> list[str | None]:
    """The type of each record; None for what is no frame."""
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
    """By type, what the messages of a recording cost a new pipeline that reads every frame."""
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
    """What reading the clock twice takes by itself."""
    clock = perf_counter_ns
    readings = []
    for _ in range(CLOCK_READINGS):
        start = clock()
        readings.append(clock() - start)
    return median(readings)


def report(name: str, records: Sequence[Record], make: Callable[[], Pipeline], rounds: int) -> None:
    """Print the types that a recording holds, then those that others of the collection hold."""
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
