from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from engine.scan_pace import MOST_REST_NS, ScanPace

MS = 1_000_000


def driven(interval_ms: int, durations_ms: list[float]) -> tuple[ScanPace, list[tuple[int, int]]]:
    """A pace after scans of these durations, each begun when it was due; the scans from and to."""
    now, scans = 7_000 * MS, []
    pace = ScanPace(interval_ms, now)
    for duration in durations_ms:
        began, now = now, now + round(duration * MS)
        scans.append((began, now))
        now = pace.after(began, now)
    return pace, scans


def test_short_scans_keep_to_the_grid() -> None:
    pace, scans = driven(100, [5, 40, 1, 49, 10, 10, 10, 10, 10])
    assert [began - scans[0][0] for began, _ in scans] == [n * 100 * MS for n in range(9)]
    assert pace.slowed_ms is None


def test_long_scans_leave_as_much_time_to_the_feeds_as_they_take() -> None:
    pace, scans = driven(20, [30.0] * 10)
    assert {later[0] - earlier[0] for earlier, later in pairwise(scans)} == {60 * MS}
    assert pace.slowed_ms == 60.0


def test_after_one_long_scan_the_next_ones_are_not_hurried() -> None:
    _, scans = driven(100, [10, 900, 10, 10, 10])
    gaps = [later[0] - earlier[0] for earlier, later in pairwise(scans)]
    assert gaps == [100 * MS, 1_150 * MS, 100 * MS, 100 * MS]


@given(st.integers(20, 1_000), st.lists(st.floats(0.0, 3_000.0), min_size=1, max_size=40))
def test_something_is_always_left_to_the_feeds(interval_ms: int, durations_ms: list[float]) -> None:
    _, scans = driven(interval_ms, durations_ms)
    for (began, ended), (following, _) in pairwise(scans):
        assert following - ended >= min(ended - began, MOST_REST_NS)
        assert following > ended
