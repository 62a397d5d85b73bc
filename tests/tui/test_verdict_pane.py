"""Gates, levels, size and the explanation beside them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.prism.across import Compared, Voice
from engine.prism.board import COMPONENT_INDEX, COMPONENT_NAMES, Status
from engine.prism.verdict import Flip, movers
from engine.ranking.result import GATES, LevelStatus
from engine.snapshot import Snapshot
from tests.engine.builders import make_snapshot
from tests.tui.pane_views import ROWS, view_of, with_focus
from tui.presenters import explanation, gates, levels
from tui.presenters.format import price_text
from tui.presenters.lines import plain, width_of
from tui.presenters.view import words


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return make_snapshot(ROWS, 5)


def test_every_gate_is_listed_with_value_and_limit(snapshot: Snapshot) -> None:
    text = plain(gates.gate_lines(snapshot.ranking, 0))
    names = ("age of prices", "conviction", "coverage", "faces", "spread", "depth", "24h volume", "reward/risk")
    for name in (*names, "scans in a row"):
        assert name in text
    assert len(text.splitlines()) == 1 + len(GATES)


def test_an_unknown_spread_fails_and_says_so(snapshot: Snapshot) -> None:
    ranking = snapshot.ranking
    spread = [name for name, _ in GATES].index("spread")
    value, passed = ranking.gate_value.copy(), ranking.gate_passed.copy()
    value[0, spread], passed[0, spread] = np.nan, False
    assert gates.gate_text(replace(ranking, gate_value=value, gate_passed=passed), 0, spread) == "spread unknown"


@pytest.mark.parametrize("status", [LevelStatus.WARMING, LevelStatus.MISSING])
def test_levels_that_cannot_be_laid_say_why(snapshot: Snapshot, status: LevelStatus) -> None:
    ranking = snapshot.ranking
    states = ranking.levels.status.copy()
    states[0] = status
    changed = replace(ranking, levels=replace(ranking.levels, status=states))
    view = view_of(snapshot, rankings={**snapshot.rankings, snapshot.preset: changed})
    text = plain(levels.level_lines(view, 60))
    assert "entry" not in text
    assert ("warming" if status == LevelStatus.WARMING else "no levels") in text
    assert levels.marks(changed.levels, 0) == []


def test_levels_name_the_side_on_which_their_stop_lies(snapshot: Snapshot) -> None:
    held = snapshot.ranking.levels
    for row in np.flatnonzero(held.status == LevelStatus.OK):
        heading = plain(levels.level_lines(view_of(snapshot, int(row)), 60)).splitlines()[0]
        assert heading.startswith(f"LEVELS · {'long' if held.stop[row] < held.entry[row] else 'short'} · 15m ATR")


def test_levels_say_whether_they_are_fixed_and_the_gate_that_it_is_of_an_entry_now(snapshot: Snapshot) -> None:
    ranking = snapshot.ranking
    row = int(np.flatnonzero(ranking.levels.status == LevelStatus.OK)[0])

    def heading(fixed_ms: int) -> str:
        since = np.full(ROWS, fixed_ms)
        changed = {
            **snapshot.rankings,
            snapshot.preset: replace(ranking, levels=replace(ranking.levels, fixed_ms=since)),
        }
        return plain(levels.level_lines(view_of(snapshot, row, rankings=changed), 43)).splitlines()[0]

    assert heading(1_700_000_000_000).endswith(" · fixed 22:13:20")
    assert heading(-1).endswith(" · moving")
    assert "reward/risk net, now " in plain(gates.gate_lines(ranking, row))


def test_a_target_names_the_structural_price_beside_it_by_its_price(snapshot: Snapshot) -> None:
    held = snapshot.ranking.levels
    row = int(np.flatnonzero(held.status == LevelStatus.OK)[0])
    near = float(held.target[row, 0]) * 1.0032
    view = view_of(with_focus(snapshot, structure=(("swing below 4h", near),)), row)
    tick = view.snapshot.instruments[row].tick
    told = f"  swing below 4h {price_text(near, tick)}"
    wide, narrow = (plain(levels.level_lines(view, width)).splitlines() for width in (100, 50))
    target = next(line for line in wide if line.startswith("TP1"))
    assert target.endswith(told)
    assert target.count("%") == 1, "only the distance from the entry"
    assert next(line for line in narrow if line.startswith("TP1")) == target.removesuffix(told), "whole or not at all"


def test_levels_say_what_there_is_to_say_of_their_row(snapshot: Snapshot) -> None:
    ranking = snapshot.ranking
    row = int(np.flatnonzero(ranking.levels.status == LevelStatus.OK)[0])

    def told(status: LevelStatus, note: str) -> str:
        states = ranking.levels.status.copy()
        states[row] = status
        held = replace(ranking.levels, status=states, notes={row: note})
        changed = {**snapshot.rankings, snapshot.preset: replace(ranking, levels=held)}
        return " ".join(plain(levels.level_lines(view_of(snapshot, row, rankings=changed), 44)).split())

    young = told(LevelStatus.OK, "ATR14 of 5m bars, scaled to 15m: too young for those")
    assert young.endswith("ATR14 of 5m bars, scaled to 15m: too young for those")
    assert "stop" in young
    assert told(LevelStatus.WARMING, "warming: 9/15 bars of 15m").endswith("ATR warming: 9/15 bars of 15m")
    assert told(LevelStatus.MISSING, "stop or target at or below zero").endswith(
        "no levels: stop or target at or below zero"
    )


def test_the_position_respects_the_tighter_limit(snapshot: Snapshot) -> None:
    held = snapshot.ranking.levels
    row = int(np.flatnonzero(held.status == LevelStatus.OK)[0])
    view = view_of(snapshot, row)
    distance = abs(held.entry[row] - held.stop[row]) / held.entry[row]
    for depth_usd, by_risk in ((1e12, True), (1_000.0, False)):
        deep = held.depth_1pct_usd.copy()
        deep[row] = depth_usd
        sized = levels.position(replace(held, depth_1pct_usd=deep), row, view.risk)
        assert sized is not None
        assert sized.usd == pytest.approx(100 / distance if by_risk else 100.0)
        assert ("equity" in sized.binding) == by_risk
    unknown = held.depth_1pct_usd.copy()
    unknown[row] = np.nan
    assert levels.position(replace(held, depth_1pct_usd=unknown), row, view.risk) is None


@pytest.mark.parametrize(
    ("base", "step", "contract", "text"),
    [
        (1_960_784.3, 1.0, 1.0, "1960784"),
        (0.0123456, 0.001, 1.0, "0.012"),
        (0.3, 0.1, 1.0, "0.3"),
        (1_960_784.3, 1.0, 1000.0, "1960000"),
        (1_960_784.3, None, 1.0, "1960784"),
        (0.000123456789, None, 1.0, "0.000123457"),
    ],
)
def test_a_size_is_written_as_an_order_takes_it(
    snapshot: Snapshot, base: float, step: float | None, contract: float, text: str
) -> None:
    instrument = replace(snapshot.instruments[0], step=step, contract_size=contract)
    assert levels._size_text(base, instrument) == text


def test_every_gate_fits_beside_the_levels(snapshot: Snapshot) -> None:
    for preset in snapshot.rankings.values():
        for row in range(ROWS):
            assert max(width_of(line) for line in gates.gate_lines(preset, row)) <= gates.WIDTH


def test_the_explanation_names_the_strongest_the_missing_and_the_gates(snapshot: Snapshot) -> None:
    states = snapshot.board.status.copy()
    names = ("funding", "funding_volatility")
    states[0, [COMPONENT_INDEX[name] for name in names]] = Status.MISSING
    readings = {
        **snapshot.board.readings,
        **{name: replace(snapshot.board.readings[name], notes={0: "no funding seen"}) for name in names},
    }
    view = view_of(snapshot, board=replace(snapshot.board, status=states, readings=readings))
    text = " ".join(text for text, _ in explanation.explanation(view))
    strongest = movers(view.snapshot.board, 0)[0]
    assert words(strongest.component) in text
    assert "Not counted: funding, funding volatility (missing: no funding seen)." in text
    failed = gates.failed_gates(view.snapshot.ranking, 0)
    assert ("all 10 gates passed" in text) == (not failed)
    assert all(gate in text for gate in failed)


def test_venues_disagree_in_the_units_of_the_screen(snapshot: Snapshot) -> None:
    told = {
        "funding_per_hour": (1.745e-05, 1.25e-05, "funding per 8 h: +0.0140% against a median of +0.0100%"),
        "top_traders_lead": (
            -0.5267, 0.02, "top traders' longs per short: 0.59 times all accounts' against a median of 1.02"
        ),
        "accounts": (4.0, 1.1, "long accounts per short: 4.00 against a median of 1.10"),
        "oi_change_1h": (0.031, 0.002, "open interest in 1 h: +3.1% against a median of +0.2%"),
    }  # fmt: skip
    for name, (value, median, words_of_it) in told.items():
        voices = tuple(
            Voice(venue, "X", held, venue == "okx")
            for venue, held in (("binance-usdm", median), ("bybit-linear", median), ("okx", value))
        )
        compared = Compared(name, "", median, median, voices)
        said = [text for text, _ in explanation.explanation(view_of(with_focus(snapshot, across=(compared,))))]
        assert any(
            text.startswith(f"OKX disagrees on {words_of_it}") and text.endswith("of 3 venues.") for text in said
        ), said


@pytest.mark.parametrize("count", [1, 4, 5, 10])
def test_what_would_turn_a_score_over_is_told_of_few_components_only(
    snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    names = tuple(mover.component for mover in movers(snapshot.board, 0))[:count]
    monkeypatch.setattr(explanation, "flip", lambda found, score: Flip(names, 49.8))
    said = [text for text, _ in explanation.explanation(view_of(snapshot)) if text.startswith("If ")]
    assert len(said) == (count <= 4)
    assert all(words(name) in said[0] for name in names if said)


def test_a_score_beside_neutral_hardly_leans(snapshot: Snapshot) -> None:
    ranking = snapshot.ranking
    for conviction, told in ((2.0, "hardly leans long"), (40.0, "leans long")):
        side, held = ranking.side.copy(), ranking.conviction.copy()
        side[0], held[0] = 1, conviction
        changed = {**snapshot.rankings, snapshot.preset: replace(ranking, side=side, conviction=held)}
        assert f"Binance {told}: " in explanation.explanation(view_of(snapshot, rankings=changed))[0][0]


def test_accumulation_distribution_is_not_named_like_auto_deleveraging() -> None:
    assert words("adl") == "A/D"
    assert COMPONENT_NAMES.count("adl") == 1, "its id in documents stays"
