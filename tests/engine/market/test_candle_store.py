from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.events import NAN, Candle
from engine.market.bars import CORRECTED
from engine.market.candles import CAPACITY, CandleStore, DayVolume
from engine.market.universe import Universe
from engine.market.view import Bars
from engine.timeframes import INTERVAL_MS
from tests.engine.market.market_events import MINUTE, T0, candle, instrument
from tests.engine.market.market_oracles import Values, newest_run, resampled


def store(*symbols: str) -> CandleStore:
    universe = Universe()
    candles = CandleStore(universe)
    for symbol in symbols or ("BTCUSDT",):
        universe.add(instrument(symbol))
        candles.add_row()
    return candles


def bars_of(bars: Bars, row: int) -> dict[int, Values]:
    """A row's bars as the oracle writes them; also that all else is blank."""
    n, width = int(bars.count[row]), bars.open.shape[1]
    fields = (bars.open, bars.high, bars.low, bars.close, bars.volume_usd, bars.buy_usd)
    for field in fields:
        assert np.isnan(field[row, : width - n]).all()
    assert (bars.open_ms[row, : width - n] == -1).all()
    assert (bars.trades[row, : width - n] == -1).all()
    found: dict[int, Values] = {}
    for column in range(width - n, width):
        o, h, low, c, v, b = (float(field[row, column]) for field in fields)
        found[int(bars.open_ms[row, column])] = (o, h, low, c, v, b, int(bars.trades[row, column]))
    return found


def same(found: dict[int, Values], expected: dict[int, Values]) -> None:
    assert list(found) == list(expected)
    for open_ms, values in found.items():
        assert values[:4] == expected[open_ms][:4]
        assert values[4:6] == pytest.approx(expected[open_ms][4:6], rel=1e-9, nan_ok=True)
        assert values[6] == expected[open_ms][6]


def agrees_with_oracle(candles: CandleStore, sent: list[Candle], row: int = 0) -> None:
    everything = resampled(sent)
    for name, length in INTERVAL_MS.items():
        expected = everything[length]
        same(bars_of(candles.window(name), row), {t: expected[t] for t in newest_run(expected, length)[-500:]})


def bar(open_ms: int, length: int = MINUTE, seed: int = 0) -> Candle:
    rng = random.Random(open_ms + length + seed)
    return candle(
        open_ms, length, close=100 + rng.random(), high=102 + rng.random(), low=98 + rng.random(),
        volume_quote=rng.random() * 1e6, taker_buy_quote=rng.random() * 5e5, trades=rng.randrange(100),
    )  # fmt: skip


def test_minutes_become_every_coarser_bar() -> None:
    candles = store()
    sent = [bar(T0 + i * MINUTE) for i in range(500)]
    for c in sent:
        candles.apply(0, c)
    agrees_with_oracle(candles, sent)
    assert candles.window("4h").count[0] == 2


def test_a_derived_bar_waits_for_all_of_its_children() -> None:
    candles = store()
    for i in (0, 1, 2, 4):
        candles.apply(0, bar(T0 + i * MINUTE))
    assert candles.window("5m").count[0] == 0
    candles.apply(0, bar(T0 + 3 * MINUTE))
    assert candles.window("5m").count[0] == 1


def test_rest_history_and_live_bars_make_one_coarse_bar() -> None:
    """15m bars of a backfill to 09:00, 5m frames from there on: the 4h bar holds both."""
    candles = store()
    quarter = 15 * MINUTE
    sent = [bar(T0 + i * quarter, quarter) for i in range(4)]
    sent += [bar(T0 + 4 * quarter + i * 5 * MINUTE, 5 * MINUTE) for i in range(36)]
    for c in reversed(sent[:4]):
        candles.apply(0, c)
    for c in sent[4:-1]:
        candles.apply(0, c)
    assert candles.window("4h").count[0] == 0
    candles.apply(0, sent[-1])
    agrees_with_oracle(candles, sent)
    assert candles.window("4h").count[0] == 1


