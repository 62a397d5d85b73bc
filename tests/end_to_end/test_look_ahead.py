"""Nothing after a time changes what was said at it: of every component, by the real pipeline, whatever comes later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any, Final

import numpy as np
import pytest

from bench.live_market import LiveMarket
from engine.config.schema import Config
from engine.events import NAN, BookSnapshot, Candle, Funding, Liquidation, MarketEvent, OpenInterest, Ratio, Ticker, Trade
from engine.market.derivatives import RATIO_KINDS
from engine.pipeline import Pipeline
from engine.prism.board import COMPONENT_INDEX, COMPONENT_NAMES, Board, Status
from engine.replay import run_through
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


# A market that lives, and every kind of message that may come.


def market() -> LiveMarket:
    made = LiveMarket(ROWS, 220)
    made.pipeline.scan()
    for _ in range(3):
        made.tick(400)
    return made


def bars(market: LiveMarket) -> None:
    for name in INTERVAL_MS:
        market.close_bar(name)


def forming(market: LiveMarket) -> Iterator[MarketEvent]:
    for name, symbol, price, stamp in _rows(market):
        for length in INTERVAL_MS.values():
            opened = stamp[2] // length * length
            yield Candle(*stamp, length, opened, price, price * 9, price / 9, price * 5, 1e6, 1e9, 1e8, 9_999,
                         closed=False)  # fmt: skip


def trades(market: LiveMarket) -> Iterator[MarketEvent]:
    for _, _, price, stamp in _rows(market):
        for number in range(60):
            yield Trade(*stamp, price * 1.05, 1e6 / price, number % 5 > 0)


def books(market: LiveMarket) -> Iterator[MarketEvent]:
    for _, _, price, stamp in _rows(market):
        sides = [[(repr(price * (1 + way * k / 1000)), repr(k * size)) for k in range(1, 80)]
                 for way, size in ((-1, 1e7 / price), (1, 1e3 / price))]  # fmt: skip
        yield BookSnapshot(*stamp, sides[0], sides[1], 10_000_000, 0, True)


def derivatives(market: LiveMarket) -> Iterator[MarketEvent]:
    for place, (_, _, price, stamp) in enumerate(_rows(market)):
        yield Ticker(*stamp, price * 1.2, price, price, price, NAN, 1e8 * (place + 1) ** 2)
        yield Funding(*stamp, 0.003, None, 8.0)
        yield Funding(*stamp, -0.004 * (1 + place % 3), None, 8.0, settled=True)
        yield OpenInterest(*stamp, NAN, 1e9 * (1 + place % 5))
        for kind in RATIO_KINDS:
            yield Ratio(*stamp, kind, 4.0 - place / 8, INTERVAL_MS["15m"])


def liquidations(market: LiveMarket) -> Iterator[MarketEvent]:
    for place, (_, _, price, stamp) in enumerate(_rows(market)):
        yield Liquidation(*stamp, "short" if place % 2 else "long", price, 1e7 / price, False)


def _rows(market: LiveMarket) -> Iterator[tuple[str, str, float, tuple[str, str, int, int]]]:
    last = market.pipeline.state.derivatives
    del last
    for row, one in enumerate(market.pipeline.state.universe.frozen()):
        price = float(market.pipeline.snapshot().columns.last[row])
        yield one.venue, one.symbol, price, (one.venue, one.symbol, market.now_ms, market.now_ms * 1_000_000)
