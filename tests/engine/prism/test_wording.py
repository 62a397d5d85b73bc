"""Readings in words: amounts and windows are those that were read."""

from __future__ import annotations

import numpy as np
import pytest

from engine.prism.board import Reading, Status
from engine.prism.wording import sentence


def reading(raw: float, **inputs: float) -> Reading:
    """Of one row."""
    return Reading(
        raw=np.array([raw]),
        unit="frac",
        score=np.array([60.0]),
        status=np.array([Status.OK], dtype=np.int8),
        inputs={name: (np.array([value]), "frac", None) for name, value in inputs.items()},
    )


@pytest.mark.parametrize(("amount", "text"), [(999.7, "$1k"), (999_700.0, "$1M"), (54_321.0, "$54.3k")])
def test_amounts_have_no_exponent(amount: float, text: str) -> None:
    said = sentence("liquidations", reading(amount, long_1h=0.0, short_1h=amount), 0)
    assert said == f"$0 of longs and {text} of shorts liquidated in 1 h"
