"""The packed rings of prints hold what deques of records would."""

from __future__ import annotations

import math
from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.market.prints import RECENT, Print, Prints

ROWS = 3
TAKEN = st.builds(
    Print, st.integers(0, 30), st.floats(1e-9, 1e9), st.floats(0.0, 1e9, exclude_min=True), st.booleans()
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(
    bursts=st.lists(st.tuples(st.integers(0, ROWS - 1), st.lists(TAKEN, max_size=6), st.integers(1, 90)), max_size=8)
)
def test_the_newest_of_every_row_in_order_of_event_time_then_arrival(
    bursts: list[tuple[int, list[Print], int]],
) -> None:
    prints, plain = Prints(), [deque[Print](maxlen=RECENT) for _ in range(ROWS)]
    for _ in range(ROWS):
        prints.add_row(ROWS)
    for row, taken, times in bursts:
        for one in taken * times:
            prints.put(row, *one)
            plain[row].appendleft(one)
    for row, held in enumerate(plain):
        assert prints.of(row) == tuple(sorted(held, key=lambda one: -one.ts_ms))


def test_rows_that_come_later_leave_those_before_as_they_were() -> None:
    prints = Prints()
    for row in range(20):
        prints.add_row(4 ** (row // 4 + 1))
        prints.put(row, row, 1.5 * row, math.nan, taker_buy=row % 2 == 0)
    for row in range(20):
        (one,) = prints.of(row)
        assert (one.ts_ms, one.price, one.taker_buy) == (row, 1.5 * row, row % 2 == 0)
        assert math.isnan(one.size)