def test_what_the_venue_sends_wins_over_what_was_summed() -> None:
    candles = store()
    children = [bar(T0 + i * MINUTE) for i in range(5)]
    theirs = bar(T0, 5 * MINUTE)
    for c in (*children, theirs, bar(T0 + MINUTE, seed=9)):
        candles.apply(0, c)
    assert candles.window("5m").close[0, -1] == theirs.close
    assert candles.window("5m").revision[0] == 1 + CORRECTED


def test_the_venues_bar_that_equals_the_sum_to_rounding_is_no_correction() -> None:
    candles = store()
    children = [bar(T0 + i * MINUTE) for i in range(5)]
    for c in children:
        candles.apply(0, c)
    total = sum(c.volume_quote for c in reversed(children))
    theirs = candle(
        T0, 5 * MINUTE, close=children[-1].close, open=children[0].open, high=max(c.high for c in children),
        low=min(c.low for c in children), volume_quote=total * (1 + 1e-14),
        taker_buy_quote=sum(c.taker_buy_quote for c in children), trades=sum(c.trades for c in children),
    )  # fmt: skip
    candles.apply(0, theirs)
    assert candles.window("5m").revision[0] == 1
    assert candles.window("5m").volume_usd[0, -1] == theirs.volume_quote
    candles.apply(0, bar(T0, seed=3))
    assert candles.window("5m").close[0, -1] == theirs.close, "a corrected child moves no bar that the venue sent"


def test_duplicates_change_nothing_and_corrections_jump() -> None:
    candles = store()
    for _ in range(2):
        candles.apply(0, bar(T0))
    assert candles.window("1m").revision[0] == 1
    candles.apply(0, bar(T0, seed=1))
    assert candles.window("1m").revision[0] == 1 + CORRECTED
    assert candles.window("1m").close[0, -1] == bar(T0, seed=1).close


def test_a_hole_hides_the_older_bars_until_it_is_filled() -> None:
    candles = store()
    sent = [bar(T0 + i * MINUTE) for i in range(10)]
    for c in sent[:4] + sent[6:]:
        candles.apply(0, c)
    assert list(bars_of(candles.window("1m"), 0)) == [T0 + i * MINUTE for i in (6, 7, 8, 9)]
    before = int(candles.window("1m").revision[0])
    candles.apply(0, sent[4])
    assert candles.window("1m").count[0] == 4
    candles.apply(0, sent[5])
    assert candles.window("1m").count[0] == 10
    assert candles.window("1m").revision[0] >= before + CORRECTED
    agrees_with_oracle(candles, sent)


def test_unaligned_bars_are_kept_as_sent_and_not_resampled() -> None:
    candles = store()
    sent = [bar(T0 + 12_345 + i * MINUTE) for i in range(20)]
    for c in sent:
        candles.apply(0, c)
    assert list(bars_of(candles.window("1m"), 0)) == [c.open_ms for c in sent]
    assert candles.window("5m").count[0] == 0


def test_a_forming_bar_is_shown_as_forming_and_never_closed_by_guess() -> None:
    candles = store()
    candles.apply(0, candle(T0, closed=False, close=101.0, ts_ms=T0 + 5000))
    candles.apply(0, candle(T0, closed=False, close=99.0, ts_ms=T0 + 4000))
    forming = candles.forming(0, "1m")
    assert forming is not None
    assert forming.close == 101.0
    candles.apply(0, candle(T0 + MINUTE, closed=False, ts_ms=T0 + 61_000))
    assert candles.window("1m").count[0] == 0
    candles.apply(0, candle(T0 + MINUTE))
    assert candles.forming(0, "1m") is None
    assert candles.window("1m").count[0] == 1


def test_a_forming_bar_that_the_venue_does_not_push_follows_the_finer_bars() -> None:
    candles = store()
    candles.apply(0, candle(T0, 15 * MINUTE, closed=False, close=90.0, ts_ms=T0 + 1000))  # as once answered
    for i in range(7):
        candles.apply(0, candle(T0 + i * MINUTE, close=100.0 + i))
    candles.apply(0, candle(T0 + 7 * MINUTE, closed=False, close=80.0, ts_ms=T0 + 7 * MINUTE + 5000, trades=3))

    for name, first, trades in (("5m", 5, 2 * 7 + 3), ("15m", 0, 7 * 7 + 3), ("4h", 0, 7 * 7 + 3)):
        forming = candles.forming(0, name)
        assert forming is not None
        assert forming.open_ms == T0 + first * MINUTE
        assert (forming.open, forming.close) == (99.5 + first, 80.0)
        assert (forming.high, forming.low) == (107.0, 79.0)
        assert forming.volume_usd == 1000.0 * (8 - first)
        assert forming.trades == trades

    candles.apply(0, candle(T0 + 7 * MINUTE))
    for i in (8, 9):
        candles.apply(0, candle(T0 + i * MINUTE))
    assert candles.forming(0, "5m") is None, "it is closed"


