"""The sentiment face: directions, extremes, own histories, and what is said where something is absent."""

from __future__ import annotations

from dataclasses import replace
from math import log, tanh

import numpy as np
import pytest

from bench.synthetic_view import START_MS, synthetic_view
from engine.market.view import MarketView
from engine.prism.board import COMPONENTS, Reading, Status
from engine.prism.depth import measure
from engine.prism.liquidation_pressure import Forces, forces, hour_of
from engine.prism.positioning import BAND_PER_HOUR_FRAC, funding_score, own_band
from engine.prism.roster import enrol
from engine.prism.row_memo import Memory
from engine.prism.sentiment import sentiment
from tests.engine.prism.market_views import edited

ROWS = 24


@pytest.fixture
def view() -> MarketView:
    return synthetic_view(rows=ROWS, width=120, levels=60)


def read(view: MarketView) -> dict[str, Reading]:
    return sentiment(view, enrol(view.instruments), measure(view.books))


def facts(view: MarketView, rows: list[int], **values: object) -> MarketView:
    return replace(view, derivatives=edited(view.derivatives, rows, **values))


def alone(view: MarketView) -> MarketView:
    """The same with every row on an asset of its own, so that no other venue has a say."""
    return replace(view, instruments=tuple(replace(one, asset=f"A{row}") for row, one in enumerate(view.instruments)))


def ratios(view: MarketView, row: int, accounts: float, top_accounts: float, top_positions: float) -> MarketView:
    held = view.derivatives.ratios.copy()
    held[row, :3, -1] = accounts, top_accounts, top_positions
    return replace(view, derivatives=replace(view.derivatives, ratios=held))


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


# Funding


def test_own_band_is_the_95th_percentile_by_counting() -> None:
    rng = np.random.default_rng(2)
    history = np.full((3, 96), np.nan)
    history[0] = rng.normal(0.0, 1e-4, 96)
    history[1, -20:] = rng.normal(0.0, 1e-4, 20)
    history[2, -19:] = 1e-4
    band, count = own_band(history)
    for row in (0, 1):
        sizes = [abs(x) for x in history[row].tolist() if x == x]
        least = min(s for s in sizes if sum(other <= s for other in sizes) >= 0.95 * len(sizes))
        assert band[row] == least
    assert np.isnan(band[2])
    assert count.tolist() == [96, 20, 19]


def test_funding_confirms_inside_its_band_and_opposes_beyond() -> None:
    band = np.full(7, 1e-4)
    rate = np.array([0.0, 0.5e-4, 1e-4, 2e-4, -0.5e-4, -1e-4, -2e-4])
    score = funding_score(rate, band)
    assert score[:3].round(6).tolist() == [50.0, 56.0, 50.0]
    assert score[3] == pytest.approx(50 - 50 * tanh(1.0))
    assert np.allclose(score[4:] + score[1:4], 100.0)
    fine = funding_score(np.linspace(-3e-4, 3e-4, 60001), np.full(60001, 1e-4))
    assert np.abs(np.diff(fine)).max() < 0.02  # no jump anywhere


def test_short_history_takes_the_absolute_band_and_says_so(view: MarketView) -> None:
    history = view.derivatives.funding_history.copy()
    history[0, :-7] = np.nan
    history[1] = np.nan
    short = facts(view, [0, 1], funding_frac=0.001)
    short = replace(short, derivatives=replace(short.derivatives, funding_history=history))
    reading = read(short)["funding"]
    assert reading.notes[0] == "own history too short (7/20), band of 5 bp per 8 h"
    assert reading.notes[1] == "own history too short (0/20), band of 5 bp per 8 h; without settled"
    assert reading.inputs["band"][0][0] == pytest.approx(0.0005)
    assert reading.score[1] == pytest.approx(50 - 50 * tanh(1.0))
    hourly = facts(short, [1], funding_interval_h=1.0, funding_frac=0.001 / 8)
    after = read(hourly)["funding"]
    assert after.inputs["band"][0][1] == pytest.approx(BAND_PER_HOUR_FRAC)
    assert after.score[1] == pytest.approx(reading.score[1])
    assert after.inputs["annualised"][0][1] == pytest.approx(reading.inputs["annualised"][0][1])
    assert reading.inputs["annualised"][0][1] == pytest.approx(0.001 / 8 * 24 * 365)


def test_an_unknown_interval_is_never_eight_hours(view: MarketView) -> None:
    bare = tuple(replace(one, funding_interval_h=None) for one in view.instruments)
    history = np.full_like(view.derivatives.funding_history, np.nan)
    unknown = facts(replace(view, instruments=bare), [0, 1], funding_interval_h=np.nan)
    reading = read(replace(unknown, derivatives=replace(unknown.derivatives, funding_history=history)))["funding"]
    assert reading.status[0] == Status.WARMING
    assert reading.notes[0] == "warming: own history 0/20, funding interval not known"
    assert reading.status[2] == Status.OK
    own = read(unknown)["funding"]
    assert own.status[0] == Status.OK  # its own history needs no interval
    assert np.isnan(own.inputs["annualised"][0][0])


