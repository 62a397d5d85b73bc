"""Gates in words and the size of a position."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ranking.gates import CEILINGS, GATE_INDEX, GATE_NAMES, passed
from engine.ranking.size import position_size
from engine.ranking.words import gate_text, gate_title, veto_gate, veto_text
from tests.engine.builders import make_snapshot
from tui.presenters.format import share_text


@pytest.mark.parametrize(
    ("gate", "passed", "value", "limit", "text"),
    [
        ("age", False, 83.4, 60.0, "age of prices 83 s > 60 s"),
        ("age", False, 60.04, 60.0, "age of prices 60.04 s > 60 s"),
        ("age", True, 0.42, 60.0, "age of prices 0.42 s ≤ 60 s"),
        ("age", False, math.nan, 60.0, "age of prices unknown"),
        ("spread", False, 34.0, 20.0, "spread 34 bp > 20 bp"),
        ("spread", True, 2.13, 20.0, "spread 2.1 bp ≤ 20 bp"),
        ("spread", False, 20.04, 20.0, "spread 20.04 bp > 20 bp"),
        ("spread", False, math.nan, 20.0, "spread unknown"),
        ("conviction", False, 12.4, 25.0, "conviction 12.4 < 25"),
        ("coverage", False, 0.48, 0.65, "coverage 48 % < 65 %"),
        ("coverage", True, 1.0, 0.65, "coverage 100 % ≥ 65 %"),
        ("coverage", False, 0.5496, 0.6, "coverage 54 % < 60 %"),
        ("coverage", False, 0.5996, 0.6, "coverage 59 % < 60 %"),
        ("coverage", False, 0.6496, 0.65, "coverage 64 % < 65 %"),
        ("coverage", False, 0.654, 0.655, "coverage 65.4 % < 65.5 %"),
        ("coverage", True, 0.604, 0.6, "coverage 60.4 % ≥ 60 %"),
        ("coverage", True, 0.1 + 0.2 + 0.3, 0.6, "coverage 60 % ≥ 60 %"),
        ("spread", False, 20.000_000_1, 20.0, "spread 20.0000001 bp > 20 bp"),
        ("conviction", False, 24.999_999_9, 25.0, "conviction 24.9999999 < 25"),
        ("faces", False, 2.0, 3.0, "faces agreeing 2 < 3"),
        ("depth", False, 54_321.0, 100_000.0, "depth within 1 % $54k < $100k"),
        ("volume_24h", False, 3_211_000.0, 5_000_000.0, "24h volume $3.2M < $5M"),
        ("volume_24h", True, math.nan, 0.0, "24h volume unknown, none asked"),
        ("reward_risk", False, 1.234, 1.5, "reward/risk net, now 1.2 < 1.5"),
        ("persistence", False, 1.0, 3.0, "scans in a row 1 < 3"),
        ("data", False, 0.0, 1.0, "no score: no component has data"),
        ("conviction", False, 0.0054, 25.0, "conviction 0 < 25"),
        ("conviction", True, 25.0, 25.0, "conviction 25 ≥ 25"),
        ("persistence", True, 123_456.0, 3.0, "scans in a row 123456 ≥ 3"),
    ],
)
def test_gate_text(gate: str, passed: bool, value: float, limit: float, text: str) -> None:
    assert gate_text(gate, passed, value, limit) == text


def figure(text: str) -> float:
    number = text.strip("$").removesuffix(" %").removesuffix(" bp")
    unit = {"k": 1e3, "M": 1e6, "B": 1e9}.get(number[-1], 1.0)
    return float(number.rstrip("kMB")) * unit


@given(
    gate=st.sampled_from([name for name in GATE_NAMES if name not in ("age", "data", "faces", "persistence")]),
    limit=st.sampled_from([0.1, 0.6, 0.65, 0.655, 1.0, 1.5, 20.0, 25.0, 100_000.0, 2_345_678.0]),
    off=st.floats(1e-8, 0.5) | st.floats(1e-8, 1e-3),
    above=st.booleans(),
)
def test_what_the_words_say_is_so(gate: str, limit: float, off: float, above: bool) -> None:
    value = limit * (1 + off if above else 1 - off)
    measured = np.full((1, len(GATE_NAMES)), np.nan)
    measured[0, GATE_INDEX[gate]] = value
    asked = np.full(len(GATE_NAMES), limit)
    good = bool(passed(measured, asked)[0, GATE_INDEX[gate]])
    assert good is (above is (gate not in CEILINGS))
    words = gate_text(gate, good, value, limit)
    left, sign, right = re.split(" ([<>≤≥]) ", words.removeprefix(f"{gate_title(gate)} "))
    held = {"<": float.__lt__, ">": float.__gt__, "≤": float.__le__, "≥": float.__ge__}[sign]
    assert held(figure(left), figure(right)), words
    if gate == "coverage":
        whole = int(float(share_text(value).rstrip("%")))
        assert int(figure(left)) == whole, "as the table's column has it"


def test_a_limit_that_is_missed_by_the_rounding_of_sums_is_reached() -> None:
    value = np.array([[0.3 + 0.2 + 0.1 if name not in CEILINGS else 0.1 + 0.2 for name in GATE_NAMES]])
    limit = np.array([0.6 if name not in CEILINGS else 0.3 for name in GATE_NAMES])
    value[0, GATE_INDEX["coverage"]] = math.nextafter(0.6, 0.0)
    assert passed(value, limit).all()
    value[0, GATE_INDEX["coverage"]] = 0.6 - 1e-8
    assert not passed(value, limit)[0, GATE_INDEX["coverage"]]


def test_every_gate_has_words() -> None:
    for gate in GATE_NAMES:
        assert gate_text(gate, False, 1.0, 2.0)


def test_a_vetoed_row_names_its_first_gate_and_a_candidate_none() -> None:
    ranking = make_snapshot(40).ranking
    for row in ranking.candidates.tolist():
        assert veto_gate(ranking, row) is None
        assert veto_text(ranking, row) is None
    for row in ranking.vetoed.tolist():
        gate = veto_gate(ranking, row)
        assert gate == GATE_NAMES[int(np.argmin(ranking.gate_passed[row]))]
        assert veto_text(ranking, row)


def test_the_smaller_of_risk_and_liquidity_binds_and_is_named() -> None:
    by_risk = position_size(10_000, 0.01, 100.0, 98.0, 1e6, 0.1)
    assert by_risk is not None
    assert (by_risk.base, by_risk.notional_usd, by_risk.limit) == (50.0, 5_000.0, "risk")
    by_depth = position_size(10_000, 0.01, 100.0, 98.0, 20_000, 0.1)
    assert by_depth is not None
    assert (by_depth.base, by_depth.notional_usd, by_depth.limit) == (20.0, 2_000.0, "liquidity")


@pytest.mark.parametrize(
    ("entry", "stop", "depth"), [(100.0, math.nan, 1e6), (100.0, 100.0, 1e6), (100.0, 98.0, math.nan)]
)
def test_no_size_without_levels_or_depth(entry: float, stop: float, depth: float) -> None:
    assert position_size(10_000, 0.01, entry, stop, depth, 0.1) is None


@pytest.mark.parametrize(("equity", "risk", "cap"), [(0, 0.01, 0.1), (1e4, 0, 0.1), (1e4, 0.01, -1), (math.nan, 1, 1)])
def test_a_size_from_nothing_is_refused(equity: float, risk: float, cap: float) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        position_size(equity, risk, 100.0, 98.0, 1e6, cap)
