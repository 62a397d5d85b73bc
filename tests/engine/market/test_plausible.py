"""A price that is a thousand times off is withheld, counted and logged; a market that truly moved is believed."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.events import BookSnapshot, Candle, Liquidation, MarkPrice, Quote, Ticker, Trade
from engine.instruments import Instrument
from engine.intake import Intake
from engine.market.plausible import FACTOR, HOLD_MS, LEAST, LONGEST_MS, MARKED, QUOTED, TRADED, Plausible
from engine.market.state import MarketState
from engine.timeframes import INTERVAL_MS
from engine.transport.capture import CaptureReader
from tests.engine.market.market_events import instrument
from tests.recorded import captures, recorded

T0 = 1_790_000_000_000
NAN = float("nan")


@dataclass
class Bench:
    """A market of one row whose price is 100, well known."""

    def __post_init__(self) -> None:
        self.one: Instrument = instrument()
        self.state = MarketState()
        self.at_ms = T0
        for _ in range(5):
            self.trade(100.0)

    def _where(self, step_ms: int) -> tuple[str, str, int, int]:
        self.at_ms += step_ms
        return self.one.venue, self.one.symbol, self.at_ms, self.at_ms * 1_000_000

    def trade(self, price: float, step_ms: int = 500) -> None:
        self.state.apply(Trade(*self._where(step_ms), price, 1.0, True), self.one)

    def quote(self, bid: float, ask: float, step_ms: int = 500) -> None:
        self.state.apply(Quote(*self._where(step_ms), bid, 1.0, ask, 1.0), self.one)

    def mark(self, mark: float, index: float = NAN, step_ms: int = 500) -> None:
        self.state.apply(MarkPrice(*self._where(step_ms), mark, index), self.one)

    @property
    def last(self) -> float:
        return self.state.derivatives.last[0]

    @property
    def withheld(self) -> int:
        return self.state.counters().implausible


def of_each_kind(bench: Bench, price: float) -> list[object]:
    where = (bench.one.venue, bench.one.symbol, bench.at_ms, bench.at_ms * 1_000_000)
    minute = bench.at_ms // 60_000 * 60_000
    return [
        Trade(*where, price, 1.0, True),
        Quote(*where, price, 1.0, price * 1.001, 1.0),
        MarkPrice(*where, price, NAN),
        MarkPrice(*where, 100.0, price),
        Ticker(*where, price, 100.0, 100.0, 100.0, 1.0, NAN),
        Liquidation(*where, "long", price, 1.0, False),
        Candle(*where, 60_000, minute, price, price, price, price, 1.0, price, NAN, 1, False),
        Candle(*where, 60_000, minute - 60_000, price, price, price, price, 1.0, price, NAN, 1, True),
    ]


@pytest.mark.parametrize("factor", [1000.0, 1 / 1000.0, 11.0, 1 / 11.0])
@pytest.mark.parametrize("which", range(8))
def test_a_price_far_off_enters_nothing_and_is_counted(which: int, factor: float) -> None:
    bench = Bench()
    bench.quote(99.9, 100.1)
    bench.mark(100.0, 100.0)
    derivatives, tape = bench.state.derivatives, bench.state.tape
    before = (derivatives.last[0], derivatives._bid[0], derivatives._mark[0], derivatives._index[0])
    seconds, recent = tape.view(bench.at_ms).buy_usd.copy(), len(tape.prints.of(0))
    bench.state.apply(of_each_kind(bench, 100.0 * factor)[which], bench.one)  # type: ignore[arg-type]
    assert (derivatives.last[0], derivatives._bid[0], derivatives._mark[0], derivatives._index[0]) == before
    assert (tape.view(bench.at_ms).buy_usd == seconds).all()
    assert len(tape.prints.of(0)) == recent
    assert bench.state.candles.forming(0, "1m") is None
    assert bench.state.candles.frames["1m"].count[0] == 0
    assert bench.state.liquidations.lines() == ()
    assert bench.withheld == 1
    assert bench.state.plausible.withheld == {bench.one.venue: 1}


@pytest.mark.parametrize("which", range(8))
def test_what_moves_five_fold_is_believed(which: int) -> None:
    for factor in (5.0, 0.2):
        bench = Bench()
        bench.state.apply(of_each_kind(bench, 100.0 * factor)[which], bench.one)  # type: ignore[arg-type]
        assert bench.withheld == 0


def test_a_bar_that_is_not_believed_is_not_kept_for_later_runs() -> None:
    bench, intake, kept = Bench(), Intake(), list[Candle]()
    intake.state = bench.state
    end_ms = bench.at_ms // 60_000 * 60_000
    for price in (100_000.0, 101.0):
        ohlc = (price, price, price, price)
        bar = Candle(
            bench.one.venue, bench.one.symbol, bench.at_ms, bench.at_ms * 1_000_000, 60_000, end_ms - 60_000, *ohlc,
            1.0, price, NAN, 1, True,
        )  # fmt: skip
        intake._close(bar, bench.one, kept)
    assert [bar.close for bar in kept] == [101.0]


@pytest.mark.parametrize("interval_ms", [900_000, 4 * 3_600_000])
def test_a_bar_that_closed_before_a_crash_is_taken_when_it_is_asked_for_after_it(interval_ms: int) -> None:
    bench = Bench()
    opened_ms = bench.at_ms // interval_ms * interval_ms
    bench.at_ms = opened_ms + interval_ms + 300_000
    price = 100.0
    while price > 6.0:
        price *= 0.95
        bench.trade(price)
        bench.mark(price, price)
    where = (bench.one.venue, bench.one.symbol, bench.at_ms, bench.at_ms * 1_000_000)
    bar = Candle(*where, interval_ms, opened_ms, 99.0, 101.0, 98.0, 100.0, 1.0, 100.0, NAN, 1, True)
    bench.state.apply(bar, bench.one)
    name = next(name for name, length in INTERVAL_MS.items() if length == interval_ms)
    assert (bench.state.candles.frames[name].count[0], bench.withheld) == (1, 0)
    bench.trade(price)
    assert (bench.last, bench.withheld) == (price, 0)


@pytest.mark.parametrize("climbs", [True, False])
def test_a_side_that_nobody_makes_does_not_hold_back_the_price(climbs: bool) -> None:
    """The other side, the mark price and the trades move together; the orders of the one are stubs left far away."""
    bench, price = Bench(), 100.0
    for _ in range(300):
        price *= 1.01 if climbs else 1 / 1.01
        bench.quote(20.0 if climbs else price / 1.01, price * 1.01 if climbs else 500.0, step_ms=100)
        bench.mark(price, price, step_ms=100)
        bench.trade(price, step_ms=100)
        assert (bench.last, bench.withheld) == (price, 0)


STEPS = st.tuples(
    st.floats(-0.08, 0.08),
    st.sampled_from(["trade", "mark", "both sides", "bid alone", "ask alone"]),
    st.floats(1.0, 7.0),
    st.floats(1.0, 7.0),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(STEPS, min_size=20, max_size=200))
def test_a_market_that_moves_in_steps_is_believed_whatever_stubs_stand_around_it(
    steps: list[tuple[float, str, float, float]],
) -> None:
    bench, price = Bench(), 100.0
    for move, told, below, above in steps:
        price *= math.exp(move)
        if told == "trade":
            bench.trade(price, step_ms=100)
        elif told == "mark":
            bench.mark(price, price, step_ms=100)
        else:
            bid = NAN if told == "ask alone" else price / below
            ask = NAN if told == "bid alone" else price * above
            bench.quote(bid, ask, step_ms=100)
            bench.trade(price, step_ms=100)
        assert bench.withheld == 0


@pytest.mark.parametrize(("bid", "ask", "then"), [(40.0, NAN, 450.0), (NAN, 250.0, 22.0)])
def test_a_stub_that_stands_alone_does_not_stand_for_the_price(bid: float, ask: float, then: float) -> None:
    bench = Bench()
    bench.quote(bid, ask)
    bench.trade(then)
    assert (bench.last, bench.withheld) == (then, 0)
    bench.quote(bid / 1000, ask * 1000)
    assert bench.withheld == 1, "and one out of all scale is no quote"


def test_a_spread_around_all_that_is_known_contradicts_nothing() -> None:
    bench = Bench()
    bench.quote(0.01, 1e6)
    assert (bench.withheld, bench.state.derivatives._bid[0]) == (0, 0.01)
    bench.quote(1e4, 1e6)
    assert (bench.withheld, bench.state.derivatives._bid[0]) == (1, 0.01)
    bench.trade(100.0)
    assert bench.withheld == 1


def test_a_book_far_off_is_withheld_and_stub_levels_of_a_true_one_stay() -> None:
    bench = Bench()
    where = (bench.one.venue, bench.one.symbol, bench.at_ms, bench.at_ms * 1_000_000)

    def book(bid: str, ask: str) -> BookSnapshot:
        return BookSnapshot(*where, [(bid, "1"), ("0.01", "5")], [(ask, "1"), ("99999", "5")], 1, 2, False)

    assert bench.state.believes_book(book("99.9", "100.1"))
    assert not bench.state.believes_book(book("99900", "100100"))
    assert bench.state.believes_book(book("99.9", "100100")), "nobody sells for less"
    assert bench.withheld == 1


def test_the_first_of_a_venue_is_logged_and_then_one_of_a_thousand(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    with caplog.at_level(logging.WARNING, "prism.market"):
        for _ in range(1_002):
            bench.trade(100_000.0, step_ms=2)
            bench.trade(100.0, step_ms=2)
    assert [record.getMessage() for record in caplog.records] == [
        f"{bench.one.venue}: {bench.one.symbol}: a price of 100000 beside 100: implausible, withheld"
    ] * 2
    assert bench.last == 100.0


def test_a_market_that_moved_for_good_is_believed_within_seconds() -> None:
    bench = Bench()
    while bench.last != 0.1:
        bench.trade(0.1)
        bench.mark(0.1)
    assert bench.at_ms - T0 <= 2_500 + HOLD_MS + 1_500
    withheld = bench.withheld
    bench.trade(0.11)
    assert (bench.last, bench.withheld) == (0.11, withheld)


def test_one_kind_alone_that_is_off_is_not_believed_while_others_speak_against_it() -> None:
    bench = Bench()
    for _ in range(300):
        bench.trade(100.0)
        bench.mark(100_000.0)
        bench.quote(99.9, 100.1)
    assert bench.state.derivatives._mark[0] != 100_000.0
    assert bench.last == 100.0


def test_a_mark_price_that_stands_does_not_hold_up_trades_and_quotes_that_agree() -> None:
    bench = Bench()
    began_ms = bench.at_ms
    while bench.last != 1.0:
        for _ in range(4):
            bench.trade(1.0, step_ms=100)
            bench.quote(0.99, 1.01, step_ms=100)
        bench.mark(100.0, step_ms=200)
        assert bench.at_ms - began_ms < 3 * HOLD_MS


def test_of_a_row_that_is_new_the_first_wild_price_does_not_stay() -> None:
    for wild in range(LEAST):
        bench = Bench()
        bench.state.clear()
        for number in range(LEAST + 2):
            bench.trade(100_000.0 if number == wild else 100.0)
        assert bench.last == 100.0


def test_trades_of_an_answer_agree_with_what_is_known_or_with_one_another() -> None:
    bench = Bench()

    def trades(*prices: float) -> list[Trade]:
        at_ms = bench.at_ms
        return [
            Trade(
                bench.one.venue, bench.one.symbol, at_ms - 10 + i, at_ms * 1_000_000, price, 1.0, True, f"x{price}{i}"
            )
            for i, price in enumerate(prices)
        ]

    bench.state.fill_trades(trades(100.0, 101.0, 100_000.0), bench.one)
    assert bench.withheld == 1
    bench.state.fill_trades(trades(1.0, 1.1, 1.2, 1.1), bench.one)
    assert bench.withheld == 1


walks = st.lists(
    st.tuples(
        st.sampled_from((TRADED, QUOTED, MARKED)),
        st.integers(20, 900),
        st.one_of(st.floats(-0.3, 0.3), st.sampled_from([math.log(1000.0), -math.log(1000.0), 3.0, -4.0])),
        st.booleans(),
    ),
    min_size=1,
    max_size=80,
)


@settings(max_examples=150, deadline=None)
@given(walks)
def test_whatever_truly_happens_is_withheld_for_no_longer_than_the_bound(
    walk: list[tuple[int, int, float, bool]],
) -> None:
    """A random walk with jumps of any size, told by three kinds of message; now and then one of them is wild."""
    judge, at_ms, true = Plausible(), 0, 100.0
    judge.add_row()
    for _ in range(LEAST):
        assert judge.takes(0, true, at_ms, TRADED)
    for kind, step_ms, move, is_wild in walk:
        at_ms += step_ms
        if is_wild:
            accepted = judge.takes(0, true * 1e6, at_ms, kind)
            assert not accepted
        true *= math.exp(move)
        since_ms = at_ms
        # What has jumped goes on being told of, at most half a second apart.
        while not judge.takes(0, true, at_ms, kind):
            at_ms += 500
            kind = TRADED if kind == MARKED else 2 * kind
            assert at_ms - since_ms <= HOLD_MS + 2_000, "withheld for too long"
        at_ms += LONGEST_MS + 1


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(-0.5, 0.5), min_size=3, max_size=60), st.data())
def test_a_single_wild_print_never_moves_the_last_price(moves: list[float], data: st.DataObject) -> None:
    bench, price = Bench(), 100.0
    wild_at = data.draw(st.integers(0, len(moves) - 1))
    factor = data.draw(st.sampled_from([1000.0, 0.001, 1e6, FACTOR * 4, 1 / FACTOR / 4]))
    for number, move in enumerate(moves):
        price *= math.exp(move)
        bench.trade(price)
        if number == wild_at:
            bench.trade(price * factor)
        assert bench.last == price
    assert bench.withheld == 1


@pytest.mark.recorded
@pytest.mark.parametrize("name", captures())
def test_nothing_of_recorded_markets_is_withheld(name: str) -> None:
    """Crashes included: of what the venues really sent, not one message is taken for an error."""
    intake, looked_ns = Intake(), 0
    for record in CaptureReader(recorded("captures", name)):
        intake.ingest(record)
        if record.t - looked_ns > 1_000_000_000:
            intake.catch_up()
            looked_ns = record.t
    intake.catch_up()
    assert intake.state.counters().implausible == 0, intake.state.plausible.withheld
