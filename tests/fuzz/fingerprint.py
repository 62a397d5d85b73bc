"""What a market came to, in a form that two markets can be compared in."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import numpy as np

from engine.intake import Intake
from engine.timeframes import INTERVAL_MS


def of(intake: Intake) -> dict[str, Any]:
    """Everything that scores and screens read: the view of the market, its books level by level, bars that form, last
    trades, liquidations, and who is listed. What was counted on the way is left out, and names that no event bears."""
    intake.catch_up()
    state = intake.state
    instruments = state.universe.frozen()
    blank = np.zeros((len(instruments), 60))
    books = intake.books.columns(state.at_ms, instruments, blank, blank)
    rows = range(len(instruments))
    return {
        "view": plain(state.view(state.at_ms, books)),
        "books": [_levels(intake, one.venue, one.symbol) for one in instruments],
        "forming": [plain(state.candles.forming(row, name)) for row in rows for name in INTERVAL_MS],
        "trades": [plain(state.tape.prints.of(row)) for row in rows],
        "liquidations": plain(state.liquidations.lines()),
        "listed": {
            venue: sorted(repr(one) for one in parser.instruments() if not one.inferred)
            for venue, parser in intake.parsers.items()
        },
    }


def _levels(intake: Intake, venue: str, symbol: str) -> Any:
    book = intake.books.get(venue, symbol)
    return None if book is None else (book.status, book.sequence, book.bids.high(10_000), book.asks.low(10_000))


def plain(value: Any) -> Any:
    """Arrays as bytes, records as their fields, so that NaN equals NaN."""
    if isinstance(value, np.ndarray):
        return value.shape, value.tobytes()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, msgspec.Struct):
        return repr(value)
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    return repr(value) if isinstance(value, float) else value
