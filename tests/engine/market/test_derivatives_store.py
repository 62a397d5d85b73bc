from __future__ import annotations

import dataclasses
import math
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.events import NAN, Funding, MarkPrice, OpenInterest, Quote, Ratio, Ticker
from engine.instruments import Instrument
from engine.market.history import History
from engine.market.state import MarketState
from engine.market.view import Derivatives
from tests.engine.market.market_events import MINUTE, T0, candle, instrument, no_books, trade, view

BTC = instrument()
SLOT = 15 * MINUTE


def stamped(kind: Any, ts_ms: int, *values: Any, of: Instrument = BTC, **named: Any) -> Any:
    return kind(of.venue, of.symbol, ts_ms, ts_ms * 1_000_000, *values, **named)


def after(*events: Any, of: Instrument = BTC) -> tuple[MarketState, Derivatives]:
    state = MarketState()
    for event in events:
        state.apply(event, of)
    return state, view(state).derivatives


def test_nothing_known_is_nan_and_never_zero() -> None:
    _, d = after(stamped(Ratio, T0, "accounts", NAN, SLOT))
    for field in dataclasses.fields(d):
        values = getattr(d, field.name)
        if field.name.endswith("_ms"):
            assert (values == -1).all(), field.name
        elif field.name == "volume_24h_source":
            assert values == ("",)
        else:
            assert np.isnan(values).all(), field.name


def test_the_last_price_is_the_newest_of_trade_ticker_and_closed_candle() -> None:
    def ticker(ts_ms: int, last: float) -> Any:
        return stamped(Ticker, ts_ms, last, NAN, NAN, NAN, NAN, NAN)

    closed = candle(T0, close=101.0)
    assert after(closed)[1].last[0] == 101.0
    assert after(closed)[1].last_ms[0] == T0 + MINUTE
    assert after(closed, trade(T0 + 59_000, price=99.0))[1].last[0] == 101.0
    assert after(closed, trade(T0 + 61_000, price=99.0))[1].last[0] == 99.0
    assert after(trade(T0, price=99.0), ticker(T0 + 1, 98.0))[1].last[0] == 98.0
    assert after(trade(T0, price=99.0), ticker(T0 - 1, 98.0), ticker(T0 + 1, NAN))[1].last[0] == 99.0
    assert math.isnan(after(candle(T0, closed=False))[1].last[0])


def test_unsized_trades_still_move_the_last_price() -> None:
    assert after(trade(T0, size=NAN, price=7.0))[1].last[0] == 7.0


def test_nan_in_an_event_leaves_what_was_known() -> None:
    _, d = after(
        stamped(MarkPrice, T0, 100.0, 101.0),
        stamped(MarkPrice, T0 + 1, NAN, 102.0),
        stamped(MarkPrice, T0 - 5, 1.0, 1.0),
        stamped(Funding, T0, 0.0001, T0 + 100, 8.0),
        stamped(Funding, T0 + 1, NAN, None, None),
        stamped(Funding, T0 - 9, 0.5, 1, 1.0),
    )
    assert (d.mark[0], d.index[0], d.mark_ms[0]) == (100.0, 102.0, T0)
    assert (d.funding_frac[0], d.funding_interval_h[0], d.next_funding_ms[0]) == (0.0001, 8.0, T0 + 100)
    assert d.funding_ms[0] == T0


def test_the_funding_interval_is_the_feeds_else_the_listings_and_never_assumed() -> None:
    estimate = stamped(Funding, T0, 0.0001, None, None)
    assert math.isnan(after(estimate)[1].funding_interval_h[0])
    listed = dataclasses.replace(BTC, funding_interval_h=4.0)
    assert after(estimate, of=listed)[1].funding_interval_h[0] == 4.0
    assert after(stamped(Funding, T0, 0.0001, None, 1.0), of=listed)[1].funding_interval_h[0] == 1.0


def test_an_estimate_is_no_settlement_even_when_its_time_has_passed() -> None:
    state, d = after(
        stamped(Funding, T0, 0.0003, T0 + 1000, 8.0), stamped(Funding, T0 + 2000, 0.0001, T0 + 28_800_000, 8.0)
    )
    assert np.isnan(d.funding_history).all()
    assert state.derivatives.settled_ms(0) == -1
    state.apply(stamped(Funding, T0 + 1000, 0.0002, None, None, settled=True), BTC)
    assert state.derivatives.settled_ms(0) == T0 + 1000
    d = view(state).derivatives
    assert d.funding_history[0, -1] == 0.0002
    assert d.funding_history_ms[0, -2:].tolist() == [-1, T0 + 1000]
    assert d.funding_frac[0] == 0.0001


