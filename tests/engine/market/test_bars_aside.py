"""Packed bars are what a dictionary of bars would be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.market.bar import SIZE, Bar, BarsAside

STEPS = st.lists(st.tuples(st.sampled_from(["put", "pop", "trim"]), st.integers(0, 12), st.integers(0, 2**40)))


def bar(open_ms: int, trades: int) -> Bar:
    return Bar(open_ms, 1.5, 2.5, 0.5, trades / 3, 1e6 + trades, 7.25, trades - 1, trades % 2 == 0)


@given(STEPS)
def test_they_are_put_found_taken_out_and_trimmed_as_in_a_dictionary(steps: list[tuple[str, int, int]]) -> None:
    aside, plain = BarsAside(), dict[int, Bar]()
    for what, place, number in steps:
        if what == "put":
            aside.put(bar(place * 60_000, number))
            plain[place * 60_000] = bar(place * 60_000, number)
        elif what == "pop":
            assert aside.pop(place * 60_000) == plain.pop(place * 60_000, None)
        else:
            aside.trim(place)
            plain = dict(sorted(plain.items())[max(0, len(plain) - place) :])
        assert len(aside) == len(plain)
        assert [aside.get(one * 60_000) for one in range(13)] == [plain.get(one * 60_000) for one in range(13)]


def test_one_takes_65_bytes() -> None:
    assert SIZE == 65
