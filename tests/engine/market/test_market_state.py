from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np
import pytest

from engine.events import BookSnapshot, Candle, Liquidation, MarketEvent, MarkPrice, OpenInterest, Ticker, Trade
from engine.instruments import Instrument
from engine.market.state import SKEW_MS, MarketState
from engine.market.view import MarketView
from engine.timeframes import INTERVAL_MS
from tests.engine.market.market_events import MINUTE, T0, candle, instrument, no_books, trade, view

BTC = instrument()
Stream = list[tuple[MarketEvent, Instrument]]


def fed(stream: Iterable[tuple[MarketEvent, Instrument]]) -> MarketState:
    state = MarketState()
    for event, i in stream:
        state.apply(event, i)
    return state


def columns(market: MarketView, row: int) -> dict[str, Any]:
    """Everything the view says about one row, by name."""
    said: dict[str, Any] = {"instrument": market.instruments[row], "rankable": bool(market.rankable[row])}
    parts: list[Any] = [market.tape, market.derivatives, market.liquidations, *market.bars.values()]
    for part in parts:
        label = f"{type(part).__name__}{getattr(part, 'interval_ms', '')}"
        for field in dataclasses.fields(part):
            values = getattr(part, field.name)
            if not isinstance(values, int):
                said[f"{label}.{field.name}"] = np.array(values[row]).tolist()
    return said