@given(st.lists(st.integers(0, 150), max_size=200), st.randoms(use_true_random=False))
def test_histories_do_not_depend_on_the_order_of_arrival(times: list[int], shuffler: random.Random) -> None:
    histories = []
    for _ in range(2):
        history = History(96, series=2)
        for _ in range(3):
            history.add_row(3)
        for t in times:
            history.put(1, T0 + t, t / 7, series=1)
        histories.append(history.values.copy())
        shuffler.shuffle(times)
    kept = [t / 7 for t in sorted(set(times))][-96:]
    assert np.array_equal(histories[0], histories[1], equal_nan=True)
    assert histories[0][1, 1, 96 - len(kept) :].tolist() == kept
    assert np.isnan(histories[0][1, 1, : 96 - len(kept)]).all()
    assert np.isnan(histories[0][[0, 2]]).all()


def test_a_frozen_history_stays_the_same_array_until_a_reading_comes() -> None:
    history = History(4)
    for _ in range(2):
        history.add_row(2)
    history.put(0, T0, 1.0)
    held, times = history.frozen(2)
    assert history.frozen(2)[0] is held
    assert history.frozen(2)[1] is times
    history.put(0, T0, 2.0)
    newer, newer_times = history.frozen(2)
    assert (held[0, -1], newer[0, -1]) == (1.0, 2.0)
    assert times[0].tolist() == newer_times[0].tolist() == [-1, -1, -1, T0]
    for columns in (newer, newer_times):
        with pytest.raises(ValueError, match="read-only"):
            columns[0, 0] = 3
    assert [len(columns) for columns in history.frozen(1)] == [1, 1]


def test_ratios_keep_their_kinds_apart() -> None:
    _, d = after(
        stamped(Ratio, T0, "accounts", 1.5, SLOT),
        stamped(Ratio, T0 + 5, "taker_volume", 0.9, SLOT),
        stamped(Ratio, T0 - 5, "accounts", 1.4, SLOT),
    )
    assert d.ratios[0, 0, -2:].tolist() == [1.4, 1.5]
    assert d.ratios[0, 3, -1] == 0.9
    assert d.ratios_ms[0].tolist() == [T0, -1, -1, T0 + 5]


def test_open_interest_in_dollars_is_as_stated_else_base_at_the_mark_else_at_the_last_price() -> None:
    assert after(stamped(OpenInterest, T0, 10.0, 777.0))[1].open_interest_usd[0] == 777.0
    base = stamped(OpenInterest, T0, 10.0, NAN)
    assert math.isnan(after(base)[1].open_interest_usd[0])
    assert after(trade(T0, price=50.0), base)[1].open_interest_usd[0] == 500.0
    assert after(trade(T0, price=50.0), base, stamped(MarkPrice, T0, 60.0, NAN))[1].open_interest_usd[0] == 600.0
    stated_before = stamped(OpenInterest, T0 - 1, 10.0, 777.0)
    assert after(stated_before, base)[1].open_interest_usd.tolist() == pytest.approx([NAN], nan_ok=True)
    euro = instrument("BTCEUR")
    assert math.isnan(
        after(stamped(OpenInterest, T0, 10.0, 777.0, of=euro), trade(T0, of=euro), of=euro)[1].open_interest_usd[0]
    )


def test_open_interest_history_holds_the_value_at_the_end_of_each_slot() -> None:
    events: list[Any] = []
    for slot in range(8):
        start = T0 + slot * SLOT
        for minute, usd in ((2, 1.0), (9, 2.0), (15, 100.0 + slot)):
            events.append(trade(start + minute * MINUTE, price=10.0 + slot))
            events.append(stamped(OpenInterest, start + minute * MINUTE, NAN, usd))
    state, d = after(*events)
    assert state.at_ms == T0 + 8 * SLOT
    assert d.oi_history_usd[0, -8:].tolist() == [100.0 + slot for slot in range(8)]
    assert d.oi_history_close[0, -8:].tolist() == [10.0 + slot for slot in range(8)]
    assert np.isnan(d.oi_history_usd[0, :-8]).all()
    assert d.oi_change_1h_frac[0] == pytest.approx(107 / 103 - 1)


def test_a_slot_still_open_is_not_in_the_history_and_one_without_a_reading_is_unknown() -> None:
    state, d = after(
        stamped(OpenInterest, T0 + MINUTE, NAN, 1.0),
        stamped(OpenInterest, T0 + 2 * SLOT + MINUTE, NAN, 3.0),
    )
    assert d.oi_history_usd[0, -2:].tolist() == pytest.approx([1.0, NAN], nan_ok=True)
    d = state.view(T0 + 3 * SLOT, no_books(1)).derivatives
    assert d.oi_history_usd[0, -3:].tolist() == pytest.approx([1.0, NAN, 3.0], nan_ok=True)
    assert math.isnan(d.oi_change_1h_frac[0])


