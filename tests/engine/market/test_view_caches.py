"""What the stores keep ready for the next view never shows: a market that was looked at says what a new one says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from engine.events import NAN, Liquidation, MarketEvent, OpenInterest
from engine.instruments import Instrument
from engine.market.state import MarketState
from engine.market.view import MarketView
from tests.engine.market.market_events import MINUTE, T0, candle, instrument, trade, view

A, B = instrument("AUSDT"), instrument("BUSDT", "bybit-linear")
SLOT = 15 * MINUTE
Stream = list[tuple[MarketEvent, Instrument]]


def interest(ts_ms: int, base: float, of: Instrument = A) -> OpenInterest:
    return OpenInterest(of.venue, of.symbol, ts_ms, ts_ms * 1_000_000, base, NAN)


def liquidation(ts_ms: int, of: Instrument) -> Liquidation:
    return Liquidation(of.venue, of.symbol, ts_ms, ts_ms * 1_000_000, "long", 100.0, 3.0, of is B)


def history() -> Stream:
    """Two hours of 5m bars, trades and open interest of both instruments."""
    stream: Stream = []
    for k in range(24):
        at = T0 + k * 5 * MINUTE
        for place, one in enumerate((A, B)):
            stream.append((trade(at + 1, price=100.0 + k + place, of=one), one))
            stream.append((interest(at + 2, 1_000.0 + 7 * k, one), one))
            stream.append((candle(at, 5 * MINUTE, close=100.0 + k * (1 + place), of=one), one))
    return stream


END = T0 + 24 * 5 * MINUTE
NEWS: dict[str, tuple[Callable[[], tuple[MarketEvent, Instrument]], str]] = {
    "an old slot": (lambda: (interest(END - 3 * SLOT, 2_000.0), A), "derivatives.oi_history_usd"),
    "the newest reading": (lambda: (interest(END + 1, 3_000.0), A), "derivatives.open_interest_usd"),
    "the next bar": (lambda: (candle(END, 5 * MINUTE, close=150.0, of=A), A), "bars.5m.revision"),
    "a corrected bar": (lambda: (candle(END - 10 * MINUTE, 5 * MINUTE, close=90.0, of=A), A), "bars.5m.close"),
    "a bar of 15m": (lambda: (candle(END - 2 * SLOT, SLOT, close=77.0, of=A), A), "derivatives.oi_history_close"),
    "a hole": (lambda: (candle(END + SLOT, 5 * MINUTE, of=A), A), "bars.5m.count"),
    "a liquidation": (lambda: (liquidation(END, B), B), "liquidations.since_ms"),
    "another row": (lambda: (liquidation(END, instrument("CUSDT")), instrument("CUSDT")), "tape.since_ms"),
    "another currency": (lambda: (trade(END, of=A), replace(A, quote="EUR")), "derivatives.open_interest_usd"),
}


def fed(stream: Stream, *, look: bool) -> MarketState:
    state = MarketState()
    for event, one in stream:
        state.apply(event, one)
        if look:
            view(state)
    return state


def said(market: MarketView) -> dict[str, Any]:
    parts: dict[str, Any] = {f"bars.{name}": bars for name, bars in market.bars.items()}
    parts |= {"derivatives": market.derivatives, "tape": market.tape, "liquidations": market.liquidations}
    return {f"{name}.{each.name}": getattr(part, each.name) for name, part in parts.items() for each in fields(part)}


def unequal(one: MarketView, other: MarketView) -> list[str]:
    mine, theirs = said(one), said(other)
    return [name for name, value in mine.items() if not _equal(value, theirs[name])]


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    return bool(one == other)


@pytest.mark.parametrize("name", NEWS)
def test_news_show_at_once(name: str) -> None:
    news, field = NEWS[name]
    before = view(fed(history(), look=True))
    looked, quiet = (view(fed([*history(), news()], look=look)) for look in (True, False))
    assert not unequal(looked, quiet)
    assert field in unequal(before, looked)


def test_time_alone_moves_the_slots() -> None:
    looked, quiet = fed(history(), look=True), fed(history(), look=False)
    then, now = view(looked), view(looked, looked.at_ms + SLOT)
    assert not unequal(now, view(quiet, quiet.at_ms + SLOT))
    assert "derivatives.oi_history_usd" in unequal(then, now)
