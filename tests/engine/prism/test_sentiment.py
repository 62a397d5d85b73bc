"""The sentiment face: its components, ratios of the crowd, volume sentiment and mood."""

from __future__ import annotations

from dataclasses import replace
from math import log, tanh

import numpy as np
import pytest

from bench.synthetic_view import START_MS, synthetic_view
from engine.market.view import MarketView
from engine.prism.board import COMPONENTS, Status
from tests.engine.prism.market_views import edited
from tests.engine.prism.sentiment_readings import ROWS, alone, facts, ratios, read


@pytest.fixture
def view() -> MarketView:
    return synthetic_view(rows=ROWS, width=120, levels=60)


def test_gathers_the_components_of_the_face(view: MarketView) -> None:
    assert list(read(view)) == list(COMPONENTS["sentiment"])


# Ratios


@pytest.mark.parametrize(("accounts", "crowd"), [(3.0, 11.9), (1 / 3, 88.1), (1.0, 50.0), (3**0.5, 43.8)])
def test_the_crowd_is_contrary_at_extremes(view: MarketView, accounts: float, crowd: float) -> None:
    nan = float("nan")
    reading = read(ratios(alone(view), 0, accounts, nan, nan))["long_short_ratio"]
    assert reading.score[0] == pytest.approx(crowd, abs=0.05)
    assert reading.notes[0] == "without top traders"


def test_top_traders_count_against_the_crowd(view: MarketView) -> None:
    reading = read(ratios(alone(view), 0, 1.0, 2.0, 2.0))["long_short_ratio"]
    assert reading.score[0] == pytest.approx(0.6 * 50 + 0.4 * (50 + 50 * tanh(log(2.0))))
    assert read(ratios(alone(view), 0, 1.0, 0.5, 0.5))["long_short_ratio"].score[0] < 50


def test_old_ratios_are_stale_and_absent_ones_missing(view: MarketView) -> None:
    times = view.derivatives.ratios_ms.copy()
    times[0] = START_MS - 31 * 60_000
    times[1] = -1
    times[2, 1:3] = START_MS - 40 * 60_000
    reading = read(alone(replace(view, derivatives=replace(view.derivatives, ratios_ms=times))))["long_short_ratio"]
    assert reading.status[:3].tolist() == [Status.STALE, Status.MISSING, Status.OK]
    assert reading.notes[0] == "ratio 31 min old"
    assert reading.notes[2] == "without top traders"


# Volume sentiment


def test_volume_sentiment_equals_a_slow_reading(view: MarketView) -> None:
    reading = read(view)["volume_sentiment"]
    bars, row = view.bars["5m"], 3
    buy = bars.buy_usd[row, -12:].tolist()
    sell = (bars.volume_usd[row, -12:] - bars.buy_usd[row, -12:]).tolist()
    moves = [log(c / o) for c, o in zip(bars.close[row, -12:].tolist(), bars.open[row, -12:].tolist(), strict=True)]
    up, down = sum(max(m, 0) for m in moves) / sum(buy), sum(max(-m, 0) for m in moves) / sum(sell)
    volume = 50 + 50 * tanh(4 * (sum(buy) - sum(sell)) / (sum(buy) + sum(sell)))
    buys, trades = int(view.tape.buys[row].sum()), int(view.tape.trades[row].sum())
    counts = 50 + 50 * tanh(4 * (2 * buys - trades) / trades)
    expected = 0.4 * volume + 0.4 * counts + 0.2 * (50 + 50 * tanh(log(up / down)))
    assert reading.score[row] == pytest.approx(expected)
    assert row not in reading.notes