def test_history_of_the_past_is_valued_at_the_close_of_its_own_bar() -> None:
    events: list[Any] = [candle(T0 + i * SLOT, SLOT, close=10.0 + i) for i in range(6)]
    events += [stamped(OpenInterest, T0 + 6 * SLOT + 90_000, 50.0, NAN), trade(T0 + 6 * SLOT + 90_000, price=99.0)]
    events += [stamped(OpenInterest, T0 + (i + 1) * SLOT, 100.0 + i, NAN) for i in range(6)]
    _, d = after(*events)
    assert d.oi_history_usd[0, -6:].tolist() == [(100.0 + i) * (10.0 + i) for i in range(6)]
    assert d.oi_history_close[0, -6:].tolist() == [10.0 + i for i in range(6)]
    assert d.open_interest_usd[0] == 50.0 * 99.0, "the newest reading stays the newest"


def test_day_volume_is_the_tickers_else_the_candles() -> None:
    def ticker(ts_ms: int, base: float, quote: float) -> Any:
        return stamped(Ticker, ts_ms, 10.0, NAN, NAN, NAN, base, quote)

    _, d = after(ticker(T0, 5.0, 777.0), ticker(T0 + 1, NAN, NAN))
    assert (d.volume_24h_usd[0], d.volume_24h_source) == (777.0, ("ticker",))
    assert after(ticker(T0, 5.0, NAN))[1].volume_24h_usd[0] == 50.0
    bars = [candle(T0 + i * SLOT, SLOT, volume_quote=2.0) for i in range(96)]
    state, d = after(*bars)
    assert (d.volume_24h_usd[0], d.volume_24h_source) == (192.0, ("candles",))
    state.apply(ticker(T0, 5.0, 777.0), BTC)
    assert view(state).derivatives.volume_24h_usd[0] == 192.0, "a ticker of a day ago does not go first"
    assert state.derivatives.volume_24h_usd_of(0, state.at_ms) == 192.0
    state.apply(ticker(state.at_ms, 5.0, 888.0), BTC)
    assert view(state).derivatives.volume_24h_usd[0] == 888.0
    assert state.derivatives.volume_24h_usd_of(0, state.at_ms) == 888.0
    euro = instrument("BTCEUR")
    assert after(stamped(Ticker, T0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, of=euro), of=euro)[1].volume_24h_source == ("",)


def test_the_days_change_falls_back_to_a_fresh_ticker() -> None:
    opened = stamped(Ticker, T0, 10.0, 8.0, NAN, NAN, NAN, NAN)
    assert after(opened)[1].change_24h_frac[0] == pytest.approx(0.25)
    assert math.isnan(after(opened, trade(T0 + 400_000, price=9.0))[1].change_24h_frac[0])


def test_quotes_come_from_the_proven_book_first() -> None:
    state = MarketState()
    other = instrument("ETHUSDT")
    for i in (BTC, other):
        state.apply(stamped(Quote, T0, 10.0, 1.0, 11.0, 1.0, of=i), i)
    state.apply(stamped(Quote, T0 - 1, 1.0, 1.0, 2.0, 1.0), BTC)
    books = no_books(2)
    books.bid[1, 0], books.ask[1, 0], books.updated_ms[1] = 20.0, NAN, T0 - 7
    d = state.view(T0, books).derivatives
    assert d.bid.tolist() == [10.0, 20.0]
    assert d.ask.tolist() == pytest.approx([11.0, NAN], nan_ok=True)
    assert d.quote_ms.tolist() == [T0, T0 - 7]
    state.apply(stamped(Quote, T0 + 1, NAN, NAN, 12.0, 1.0), BTC)
    assert math.isnan(view(state).derivatives.bid[0]), "an emptied side is empty"


def test_a_late_reading_does_not_replace_the_slots_newer_one() -> None:
    _, d = after(
        stamped(OpenInterest, T0 + 9 * MINUTE, NAN, 9.0),
        stamped(OpenInterest, T0 + 4 * MINUTE, NAN, 4.0),
        trade(T0 + SLOT),
    )
    assert d.oi_history_usd[0, -1] == 9.0
    assert d.open_interest_usd[0] == 9.0
    assert d.open_interest_ms[0] == T0 + 9 * MINUTE
