"""The exact tallies behind `prism inspect`, event by event."""

from __future__ import annotations

import math

import pytest

from engine.events import (
    NAN,
    BookDelta,
    Candle,
    Funding,
    Liquidation,
    MarkPrice,
    OpenInterest,
    Quote,
    Trade,
)
from engine.instruments import Instrument
from engine.market.ledger import Decimals, Ledger, Tally, interval_name

WHERE = ("okx", "A-B")


def ledger(*, inferred: bool = True) -> Ledger:
    return Ledger(lambda symbol: Instrument("okx", symbol, "spot", "A", "USD", "A", inferred=inferred))


def trade(price: float, size: float, *, buy: bool = True) -> Trade:
    return Trade(*WHERE, 1, 1, price, size, buy)


def bar(open_ms: int, close: float, *, closed: bool) -> Candle:
    return Candle(*WHERE, 1, 1, 60_000, open_ms, 1.0, 9.0, 0.5, close, 1.0, 1.0, NAN, -1, closed)


def entered(*events: Trade | Liquidation | Candle | MarkPrice | Funding | OpenInterest | Quote) -> Tally:
    book = ledger()
    for event in events:
        tally = book.apply(event)
    return tally


def test_sums_are_rounded_once() -> None:
    tally = entered(*(trade(1.0, 0.1) for _ in range(1000)), trade(3.0, 2.0, buy=False))
    assert tally.buys.base == tally.buys.quote == 100.0
    assert sum([0.1] * 1000) != 100.0
    assert (tally.sells.base, tally.sells.quote, tally.last_price) == (2.0, 6.0, 3.0)


def test_a_size_that_is_not_known_makes_the_sum_not_known() -> None:
    assert math.isnan(entered(trade(1.0, 1.0), trade(1.0, NAN)).buys.base)


def test_liquidations_by_position() -> None:
    tally = entered(
        Liquidation(*WHERE, 1, 1, "long", 10.0, 2.0, sampled=True),
        Liquidation(*WHERE, 1, 1, "short", 10.0, 3.0, sampled=True),
    )
    assert (tally.longs.quote, tally.shorts.quote) == (20.0, 30.0)


def test_closed_bars_are_counted_once_and_the_newest_version_is_kept() -> None:
    tally = entered(
        bar(60_000, 1.0, closed=False),
        bar(60_000, 2.0, closed=True),
        bar(60_000, 3.0, closed=False),
        bar(0, 4.0, closed=True),
        bar(60_000, 5.0, closed=True),
        bar(120_000, 6.0, closed=False),
        bar(120_000, 7.0, closed=False),
    )
    assert tally.closed == {60_000: {0, 60_000}}
    assert (tally.candles[60_000].open_ms, tally.candles[60_000].close) == (120_000, 7.0)
    final = entered(bar(60_000, 2.0, closed=True), bar(60_000, 3.0, closed=False))
    assert final.candles[60_000].close == 2.0


def test_what_a_message_leaves_out_stays_as_it_was() -> None:
    tally = entered(
        MarkPrice(*WHERE, 1, 1, 5.0, 4.0),
        MarkPrice(*WHERE, 2, 2, 6.0, NAN),
        Funding(*WHERE, 1, 1, 0.0001, None, None),
        Funding(*WHERE, 1, 1, 0.5, None, None, settled=True),
    )
    assert (tally.mark, tally.index, tally.funding_frac) == (6.0, 4.0, 0.0001)


def test_an_answer_about_the_past_replaces_nothing_newer() -> None:
    tally = entered(
        MarkPrice(*WHERE, 3, 3, 6.0, 5.0),
        MarkPrice(*WHERE, 2, 4, 1.0, 1.0),
        Funding(*WHERE, 3, 3, 0.0002, None, None),
        Funding(*WHERE, 2, 4, 0.0001, None, None),
        OpenInterest(*WHERE, 3, 3, 105.0, NAN),
        OpenInterest(*WHERE, 2, 4, 100.0, 1e4),
    )
    assert (tally.mark, tally.index, tally.funding_frac) == (6.0, 5.0, 0.0002)
    assert tally.interest is not None
    assert tally.interest.base == 105.0


def test_of_messages_of_one_time_the_last_is_kept() -> None:
    tally = entered(MarkPrice(*WHERE, 3, 3, 6.0, 5.0), MarkPrice(*WHERE, 3, 4, 7.0, NAN))
    assert (tally.mark, tally.index) == (7.0, 5.0)


def test_quotes_make_an_instrument_known_and_add_nothing() -> None:
    tally = entered(Quote(*WHERE, 1, 1, 1.0, 1.0, 2.0, 1.0))
    assert (tally.last_price, len(tally.buys.sizes), tally.candles) == (None, 0, {})


@pytest.mark.parametrize(
    ("texts", "unit"),
    [
        ([], None),
        (["100", "25"], 1.0),
        (["1.50", "1.250000", "3"], 0.01),
        (["0.00000100"], 1e-06),
        (["1.0", "0.000"], 1.0),
    ],
)
def test_the_last_decimal_place_in_use(texts: list[str], unit: float | None) -> None:
    decimals = Decimals()
    decimals.see(texts)
    assert decimals.unit == unit


def test_steps_come_from_trades_deltas_and_the_book_held() -> None:
    instrument = Instrument("okx", "A-B", "spot", "A", "USD", "A", inferred=True)
    book = ledger()
    tally = book.apply(trade(1e-05, 0.5))
    assert tally.inferred_steps(instrument, ()) == (1e-05, 0.1)
    book.apply(BookDelta(*WHERE, 1, 1, [("1.0000010", "0.25")], [], 1, 1, 0))
    assert tally.inferred_steps(instrument, ()) == (1e-06, 0.01)
    assert tally.inferred_steps(instrument, [("1.0", "0.125")]) == (1e-06, 0.001)


def test_listed_steps_are_not_inferred() -> None:
    tally = ledger(inferred=False).apply(trade(1.25, 1.0))
    assert tally.inferred_steps(Instrument("okx", "A-B", "spot", "A", "USD", "A"), ()) == (None, None)


@pytest.mark.parametrize(
    ("length", "name"),
    [(60_000, "1m"), (14_400_000, "4h"), (180_000, "3m"), (3_600_000, "1h"), (86_400_000, "1d"), (1_000, "1s")],
)
def test_interval_names(length: int, name: str) -> None:
    assert interval_name(length) == name
