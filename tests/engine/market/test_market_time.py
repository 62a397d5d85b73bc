"""The market's own time where nothing comes: it goes on by the receive clock, and a clock that leaps costs nothing."""

from __future__ import annotations

import msgspec
import numpy as np

from engine.config.schema import Config
from engine.events import OpenInterest
from engine.market.state import LEAD_MS, QUIET_MS, MarketState
from engine.market.tape import SLACK_S
from engine.pipeline import Pipeline
from tests.engine.market.market_events import T0, instrument, no_books, trade

BTC = instrument()
LAG_MS = 80
"""How much later than it is stamped each trade is received here."""


def traded(state: MarketState, ts_ms: int) -> None:
    event = trade(ts_ms)
    state.apply(msgspec.structs.replace(event, recv_ns=(ts_ms + LAG_MS) * 1_000_000), BTC)


def test_before_the_first_event_there_is_no_time() -> None:
    assert MarketState().present_ms(T0) == 0


def test_the_present_is_the_newest_event_while_events_come_and_goes_on_with_the_clock_when_none_do() -> None:
    state = MarketState()
    traded(state, T0)
    recv_ms = T0 + LAG_MS
    for silent_ms, ahead_ms in ((-500, 0), (0, 0), (QUIET_MS, 0), (QUIET_MS + 1, 1), (3_600_000, 3_600_000 - QUIET_MS)):
        assert state.present_ms(recv_ms + silent_ms) == T0 + ahead_ms
    traded(state, T0 - 1_000)
    assert state.present_ms(recv_ms + QUIET_MS + 7) == T0 + 7, "an event of earlier moves nothing"
    before = state.present_ms(recv_ms + 60_000)
    traded(state, T0 + 60_000 - LAG_MS)
    assert before <= state.at_ms == state.present_ms(recv_ms + 60_000), "and it need not go back when they come again"


def test_a_clock_that_leapt_ages_what_is_shown_and_costs_no_trade() -> None:
    assert LEAD_MS < SLACK_S * 1_000, "what is read ahead stays within what the axis of the tape keeps free"
    pipeline = Pipeline(Config(), "live")
    state = pipeline.state
    for second in range(120):
        traded(state, T0 + second * 1_000)
    pipeline.quiet_until(T0 + 3 * 3_600_000)
    pipeline.scan()
    shot = pipeline.snapshot()
    assert shot.at_ms > T0 + 2 * 3_600_000
    assert shot.at_ms - shot.columns.newest_ms[0] > 2 * 3_600_000
    traded(state, T0 + 120_000)
    pipeline.scan()
    assert pipeline.snapshot().at_ms == T0 + 120_000
    tape = state.view(state.at_ms, no_books(state.universe.rows)).tape
    assert tape.trades[0].sum() == 121
    assert state.counters().late_trades == 0


def test_a_clock_that_leapt_a_day_and_back_loses_no_open_interest() -> None:
    state = MarketState()
    for quarter in range(8):
        at_ms = T0 + quarter * 900_000
        state.apply(OpenInterest(BTC.venue, BTC.symbol, at_ms, at_ms * 1_000_000, 100.0 + quarter, 1e4), BTC)
        traded(state, at_ms)
    before = state.view(state.at_ms, no_books(1)).derivatives.oi_history_usd.copy()
    state.view(state.at_ms + 86_400_000, no_books(1))
    traded(state, state.at_ms + 1_000)
    after = state.view(state.at_ms, no_books(1)).derivatives.oi_history_usd
    assert np.array_equal(before, after, equal_nan=True)
    assert np.isfinite(after[0]).sum() >= 7
