"""The orderflow face against slow independent computations, and its statuses."""

from __future__ import annotations

from dataclasses import replace
from math import tanh

import numpy as np
import pytest

from bench.synthetic_view import START_MS, synthetic_view
from engine.market.view import MarketView
from engine.prism.board import Reading, Status
from engine.prism.depth import measure
from engine.prism.orderflow import net_refill, orderflow
from engine.prism.roster import enrol
from engine.prism.scales import banded
from engine.prism.trade_flow import slope_weights
from engine.prism.wording import sentence
from tests.engine.prism.market_views import edited, take

ROWS = 24


@pytest.fixture
def view() -> MarketView:
    return synthetic_view(rows=ROWS, width=60, levels=20)


def read(view: MarketView) -> dict[str, Reading]:
    return orderflow(view, enrol(view.instruments), measure(view.books))


def with_tape(view: MarketView, rows: list[int], **values: object) -> MarketView:
    return replace(view, tape=edited(view.tape, rows, **values))


def test_buy_share_map_holds_its_anchors() -> None:
    share = np.array([0.40, 0.45, 0.50, 0.55, 0.60])
    score = banded((share - 0.5) / 0.1)
    assert score.round(1).tolist() == [11.9, 43.8, 50.0, 56.2, 88.1]
    fine = banded(np.linspace(-3, 3, 601))
    assert np.all(np.diff(fine) >= 0)


def test_slope_is_the_least_squares_slope_of_cvd() -> None:
    rng = np.random.default_rng(3)
    delta = rng.normal(0.0, 1.0, 900)
    expected = np.polyfit(np.arange(900), np.cumsum(delta), 1)[0] * 900
    assert (delta * slope_weights(900)).sum() == pytest.approx(expected, rel=1e-9)
    assert (np.full(900, 2.5) * slope_weights(900)).sum() == pytest.approx(2.5 * 900)


def slow_trade_flow(view: MarketView, row: int) -> float:
    """Of a row whose tape, and whose spot leg's, covers 15 minutes and holds trades in each window."""
    spot = int(view.spot_rows[row])
    tape = view.tape

    def share(r: int, seconds: int) -> float:
        buy, sell = sum(tape.buy_usd[r, -seconds:].tolist()), sum(tape.sell_usd[r, -seconds:].tolist())
        return float(buy / (buy + sell))

    def counts(r: int, seconds: int) -> float:
        return float(min(1.0, sum(tape.trades[r, -seconds:].tolist()) / 30))

    large = sum((tape.large_buy_usd[row, -300:] - tape.large_sell_usd[row, -300:]).tolist())
    volume_5m = sum((tape.buy_usd[row, -300:] + tape.sell_usd[row, -300:]).tolist())
    cvd = np.cumsum(tape.buy_usd[row] - tape.sell_usd[row])
    slope = np.polyfit(np.arange(900), cvd, 1)[0] * 900 / (tape.buy_usd[row] + tape.sell_usd[row]).sum()
    parts = [(w, ((share(row, s) - 0.5) / 0.1) ** 3, counts(row, s)) for w, s in ((0.15, 60), (0.20, 300), (0.20, 900))]
    parts += [(0.15, 4 * large / volume_5m, counts(row, 300)), (0.15, 4 * slope, counts(row, 900))]
    if spot >= 0:
        gap = 2 * share(spot, 900) - 1 - (2 * share(row, 900) - 1)
        parts.append((0.15, 2 * gap, min(counts(row, 900), counts(spot, 900))))
    return float(sum(w * (50 + 50 * tanh(x) * c) for w, x, c in parts) / sum(w for w, _, _ in parts))


