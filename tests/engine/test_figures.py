"""Amounts in sentences: the unit fits the rounded value, and no exponent is shown."""

from __future__ import annotations

import re

import numpy as np
import pytest

from engine.figures import significant, usd_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "$0"), (12.3456, "$12.3"), (999.0, "$999"), (54_321.0, "$54.3k"), (3.21e6, "$3.21M"), (1.25e9, "$1.25B"),
        (2.5e12, "$2500B"), (999.7, "$1k"), (999_400.0, "$999k"), (999_700.0, "$1M"), (999_600_000.0, "$1B"),
        (-999.7, "-$1k"), (0.00001, "$0.00001"),
    ],
)  # fmt: skip
def test_dollars(value: float, text: str) -> None:
    assert usd_text(value) == text


@pytest.mark.parametrize("digits", [2, 3, 4, 6])
def test_any_amount_is_shown_to_its_digits(digits: int) -> None:
    rng = np.random.default_rng(digits)
    for value in (10.0 ** rng.uniform(-3, 11, 2000)).tolist():
        found = re.fullmatch(r"\$(\d+(?:\.\d+)?)([kMB]?)", usd_text(value, digits))
        assert found, (value, usd_text(value, digits))
        shown = float(found[1]) * {"": 1.0, "k": 1e3, "M": 1e6, "B": 1e9}[found[2]]
        assert shown == pytest.approx(value, rel=0.5001 * 10.0 ** (1 - digits))
        assert float(found[1]) < 1000.0 or found[2] == "B"


def test_all_digits_before_the_point_are_shown() -> None:
    assert [significant(value, 2) for value in (1234.0, 99.7, 0.000012)] == ["1234", "100", "0.000012"]