def test_old_funding_is_stale_and_none_is_missing(view: MarketView) -> None:
    aged = facts(facts(view, [0], funding_ms=START_MS - 121_000), [1], funding_frac=np.nan, funding_ms=-1)
    reading = read(aged)["funding"]
    assert reading.status[:2].tolist() == [Status.STALE, Status.MISSING]
    assert reading.notes[0] == "funding rate 121 s old"


def test_restless_funding_leans_against_the_payers(view: MarketView) -> None:
    history = view.derivatives.funding_history.copy()
    history[:4] = np.nan
    history[0, -8:] = 1e-4
    history[1, -8:] = [1e-4, 3e-4, 0.5e-4, 4e-4, 1e-4, 5e-4, 1e-4, 9e-4]
    history[2, -8:] = -history[1, -8:]
    history[3, -2:] = 1e-4
    reading = read(replace(view, derivatives=replace(view.derivatives, funding_history=history)))["funding_volatility"]
    assert reading.score[0] == pytest.approx(50.0, abs=1e-6)
    assert reading.score[1] < 30.0
    assert reading.score[1] + reading.score[2] == pytest.approx(100.0)
    assert reading.raw[1] == pytest.approx(np.std(history[1, -8:]))
    assert reading.status[3] == Status.WARMING
    assert reading.notes[3] == "warming: 2/3 settlements"


# Liquidations


def minutes(**values: float) -> np.ndarray:
    made = np.zeros((1, 60))
    for key, value in values.items():
        made[0, int(key[1:])] = value
    return made


def forces_of(long_usd: np.ndarray, short_usd: np.ndarray) -> Forces:
    """Of an hour that is covered whole."""
    return forces(hour_of(long_usd, short_usd), np.array([60.0]))


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
    assert reading.notes[0] == "no liquidation feed of the venue stands"
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


# Risk


def test_leverage_leans_against_the_side_that_pays(view: MarketView) -> None:
    rows = list(range(ROWS))
    none = np.full_like(view.derivatives.oi_history_usd, np.nan)
    bare = replace(view, derivatives=replace(view.derivatives, oi_history_usd=none))
    bare = facts(bare, rows, open_interest_usd=1e6, volume_24h_usd=1e7)
    high = facts(bare, [0], open_interest_usd=1e9)
    longs, shorts = read(facts(high, [0], funding_frac=5e-4)), read(facts(high, [0], funding_frac=-5e-4))
    assert longs["risk"].score[0] < 20.0
    assert longs["risk"].score[0] + shorts["risk"].score[0] == pytest.approx(100.0)
    assert longs["risk"].notes[0] == "without margin tier, liquidation distance"
    low = read(facts(bare, [0], open_interest_usd=1.0, funding_frac=5e-4))
    assert low["risk"].score[0] == 50.0
    assert low["risk"].inputs["leverage_rank"][0][0] < 50.0


def test_risk_without_open_interest_is_not_scored(view: MarketView) -> None:
    aged = facts(
        facts(view, [0], open_interest_usd=np.nan, open_interest_ms=-1), [1], open_interest_ms=START_MS - 16 * 60_000
    )
    reading = read(aged)["risk"]
    assert reading.status[:2].tolist() == [Status.MISSING, Status.STALE]
    assert reading.notes[1] == "open interest 16 min old"


def test_short_books_are_not_compared_by_depth(view: MarketView) -> None:
    books = view.books
    cut = replace(
        books,
        bid=books.bid[:, :2],
        ask=books.ask[:, :2],
        bid_size=books.bid_size[:, :2],
        ask_size=books.ask_size[:, :2],
    )
    reading = read(replace(view, books=cut))["risk"]
    reach = measure(cut).reach_frac
    known = np.isfinite(reading.inputs["oi_per_depth_50bps"][0])
    assert np.array_equal(known, reach >= 0.005)
    assert (~known).sum() > ROWS // 2
    assert (reading.status == Status.OK).all()


def test_the_more_a_day_moves_beyond_the_margin_asked_for_the_more_it_leans_against_the_crowd(
    view: MarketView,
) -> None:
    bybit = [row for row, one in enumerate(view.instruments) if one.venue == "bybit-linear" and one.kind == "perp"]
    none = np.full_like(view.derivatives.oi_history_usd, np.nan)
    bare = replace(view, derivatives=replace(view.derivatives, oi_history_usd=none))
    paid = facts(bare, list(range(ROWS)), funding_frac=5e-4, open_interest_usd=1e6, volume_24h_usd=1e7)

    def allowed(times: float) -> Reading:
        listed = list(paid.instruments)
        listed[bybit[0]] = replace(listed[bybit[0]], max_leverage=times)
        return read(replace(paid, instruments=tuple(listed)))["risk"]

    tight, wide = allowed(1.0), allowed(1000.0)
    row = bybit[0]
    assert wide.score[row] < tight.score[row] - 10.0
    assert wide.inputs["margin_tier_rank"][0][row] > 90.0 > 10.0 > tight.inputs["margin_tier_rank"][0][row]
    day = wide.inputs["usual_day_per_margin"][0][row] / 1000.0
    assert tight.inputs["usual_day_per_margin"][0][row] == pytest.approx(day)
    binance = next(row for row, one in enumerate(view.instruments) if one.venue == "binance-usdm")
    assert np.isnan(wide.inputs["max_leverage"][0][binance])
    assert "without margin tier" in wide.notes[binance]
