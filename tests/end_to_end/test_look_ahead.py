"""Nothing after a time changes what was said at it: of every component, by the real pipeline, whatever comes later."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import cache
from itertools import islice
from typing import Any, Final

import numpy as np
import pytest

from bench.live_market import LiveMarket
from engine.config.schema import Config
from engine.events import (
    NAN,
    BookSnapshot,
    Candle,
    Funding,
    Liquidation,
    MarketEvent,
    OpenInterest,
    Ratio,
    Ticker,
    Trade,
)
from engine.instruments import Instrument
from engine.market.derivatives import RATIO_KINDS
from engine.pipeline import Pipeline
from engine.prism.board import COMPONENT_INDEX, COMPONENT_NAMES, COMPONENTS, Board, Status
from engine.timeframes import INTERVAL_MS
from engine.transport.capture import CaptureReader
from engine.transport.capture_records import Record
from tests.recorded import recorded

ROWS: Final = 16


def said(board: Board) -> dict[str, Any]:
    """Everything that stands on a board, to the last bit, held apart from it."""
    held: dict[str, Any] = {
        field.name: _held(getattr(board, field.name)) for field in fields(Board) if field.name != "readings"
    }
    for name, reading in board.readings.items():
        for part in ("raw", "unit", "score", "status", "timeframes", "divergence"):
            held[f"{name}.{part}"] = _held(getattr(reading, part))
        held[f"{name}.notes"] = dict(reading.notes)
        for key, (values, unit, times) in reading.inputs.items():
            held[f"{name}.{key}"] = (_held(values), unit, _held(times))
    return held


def _held(value: Any) -> Any:
    return (value.shape, value.tobytes()) if isinstance(value, np.ndarray) else value


def differing(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    assert list(before) == list(after)
    return [name for name in before if before[name] != after[name]]


def newest(pipeline: Pipeline) -> Board:
    pipeline.scan()
    return pipeline.snapshot().board


# A market that lives, and every kind of message that may come later.

Stamp = tuple[str, str, int, int]


def market() -> LiveMarket:
    made = LiveMarket(ROWS, 220)
    for _ in range(3):
        made.tick(400)
    return made


def rows(market: LiveMarket) -> Iterator[tuple[Instrument, float, Stamp]]:
    state = market.pipeline.state
    for row, one in enumerate(state.universe.frozen()):
        price = float(state.candles.window("1m").close[row, -1])
        yield one, price, (one.venue, one.symbol, market.now_ms, market.now_ms * 1_000_000)


def trades(market: LiveMarket) -> Iterator[MarketEvent]:
    for _, price, stamp in rows(market):
        for number in range(60):
            yield Trade(*stamp, price * 1.05, 1e6 / price, number % 5 > 0)


def books(market: LiveMarket) -> Iterator[MarketEvent]:
    for _, price, stamp in rows(market):
        bids, asks = (
            [(repr(price * (1 + way * level / 1000)), repr(level * usd / price)) for level in range(1, 80)]
            for way, usd in ((-1, 1e7), (1, 1e3))
        )
        yield BookSnapshot(*stamp, bids, asks, 10_000_000, 0, True)


def derivatives(market: LiveMarket) -> Iterator[MarketEvent]:
    for place, (one, price, stamp) in enumerate(rows(market)):
        yield Ticker(*stamp, price * 1.2, price, price, price, NAN, 1e8 * (place + 1) ** 2)
        if one.kind != "perp":
            continue
        yield Funding(*stamp, 0.003, None, 8.0)
        yield Funding(*stamp, -0.004 * (1 + place % 3), None, 8.0, settled=True)
        yield OpenInterest(*stamp, NAN, 1e9 * (1 + place % 5))
        for kind in RATIO_KINDS:
            yield Ratio(*stamp, kind, 4.0 - place / 8, INTERVAL_MS["15m"])


def liquidations(market: LiveMarket) -> Iterator[MarketEvent]:
    for place, (one, price, stamp) in enumerate(rows(market)):
        if one.kind == "perp":
            yield Liquidation(*stamp, "short" if place % 2 else "long", price, 1e7 / price, False)


def forming(market: LiveMarket) -> Iterator[MarketEvent]:
    for _, price, stamp in rows(market):
        for length in INTERVAL_MS.values():
            opened = stamp[2] // length * length
            yield Candle(
                *stamp, length, opened, price, price * 9, price / 9, price * 5, 1e6, 1e9, 1e8, 999, closed=False
            )


def take(market: LiveMarket, kind: Callable[[LiveMarket], Iterator[MarketEvent]]) -> None:
    """A second later, every message of one kind."""
    market.now_ms += 1_000
    hand_over(market, kind)


def hand_over(market: LiveMarket, kind: Callable[[LiveMarket], Iterator[MarketEvent]]) -> None:
    pipeline = market.pipeline
    for event in list(kind(market)):
        if isinstance(event, BookSnapshot):
            pipeline.books.apply(event)
        row = pipeline.state.universe.row(event.venue, event.symbol)
        assert row is not None
        pipeline.state.apply(event, pipeline.state.universe.instruments[row])


def close_bars(market: LiveMarket) -> None:
    for name in INTERVAL_MS:
        market.close_bar(name)


FACES_OF_BARS: Final = tuple(
    name
    for face in ("technical", "volume", "structure")
    for name in COMPONENTS[face]
    if name not in ("position_heat", "value_area", "vwap", "order_block", "support_resistance")
)
FUTURES: Final[dict[str, tuple[Callable[[LiveMarket], None], tuple[str, ...]]]] = {
    "bars": (close_bars, (*FACES_OF_BARS, "value_area", "vwap", "order_block", "support_resistance", "position_heat",
                          "mood")),
    "trades": (lambda market: take(market, trades), ("trade_flow", "toxicity", "volume_sentiment")),
    "books": (lambda market: take(market, books), ("market_making", "imbalance", "liquidity", "impact")),
    "derivatives": (lambda market: take(market, derivatives), ("long_short_ratio", "funding", "funding_volatility",
                                                               "risk")),
    "liquidations": (lambda market: take(market, liquidations), ("liquidations",)),
}  # fmt: skip
"""By kind of message, how it comes, and the components that must have noticed."""


def test_every_component_is_held_to_it() -> None:
    assert sorted(name for _, fed in FUTURES.values() for name in fed) == sorted(COMPONENT_NAMES)


@pytest.mark.parametrize("kind", list(FUTURES))
def test_a_board_stands_as_it_was_whatever_comes_later(kind: str) -> None:
    """And the next one does not: what came later is what each of these components reads."""
    living = market()
    board = newest(living.pipeline)
    then = said(board)
    come, fed = FUTURES[kind]
    for name in COMPONENT_NAMES:
        assert (board.status[:, COMPONENT_INDEX[name]] == Status.OK).any(), name
    come(living)
    after = newest(living.pipeline)
    assert differing(then, said(board)) == []
    for name in fed:
        column = COMPONENT_INDEX[name]
        assert not np.array_equal(board.score[:, column], after.score[:, column], equal_nan=True), name


def test_a_bar_that_is_still_forming_says_nothing() -> None:
    living = market()
    then = said(newest(living.pipeline))
    hand_over(living, forming)
    assert differing(then, said(newest(living.pipeline))) == []


# Recorded traffic.


@cache
def records(name: str, count: int) -> tuple[Record, ...]:
    return tuple(islice(CaptureReader(recorded("captures", f"{name}.jsonl.gz")), count))


@pytest.mark.recorded
@pytest.mark.parametrize(
    ("name", "count"), [("composite-four-venues", 9_000), ("candles-2025-10-14", 9_000), ("binance-2024-08-08", 9_000)]
)
def test_recorded_traffic_that_comes_later_changes_neither_the_board_nor_the_way_back_to_it(
    name: str, count: int
) -> None:
    """The board at a time is the same when it was made, after all that followed, and when the recording is played to
    that time again by an engine that has seen its end."""
    whole = records(name, count)
    cut = count * 2 // 3
    pipeline = Pipeline(Config(), "replay")
    play(pipeline, whole[:cut])
    board = newest(pipeline)
    then = said(board)
    assert np.isfinite(board.prism).any()
    play(pipeline, whole[cut:])
    later = newest(pipeline)
    assert differing(then, said(board)) == []
    assert not np.array_equal(board.score, later.score[: len(board.score)], equal_nan=True)
    pipeline.clear()
    play(pipeline, whole[:cut])
    assert differing(then, said(newest(pipeline))) == []


def play(pipeline: Pipeline, some: tuple[Record, ...]) -> None:
    """With scans on the way, always at the same places: where they are moves the last bits of a score."""
    for place, record in enumerate(some):
        pipeline.ingest(record)
        if place % 1_500 == 0:
            pipeline.scan()
