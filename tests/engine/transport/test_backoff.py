"""Waiting between attempts."""

from __future__ import annotations

import random
from itertools import islice

import pytest

from engine.transport.backoff import delays_s


class Largest:
    """Chance at its upper end."""

    def random(self) -> float:
        return 1.0 - 2**-53


def test_ceilings_double_up_to_the_cap() -> None:
    ceilings = [round(delay, 6) for delay in islice(delays_s(Largest(), first_s=1, cap_s=30), 8)]

    assert ceilings == [1, 2, 4, 8, 16, 30, 30, 30]


def test_delays_spread_over_the_whole_range_below_the_ceiling() -> None:
    tenth = [next(islice(delays_s(random.Random(seed)), 9, None)) for seed in range(400)]

    assert min(tenth) < 1
    assert max(tenth) > 29
    assert 13 < sum(tenth) / len(tenth) < 17


def test_the_same_chance_gives_the_same_delays() -> None:
    first, second = (list(islice(delays_s(random.Random(3)), 20)) for _ in range(2))

    assert first == second


@pytest.mark.parametrize(("first_s", "cap_s"), [(0, 1), (2, 1), (-1, 1)])
def test_a_senseless_range_is_refused(first_s: float, cap_s: float) -> None:
    with pytest.raises(ValueError, match="ceiling"):
        next(delays_s(Largest(), first_s=first_s, cap_s=cap_s))
