"""The account on screen: sums that add up as displayed, and reasons where a component does not count."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.prism.board import COMPONENT_INDEX, COMPONENTS, FACES, Status
from engine.prism.verdict import movers
from engine.snapshot import Snapshot
from tests.engine.builders import make_snapshot
from tests.tui.pane_views import ROWS, one_face
from tui.presenters import breakdown
from tui.presenters.lines import plain
from tui.presenters.readings import reading_text


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return make_snapshot(ROWS, 5)


def test_the_published_breakdown_adds_up_as_displayed() -> None:
    board = one_face(
        [55.78, 59.93, 43.90, 48.52, 38.05, 27.20], [6, 4, 0, -3, 0, 0], [0.20, 0.15, 0.20, 0.15, 0.15, 0.15]
    )
    lines = plain(breakdown.component_lines(board, 0, "technical", 90)).splitlines()
    figures = [re.findall(r"[-+]?\d+\.\d+", line) for line in lines[1:]]
    impacts = [float(row[2]) for row in figures[:-1]]
    assert [round(impact, 1) for impact in impacts] == [11.2, 9.0, 8.8, 7.3, 5.7, 4.1]
    assert sum(impacts) == pytest.approx(float(figures[-1][2]), abs=1e-9)
    assert [float(row[3]) for row in figures[:-1]] == [6, 4, 0, -3, 0, 0]
    assert float(figures[-1][3]) == 7.0


@pytest.mark.parametrize("row", range(ROWS - 1))
def test_what_every_table_shows_sums_to_the_total_it_shows(snapshot: Snapshot, row: int) -> None:
    board = snapshot.board
    faces = plain(breakdown.face_lines(board, row, 90, "technical")).splitlines()
    shown = [re.findall(r"-?\d+\.\d+", line) for line in faces[1:]]
    assert round(sum(float(r[-1]) for r in shown[:-1] if r), 2) == float(shown[-1][-1])
    assert float(shown[-1][-1]) == pytest.approx(board.prism[row], abs=0.005001)
    for f, face in enumerate(FACES):
        lines = plain(breakdown.component_lines(board, row, face, 90)).splitlines()
        counted = [
            line
            for line, name in zip(lines[1:], COMPONENTS[face], strict=False)
            if board.status[row, COMPONENT_INDEX[name]] == Status.OK
        ]
        figures = [[float(x) for x in re.findall(r"[-+]?\d+\.\d+", line)] for line in counted]
        total = [float(x) for x in re.findall(r"[-+]?\d+\.\d+", lines[-1])]
        if not counted:
            assert lines[-1].startswith("FINAL SCORE")
            assert np.isnan(board.face_score[row, f])
            continue
        assert round(sum(r[2] for r in figures), 2) == total[2]
        assert round(sum(r[3] for r in figures), 1) == total[3]
        assert round(sum(r[1] for r in figures), 1) == total[1] == 100.0


@given(
    st.lists(st.floats(-100, 100), min_size=1, max_size=9),
    st.sampled_from([1, 2, 3]),
)
def test_parts_rounded_together_sum_to_the_rounded_total(parts: list[float], decimals: int) -> None:
    total = sum(parts)
    rounded = breakdown.rounded_parts(parts, total, decimals)
    assert round(sum(rounded), decimals) == pytest.approx(round(total, decimals), abs=1.01 * 10**-decimals)
    assert all(abs(a - b) <= 1.001 * 10**-decimals for a, b in zip(parts, rounded, strict=True))


def test_the_drivers_sum_to_the_distance_from_50(snapshot: Snapshot) -> None:
    for row in range(ROWS - 1):
        found = movers(snapshot.board, row)
        assert sum(d.points for d in found) == pytest.approx(snapshot.board.prism[row] - 50, abs=1e-9)
        assert [abs(d.points) for d in found] == sorted((abs(d.points) for d in found), reverse=True)


@pytest.mark.parametrize(
    ("status", "note", "told"),
    [
        (
            Status.MISSING,
            "the venue's candles carry no taker volume",
            "missing: the venue's candles carry no taker volume",
        ),
        (Status.WARMING, "warming: 14/34 bars", "warming: 14/34 bars"),
        (Status.STALE, "open interest 12 min old", "stale: open interest 12 min old"),
        (Status.OK, "from candles", "from candles"),
        (Status.MISSING, "", "missing"),
    ],
)
def test_a_components_status_is_told_in_words(snapshot: Snapshot, status: Status, note: str, told: str) -> None:
    board = snapshot.board
    states = board.status.copy()
    states[0, COMPONENT_INDEX["cmf"]] = status
    readings = {**board.readings, "cmf": replace(board.readings["cmf"], notes={0: note} if note else {})}
    changed = replace(board, status=states, readings=readings)
    assert breakdown.status_text(changed, 0, "cmf") == told
    everything = plain(
        [*breakdown.component_lines(changed, 0, "volume", 90), *breakdown.detail_lines(changed, 0, "volume", 90)]
    )
    assert told in everything


def test_a_component_that_does_not_count_shows_no_number(snapshot: Snapshot) -> None:
    states = snapshot.board.status.copy()
    states[0, :] = Status.MISSING
    board = replace(snapshot.board, status=states, readings={})
    text = plain(breakdown.component_lines(board, 0, "technical", 90)[1:-1])
    assert not re.search(r"\d", text)


def test_the_columns_of_the_readings_hold_whatever_the_unit(snapshot: Snapshot) -> None:
    board = replace(snapshot.board, units=tuple("standard deviations of slope, 20 x 15m" for _ in snapshot.board.units))
    for width in (70, 120):
        head, *lines = plain(breakdown.detail_lines(board, 0, "technical", width)).split("\n")
        figures = [line for line in lines if not line.startswith(" ")]
        assert len(figures) == len(COMPONENTS["technical"])
        for line in figures:
            assert len(line) <= width
            assert re.fullmatch(r".*\S", line[: head.index("RAW") + 3]), "the reading ends where its heading does"
            assert line[head.index("RAW") + 3] == " "


def test_the_total_tells_the_face_without_divergence_beside_the_face(snapshot: Snapshot) -> None:
    """The column of DIV adds up unweighted, so its sum is not what divergence moved the face by."""
    board = one_face([60.0, 60.0, 40.0, 50.0, 50.0, 50.0], [10, 10, -5, 0, 0, 0], [0.25, 0.25, 0.2, 0.1, 0.1, 0.1])
    total = plain(breakdown.component_lines(board, 0, "technical", 90)).splitlines()[-1]
    bare, _, face, summed = (float(x) for x in re.findall(r"[-+]?\d+\.\d+", total))
    assert (bare, face, summed) == (49.0, 53.0, 15.0)


@pytest.mark.parametrize(
    ("name", "raw", "unit", "figure", "told"),
    [
        ("trade_flow", 0.52014, "frac", "52.0%", "takers' buying of 5 m, even at 50 %"),
        ("toxicity", 0.25611, "frac", "0.256", "VPIN of 0 to 1, without direction"),
        ("funding_volatility", 0.000123, "frac", "0.0123%", "deviation of the settlements"),
        ("volume_sentiment", -0.0312, "frac", "-3.1%", "net buying of 1 h of volume"),
        ("cmf", 0.1234, "share of volume, 20 x 15m", "+12.3%", "share of volume, 20 x 15m"),
        ("rsi", 54.3123, "index, 14 x 15m", "54.3", "index, 14 x 15m"),
        ("toxicity", float("nan"), "frac", "·", ""),
    ],
)
def test_a_raw_reading_is_told_as_what_it_is(
    snapshot: Snapshot, name: str, raw: float, unit: str, figure: str, told: str
) -> None:
    """A share that cannot be negative has no sign, and what is even at a half says so."""
    index = COMPONENT_INDEX[name]
    held, units = snapshot.board.raw.copy(), list(snapshot.board.units)
    held[0, index], units[index] = raw, unit
    board = replace(snapshot.board, raw=held, units=tuple(units))
    assert reading_text(board, 0, name) == (figure, told)
    face = next(face for face in FACES if name in COMPONENTS[face])
    text = " ".join(plain(breakdown.detail_lines(board, 0, face, 160)).split())
    assert figure in text
    assert told in text


def test_what_a_component_was_read_with_is_named_once(snapshot: Snapshot) -> None:
    """Its inputs name overlapping groups of the same sources."""
    led = "binance-usdm BTCUSDT, binance-usdm ETHUSDT"
    sources = {"breadth": {0: "all ranked symbols"}, "momentum": {0: f"{led}, all ranked symbols"}, "volume": {0: led}}
    reading = replace(snapshot.board.readings["mood"], sources=sources, notes={})
    states = snapshot.board.status.copy()
    states[0, COMPONENT_INDEX["mood"]] = Status.OK
    board = replace(snapshot.board, status=states, readings={**snapshot.board.readings, "mood": reading})
    assert breakdown.told_text(board, 0, "mood") == f"read with all ranked symbols, {led}"
    noted = replace(reading, notes={0: f"of {led}"})
    board = replace(board, readings={**board.readings, "mood": noted})
    assert breakdown.told_text(board, 0, "mood") == f"of {led}; read with all ranked symbols"


def test_the_volume_component_is_not_called_as_the_column_beside_it(snapshot: Snapshot) -> None:
    text = plain(breakdown.component_lines(snapshot.board, 0, "volume", 90))
    assert "volume divergence " in text
    assert not re.search(r"^divergence", text, re.MULTILINE)
