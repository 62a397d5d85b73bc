"""One side of a book against a plain dictionary, under any mixture of writing and looking."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.market.book_side import MOST_PENDING, Side

rows = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 3)), max_size=30)
snapshots = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 3)), max_size=30, unique_by=lambda row: row[0])
looks = st.sampled_from(["highest", "lowest", "high", "low", "prices", "nothing"])


def flat(levels: list[tuple[int, int]]) -> list[float]:
    return [float(number) for level in levels for number in level]


def texts(levels: list[tuple[int, int]]) -> list[tuple[str, str]]:
    return [(f"{price}.0", f"{size}.00") for price, size in levels]


@settings(max_examples=500)
@given(snapshots, st.lists(st.tuples(rows, looks), max_size=25))
def test_a_side_is_a_dictionary_that_knows_its_ends(
    first: list[tuple[int, int]], steps: list[tuple[list[tuple[int, int]], str]]
) -> None:
    side = Side()
    side.replace(flat(first), texts(first))
    plain = {float(price): float(size) for price, size in first if size}
    for levels, look in steps:
        before = dict(plain)
        added, removed = side.write(flat(levels), texts(levels), 10.0, 30.0)
        for price, size in levels:
            plain[float(price)] = float(size)
        plain = {price: size for price, size in plain.items() if size}
        near = {p for p, _ in levels if 10 <= p <= 30}
        net = sum(p * (plain.get(float(p), 0.0) - before.get(float(p), 0.0)) for p in near)
        assert added - removed == net
        ordered = sorted(plain.items())
        if look == "highest":
            assert side.highest() == (ordered[-1][0] if ordered else None)
        elif look == "lowest":
            assert side.lowest() == (ordered[0][0] if ordered else None)
        elif look == "high":
            assert side.high(5) == ordered[::-1][:5]
        elif look == "low":
            assert side.low(5) == ordered[:5]
        elif look == "prices":
            assert side.prices == [price for price, _ in ordered]
    ordered = sorted(plain.items())
    assert side.low(100) == ordered
    assert side.high(100) == ordered[::-1]
    assert [side.text(price, size) for price, size in ordered] == [(f"{p:.0f}.0", f"{s:.0f}.00") for p, s in ordered]


def test_text_without_the_venues_own_is_the_shortest_that_is_equal() -> None:
    side = Side()
    side.replace([61737.63, 0.5, 0.00000012, 3.0], None)
    assert [side.text(price, size) for price, size in side.low(9)] == [("0.00000012", "3"), ("61737.63", "0.5")]


def test_many_new_prices_at_once_are_put_in_order() -> None:
    side = Side()
    side.replace([1000.0, 1.0], None)
    levels = [float(n) for price in range(1, 3 * MOST_PENDING) for n in (price, 1)]
    side.write(levels, None, 0.0, 0.0)
    assert side.high(2) == [(1000.0, 1.0), (3 * MOST_PENDING - 1.0, 1.0)]
    assert side.lowest() == 1.0


def test_text_is_padded_as_the_venue_pads() -> None:
    side = Side()
    side.replace([61737.6, 1.5, 61738.0, 2.0], None)
    side.learn([("61737.60", "1.500"), ("61738.00", "2.000")])
    side.write([61739.125, 7.0], None, 0.0, 0.0)
    assert [side.text(price, size) for price, size in side.low(3)] == [
        ("61737.60", "1.500"),
        ("61738.00", "2.000"),
        ("61739.125", "7.000"),
    ]


def test_a_venue_that_does_not_pad_is_not_padded() -> None:
    side = Side()
    side.replace([65140.4, 0.885797, 65140.0, 0.014], None)
    side.learn([("65140.4", "0.885797"), ("65140", "0.014")])
    assert [side.text(price, size) for price, size in side.high(2)] == [("65140.4", "0.885797"), ("65140", "0.014")]
