"""Order, gates, persistence and fixed levels over scans."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import msgspec
import numpy as np
import pytest

from engine.config.presets import FACE_WEIGHTS, PRESETS, Preset
from engine.config.schema import TAKER_FEES
from engine.market.view import Bars, Books, Derivatives, MarketView
from engine.prism.board import Board
from engine.ranking.fees import UNLISTED_FEE_FRAC, taker_fees
from engine.ranking.gates import GATE_INDEX, GATE_NAMES
from engine.ranking.ranker import LINGER_MS, LINGERS, RUN, Ranker
from engine.ranking.result import LevelStatus, Ranking
from engine.ranking.words import veto_gate
from tests.engine.builders import make_board, make_instruments, make_view

RELAXED = {"relaxed": PRESETS["relaxed"]}


def bullish(view: MarketView, prism: float = 90.0, seed: int = 1) -> Board:
    """A board on which every row scores `prism` in every face, on good data."""
    board = make_board(view, seed)
    rows = view.rows
    return replace(
        board,
        prism=np.full(rows, prism),
        coverage=np.ones(rows),
        face_score=np.full((rows, 6), prism),
    )


def liquid(view: MarketView) -> MarketView:
    """The same market with books deep enough for every preset."""
    books = replace(view.books, bid_size=view.books.bid_size * 1e6, ask_size=view.books.ask_size * 1e6)
    return replace(view, books=books)


def moved(view: MarketView, factor: float) -> MarketView:
    """Last price and quotes times `factor`."""
    facts = view.derivatives
    return replace(
        view, derivatives=replace(facts, last=facts.last * factor, bid=facts.bid * factor, ask=facts.ask * factor)
    )


def permuted(part: Any, order: np.ndarray[Any, Any], rows: int) -> Any:
    """A view, or a part of one, with its rows in another order."""
    if isinstance(part, np.ndarray):
        return part[order] if part.ndim and len(part) == rows else part
    if isinstance(part, tuple) and len(part) == rows:
        return tuple(part[row] for row in order)
    if isinstance(part, dict):
        return {name: permuted(inner, order, rows) for name, inner in part.items()}
    if isinstance(part, Bars | Books | Derivatives | Board | MarketView):
        return replace(part, **{f.name: permuted(getattr(part, f.name), order, rows) for f in fields(part)})
    return part


def ranked(view: MarketView, board: Board, scans: int, presets: dict[str, Preset] = PRESETS) -> dict[str, Ranking]:
    ranker, found = Ranker(), {}
    for _ in range(scans):
        found = ranker.rank(board, view, presets)
    return found


def test_candidates_and_vetoed_share_out_the_rankable_rows() -> None:
    view = make_view(60)
    for ranking in ranked(view, make_board(view), 3).values():
        both = np.concatenate([ranking.candidates, ranking.vetoed])
        assert sorted(both.tolist()) == np.flatnonzero(view.rankable).tolist()
        assert ranking.gate_passed[ranking.candidates].all()
        assert not ranking.gate_passed[ranking.vetoed].all(axis=1).any()


def test_order_is_by_conviction_then_venue_then_symbol() -> None:
    view = make_view(40)
    board = make_board(view)
    board = replace(board, prism=np.round(board.prism / 20) * 20)  # many ties
    for ranking in ranked(view, board, 3).values():
        for rows in (ranking.candidates, ranking.vetoed):
            keys = [
                (-np.nan_to_num(ranking.conviction[r], nan=-1.0), view.instruments[r].venue, view.instruments[r].symbol)
                for r in rows
            ]
            assert keys == sorted(keys)


def test_the_order_of_rows_does_not_matter() -> None:
    view = make_view(40, seed=7)
    board = make_board(view, seed=7)
    order = np.random.default_rng(3).permutation(view.rows)
    straight, mixed = (
        ranked(v, b, 3) for v, b in ((view, board), (permuted(view, order, 40), permuted(board, order, 40)))
    )
    for name in PRESETS:
        assert len(straight[name].candidates) > 0
        for attribute in ("candidates", "vetoed"):
            back = order[getattr(mixed[name], attribute)]
            assert getattr(straight[name], attribute).tolist() == back.tolist()
        np.testing.assert_array_equal(straight[name].gate_value[order], mixed[name].gate_value)
        np.testing.assert_array_equal(straight[name].levels.stop[order], mixed[name].levels.stop)


def test_a_strict_candidate_passes_balanced_and_relaxed() -> None:
    seen = 0
    for seed in range(8):
        view = make_view(60, seed)
        found = ranked(view, make_board(view, seed), 3)
        strict, balanced, relaxed = (set(found[name].candidates.tolist()) for name in ("strict", "balanced", "relaxed"))
        assert strict <= balanced <= relaxed
        seen += len(strict)
    assert seen > 10


@pytest.mark.parametrize("gate", [name for name in GATE_NAMES if name != "persistence"])
@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_each_gate_alone_stops_a_row(gate: str, preset: str) -> None:
    view = liquid(make_view(3, complete=True))
    asked = msgspec.structs.replace(PRESETS[preset], min_volume_24h_usd=max(1.0, PRESETS[preset].min_volume_24h_usd))
    board = bullish(view)
    clean = ranked(view, board, 3, {preset: asked})[preset]
    assert sorted(clean.candidates.tolist()) == [0, 1, 2]
    spoilt_view, spoilt_board = _spoilt(view, board, gate)
    found = ranked(spoilt_view, spoilt_board, 3, {preset: asked})[preset]
    assert 0 in found.vetoed.tolist()
    assert not found.gate_passed[0, GATE_INDEX[gate]]
    assert veto_gate(found, 0) == gate
    assert sorted(found.candidates.tolist()) == [1, 2]


def _spoilt(view: MarketView, board: Board, gate: str) -> tuple[MarketView, Board]:
    facts = view.derivatives
    first = np.arange(view.rows) == 0

    def with_first(values: np.ndarray[Any, Any], value: float) -> np.ndarray[Any, Any]:
        return np.where(first, value, values)

    match gate:
        case "age":
            old_ms = np.where(first, view.at_ms - 60_001, facts.last_ms)
            return replace(view, derivatives=replace(facts, last_ms=old_ms, quote_ms=old_ms)), board
        case "data":
            return view, replace(board, prism=with_first(board.prism, np.nan))
        case "conviction":
            return view, replace(board, prism=with_first(board.prism, 55.9))
        case "coverage":
            return view, replace(board, coverage=with_first(board.coverage, 0.49))
        case "faces":
            scores = board.face_score.copy()
            scores[0] = [60, 40, 40, 50, np.nan, 40]
            return view, replace(board, face_score=scores)
        case "spread":
            return replace(view, derivatives=replace(facts, ask=with_first(facts.ask, facts.bid[0] * 1.006))), board
        case "depth":
            sizes = np.where(first[:, None], view.books.bid_size * 1e-12, view.books.bid_size)
            return replace(view, books=replace(view.books, bid_size=sizes)), board
        case "volume_24h":
            volume = with_first(facts.volume_24h_usd, np.nan)
            return replace(view, derivatives=replace(facts, volume_24h_usd=volume)), board
        case _:
            bars = view.bars["15m"]

            def flat(prices: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
                return np.where(first[:, None], facts.last[:, None], prices)

            still = replace(
                bars, open=flat(bars.open), high=flat(bars.high), low=flat(bars.low), close=flat(bars.close)
            )
            return replace(view, bars=view.bars | {"15m": still}), board


def test_an_unknown_spread_or_depth_fails_even_relaxed() -> None:
    view = liquid(make_view(3, complete=True))
    facts = view.derivatives
    blind = replace(view, derivatives=replace(facts, ask=np.full(3, np.nan)))
    found = ranked(blind, bullish(view), 1, RELAXED)["relaxed"]
    assert not found.gate_passed[:, GATE_INDEX["spread"]].any()
    assert np.isnan(found.gate_value[:, GATE_INDEX["spread"]]).all()
    bookless = replace(view, books=replace(view.books, bid=np.full_like(view.books.bid, np.nan)))
    found = ranked(bookless, bullish(view), 1, RELAXED)["relaxed"]
    assert np.isnan(found.levels.depth_1pct_usd).all()
    assert not found.gate_passed[:, GATE_INDEX["depth"]].any()


def test_relaxed_lets_an_unknown_volume_through() -> None:
    view = liquid(make_view(3, complete=True))
    view = replace(view, derivatives=replace(view.derivatives, volume_24h_usd=np.full(3, np.nan)))
    assert len(ranked(view, bullish(view), 1, RELAXED)["relaxed"].candidates) == 3


def test_persistence_counts_scans_in_a_row_on_one_side() -> None:
    view = liquid(make_view(3, complete=True))
    up, down = bullish(view), bullish(view, 10.0)
    ranker = Ranker()
    place = GATE_INDEX["persistence"]

    def streak(board: Board) -> tuple[float, int]:
        ranking = ranker.rank(board, view, PRESETS)["strict"]
        return ranking.gate_value[0, place], len(ranking.candidates)

    assert [streak(up) for _ in range(4)] == [(1.0, 0), (2.0, 0), (3.0, 3), (4.0, 3)]
    assert streak(down) == (1.0, 0)
    assert streak(bullish(view, 51.0)) == (0.0, 0)
    assert streak(up) == (1.0, 0)


def test_a_new_epoch_or_new_settings_start_anew() -> None:
    view = liquid(make_view(3, complete=True))
    ranker = Ranker()
    place = GATE_INDEX["persistence"]
    for _ in range(3):
        ranker.rank(bullish(view), view, PRESETS)
    looser = {**PRESETS, "strict": msgspec.structs.replace(PRESETS["strict"], min_conviction=30)}
    found = ranker.rank(bullish(view), view, looser)
    assert found["strict"].gate_value[0, place] == 1
    assert found["balanced"].gate_value[0, place] == 4
    again = ranker.rank(bullish(view), replace(view, epoch=view.epoch + 1), looser)
    assert again["balanced"].gate_value[0, place] == 1


def later(view: MarketView, ms: int) -> MarketView:
    """The same market so much later, as fresh as it was."""
    facts = view.derivatives
    fresh = replace(facts, last_ms=facts.last_ms + ms, quote_ms=facts.quote_ms + ms)
    books = replace(view.books, updated_ms=view.books.updated_ms + ms)
    return replace(view, at_ms=view.at_ms + ms, derivatives=fresh, books=books)


def test_candidates_keep_their_levels_until_they_are_none_for_long() -> None:
    view = liquid(make_view(3, complete=True))
    ranker, board, out = Ranker(), bullish(view), bullish(view, 51.0)
    dear = moved(view, 1.0005)
    first = ranker.rank(board, view, RELAXED)["relaxed"].levels
    assert (first.fixed_ms == view.at_ms).all()
    second = ranker.rank(board, later(dear, 500), RELAXED)["relaxed"].levels
    np.testing.assert_array_equal(first.entry, second.entry)
    np.testing.assert_array_equal(first.target, second.target)
    assert (second.status == LevelStatus.OK).all()
    dropped = ranker.rank(out, later(dear, 1_000), RELAXED)["relaxed"]
    assert not dropped.candidates.size
    np.testing.assert_array_equal(first.entry, dropped.levels.entry)
    assert set(dropped.levels.notes.values()) == {LINGERS}
    back = ranker.rank(board, later(dear, LINGER_MS + 500), RELAXED)["relaxed"].levels
    np.testing.assert_array_equal(first.entry, back.entry)
    assert (back.fixed_ms == view.at_ms).all()
    for ms in (LINGER_MS + 1_000, 2 * LINGER_MS + 501):
        gone = ranker.rank(out, later(dear, ms), RELAXED)["relaxed"].levels
    assert (gone.entry > first.entry).all()
    assert (gone.fixed_ms == -1).all()
    fresh = ranker.rank(board, later(dear, 2 * LINGER_MS + 1_000), RELAXED)["relaxed"].levels
    assert (fresh.entry > first.entry).all()
    assert (fresh.fixed_ms == view.at_ms + 2 * LINGER_MS + 1_000).all()


def newest(view: MarketView, counts: dict[str, int]) -> MarketView:
    """The same market in which row 0 has only so many bars by timeframe, as a young listing."""
    held = dict(view.bars)
    for name, count in counts.items():
        bars = held[name]
        early = slice(0, bars.close.shape[1] - count)
        fields_of = {part: getattr(bars, part).copy() for part in ("open", "high", "low", "close", "volume_usd")}
        for values in fields_of.values():
            values[0, early] = np.nan
        opened, held_bars, revision = bars.open_ms.copy(), bars.count.copy(), bars.revision.copy()
        opened[0, early], held_bars[0] = -1, count
        revision[0] += 1_000 * (1 + count)
        held[name] = replace(bars, open_ms=opened, count=held_bars, revision=revision, **fields_of)
    return replace(view, bars=held)


def test_fixed_levels_keep_the_note_about_the_range_they_were_made_with() -> None:
    whole = liquid(make_view(3, complete=True))
    preset = msgspec.structs.replace(PRESETS["relaxed"], min_reward_risk=0.01)
    frame = preset.level_timeframe
    assert frame == "15m"
    ranker, board, notes = Ranker(), bullish(whole), []
    for quarters in (3, 6, 20):
        view = newest(whole, {"15m": quarters, "5m": 3 * quarters, "1m": 15 * quarters})
        levels = ranker.rank(board, view, {"x": preset})["x"].levels
        notes.append((levels.atr[0], levels.notes.get(0)))
    assert "ATR14 of 1m" in (notes[0][1] or "")
    assert notes[1:] == [notes[0], notes[0]]
    assert ranker.rank(bullish(whole, 10.0), whole, {"x": preset})["x"].levels.notes.get(0) is None, "new levels"


def test_levels_that_price_ran_past_do_not_outlast_the_candidate() -> None:
    view = liquid(make_view(3, complete=True))
    ranker = Ranker()
    first = ranker.rank(bullish(view), view, RELAXED)["relaxed"].levels
    run = ranker.rank(bullish(view), moved(view, 1.2), RELAXED)["relaxed"].levels
    assert (run.status == LevelStatus.STALE).all()
    ranker.rank(bullish(view, 51.0), moved(view, 1.2), RELAXED)
    fresh = ranker.rank(bullish(view), moved(view, 1.2), RELAXED)["relaxed"].levels
    assert (fresh.status == LevelStatus.OK).all()
    assert (fresh.entry > first.entry).all()


@pytest.mark.parametrize(("prism", "factor"), [(90.0, 1.2), (90.0, 0.8), (10.0, 1.2), (10.0, 0.8)])
def test_levels_that_price_ran_past_are_stale_and_stay_so(prism: float, factor: float) -> None:
    view = liquid(make_view(3, complete=True))
    ranker, board = Ranker(), bullish(view, prism)
    ranker.rank(board, view, RELAXED)
    for scan in (moved(view, factor), view):
        found = ranker.rank(board, scan, RELAXED)["relaxed"]
        assert len(found.candidates) == 3
        assert (found.levels.status == LevelStatus.STALE).all()
        assert found.levels.notes[0] == RUN


def test_a_change_of_side_lays_new_levels() -> None:
    view = liquid(make_view(3, complete=True))
    ranker = Ranker()
    long = ranker.rank(bullish(view), view, RELAXED)["relaxed"]
    short = ranker.rank(bullish(view, 10.0), view, RELAXED)["relaxed"]
    assert (long.levels.stop < long.levels.entry).all()
    assert (short.levels.stop > short.levels.entry).all()
    assert (short.levels.status == LevelStatus.OK).all()


def test_a_preset_may_weigh_faces_its_own_way() -> None:
    view = make_view(20)
    board = make_board(view)
    only = {face: float(face == "sentiment") for face in FACE_WEIGHTS}
    own = {"own": msgspec.structs.replace(PRESETS["relaxed"], face_weights=only)}
    found = ranked(view, board, 1, own)["own"]
    assert found.board is not None
    known = view.rankable
    np.testing.assert_allclose(found.board.prism[known], board.face_score[known, 5])
    np.testing.assert_allclose(found.conviction[known], 2 * np.abs(board.face_score[known, 5] - 50))


def test_rows_may_appear_between_scans() -> None:
    ranker = Ranker()
    small, large = make_view(5), make_view(9)
    ranker.rank(make_board(small), small, PRESETS)
    found = ranker.rank(make_board(large), large, PRESETS)
    assert len(found["strict"].side) == 9


def test_an_unlisted_venue_costs_as_much_as_the_dearest() -> None:
    instruments = make_instruments(4)
    found = taker_fees(instruments, TAKER_FEES)
    assert found.tolist() == [0.0005, 0.0005, 0.00055, UNLISTED_FEE_FRAC]


YOUNG = 5


def listed_ago(view: MarketView, minutes: int) -> MarketView:
    """The market in which the young row has the bars of so many minutes."""
    bars = {}
    for name, one in view.bars.items():
        count = min(one.close.shape[1], minutes * 60_000 // one.interval_ms)
        keep = np.arange(one.close.shape[1]) >= one.close.shape[1] - count
        held: dict[str, Any] = {}
        for column in ("open", "high", "low", "close"):
            values = getattr(one, column).copy()
            values[YOUNG] = np.where(keep, values[0] / one.close[0, -1] * view.derivatives.last[YOUNG], np.nan)
            held[column] = values
        counts = one.count.copy()
        counts[YOUNG] = count
        bars[name] = replace(one, count=counts, **held)
    return replace(view, bars=bars)


def slow_atr(bars: Bars, row: int) -> float:
    """ATR14 by the definition: the mean of 14 true ranges, then Wilder's smoothing."""
    count = int(bars.count[row])
    high, low, close = (getattr(bars, name)[row, -count:].tolist() for name in ("high", "low", "close"))
    ranges = [max(high[i] - low[i], abs(high[i] - close[i - 1]), abs(low[i] - close[i - 1])) for i in range(1, count)]
    average = sum(ranges[:14]) / 14
    for reach in ranges[14:]:
        average += (reach - average) / 14
    return float(average)


