"""What a score rests on: points that add up, what turns it over, what changed, percentiles, and words."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest

from bench.synthetic_view import synthetic_view
from engine.prism.board import COMPONENT_INDEX, COMPONENT_NAMES, Board, Status
from engine.prism.past import FAR, KEPT, Past
from engine.prism.score import Scorer
from engine.prism.standing import LEAST_SAMPLES, SAMPLE_MS, SAMPLES, Standings
from engine.prism.verdict import flip, movers
from engine.prism.wording import sentence
from tests.engine.prism.test_score_properties import poisoned

ROWS = 24


@pytest.fixture(scope="module")
def board() -> Board:
    return Scorer().score(synthetic_view(rows=ROWS, width=220, levels=40))


@pytest.fixture(scope="module")
def broken() -> Board:
    view = synthetic_view(rows=ROWS, width=220, levels=40)
    return Scorer().score(poisoned(view, np.random.default_rng(5), 0.3))


def test_points_add_up_to_the_score(board: Board, broken: Board) -> None:
    for one in (board, broken):
        for row in range(ROWS):
            found = movers(one, row)
            assert [mover.component for mover in found] == sorted(
                (mover.component for mover in found),
                key=lambda name: (-abs({m.component: m.points for m in found}[name]), name),
            )
            assert len(found) == int((one.status[row] == Status.OK).sum())
            if np.isfinite(one.prism[row]):
                assert sum(mover.points for mover in found) == pytest.approx(one.prism[row] - 50, abs=1e-9)


def rescored(board: Board, row: int, neutral: tuple[str, ...]) -> float:
    """The prism from the account itself, with some components at 50."""
    adjusted = board.adjusted[row].copy()
    adjusted[[COMPONENT_INDEX[name] for name in neutral]] = 50.0
    faces = np.zeros(6)
    start = 0
    for face, width in enumerate((6, 6, 3, 3, 5, 7)):
        span = slice(start, start + width)
        faces[face] = float(np.nansum(board.weight[row, span] * adjusted[span]))
        start += width
    return float((board.face_weight[row] * faces).sum())


def test_the_flip_is_the_smallest_that_turns_the_score_over(board: Board) -> None:
    for row in range(ROWS):
        score = float(board.prism[row])
        found = movers(board, row)
        turned = flip(found, score)
        assert turned is not None
        assert turned.score == pytest.approx(rescored(board, row, turned.components), abs=1e-9)
        side = np.sign(score - 50)
        assert (turned.score - 50) * side <= 1e-9
        # No choice of one fewer does it: not even that of the heaviest.
        heaviest = [mover for mover in found if mover.points * side > 0][: len(turned.components) - 1]
        assert (rescored(board, row, tuple(mover.component for mover in heaviest)) - 50) * side > 0


def test_a_score_without_a_side_has_no_flip(board: Board) -> None:
    assert flip(movers(board, 0), 50.0) is None
    assert flip([], float("nan")) is None


def moved(board: Board, at_ms: int, name: str, by: float) -> Board:
    """The board at another time with one component of row 0 `by` points of the prism further; the account follows."""
    column, face = COMPONENT_INDEX[name], 2
    weight = board.face_weight[0, face] * board.weight[0, column]
    adjusted = board.adjusted.copy()
    adjusted[0, column] += by / weight
    prism = board.prism.copy()
    prism[0] += by
    return replace(board, at_ms=at_ms, adjusted=adjusted, prism=prism)


def test_a_change_is_told_by_its_cause_since_the_newest_score_that_far_away(board: Board) -> None:
    past = Past()
    past.take(board)
    assert past.change(board, 0) is None
    steps = [(1_000, 4.0), (2_000, 8.0), (3_000, 13.0)]
    for at, by in steps:
        now = moved(board, board.at_ms + at, "trade_flow", by)
        past.take(now)
    found = past.change(now, 0)
    assert found is not None
    assert found.at_ms == board.at_ms
    assert found.score == pytest.approx(float(board.prism[0]))
    assert found.movers[0].component == "trade_flow"
    assert found.movers[0].points == pytest.approx(13.0, abs=1e-4)
    assert sum(mover.points for mover in found.movers) == pytest.approx(13.0, abs=1e-4)
    further = moved(board, board.at_ms + 9_000, "toxicity", 18.5)
    past.take(further)
    newer = past.change(further, 0)
    assert newer is not None
    assert newer.at_ms == board.at_ms + 2_000
    assert [mover.component for mover in newer.movers[:2]] == ["toxicity", "trade_flow"]
    assert past.change(board, 1) is None


def test_small_moves_are_not_kept_and_old_ones_are_dropped(board: Board) -> None:
    past = Past()
    past.take(moved(board, board.at_ms - 1, "trade_flow", -FAR - 1.0))
    past.take(board)
    for at in range(1, 200):
        past.take(moved(board, board.at_ms + at, "trade_flow", 1.9 if at % 2 else -1.9))
    far = moved(board, board.at_ms + 500, "trade_flow", FAR + 1.0)
    found = past.change(far, 0)
    assert found is not None
    assert found.at_ms == board.at_ms
    assert past.change(board, 0) is not None
    for at in range(KEPT):
        past.take(moved(board, board.at_ms + 600 + at, "trade_flow", 3.0 if at % 2 else 0.0))
    assert past.change(board, 0) is None


def head(board: Board, rows: int) -> Board:
    names = ("raw", "adjusted", "weight", "status", "face_weight", "prism")
    return replace(board, **{name: getattr(board, name)[:rows] for name in names})


def test_rows_that_appear_begin_their_own_past(board: Board) -> None:
    past, standings = Past(), Standings()
    for rows in (3, 4, ROWS):
        part = replace(head(board, rows), at_ms=board.at_ms + rows * SAMPLE_MS)
        past.take(part)
        standings.take(part)
    assert past.change(moved(board, board.at_ms + 9, "trade_flow", 11.0), 0) is not None
    last = replace(board, at_ms=board.at_ms + ROWS * SAMPLE_MS)
    every = np.ones(ROWS, dtype=np.bool_)
    assert standings.of(last, 0, every).samples.max() == 3
    assert standings.of(last, 3, every).samples.max() == 2
    assert standings.of(last, ROWS - 1, every).samples.max() == 1


def shifted(board: Board, slot: int, raw: float) -> Board:
    values = board.raw.copy()
    values[0] = raw
    return replace(board, at_ms=board.at_ms + slot * SAMPLE_MS, raw=values)


def test_percentiles_by_counting(board: Board, broken: Board) -> None:
    standings = Standings()
    rng = np.random.default_rng(2)
    history = rng.normal(0.0, 1.0, SAMPLES + 40)
    for slot, raw in enumerate(history.tolist()):
        now = shifted(board, slot, raw)
        standings.take(now)
        standings.take(shifted(board, slot, 1e9))  # a second look in the same five minutes is no sample
        rankable = rng.random(ROWS) < 0.8
        found = standings.of(now, 0, rankable)
        kept = history[max(0, slot + 1 - SAMPLES) : slot + 1].astype(np.float32)
        own = (np.sum(kept < kept[-1]) + 0.5 * np.sum(kept == kept[-1])) / len(kept)
        column = COMPONENT_INDEX["rsi"]
        assert found.samples[column] == len(kept)
        if len(kept) >= LEAST_SAMPLES:
            assert found.own[column] == pytest.approx(own)
        else:
            assert np.isnan(found.own[column])
        peers = now.raw[rankable, column]
        assert found.universe[column] == pytest.approx((np.sum(peers < raw) + 0.5 * np.sum(peers == raw)) / len(peers))
    other = Standings()
    other.take(broken)
    every = np.ones(ROWS, dtype=np.bool_)
    for row in range(ROWS):
        known = np.isfinite(other.of(broken, row, every).universe)
        own_window = [row not in broken.readings[name].other_units for name in COMPONENT_NAMES]
        assert np.array_equal(known, (broken.status[row] == Status.OK) & np.isfinite(broken.raw[row]) & own_window)


def test_a_raw_value_of_another_timeframe_is_not_ranked(board: Board) -> None:
    strange = replace(board.readings["rsi"], other_units={1: "index, 14 x 4h", 2: "index, 14 x 4h"})
    mixed = replace(board, readings={**board.readings, "rsi": strange})
    standings, column, every = Standings(), COMPONENT_INDEX["rsi"], np.ones(ROWS, dtype=np.bool_)
    for slot in range(LEAST_SAMPLES):
        standings.take(shifted(mixed, slot, float(slot)))
    assert np.isnan(standings.of(mixed, 1, every).universe[column])
    assert standings.of(mixed, 1, every).samples[column] == 0
    assert standings.of(mixed, 0, every).samples[column] == LEAST_SAMPLES
    peers = np.delete(mixed.raw[:, column], [1, 2])
    raw = mixed.raw[0, column]
    expected = (np.sum(peers < raw) + 0.5 * np.sum(peers == raw)) / len(peers)
    assert standings.of(mixed, 0, every).universe[column] == pytest.approx(expected)


def test_samples_older_than_the_window_do_not_count(board: Board) -> None:
    standings = Standings()
    for slot in range(LEAST_SAMPLES):
        standings.take(shifted(board, slot, float(slot)))
    late = shifted(board, SAMPLES + LEAST_SAMPLES, 1.0)
    standings.take(late)
    every = np.ones(ROWS, dtype=np.bool_)
    assert standings.of(late, 0, every).samples.max() == 1


def test_every_component_has_words_without_gaps(board: Board, broken: Board) -> None:
    for one in (board, broken):
        for name in COMPONENT_NAMES:
            for row in range(ROWS):
                said = sentence(name, one.readings[name], row)
                assert "nan" not in said, (name, said)
                assert "inf" not in said, (name, said)
                if one.status[row, COMPONENT_INDEX[name]] == Status.OK:
                    raw = one.raw[row, COMPONENT_INDEX[name]]
                    assert said or not np.isfinite(raw), (name, row)


def test_words_say_who_leads(board: Board) -> None:
    held = board.readings["trade_flow"]

    def with_shares(perp: float, spot: float) -> str:
        inputs = dict(held.inputs)
        for name, value in (("net_share_15m", perp), ("spot_net_share_15m", spot)):
            inputs[name] = (np.full(ROWS, value), "frac", None)
        return sentence("trade_flow", replace(held, inputs=inputs), 0)

    assert with_shares(-0.004, 0.031).startswith(
        "spot buying leads: spot CVD +3.1 % of volume against perp -0.4 % over 15 m"
    )
    assert with_shares(-0.05, 0.031).startswith("perp selling leads: spot CVD +3.1 %")
    assert with_shares(0.02, float("nan")).endswith("CVD +2.0 % of volume over 15 m")


def test_what_is_told_travels(board: Board) -> None:
    past = Past()
    past.take(board)
    change = past.change(moved(board, board.at_ms + 9, "trade_flow", 11.0), 0)
    assert pickle.loads(pickle.dumps(change)) == change


def test_words_say_over_how_long_a_funding_rate_is_paid(board: Board) -> None:
    held = board.readings["funding"]
    for hours, told in ((4.0, "shorts pay 0.0050 % per 4 h"), (float("nan"), "shorts pay 0.0050 % an interval")):
        inputs = {**held.inputs, "interval": (np.full(ROWS, hours), "h", None)}
        said = sentence("funding", replace(held, raw=np.full(ROWS, -0.00005), inputs=inputs), 0)
        assert said.startswith(told)