def test_a_forming_bar_with_a_hole_is_the_venues_own_or_none() -> None:
    candles = store()
    for i in (0, 1, 3):  # the third is missing
        candles.apply(0, candle(T0 + i * MINUTE))
    assert candles.forming(0, "5m") is None
    candles.apply(0, candle(T0, 5 * MINUTE, closed=False, close=90.0, ts_ms=T0 + 1000))
    forming = candles.forming(0, "5m")
    assert forming is not None
    assert forming.close == 90.0


def test_an_answer_newer_than_the_pushed_bars_is_the_forming_bar() -> None:
    candles = store()
    candles.apply(0, candle(T0, closed=False, close=100.0, ts_ms=T0 + 4000))
    candles.apply(0, candle(T0, 5 * MINUTE, closed=False, close=90.0, ts_ms=T0 + 5000))
    forming = candles.forming(0, "5m")
    assert forming is not None
    assert forming.close == 90.0


def test_more_bars_than_are_kept_leave_the_newest() -> None:
    candles = store()
    hours = [bar(T0 + i * 240 * MINUTE, 240 * MINUTE) for i in range(CAPACITY + 100)]
    for c in hours:
        candles.apply(0, c)
    bars = candles.window("4h", CAPACITY)
    assert bars.count[0] == CAPACITY
    assert bars.open_ms[0, 0] == hours[100].open_ms
    candles.apply(0, hours[3])
    assert candles.window("4h").revision[0] == CAPACITY + 100, "older than what is kept"
    with pytest.raises(ValueError, match=f"keeps {CAPACITY} bars, {CAPACITY + 1}"):
        candles.window("4h", CAPACITY + 1)


def test_other_money_has_no_dollar_volume() -> None:
    candles = store("BTCEUR")
    candles.apply(0, bar(T0))
    assert math.isnan(candles.window("1m").volume_usd[0, -1])
    assert candles.window("1m").close[0, -1] == bar(T0).close


def test_volumes_that_a_venue_does_not_send_stay_unknown_in_sums() -> None:
    candles = store()
    for i in range(5):
        candles.apply(0, candle(T0 + i * MINUTE, taker_buy_quote=NAN, trades=-1 if i == 2 else 4))
    bars = candles.window("5m")
    assert math.isnan(bars.buy_usd[0, -1])
    assert bars.volume_usd[0, -1] == 5000.0
    assert bars.trades[0, -1] == -1


def test_changes_and_day_volume_are_exact_or_unknown() -> None:
    candles = store("AUSDT", "BUSDT")
    step = 5 * MINUTE
    for i in range(288):
        candles.apply(0, candle(T0 + i * step, step, close=100 + i, volume_quote=i))
        if i:
            candles.apply(1, candle(T0 + i * step, step, close=100 + i, volume_quote=i))
    end = T0 + 288 * step
    last, stamp = np.array([500.0, 500.0]), np.full(2, end)
    assert candles.volume_24h_usd(end).tolist() == pytest.approx([sum(range(288)), NAN], nan_ok=True)
    assert candles.volume_24h_usd_of(0, end) == sum(range(288))
    assert math.isnan(candles.volume_24h_usd_of(1, end))
    day = candles.change(86_400_000, end + 1000, last, stamp)
    assert day.tolist() == pytest.approx([500 / 99.5 - 1, NAN], nan_ok=True)
    hour = candles.change(3_600_000, end, last, stamp)
    assert hour.tolist() == pytest.approx([500 / (100 + 276 - 0.5) - 1] * 2)
    stale = end + 30 * MINUTE
    assert np.isnan(candles.volume_24h_usd(stale)).all(), "a sum that ended long ago is not the trailing day"
    assert np.isnan(candles.change(3_600_000, end + 3_700_000, last, stamp)).all(), "no price since then is known"