@pytest.mark.parametrize(("minutes", "timeframe"), [(230, "15m"), (80, "5m"), (20, "1m")])
def test_a_coin_listed_an_hour_ago_can_top_the_table(minutes: int, timeframe: str) -> None:
    view = listed_ago(liquid(make_view()), minutes)
    board = bullish(view, 80.0)
    board.prism[YOUNG] = 99.0
    ranking = Ranker().rank(board, view, RELAXED)["relaxed"]
    assert ranking.candidates[0] == YOUNG
    levels = ranking.levels
    assert levels.status[YOUNG] == LevelStatus.OK
    growth = np.sqrt(view.bars["15m"].interval_ms / view.bars[timeframe].interval_ms)
    assert levels.atr[YOUNG] == pytest.approx(slow_atr(view.bars[timeframe], YOUNG) * growth, rel=1e-9)
    if timeframe == "15m":
        assert "is used instead" not in levels.notes.get(YOUNG, "")
    else:
        assert f"too few 15m bars: ATR14 of {timeframe} x {growth:.2f} is used instead" in levels.notes[YOUNG]


def test_a_coin_of_a_few_minutes_says_what_it_lacks() -> None:
    view = listed_ago(liquid(make_view()), 9)
    ranking = Ranker().rank(bullish(view), view, RELAXED)["relaxed"]
    assert YOUNG not in ranking.candidates
    assert ranking.levels.status[YOUNG] == LevelStatus.WARMING
    assert ranking.levels.notes[YOUNG] == "warming: 0/15 bars of 15m"
