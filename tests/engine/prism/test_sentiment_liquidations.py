"""Liquidations as sentiment: what builds, what is spent, and what silence means."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.synthetic_view import START_MS, synthetic_view
from engine.market.view import MarketView
from engine.prism.board import Status
from engine.prism.depth import measure
from engine.prism.liquidation_pressure import Forces, forces, minutes_of, trailing
from engine.prism.roster import enrol
from engine.prism.row_memo import Memory
from engine.prism.sentiment import sentiment
from tests.engine.prism.market_views import edited
from tests.engine.prism.sentiment_readings import ROWS, facts, read


@pytest.fixture
def view() -> MarketView:
    return synthetic_view(rows=ROWS, width=120, levels=60)


def minutes(**values: float) -> np.ndarray:
    made = np.zeros((1, 60))
    for key, value in values.items():
        made[0, int(key[1:])] = value
    return made


def forces_of(long_usd: np.ndarray, short_usd: np.ndarray) -> Forces:
    """Of an hour that is covered whole, at the end of its last minute."""
    return forces(minutes_of(long_usd, short_usd).at(1.0), np.array([60.0]))


def test_long_liquidations_press_down_while_they_build_and_turn_when_spent() -> None:
    base = np.full((1, 60), 10.0)
    rising = base + minutes(m57=2000.0, m58=4000.0, m59=9000.0)
    building = forces_of(rising, np.zeros((1, 60)))
    assert building.turned[0] == 0.0
    assert building.pressure[0] < -0.5
    spent = forces_of(base + minutes(m50=2000.0, m51=4000.0, m52=9000.0), np.zeros((1, 60)))
    assert spent.turned[0] > 0.9
    assert spent.reversal[0] > 0.3
    older = forces_of(base + minutes(m20=2000.0, m21=4000.0, m22=9000.0), np.zeros((1, 60)))
    assert 0 < older.reversal[0] < spent.reversal[0]
    mirrored = forces_of(np.zeros((1, 60)), rising)
    assert mirrored.pressure[0] == pytest.approx(-building.pressure[0])


def test_a_steady_trickle_is_no_spike() -> None:
    steady = forces_of(np.full((1, 60), 50.0), np.full((1, 60), 50.0))
    assert steady.turned[0] == 0.0
    assert steady.pressure[0] == pytest.approx(0.0)


def test_an_unbroken_cascade_reads_alike_at_every_second(view: MarketView) -> None:
    """Longs are liquidated at the same rate for eleven minutes, and the minute turns in between."""
    minute = view.at_ms - view.at_ms % 60_000
    base = each_alone(view)
    scores, spent, sums = [], [], []
    for second in (40, 59, 60, 61, 75, 119):
        running = second // 60
        usd = np.zeros((1, 60))
        usd[0, -11 - running : 60] = 60.0 * 1e4
        usd[0, -1] = (second % 60 + 1) * 1e4
        held = replace(liquidated(base, usd, usd * 0.0), at_ms=minute + running * 60_000 + second % 60 * 1000 + 999)
        reading = read(held)["liquidations"]
        scores.append(float(reading.score[0]))
        spent.append(float(reading.inputs["spike_spent"][0][0]))
        sums.append(float(reading.inputs["long_5m"][0][0]))
    # Over a minute the hour's mean grows by a tenth; where the minute turns, nothing happens.
    assert max(scores) < 3.0
    assert np.abs(np.diff(scores))[1:3].max() < 0.02
    assert max(spent) < 1e-3
    assert sums == pytest.approx([300.0 * 1e4] * len(sums), rel=1e-3)


def test_a_cascade_that_ends_is_spent_evenly_and_without_a_step() -> None:
    """A minute after the last liquidation a third of the velocity is gone, and after three minutes all of it."""
    usual, turned = np.full(60, 1.0), []
    for second in range(0, 181, 5):
        complete, elapsed = second // 60, second % 60 / 60
        usd = usual.copy()
        usd[-4 - complete - 1 : 60 - complete - 1] = 1e5
        held = minutes_of(usd[None, :], np.zeros((1, 60))).at(elapsed)
        turned.append(float(forces(held, np.array([60.0])).turned[0]))
    assert turned == pytest.approx(np.linspace(0.0, 1.0, 37).tolist(), abs=1e-3)


def test_a_trailing_window_takes_its_share_of_the_minute_in_which_it_begins() -> None:
    amounts = np.array([[8.0, 4.0, 2.0, 1.0]])
    assert [trailing(amounts, 2, elapsed)[0] for elapsed in (0.0, 0.25, 1.0)] == [7.0, 6.0, 3.0]


def liquidated(view: MarketView, long: np.ndarray, short: np.ndarray) -> MarketView:
    feed = view.liquidations
    zero = np.zeros_like(feed.long_usd)
    return replace(view, liquidations=replace(feed, long_usd=zero + long, short_usd=zero + short))


def each_alone(view: MarketView) -> MarketView:
    """No asset is traded twice."""
    listed = tuple(replace(one, asset=f"{one.asset}{row}") for row, one in enumerate(view.instruments))
    return replace(view, instruments=listed)


def test_none_reported_on_a_live_feed_is_a_measured_fifty(view: MarketView) -> None:
    quiet = liquidated(each_alone(view), np.zeros((1, 60)), np.zeros((1, 60)))
    since = quiet.liquidations.since_ms.copy()
    since[0], since[1], since[2] = -1, START_MS - 120_000, START_MS - 12 * 60_000
    reading = read(replace(quiet, liquidations=replace(quiet.liquidations, since_ms=since)))["liquidations"]
    assert reading.status[:4].tolist() == [Status.MISSING, Status.WARMING, Status.OK, Status.OK]
    assert reading.notes[0] == "no confirmed liquidation feed of the venue"
    hour = reading.inputs["long_1h"][0]
    assert np.isnan(hour[:2]).all(), "not known, and not none"
    assert hour[2] == 0.0
    assert reading.notes[1] == "warming: 2/5 min of the feed"
    assert reading.notes[2] == "no liquidations in 12 min"
    assert reading.notes[3] == "no liquidations in 60 min"
    assert reading.score[3] == 50.0


def test_a_few_dollars_are_not_a_cascade(view: MarketView) -> None:
    sized = facts(each_alone(view), list(range(ROWS)), volume_24h_usd=24e6)
    burst = minutes(m59=1.0, m58=1.0)
    tiny = read(liquidated(sized, burst * 20, np.zeros((1, 60))))["liquidations"].score[0]
    huge = read(liquidated(sized, burst * 20_000, np.zeros((1, 60))))["liquidations"].score[0]
    assert huge < 15.0
    assert 48.0 < tiny < 50.0
    unknown = facts(sized, [0], volume_24h_usd=np.nan)
    reading = read(liquidated(unknown, burst * 20, np.zeros((1, 60))))["liquidations"]
    assert "24 h volume not known" in reading.notes[0]


def test_a_silent_venue_makes_its_liquidations_stale(view: MarketView) -> None:
    later = START_MS + 200_000
    okx = np.array([one.venue == "okx" for one in view.instruments])
    now = np.where(okx, START_MS, later)
    alive = replace(
        liquidated(each_alone(view), np.zeros((1, 60)), np.zeros((1, 60))),
        at_ms=later,
        tape=replace(view.tape, newest_ms=now),
        books=replace(view.books, updated_ms=now),
        derivatives=replace(view.derivatives, last_ms=now, quote_ms=now, mark_ms=now),
    )
    reading = read(alive)["liquidations"]
    assert set(reading.status[okx].tolist()) == {int(Status.STALE)}
    perps = np.array([one.kind == "perp" for one in view.instruments])
    assert set(reading.status[~okx & perps].tolist()) == {int(Status.OK)}


def test_liquidations_alone_show_that_the_venue_speaks(view: MarketView) -> None:
    mute = np.full(ROWS, -1, dtype=np.int64)
    only = replace(
        liquidated(each_alone(view), np.zeros((1, 60)), np.zeros((1, 60))),
        tape=replace(view.tape, newest_ms=mute),
        books=replace(view.books, updated_ms=mute),
        derivatives=replace(view.derivatives, last_ms=mute, quote_ms=mute, mark_ms=mute),
    )
    one = edited(only.liquidations, [2], long_usd=minutes(m58=1000.0))
    reading = read(replace(only, liquidations=one))["liquidations"]
    venues = np.array([instrument.venue == view.instruments[2].venue for instrument in view.instruments])
    perps = np.array([instrument.kind == "perp" for instrument in view.instruments])
    assert np.array_equal(reading.status == Status.OK, venues & perps)
    assert reading.score[2] < 50.0


def test_liquidations_of_an_asset_are_those_of_all_its_venues(view: MarketView) -> None:
    quiet = liquidated(facts(view, list(range(ROWS)), volume_24h_usd=24e6), np.zeros((1, 60)), np.zeros((1, 60)))
    btc = [row for row, one in enumerate(view.instruments) if one.asset == "BTC" and one.kind == "perp"]
    assert len(btc) == 3
    since = quiet.liquidations.since_ms.copy()
    since[btc[0]] = -1
    feed = edited(replace(quiet.liquidations, since_ms=since), [btc[1]], long_usd=minutes(m58=9e5, m59=9e5))
    reading = read(replace(quiet, liquidations=feed))["liquidations"]
    assert reading.status[btc].tolist() == [Status.OK] * 3
    assert len(set(reading.score[btc].tolist())) == 1
    assert reading.score[btc[0]] < 20.0
    assert reading.raw[btc[2]] == -18e5
    assert reading.sources["long_1h"][btc[0]] == "bybit-linear, okx", "the one whose feed does not stand has no voice"
    eth = next(row for row, one in enumerate(view.instruments) if one.asset == "ETH")
    assert reading.score[eth] == 50.0
    assert "some venues" not in reading.notes.get(btc[0], "")
    unknown = facts(replace(quiet, liquidations=feed), [btc[2]], volume_24h_usd=np.nan)
    told = read(unknown)["liquidations"]
    assert "24 h volume of some venues not known: the share is at most this" in told.notes[btc[0]]
    assert told.inputs["share_of_usual_volume"][0][btc[0]] > reading.inputs["share_of_usual_volume"][0][btc[0]]
    alone = read(each_alone(replace(quiet, liquidations=feed)))["liquidations"]
    assert alone.status[btc].tolist() == [Status.MISSING, Status.OK, Status.OK]
    assert alone.score[btc[1]] < reading.score[btc[1]], "its own volume is a third of all"


def test_one_liquidation_changes_the_asset_and_no_other(view: MarketView) -> None:
    memory, roster, depth = Memory(), enrol(view.instruments), measure(view.books)
    counted = replace(view.liquidations, revision=np.arange(ROWS, dtype=np.int64))
    first = sentiment(replace(view, liquidations=counted), roster, depth, memory)["liquidations"]
    struck = edited(counted, [1], long_usd=counted.long_usd[1] + minutes(m59=1e7), revision=ROWS)
    second = sentiment(replace(view, liquidations=struck), roster, depth, memory)["liquidations"]
    moved = {
        one.asset
        for one, was, now in zip(view.instruments, first.raw, second.raw, strict=True)
        if now != was and now == now
    }
    assert moved == {view.instruments[1].asset}
    assert np.array_equal(second.score, read(replace(view, liquidations=struck))["liquidations"].score, equal_nan=True)
