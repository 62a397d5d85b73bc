"""Numbers as the console writes them: the tick decides, missing is never 0, and nothing outgrows its cell."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.presenters.format import (
    MISSING,
    age_text,
    bar_text,
    bps_text,
    compact_text,
    countdown_text,
    digit_text,
    fit,
    is_look_alike,
    pad,
    percent_text,
    price_text,
    score_text,
    share_text,
    tick_decimals,
    usd_text,
)

NAN = float("nan")


@pytest.mark.parametrize(
    ("frac", "text"), [(0.895, "89%"), (0.9999, "99%"), (1.0, "100%"), (0.29, "29%"), (0.0, "0%"), (NAN, MISSING)]
)
def test_a_share_is_never_rounded_up_to_more_than_there_is(frac: float, text: str) -> None:
    assert share_text(frac) == text


@pytest.mark.parametrize(
    ("tick", "decimals"), [(0.5, 1), (0.1, 1), (10.0, 0), (1.0, 0), (1e-7, 7), (0.00025, 5), (2.5, 1), (1e-12, 12)]
)
def test_tick_decimals_write_every_multiple_exactly(tick: float, decimals: int) -> None:
    assert tick_decimals(tick) == decimals


@pytest.mark.parametrize("tick", [0.0, -0.1, NAN, math.inf])
def test_a_tick_that_is_none_is_refused(tick: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        tick_decimals(tick)


@pytest.mark.parametrize(
    ("value", "tick", "text"),
    [
        (111421.2, 0.1, "111421.2"),
        (111421.0, 0.1, "111421.0"),
        (0.000012345, 1e-9, "0.000012345"),
        (0.00000001234, 1e-11, "0.0₇1234"),
        (0.0000001234, 1e-10, "0.0₆1234"),
        (0.00001234, None, "0.000012340"),
        (1234.5678, None, "1234.6"),
        (5.0, 1.0, "5"),
        (NAN, 0.1, MISSING),
        (math.inf, 0.1, MISSING),
        (0.0, None, "0"),
    ],
)
def test_prices_follow_their_tick(value: float, tick: float | None, text: str) -> None:
    assert price_text(value, tick) == text


@given(st.integers(1, 10**6), st.integers(0, 11))
def test_no_price_of_a_small_coin_reads_as_zero(ticks: int, decimals: int) -> None:
    tick = float(Decimal(1).scaleb(-decimals))
    text = price_text(ticks * tick, tick)
    assert cell_len(text) <= 11
    assert any(digit in "123456789" for digit in text)


@given(st.floats(1e-9, 1e7), st.sampled_from([1e-8, 1e-6, 1e-4, 0.01, 0.5, 10.0]))
def test_a_price_reads_back_within_half_a_tick(value: float, tick: float) -> None:
    text = price_text(value, tick, width=30)
    assert abs(float(text) - value) <= 0.5 * 10 ** -tick_decimals(tick) + abs(value) * 1e-12


@pytest.mark.parametrize(
    ("frac", "text"),
    [(0.0123, "+1.23%"), (-0.5, "-50.00%"), (1.2346, "+123.5%"), (12.345, "+1234%"), (0.0, "0.00%"), (-1e-9, "0.00%"),
     (NAN, MISSING)],
)  # fmt: skip
def test_percent(frac: float, text: str) -> None:
    assert percent_text(frac) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (950.0, "950"), (999_960.0, "1.00M"), (1_240_000.0, "1.24M"), (12.4e6, "12.4M"), (124e6, "124M"),
     (4e9, "4.00B"), (1e12, "1.00T"), (-2500.0, "-2.50K"), (NAN, MISSING)],
)  # fmt: skip
def test_compact(value: float, text: str) -> None:
    assert compact_text(value) == text


@given(st.floats(-9e14, 9e14))
def test_compact_is_within_half_a_percent_and_seven_cells(value: float) -> None:
    text = compact_text(value)
    assert len(text) <= 7
    scale = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}.get(text[-1], 1)
    read = float(text.rstrip("KMBT")) * scale
    assert abs(read - value) <= max(0.0051, abs(value) * 0.0051)


def test_dollars_keep_the_minus_in_front() -> None:
    assert usd_text(-1.24e6) == "-$1.24M"
    assert usd_text(NAN) == MISSING


@pytest.mark.parametrize(
    ("bps", "text"), [(0.04, "0.04bp"), (0.001, "<0.01bp"), (1.23, "1.2bp"), (139.6, "140bp"), (0.0, "0.00bp")]
)
def test_basis_points(bps: float, text: str) -> None:
    assert bps_text(bps) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "<1s"), (59.9, "59s"), (60, "1m"), (3599, "59m"), (7200, "2h"), (86_400 * 9, "9d"), (4e7, ">1y"),
     (-1, MISSING), (NAN, MISSING)],
)  # fmt: skip
def test_ages_fit_four_cells(seconds: float, text: str) -> None:
    assert age_text(seconds) == text
    assert len(text) <= 4


@pytest.mark.parametrize(
    ("ms", "text"), [(245_000, "4:05"), (3_723_000, "1:02:03"), (-5, "0:00"), (183_600_000, "2d 03h"), (NAN, MISSING)]
)
def test_countdowns(ms: float, text: str) -> None:
    assert countdown_text(ms) == text


def test_scores_bars_and_digits() -> None:
    assert [score_text(x) for x in (72.44, 100.0, 99.96, 0.0, NAN)] == ["72.4", "100", "100", "0.0", MISSING]
    assert [digit_text(x) for x in (0.0, 9.99, 55.0, 100.0, NAN)] == ["0", "0", "5", "9", MISSING]
    assert [bar_text(x, 4) for x in (0.0, 0.001, 0.5, 0.6, 1.0, 2.0, NAN)] == [
        "", "╸", "━━", "━━╸", "━━━━", "━━━━", MISSING,
    ]  # fmt: skip


@given(st.text(max_size=40), st.integers(0, 20), st.sampled_from(["left", "right", "center"]))
def test_padded_text_has_exactly_its_width(text: str, width: int, align: str) -> None:
    assert cell_len(pad(text, width, align)) == width


def test_wide_characters_are_never_split() -> None:
    assert fit("币安人生USDT", 6) == "币安…"
    assert cell_len(pad("币安人生USDT", 6)) == 6
    assert fit("BTCUSDT", 7) == "BTCUSDT"


def test_look_alikes_mix_scripts() -> None:
    assert is_look_alike("ВTCUSDT")  # Cyrillic Ve
    assert not is_look_alike("BTCUSDT")
    assert not is_look_alike("币安人生USDT")