def test_trades_are_counted_by_side_on_the_tape_alone(view: MarketView) -> None:
    few = edited(view.tape, [1], trades=0, buys=0)
    few = edited(few, [2], since_ms=view.at_ms - 300_000)
    few.trades[1, -1], few.buys[1, -1] = 29, 20
    few.trades[3, -1] += 1
    reading = read(replace(view, tape=edited(few, [0], since_ms=-1)))["volume_sentiment"]
    for row in (0, 1, 2):  # not streamed, 29 trades, 5 of 15 minutes
        assert reading.notes[row] == "without trade counts by side"
    assert 3 not in reading.notes
    bought, sold = (reading.inputs[f"trades_{side}_15m"][0] for side in ("bought", "sold"))
    assert np.isnan(bought[[0, 2]]).all()
    assert (bought[1], sold[1]) == (20, 9)


def test_as_many_dollars_in_more_sales_are_read_as_sold(view: MarketView) -> None:
    trades = np.full_like(view.tape.trades, 4)
    scores = [
        read(replace(view, tape=replace(view.tape, trades=trades, buys=trades * 0 + buys)))["volume_sentiment"].score
        for buys in (1, 2, 3)
    ]
    assert (np.diff(scores, axis=0) > 0).all()


def test_volume_sentiment_falls_back_to_the_tape_and_then_to_nothing(view: MarketView) -> None:
    bars = {name: edited(held, [0, 1], buy_usd=np.nan) for name, held in view.bars.items()}
    reading = read(replace(view, bars=bars, tape=edited(view.tape, [1], since_ms=-1)))["volume_sentiment"]
    assert reading.status[:2].tolist() == [Status.OK, Status.MISSING]
    assert reading.notes[0] == "from 15 min of the tape; without price impact"
    assert reading.raw[0] == pytest.approx(
        (view.tape.buy_usd[0].sum() - view.tape.sell_usd[0].sum())
        / (view.tape.buy_usd[0].sum() + view.tape.sell_usd[0].sum())
    )


def test_an_hour_in_which_every_bar_falls_is_as_one_that_falls_but_for_a_hair(view: MarketView) -> None:
    held = view.bars["5m"]

    def moved(by: list[float]) -> tuple[float, str]:
        close = held.close.copy()
        close[1, -12:] = held.open[1, -12:] * (1 + np.array(by))
        reading = read(replace(view, bars=view.bars | {"5m": replace(held, close=close)}))["volume_sentiment"]
        return float(reading.score[1]), reading.notes.get(1, "")

    every, nearly = moved([-0.001] * 12), moved([-0.001] * 11 + [1e-5])
    assert every[0] == pytest.approx(nearly[0], abs=0.1)
    assert moved([0.001] * 12)[0] == pytest.approx(moved([0.001] * 11 + [-1e-5])[0], abs=0.1)
    assert moved([0.001] * 12)[0] > every[0] + 15.0
    assert every[1] == nearly[1] == ""
    assert moved([0.0] * 12)[1] == "without price impact"


# Mood


def test_a_rising_market_lifts_the_mood_of_all(view: MarketView) -> None:
    rows = list(range(ROWS))
    flat = facts(view, rows, change_1h_frac=0.0, change_24h_frac=0.0)
    others = list(range(6, ROWS))
    up = facts(flat, others, change_1h_frac=0.05)
    before, after = read(flat)["mood"], read(up)["mood"]
    assert after.inputs["breadth_1h"][0][0] == pytest.approx(
        sum(view.instruments[r].kind == "perp" for r in others) / sum(one.kind == "perp" for one in view.instruments)
    )
    assert after.score[0] > before.score[0]  # breadth alone: nothing of BTC itself changed
    assert np.all(after.score[others] > before.score[others])


def test_mood_needs_something_of_the_symbols_own(view: MarketView) -> None:
    bars = dict(view.bars)
    bars["15m"] = edited(bars["15m"], [5], close=np.nan, volume_usd=np.nan, count=0, open_ms=-1)
    reading = read(replace(facts(view, [5], change_1h_frac=np.nan, change_24h_frac=np.nan), bars=bars))["mood"]
    assert reading.status[5] == Status.WARMING
    assert reading.notes[5] == "warming: 0/33 bars of 15m"
    assert (reading.status == Status.OK).sum() == ROWS - 1