def test_trade_flow_equals_a_slow_reading(view: MarketView) -> None:
    tape = view.tape
    thinned = np.where(np.arange(ROWS)[:, None] % 3 == 0, tape.trades, (np.arange(900) % 40 == 7) * 1)
    thinned[ROWS // 2 :] = np.where(thinned[ROWS // 2 :] > 0, 5, 0)
    few = replace(view, tape=replace(tape, trades=thinned.astype(np.int32)))
    for one in (view, few):
        reading = read(one)["trade_flow"]
        for row in range(ROWS):
            assert reading.score[row] == pytest.approx(slow_trade_flow(one, row), abs=1e-9), row
    row = next(r for r in range(ROWS) if view.spot_rows[r] >= 0)
    whole = read(view)["trade_flow"]
    assert whole.raw[row] == pytest.approx(
        view.tape.buy_usd[row, -300:].sum() / (view.tape.buy_usd + view.tape.sell_usd)[row, -300:].sum()
    )
    assert row not in whole.notes
    assert dict(whole.other_units) == {}


def test_one_small_trade_takes_no_side(view: MarketView) -> None:
    nothing = np.zeros(900)
    once = nothing.copy()
    once[-30] = 10.0
    one = with_tape(
        view, [0], buy_usd=once, sell_usd=nothing, large_buy_usd=nothing, large_sell_usd=nothing,
        trades=(once > 0).astype(np.int32), buys=(once > 0).astype(np.int32),
    )  # fmt: skip
    reading = read(one)["trade_flow"]
    assert 50.0 < reading.score[0] < 52.0
    assert "1 trade in 15 m, 30 count in full" in reading.notes[0]
    assert reading.inputs["trades_15m"][0][0] == 1.0
    bars = {name: edited(held, [1], trades=2) for name, held in view.bars.items()}
    candles = with_tape(replace(view, bars=bars), [1], since_ms=-1, newest_ms=-1)
    before, after = (read(with_tape(each, [1], since_ms=-1))["trade_flow"] for each in (view, candles))
    assert abs(after.score[1] - 50.0) < abs(before.score[1] - 50.0)
    assert "30 trades in 15 m" not in after.notes[1], "2 a minute are 30"
    uncounted = {name: edited(held, [1], trades=-1) for name, held in view.bars.items()}
    unknown = read(with_tape(replace(view, bars=uncounted), [1], since_ms=-1))["trade_flow"]
    assert np.isnan(unknown.inputs["trades_15m"][0][1])
    assert unknown.score[1] == before.score[1]


def test_the_reading_is_of_a_window_that_holds_trades_and_says_which(view: MarketView) -> None:
    view = without_candles(view, [0, 1])
    young = with_tape(view, [0], since_ms=START_MS - 50_000)
    silent = view.tape.buy_usd[1].copy()
    silent[-300:] = 0.0
    both = with_tape(young, [1], buy_usd=silent, sell_usd=silent * 0.5)
    reading = read(both)["trade_flow"]
    assert dict(reading.other_units) == {0: "frac, 1 m", 1: "frac, 15 m"}
    assert reading.raw[0] == reading.inputs["buy_share_1m"][0][0]
    assert reading.raw[1] == pytest.approx(2 / 3)
    assert sentence("trade_flow", reading, 0).endswith("% over 1 m")
    assert sentence("trade_flow", reading, 1).startswith("takers bought 67 % over 15 m")


def without_candles(view: MarketView, rows: list[int]) -> MarketView:
    """The rows have no taker volumes in their candles."""
    bars = {name: edited(held, rows, buy_usd=np.nan) for name, held in view.bars.items()}
    return replace(view, bars=bars)


def test_candles_stand_in_until_a_tape_covers_the_longest_window(view: MarketView) -> None:
    tape = view.tape
    young = with_tape(view, [0, 1], since_ms=[START_MS - 50_000, START_MS - 719_000])
    gone = with_tape(view, [0, 1], since_ms=-1, newest_ms=-1)
    now, before = read(young)["trade_flow"], read(gone)["trade_flow"]
    assert now.score[:2].tolist() == before.score[:2].tolist()
    assert now.notes[0].startswith("from candles until the tape covers 15 m")
    grown = read(with_tape(view, [0], since_ms=START_MS - 720_000))["trade_flow"]
    assert "candles" not in grown.notes[0]
    assert grown.score[0] == read(replace(view, tape=tape))["trade_flow"].score[0]


def test_one_minute_of_trades_is_enough_and_less_is_warming(view: MarketView) -> None:
    view = without_candles(view, [0, 1])
    reading = read(with_tape(view, [0, 1], since_ms=[START_MS - 50_000, START_MS - 30_000]))["trade_flow"]
    assert reading.status[:2].tolist() == [Status.OK, Status.WARMING]
    assert "share 5 m, share 15 m" in reading.notes[0]
    assert reading.notes[1] == "warming: 30/48 s of trades"
    assert np.isnan(reading.inputs["buy_share_5m"][0][0])
    assert np.isfinite(reading.inputs["buy_share_1m"][0][0])


def test_a_young_tape_without_a_trade_in_its_last_minute_says_so(view: MarketView) -> None:
    view = without_candles(view, [0])
    silent = view.tape.buy_usd[0].copy()
    silent[-118:] = 0.0
    young = with_tape(view, [0], since_ms=START_MS - 118_000, buy_usd=silent, sell_usd=silent)
    reading = read(young)["trade_flow"]
    assert reading.status[0] == Status.WARMING
    assert reading.notes[0] == "warming: no trades lately, 118/720 s of tape"


def test_candles_stand_in_where_trades_are_not_streamed(view: MarketView) -> None:
    silent = with_tape(view, [0, 1, 2], since_ms=-1, newest_ms=-1, buy_usd=0.0, sell_usd=0.0)
    bars = dict(silent.bars)
    bars["1m"] = edited(bars["1m"], [1, 2], buy_usd=np.nan)
    bars["5m"] = edited(bars["5m"], [2], buy_usd=np.nan)
    reading = read(replace(silent, bars=bars))["trade_flow"]
    assert reading.status[:3].tolist() == [Status.OK, Status.OK, Status.MISSING]
    assert reading.notes[0].startswith("from candles; without large trades")
    assert "share 1 m" in reading.notes[1]
    assert "share 1 m" not in reading.notes[0]
    assert "taker volume" in reading.notes[2]
    minute = silent.bars["1m"]
    share = minute.buy_usd[0, -5:].sum() / minute.volume_usd[0, -5:].sum()
    assert reading.raw[0] == pytest.approx(share)
    low = silent.bars["5m"]
    assert reading.raw[1] == pytest.approx(low.buy_usd[1, -1] / low.volume_usd[1, -1])


def test_late_candles_do_not_stand_in(view: MarketView) -> None:
    silent = with_tape(view, [0], since_ms=-1, newest_ms=-1)
    later = replace(silent, at_ms=START_MS + 11 * 60_000)
    assert read(later)["trade_flow"].status[0] == Status.MISSING


def test_a_quiet_coin_is_not_broken_but_a_silent_venue_is(view: MarketView) -> None:
    quiet = with_tape(view, [0], newest_ms=START_MS - 3_000_000, buy_usd=0.0, sell_usd=0.0)
    reading = read(quiet)["trade_flow"]
    assert reading.status[0] == Status.OK
    assert reading.score[0] == 50.0
    assert reading.notes[0] == "no trades in 15 m"
    assert sentence("trade_flow", reading, 0) == "no trades in 15 m"
    okx = [row for row, one in enumerate(view.instruments) if one.venue == "okx"]
    dead = read(with_tape(view, okx, newest_ms=START_MS - 121_000))
    for name in ("trade_flow", "toxicity"):
        assert set(dead[name].status[okx].tolist()) == {int(Status.STALE)}
        assert (dead[name].status == Status.OK).sum() == ROWS - len(okx)


def test_spot_from_candles_is_not_set_against_a_running_tape(view: MarketView) -> None:
    row = next(r for r in range(ROWS) if view.spot_rows[r] >= 0)
    spot = int(view.spot_rows[row])
    mixed = read(with_tape(view, [spot], since_ms=-1, newest_ms=-1))["trade_flow"]
    assert "spot less perp" in mixed.notes[row]
    both = read(with_tape(view, [row, spot], since_ms=-1, newest_ms=-1))["trade_flow"]
    assert "spot less perp" not in both.notes[row]
    assert np.isfinite(both.inputs["spot_less_perp_15m"][0][row])


def test_toxicity_equals_a_slow_percentile(view: MarketView) -> None:
    reading = read(view)["toxicity"]
    for row in range(ROWS):
        buckets = view.tape.bucket_imbalance[row].tolist()
        vpin = float(np.mean([abs(x) for x in buckets]))
        history = view.tape.vpin_history[row].tolist()
        below = sum(1.0 for h in history if h < vpin) + 0.5 * sum(1.0 for h in history if h == vpin)
        side = np.sign(sum(buckets[-10:]))
        assert reading.score[row] == pytest.approx(50 + 50 * below / len(history) * side)
        assert reading.raw[row] == pytest.approx(vpin)


NO_TRADES = "trades not streamed, too few current candles with taker volume"


def test_toxicity_says_how_far_it_has_warmed(view: MarketView) -> None:
    short = view.tape.bucket_imbalance.copy()
    short[0, :38] = np.nan
    history = view.tape.vpin_history.copy()
    history[1, :-7] = np.nan
    buckets = view.tape.buckets.copy()
    buckets[0], buckets[1] = 12, 56
    tape = replace(view.tape, bucket_imbalance=short, vpin_history=history, buckets=buckets)
    reading = read(replace(view, tape=edited(tape, [2], since_ms=-1)))["toxicity"]
    assert reading.notes == {0: "warming: 12/50 buckets", 1: "warming: 7/20 values of VPIN", 2: NO_TRADES}
    assert reading.status[:4].tolist() == [Status.WARMING, Status.WARMING, Status.MISSING, Status.OK]


def slow_buckets(volume: list[float], buy: list[float], size: float) -> list[float]:
    """Imbalance of buckets of `size` filled back from the newest candle, newest first, a candle poured evenly."""
    found: list[float] = []
    room, signed = size, 0.0
    for total, bought in zip(reversed(volume), reversed(buy), strict=True):
        left, lean = total, (2.0 * bought - total) / total
        while left > 0.0:
            taken = min(left, room)
            signed += taken * lean
            left, room = left - taken, room - taken
            if room <= size * 1e-12:
                found.append(signed / size)
                room, signed = size, 0.0
    return found


def without_tape(rows: list[int], width: int = 300) -> MarketView:
    view = synthetic_view(rows=ROWS, width=width, levels=20)
    return with_tape(view, rows, since_ms=-1)


def test_candles_fill_the_buckets_of_a_day_while_the_tape_cannot() -> None:
    view = without_tape([3, 4])
    view = replace(view, tape=edited(view.tape, [5], buckets=12))
    bars = edited(view.bars["15m"], [4], buy_usd=np.nan)
    reading = read(replace(view, bars=view.bars | {"15m": bars}))["toxicity"]
    for row, note in ((3, "from 15m candles"), (5, "from 15m candles until the tape has filled 69 buckets")):
        volume, buy = bars.volume_usd[row].tolist(), bars.buy_usd[row].tolist()
        buckets = slow_buckets(volume, buy, sum(volume[-96:]) / 50)
        size = [abs(one) for one in buckets]
        history = [sum(size[k : k + 50]) / 50 for k in range(min(200, len(size) - 49))]
        below = sum(one < history[0] - 1e-12 for one in history) + 0.5 * sum(
            abs(one - history[0]) <= 1e-12 for one in history
        )
        assert reading.raw[row] == pytest.approx(history[0], rel=1e-9)
        assert reading.score[row] == pytest.approx(50 + 50 * below / len(history) * np.sign(sum(buckets[:10])))
        assert reading.inputs["buckets"][0][row] == min(len(buckets), 250)
        assert reading.notes[row] == note
    assert reading.notes[4] == NO_TRADES
    assert reading.status[4] == Status.MISSING
    assert 6 not in reading.notes


def test_a_day_of_candles_is_not_enough_and_late_ones_are_none() -> None:
    assert read(without_tape([3], width=100))["toxicity"].status[3] == Status.MISSING
    view = without_tape([3])
    late = replace(view, bars={name: replace(one, open_ms=one.open_ms - 3_600_000) for name, one in view.bars.items()})
    assert read(late)["toxicity"].status[3] == Status.MISSING


def test_mirrored_candles_mirror_toxicity_and_nothing_before_their_hole_counts() -> None:
    view = without_tape(list(range(ROWS)))
    bars = view.bars["15m"]
    mirrored = replace(bars, buy_usd=bars.volume_usd - bars.buy_usd)
    one, other = (read(replace(view, bars=view.bars | {"15m": held}))["toxicity"] for held in (bars, mirrored))
    assert np.allclose(one.score - 50, 50 - other.score, atol=1e-6, equal_nan=True)
    holed = edited(bars, [3], buy_usd=np.where(np.arange(300) == 80, np.nan, bars.buy_usd[3]))
    poured = edited(holed, [3], volume_usd=np.where(np.arange(300) < 80, 1e15, bars.volume_usd[3]))
    first, second = (read(replace(view, bars=view.bars | {"15m": held}))["toxicity"].score for held in (holed, poured))
    assert np.array_equal(first, second, equal_nan=True)


def test_market_making_reads_changes_drift_and_refills(view: MarketView) -> None:
    reading = read(view)["market_making"]
    row = 4
    books = view.books
    added, cancelled = books.added_usd[row].sum(axis=1), books.cancelled_usd[row].sum(axis=1)
    change = ((added - cancelled)[0] - (added - cancelled)[1]) / (added + cancelled).sum()
    mid = (books.bid[row, 0] + books.ask[row, 0]) / 2
    half_bps = (books.ask[row, 0] - books.bid[row, 0]) / mid * 1e4 / 2
    drift = np.clip(books.microprice_drift_bps[row] / half_bps, -1, 1)
    refill = (books.refill[row, 0] - books.refill[row, 1]) / 2
    expected = 50 + 50 * (0.4 * np.tanh(5 * change) + 0.3 * np.tanh(1.5 * drift) + 0.3 * np.tanh(refill))
    assert reading.score[row] == pytest.approx(expected)


def test_market_making_waits_for_a_minute_of_the_book(view: MarketView) -> None:
    books = edited(view.books, [0], added_usd=np.nan, cancelled_usd=np.nan, microprice_drift_bps=np.nan)
    books = edited(books, [1], updated_ms=-1, bid=np.nan, ask=np.nan)
    books = replace(books, status=("synced", "resyncing", *books.status[2:]))
    books = edited(books, [2], refill=np.nan)
    reading = read(replace(view, books=books))["market_making"]
    assert reading.status[:3].tolist() == [Status.WARMING, Status.MISSING, Status.OK]
    assert reading.notes == {
        0: "warming: book verified for less than 60 s",
        1: "book resyncing",
        2: "without refills",
    }


def test_a_book_in_which_nothing_changed_leans_only_by_what_is_known(view: MarketView) -> None:
    still = edited(view.books, [4], added_usd=0.0, cancelled_usd=0.0)
    still = edited(still, [5], added_usd=0.0, cancelled_usd=0.0, refill=np.nan, microprice_drift_bps=np.nan)
    reading = read(replace(view, books=still))["market_making"]
    moving = read(view)["market_making"]
    assert reading.raw[4:6].tolist() == [0.0, 0.0]
    books = view.books
    change = (books.added_usd - books.cancelled_usd)[4].sum(axis=1) @ [1, -1]
    change /= (books.added_usd + books.cancelled_usd)[4].sum()
    assert reading.score[4] == pytest.approx(moving.score[4] - 0.4 * 50 * np.tanh(5 * change))
    assert reading.score[5] == 50.0
    assert reading.notes[4] == "no change at the top of the book in 1 m"
    assert sentence("market_making", reading, 4).startswith("no net change at the top over 1 m; microprice")


def test_a_side_that_was_never_taken_adds_nothing() -> None:
    refill = np.array([[1.0, -1.0], [0.5, np.nan], [np.nan, 0.5], [np.nan, np.nan]])
    assert np.array_equal(net_refill(refill), [1.0, 0.25, -0.25, np.nan], equal_nan=True)


@pytest.mark.parametrize("factor", [1e-4, 1000.0])
def test_the_face_is_free_of_price_and_size(view: MarketView, factor: float) -> None:
    before = read(view)
    tape, books = view.tape, view.books
    money = {
        n: getattr(tape, n) * factor for n in ("buy_usd", "sell_usd", "large_usd", "large_buy_usd", "large_sell_usd")
    }
    scaled = replace(
        view,
        tape=replace(tape, **money),
        books=replace(
            books,
            bid=books.bid * factor,
            ask=books.ask * factor,
            added_usd=books.added_usd * factor,
            cancelled_usd=books.cancelled_usd * factor,
        ),
    )
    after = read(scaled)
    for name, reading in before.items():
        assert np.allclose(reading.score, after[name].score, atol=1e-9), name


def test_a_mirrored_tape_mirrors_the_score(view: MarketView) -> None:
    tape = view.tape
    mirrored = replace(
        tape,
        buy_usd=tape.sell_usd,
        sell_usd=tape.buy_usd,
        large_buy_usd=tape.large_sell_usd,
        large_sell_usd=tape.large_buy_usd,
        bucket_imbalance=-tape.bucket_imbalance,
    )
    before, after = read(view), read(replace(view, tape=mirrored))
    for name in ("trade_flow", "toxicity"):
        assert np.allclose(before[name].score + after[name].score, 100.0), name


def test_what_lies_outside_the_windows_changes_nothing(view: MarketView) -> None:
    longer = synthetic_view(rows=ROWS, width=60, levels=20, seconds=1500)
    order = np.arange(ROWS)
    cut = take(longer.tape, order)
    last = {n: getattr(cut, n)[:, -900:] for n in ("buy_usd", "sell_usd", "trades", "large_buy_usd", "large_sell_usd")}
    short = replace(longer, tape=replace(cut, **last))
    assert np.array_equal(read(longer)["trade_flow"].score, read(short)["trade_flow"].score)
