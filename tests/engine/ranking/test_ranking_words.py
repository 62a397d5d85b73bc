"""Gates in words and the size of a position."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.ranking.gates import GATE_NAMES
from engine.ranking.size import position_size
from engine.ranking.words import gate_text, usd_text, veto_gate, veto_text
from tests.engine.builders import make_snapshot


@pytest.mark.parametrize(
    ("gate", "passed", "value", "limit", "text"),
    [
        ("spread", False, 34.0, 20.0, "spread 34 bp > 20 bp"),
        ("spread", True, 2.13, 20.0, "spread 2.1 bp ≤ 20 bp"),
        ("spread", False, 20.04, 20.0, "spread 20.04 bp > 20 bp"),
        ("spread", False, math.nan, 20.0, "spread unknown"),
        ("conviction", False, 12.4, 25.0, "conviction 12 < 25"),
        ("coverage", False, 0.48, 0.65, "coverage 48 % < 65 %"),
        ("coverage", True, 1.0, 0.65, "coverage 100 % ≥ 65 %"),
        ("faces", False, 2.0, 3.0, "faces agreeing 2 < 3"),
        ("depth", False, 54_321.0, 100_000.0, "depth within 1 % $54k < $100k"),
        ("volume_24h", False, 3_211_000.0, 5_000_000.0, "24h volume $3.2M < $5M"),
        ("volume_24h", True, math.nan, 0.0, "24h volume unknown, none asked"),
        ("reward_risk", False, 1.234, 1.5, "reward/risk net 1.2 < 1.5"),
        ("persistence", False, 1.0, 3.0, "scans in a row 1 < 3"),
        ("data", False, 0.0, 1.0, "no score: no component has data"),
        ("conviction", True, 25.0, 25.0, "conviction 25 ≥ 25"),
        ("persistence", True, 123_456.0, 3.0, "scans in a row 123456 ≥ 3"),
    ],
)
def test_gate_text(gate: str, passed: bool, value: float, limit: float, text: str) -> None:
    assert gate_text(gate, passed, value, limit) == text


def test_every_gate_has_words() -> None:
    for gate in GATE_NAMES:
        assert gate_text(gate, False, 1.0, 2.0)


def test_usd_text() -> None:
    assert [usd_text(x) for x in (0.0, 12.3456, 999.0, 54_321.0, 3.21e6, 1.25e9, 2.5e12)] == [
        "$0", "$12.3", "$999", "$54.3k", "$3.21M", "$1.25B", "$2500B",
    ]  # fmt: skip


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