def test_bars_that_cover_less_than_a_day_are_not_summed_up_as_one() -> None:
    candles = store()
    for i in range(CAPACITY + 5):
        candles.apply(0, candle(T0 + i * MINUTE, volume_quote=1.0))
    end = T0 + (CAPACITY + 5) * MINUTE
    assert candles.window("1m", CAPACITY).count[0] == CAPACITY
    assert math.isnan(candles.volume_24h_usd_of(0, end)), "as many minutes as are kept are less than nine hours"
    assert np.isnan(candles.volume_24h_usd(end)).all()
    with pytest.raises(ValueError, match="less than the day"):
        DayVolume(candles.frames["1m"])


def test_day_volume_follows_corrections() -> None:
    candles = store()
    quarter = 15 * MINUTE
    for i in range(97):
        candles.apply(0, candle(T0 + i * quarter, quarter, volume_quote=1.0))
    end = T0 + 97 * quarter
    assert candles.volume_24h_usd(end)[0] == 96.0
    candles.apply(0, candle(T0 + 50 * quarter, quarter, volume_quote=11.0))
    assert candles.volume_24h_usd_of(0, end) == 106.0
    assert candles.volume_24h_usd(end)[0] == 106.0


def test_closes_at_given_times() -> None:
    candles = store("AUSDT", "BUSDT")
    quarter = 15 * MINUTE
    for i in range(3):
        candles.apply(0, candle(T0 + i * quarter, quarter, close=10.0 + i))
    wanted = np.array([T0 - quarter, T0, T0 + 1, T0 + 2 * quarter, T0 + 3 * quarter])
    closes = candles.closes_at("15m", wanted)
    assert closes[0].tolist() == pytest.approx([NAN, 10.0, NAN, 12.0, NAN], nan_ok=True)
    assert np.isnan(closes[1]).all()


@st.composite
def streams(draw: st.DrawFn) -> list[Candle]:
    """Bars of several intervals over half a day, some missing, some twice, some forming, in any order."""
    sent: list[Candle] = []
    first = draw(st.integers(0, 3))
    for length, n in ((MINUTE, 40), (5 * MINUTE, 30), (15 * MINUTE, 36), (240 * MINUTE, 3)):
        begin = draw(st.integers(0, n))
        count = draw(st.integers(0, n - begin))
        missing = draw(st.sets(st.integers(0, n), max_size=2))
        sent += [bar(T0 + (i + first) * length, length) for i in range(begin, begin + count) if i not in missing]
    order = draw(st.sampled_from(["as is", "reversed", "shuffled"]))
    if order == "reversed":
        sent.reverse()
    elif order == "shuffled":
        sent = draw(st.permutations(sent))
    return sent + sent[: draw(st.integers(0, 3))]


@settings(max_examples=60, deadline=None)
@given(streams())
def test_any_order_of_arrival_gives_the_oracles_bars(sent: list[Candle]) -> None:
    candles = store()
    for c in sent:
        candles.apply(0, c)
    agrees_with_oracle(candles, sent)


@settings(max_examples=30, deadline=None)
@given(streams(), st.integers(1, 50))
def test_appended_bars_never_change_what_was_said_before(sent: list[Candle], cut: int) -> None:
    """While the revision rises by appends alone, every bar of before reads as it did."""
    candles = store()
    for c in sent[:-cut]:
        candles.apply(0, c)
    before = {name: (bars_of(candles.window(name), 0), int(candles.window(name).revision[0])) for name in INTERVAL_MS}
    for c in sent[-cut:]:
        candles.apply(0, c)
    for name, (old, revision) in before.items():
        bars = candles.window(name)
        if bars.revision[0] - revision < CORRECTED:
            new = bars_of(bars, 0)
            assert bars.revision[0] - revision == len(new) - len(old)
            assert list(new.items())[: len(old)] == list(old.items()) or np.isnan(list(old.values())).any()