def mixed(seed: int, symbols: list[Instrument], n: int = 3000) -> Stream:
    """Some of everything for each symbol over twelve hours, drawn from the symbol's own seed."""
    stream: list[tuple[int, str, MarketEvent, Instrument]] = []
    for i in symbols:
        rng = random.Random(f"{seed} {i.symbol}")
        price = 100.0
        for k in range(n // len(symbols)):
            ts = T0 + k * 12 * 3_600_000 // (n // len(symbols))
            price *= 1 + rng.gauss(0, 0.001)
            head = (i.venue, i.symbol, ts, ts * 1_000_000)
            event: MarketEvent
            match rng.randrange(6):
                case 0 | 1:
                    event = Trade(*head, price, rng.random(), rng.random() < 0.5, str(k))
                case 2:
                    event = OpenInterest(*head, 1000 + rng.random(), float("nan"))
                case 3:
                    event = MarkPrice(*head, price, price)
                case 4:
                    event = Liquidation(*head, "long", price, rng.random(), True)
                case _:
                    event = Ticker(*head, price, price, price, price, 1e3, 1e5)
            stream.append((ts, i.symbol, event, i))
        for k in range(12 * 12):
            c = candle(T0 + k * 5 * MINUTE, 5 * MINUTE, close=100 + rng.random(), of=i)
            stream.append((c.ts_ms, i.symbol, c, i))
    return [(event, i) for _, _, event, i in sorted(stream, key=lambda entry: entry[:2])]


def test_the_first_event_makes_the_row_and_a_listing_does_not() -> None:
    state = MarketState()
    inferred = instrument(inferred=True)
    state.refine([inferred])
    assert state.universe.rows == 0
    assert state.apply(trade(T0), inferred) == 0
    assert state.apply(trade(T0), inferred) == 0
    listed = dataclasses.replace(inferred, inferred=False, tick=0.1)
    state.refine([listed, instrument("ETHUSDT")])
    assert view(state).instruments == (listed,)
    state.apply(trade(T0 + 1), inferred)
    assert view(state).instruments == (listed,)


def test_book_events_make_a_row_and_move_time() -> None:
    state = MarketState()
    state.apply(BookSnapshot(BTC.venue, BTC.symbol, T0, T0 * 1_000_000, [], [], 1, 0, True), BTC)
    assert (state.at_ms, state.newest_ms().tolist()) == (T0, [T0])


def test_stamps_far_ahead_of_their_receive_time_are_not_believed() -> None:
    state = MarketState()
    state.apply(trade(T0), BTC)
    fine = msgspec.structs.replace(trade(T0 + SKEW_MS + 1000), recv_ns=(T0 + 1000) * 1_000_000)
    state.apply(fine, BTC)
    assert (state.at_ms, state.skewed) == (T0 + SKEW_MS + 1000, 0)
    wild = msgspec.structs.replace(trade(T0 + 86_400_000), recv_ns=(T0 + 12_000) * 1_000_000)
    state.apply(wild, BTC)
    assert (state.at_ms, state.skewed) == (T0 + 12_000, 1)
    assert view(state).tape.buy_usd.sum() == 300.0
    unready = msgspec.structs.replace(candle(T0, 240 * MINUTE), ts_ms=T0, recv_ns=T0 * 1_000_000)
    state.apply(unready, BTC)
    assert state.counters().skewed == 2
    assert view(state).bars["4h"].count[0] == 0
    assert state.at_ms == T0 + 12_000


def test_a_closed_bar_proves_that_its_end_has_come() -> None:
    state = MarketState()
    state.apply(msgspec.structs.replace(candle(T0), ts_ms=T0), BTC)
    assert state.at_ms == T0 + MINUTE
    assert view(state).derivatives.last_ms[0] == T0 + MINUTE


def test_books_of_another_size_are_refused() -> None:
    state = fed([(trade(T0), BTC)])
    with pytest.raises(ValueError, match="books have 2 rows, the market has 1"):
        state.view(T0, no_books(2))


def test_clearing_begins_a_new_epoch_with_nothing_in_it() -> None:
    state = fed([(trade(T0), BTC)])
    epoch = state.epoch
    state.clear()
    assert (state.epoch, state.at_ms, state.universe.rows) == (epoch + 1, 0, 0)
    state.apply(trade(T0 - 86_400_000), BTC)
    assert view(state).tape.trades.sum() == 1


def test_an_empty_market_has_a_view() -> None:
    market = MarketState().view(0, no_books(0))
    assert market.rows == 0
    assert market.tape.buy_usd.shape == (0, 900)
    assert market.derivatives.oi_history_usd.shape == (0, 96)


def test_shapes_are_those_of_the_contract() -> None:
    state = fed(mixed(1, [instrument(f"S{i}USDT") for i in range(3)], 300))
    market = view(state)
    assert market.tape.buy_usd.shape == market.tape.trades.shape == market.tape.large_sell_usd.shape == (3, 900)
    assert market.tape.bucket_imbalance.shape == (3, 50)
    assert market.derivatives.ratios.shape == (3, 4, 96)
    assert market.derivatives.ratios_ms.shape == (3, 4)
    assert market.liquidations.long_usd.shape == (3, 60)
    assert set(market.bars) == set(INTERVAL_MS)
    for bars in market.bars.values():
        assert bars.open.shape == bars.open_ms.shape == bars.trades.shape == (3, 500)
        assert bars.trades.dtype == np.int32
        assert bars.count.dtype == np.int64
    assert market.tape.trades.dtype == market.tape.buys.dtype == np.int32


def test_the_order_of_symbols_changes_nothing_for_any_of_them() -> None:
    symbols = [instrument(f"{name}USDT") for name in ("A", "B", "C", "D", "E")]
    stream = mixed(3, symbols)
    market = view(fed(stream))
    other = view(fed(sorted(stream, key=lambda pair: (pair[0].ts_ms, -ord(pair[0].symbol[0])))))
    alone = view(fed(pair for pair in stream if pair[1].symbol == "CUSDT"))
    assert [i.symbol for i in other.instruments] == [i.symbol for i in reversed(market.instruments)]
    for row in range(5):
        assert repr(columns(market, row)) == repr(columns(other, 4 - row))
    at_ms = market.at_ms
    state = fed(pair for pair in stream if pair[1].symbol == "CUSDT")
    said, expected = columns(state.view(at_ms, no_books(1)), 0), columns(market, 2)
    # when the venue began to report is the venue's, not the row's
    for each in (said, expected):
        del each["Liquidations.since_ms"]
    assert repr(said) == repr(expected)
    assert alone.rows == 1


def test_the_same_stream_gives_the_same_bytes_however_often_it_is_looked_at() -> None:
    stream = mixed(4, [instrument("AUSDT"), instrument("BUSDT")], 1500)
    looked = MarketState()
    for event, i in stream:
        looked.apply(event, i)
        if event.ts_ms % 7 == 0:
            view(looked)
    quiet = fed(stream)
    for row in range(2):
        assert repr(columns(view(looked), row)) == repr(columns(view(quiet), row))


def test_columns_at_a_time_do_not_know_what_came_later() -> None:
    """What the view of an instant says of seconds, slots, minutes and bars before it is what the final view says."""
    symbols = [instrument("AUSDT"), instrument("BUSDT")]
    stream = mixed(5, symbols, 2000)
    cut = len(stream) // 2
    early = fed(stream[:cut])
    then = view(early)
    frozen = {name: (b.open_ms.copy(), b.close.copy(), b.count.copy()) for name, b in then.bars.items()}
    interest = then.derivatives.oi_history_usd.copy()
    close = then.derivatives.oi_history_close.copy()
    seconds = then.tape.buy_usd.copy()
    for event, i in stream[cut:]:
        early.apply(event, i)
    now = view(early)
    for name, (open_ms, closes, count) in frozen.items():
        for row in range(2):
            later = dict(zip(now.bars[name].open_ms[row].tolist(), now.bars[name].close[row].tolist(), strict=True))
            for column in range(500 - int(count[row]), 500):
                assert later[int(open_ms[row, column])] == closes[row, column]
    slots = now.at_ms // 900_000 - then.at_ms // 900_000
    assert np.array_equal(now.derivatives.oi_history_usd[:, :-slots], interest[:, slots:], equal_nan=True)
    # the newest slot's close may be the last price noted with the reading until the slot's own bar has come
    settled = slice(-slots - 1)
    assert np.array_equal(now.derivatives.oi_history_close[:, settled], close[:, slots:-1], equal_nan=True)
    again = fed(stream[:cut])
    assert np.array_equal(view(again).tape.buy_usd, seconds)


def test_spot_legs_follow_the_volumes_of_the_view() -> None:
    perp = instrument("BTCUSDT", "bitget-usdt")
    legs = [instrument("BTCUSDT", venue) for venue in ("binance-spot", "bybit-spot")]
    state = fed([(trade(T0, of=i), i) for i in (perp, *legs)])
    for i, volume in zip(legs, (1e6, 2e6), strict=True):
        state.apply(Ticker(i.venue, i.symbol, T0, T0 * 1_000_000, 1.0, 1.0, 1.0, 1.0, 1.0, volume), i)
    assert view(state).spot_rows.tolist() == [2, -1, -1]


def test_interruption_is_of_one_venue() -> None:
    other = instrument("BTCUSDT", "bybit-linear")
    state = fed([(trade(T0, of=i), i) for i in (BTC, other)])
    state.interrupted("bybit-linear", ["BTCUSDT"], liquidations=True)
    assert view(state).tape.since_ms.tolist() == [T0, -1]


def test_candles_of_an_interval_that_is_not_kept_are_counted() -> None:
    state = fed([(candle(T0, 3 * MINUTE), BTC)])
    assert state.counters().other_intervals == 1
    assert isinstance(candle(T0), Candle)
