"""The filter language: what it keeps, what it says about what it cannot judge, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.prism.traps import TRAPS, Traps
from tests.engine.builders import make_snapshot
from tui.presenters.filter_completion import complete
from tui.presenters.filter_expression import MAX_CHARS, FilterError, parse
from tui.presenters.filter_nodes import glob
from tui.presenters.sheet import NUMBERS, Sheet

SNAPSHOT = make_snapshot(60)
SHEET = Sheet(SNAPSHOT, "balanced")


def kept(source: str) -> list[bool]:
    return [bool(kept) for kept in parse(source).evaluate(SHEET).kept]


def expected(mask: object) -> list[bool]:
    return [bool(kept) for kept in np.asarray(mask)]


def test_comparisons_read_the_columns() -> None:
    score, funding = SHEET.numbers("score"), SHEET.numbers("funding")
    assert kept("score > 70") == expected(score > 70)
    assert kept("score > 70 and funding < 0.0001") == expected((score > 70) & (funding < 0.0001))
    assert kept("score > 70 or score < 30") == expected((score > 70) | (score < 30))
    assert 0 < sum(kept("score > 70")) < SHEET.rows


def test_faces_components_and_functions() -> None:
    face, change = SHEET.numbers("face.orderflow"), SHEET.numbers("change_24h")
    assert kept("face.orderflow > 60") == expected(face > 60)
    assert kept("component.rsi > 50") == expected(SHEET.board.score[:, 0] > 50)
    assert kept("abs(change_24h) > 0.02") == expected(np.abs(change) > 0.02)
    assert kept("max(face.orderflow, face.volume) < 40") == expected(
        np.maximum(face, SHEET.numbers("face.volume")) < 40
    )


def test_suffixes_and_arithmetic_bind_as_usual() -> None:
    volume = SHEET.numbers("volume")
    assert kept("volume > 20m") == expected(volume > 20e6)
    assert kept("volume > 0.02b") == kept("volume > 20000k")
    assert kept("change_24h > 2%") == expected(SHEET.numbers("change_24h") > 0.02)
    assert kept("2 + 3 * 4 = 14") == [True] * SHEET.rows
    assert kept("(2 + 3) * 4 = 20 and -2 - -3 = 1 and 8 / 4 / 2 = 1") == [True] * SHEET.rows


def test_and_binds_tighter_than_or_and_not_tighter_than_both() -> None:
    assert kept("1 > 0 or 1 > 0 and 1 < 0") == [True] * SHEET.rows
    assert kept("not 1 < 0 and 1 > 0") == [True] * SHEET.rows
    assert kept("not (1 < 0 or 1 > 0)") == [False] * SHEET.rows


def test_texts_match_by_part_by_star_and_whole() -> None:
    symbols = SHEET.texts("symbol")
    assert kept('symbol ~ "pepe"') == ["PEPE" in symbol for symbol in symbols]
    assert any(kept('symbol ~ "pepe"'))
    assert kept('symbol ~ "btc*"') == [symbol.startswith("BTC") for symbol in symbols]
    assert kept('symbol !~ "USDT"') == ["USDT" not in symbol for symbol in symbols]
    assert kept('venue = "OKX"') == [venue == "okx" for venue in SHEET.texts("venue")]
    assert kept("side = 'long'") == expected(SHEET.ranking.side == 1)


def test_missing_data_keeps_no_row_and_is_counted() -> None:
    oi = SHEET.numbers("oi")
    assert np.isnan(oi).any(), "the synthetic market lacks some open interest"
    outcome = parse("oi > 0").evaluate(SHEET)
    assert not (outcome.kept & np.isnan(oi)).any()
    lacking = int(np.isnan(oi).sum())
    assert outcome.notices() == (f"{lacking} {'row lacks' if lacking == 1 else 'rows lack'} open interest",)
    negated = parse("not oi > 0").evaluate(SHEET)
    assert not (negated.kept & np.isnan(oi)).any()
    either = parse("oi > 0 or last > 0").evaluate(SHEET)
    assert either.kept[np.isnan(oi) & (SHEET.numbers("last") > 0)].all()


def test_rows_out_of_scope_are_neither_kept_nor_counted() -> None:
    outcome = parse("oi > 0").evaluate(SHEET, np.zeros(SHEET.rows, dtype=np.bool_))
    assert not outcome.kept.any()
    assert outcome.lacking == ()


def test_a_division_by_zero_is_missing_not_infinite() -> None:
    assert kept("1 / 0 > 5") == [False] * SHEET.rows
    assert kept("not 1 / 0 > 5") == [False] * SHEET.rows


@pytest.mark.parametrize(
    ("source", "position", "message"),
    [
        ("scor > 70", 0, "did you mean score?"),
        ("face.orderflo > 1", 0, "did you mean face.orderflow?"),
        ("rsi > 70", 0, "did you mean component.rsi?"),
        ("score > ", 7, "a name, a number or ( was expected, not the end"),
        ("score >> 7", 7, "a name, a number or ( was expected, not `>`"),
        ("score 70", 6, "`and`, `or` or the end was expected, not `70`"),
        ("(score > 7", 10, "a closing ) was expected, not the end"),
        ("score", 5, "a comparison was expected"),
        ("score & 5", 6, "`&` means nothing here"),
        ('symbol ~ "PEPE', 9, 'a closing " was expected'),
        ("symbol > 5", 7, "a text is compared with"),
        ("symbol ~ 5", 9, "a text in quotes was expected"),
        ('score ~ "5"', 0, "matches a text"),
        ("score > symbol", 8, "compares a number, not a text"),
        ("score and 5 > 1", 0, "`and` joins a comparison, not a number"),
        ("1 < score < 5", 10, "one comparison at a time"),
        ("2 ** 9 > 1", 2, "no powers"),
        ("score.real > 1", 0, "there is no `score.real`"),
        ("__import__('os') > 1", 0, "the functions are abs, min, max"),
        ("abs(1, 2) > 1", 0, "abs takes 1 value, not 2"),
        ("min(1) > 1", 0, "min takes 2 to 8 values"),
        ("1_000 > 1", 1, "expected"),
        ("score > １２", 8, "means nothing here"),
        ("", 0, "was expected, not the end"),
        ("score > 1e999", 9, "expected"),
        ("score[0] > 1", 5, "means nothing here"),
    ],
)
def test_errors_point_at_the_character(source: str, position: int, message: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(source)
    assert caught.value.position == position
    assert message in caught.value.message
    lines = caught.value.pointed().splitlines()
    assert lines[1].index("^") == position if source else True


def test_bounds_hold() -> None:
    with pytest.raises(FilterError, match="at most 1000 characters"):
        parse("score > 1" + " " * MAX_CHARS)
    with pytest.raises(FilterError, match="at most 20 deep"):
        parse("(" * 21 + "score > 1" + ")" * 21)
    with pytest.raises(FilterError, match="at most 20 deep"):
        parse("not " * 21 + "score > 1")
    with pytest.raises(FilterError, match="at most 20 deep"):
        parse("-" * 400 + "1 > 1")
    with pytest.raises(FilterError, match="at most 200 terms"):
        parse(" and ".join(["1 > 0"] * 70))
    parse("(" * 19 + "score > 1" + ")" * 19)


def test_every_name_can_be_read() -> None:
    for name in NUMBERS:
        assert len(kept(f"{name} > 0")) == SHEET.rows


def test_completion_offers_names_for_a_prefix() -> None:
    assert next(c.text for c in complete("score > 70 and fun")) == "funding"
    found = complete("score > 70 and face.o")
    assert [c.text for c in found] == ["face.orderflow", "face.orderbook"]
    assert all(c.start == len("score > 70 and ") for c in found)
    assert complete('symbol ~ "sc') == ()
    assert "score" in [c.text for c in complete("")]


@given(st.text(alphabet="score.face<>=~!()+-*/ \"'0123456789km%andotrabs,_", max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused_and_never_anything_else(source: str) -> None:
    try:
        parsed = parse(source)
    except FilterError as refused:
        position = refused.position
    else:
        position = 0
        assert parsed.evaluate(SHEET).kept.shape == (SHEET.rows,)
    assert 0 <= position <= len(source)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [("a*", "abc", True), ("*c", "abc", True), ("a*c", "abc", True), ("*b*", "abc", True), ("b*", "abc", False),
     ("ab*bc", "abc", False), ("*", "", True), ("a**c", "abc", True), ("abc", "abc", True)],
)  # fmt: skip
def test_globs(pattern: str, text: str, found: bool) -> None:
    assert glob(pattern, text) is found


def test_traps_and_youth_can_be_asked_for() -> None:
    first, second = SHEET.ranking.candidates[:2].tolist()
    snapshot = SHEET.snapshot
    side = SHEET.ranking.side
    raised = np.zeros((2, SHEET.rows, len(TRAPS)), dtype=np.bool_)
    raised[0 if side[first] > 0 else 1, first, list(TRAPS).index("crowded")] = True
    raised[1 if side[second] > 0 else 0, second] = True  # against the side that nobody takes
    listed = [replace(one, listed_ms=None) for one in snapshot.instruments]
    listed[first] = replace(listed[first], listed_ms=snapshot.at_ms - 23 * 3_600_000)
    listed[second] = replace(listed[second], listed_ms=snapshot.at_ms - 25 * 3_600_000)
    sheet = Sheet(
        replace(snapshot, instruments=tuple(listed), traps=Traps(raised, np.ones((*raised.shape, 2)))), SHEET.preset
    )

    def rows(expression: str) -> list[int]:
        return np.flatnonzero(parse(expression).evaluate(sheet).kept).tolist()

    assert rows("traps > 0") == rows('trap ~ "crowded"') == [first]
    assert len(rows("traps = 0")) == SHEET.rows - 1
    assert (rows("young = 1"), rows("young = 0")) == ([first], [second])
    assert np.flatnonzero(parse("traps >= 0").evaluate(SHEET).kept).tolist() == [], "nobody looked there"


@pytest.mark.parametrize("name", ["bybit", "Bybit", "BY", "by", "bybit-linear"])
def test_a_venue_goes_by_its_id_by_its_mark_and_by_its_name(name: str) -> None:
    own = np.array([one.venue == "bybit-linear" for one in SHEET.instruments])
    assert own.any()
    assert not own.all()
    for source in (f'venue = "{name}"', f"venue = {name}", f"venue={name} and score > -1", f"(venue = {name})"):
        known = ~np.isnan(SHEET.numbers("score")) if "score" in source else True
        assert kept(source) == expected(own & known), source
    assert kept(f"venue != {name}") == expected(~own)


def test_words_need_no_quotes_where_a_text_is_expected() -> None:
    assert kept("side = short") == kept('side = "short"') == expected(SHEET.ranking.side == -1)
    assert kept("symbol ~ BTC") == kept('symbol ~ "btc"')
    assert kept("symbol ~ 1000PEPE-USDT") == kept('symbol ~ "1000PEPE-USDT"')
    assert kept("symbol ~ B*USDT or side = long") == kept('symbol ~ "B*USDT" or side = "long"')
    assert kept("not (symbol ~ BTC)") == kept('symbol !~ "BTC"')


@pytest.mark.parametrize(
    ("source", "position", "message"),
    [
        ('venue = "kraken"', 8, "there is no venue `kraken`; there are binance, bybit, okx, bitget"),
        ("venue = bibit", 8, "did you mean bybit?"),
        ("side = shrt", 7, "there is no side `shrt`; there are long, short, none; did you mean short?"),
        ("gate = spred", 7, "did you mean spread?"),
        ("symbol ~ and", 9, "was expected"),
        ("symbol ~ 1000", 9, "a text in quotes was expected"),
        ("score > BTC", 8, "there is no `BTC`"),
    ],
)
def test_a_text_that_no_row_can_have_is_refused_with_those_there_are(source: str, position: int, message: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(source)
    assert caught.value.position == position
    assert message in caught.value.message


def test_completion_goes_on_with_values_and_leaves_numbers_alone() -> None:
    assert [c.text for c in complete("side = s")] == ["short"]
    assert [c.text for c in complete("venue = b")] == ["binance", "bybit", "bitget"]
    assert complete("venue = b")[0].start == len("venue = ")
    assert "spread" in [c.text for c in complete("gate ~ ")]
    assert complete("symbol ~ m") == ()
    for number in ("10M", "10m", "0.5", "3%", "10k"):
        assert complete(f"volume > {number}") == (), number
    assert "min" in [c.text for c in complete("volume > m")]
