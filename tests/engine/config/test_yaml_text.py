"""YAML that cannot do anything: values stay what was written, and every trick is refused with its line."""

from __future__ import annotations

import unicodedata

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.config.yaml_reader import MAX_DEPTH, MAX_PROBLEMS
from engine.config.yaml_text import MAX_BYTES, REFUSED, decode, read
from tests.engine.config.dumper import Dumper


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# only a comment\n", None),
        ("a:", {"a": None}),
        ("a: ~", {"a": None}),
        ("a: null", {"a": None}),
        ("a: true\nb: false", {"a": True, "b": False}),
        ("[yes, no, on, off, y, n, True, FALSE, Null]", ["yes", "no", "on", "off", "y", "n", "True", "FALSE", "Null"]),
        ("[0, 7, -3, +4]", [0, 7, -3, 4]),
        ("[.5, 5., 1e5, 1.0e-05, -2.5]", [0.5, 5.0, 100000.0, 1e-05, -2.5]),
        ("[012, 0x10, 0o7, 0b1, 1_000, 12:30, 1:30.5]", ["012", "0x10", "0o7", "0b1", "1_000", "12:30", "1:30.5"]),
        ("[.inf, -.inf, .nan, nan, 2026-01-01, ２]", [".inf", "-.inf", ".nan", "nan", "2026-01-01", "２"]),
        ("[5m, 15m, '5', \"true\", '']", ["5m", "15m", "5", "true", ""]),
        ("'on': 1\n\"true\": 2", {"on": 1, "true": 2}),
    ],
)
def test_values_stay_what_was_written(text: str, value: object) -> None:
    found = read(text)
    assert repr(found.value) == repr(value)
    assert found.problems == []


@pytest.mark.parametrize(
    ("text", "line", "path", "told"),
    [
        ("a: 1\nb: &x 2", 2, ("b",), "anchor"),
        ("a: &x [1]", 1, ("a",), "anchor"),
        ("a: 1\nb: *x", 2, ("b",), "alias"),
        ("a:\n  b: [1, *x]", 2, ("a", "b", 1), "alias"),
        ("a:\n  <<: {b: 1}", 2, ("a",), "merge key"),
        ("a: !!python/object/apply:os.system [echo]", 1, ("a",), "tag tag:yaml.org,2002:python/object/apply:os.system"),
        ("a: !!str 5", 1, ("a",), "tag"),
        ("a: ! 5", 1, ("a",), "tag"),
        ("!!map\na: 1", 1, (), "tag"),
        ("a: !mine {b: 1}", 1, ("a",), "tag !mine"),
        ("&k a: 1", 1, (), "anchor"),
        ("a:\n  b: 1\n  c: 2\n  b: 3", 4, ("a", "b"), "given twice, first in line 2"),
        ("true: 1", 1, (), "has the key true, which is not text; put it in quotes"),
        ("a:\n  5: 1", 2, ("a",), "has the key 5, which is not text"),
        ("null: 1", 1, (), "not text"),
        ("[a, b]: 1", 1, (), "key that is not text"),
        ("? {a: b}\n: 1", 1, (), "key that is not text"),
        ("%YAML 1.1\n---\na: 1", 1, (), "directive"),
        ("%TAG ! tag:example.com,2000:\n---\na: 1", 1, (), "directive"),
        ("a: 1\n---\nb: 2", 2, (), "second document"),
        ("a: 1\n...\nb: 2", 3, (), "is not YAML"),
        ("a: 1e999", 1, ("a",), "too large a number (1e999)"),
        (f"a: {'9' * 41}", 1, ("a",), "more than 40 characters"),
        (f"a: {'x' * 1001}", 1, ("a",), "longer than 1000 characters"),
        ('a: "\\x1b[31m"', 1, ("a",), "control or invisible"),
        ("a: |\n  two\n  lines", 1, ("a",), "control or invisible"),
        ("a: \u202ex", 1, ("a",), "control or invisible"),
        ("a\u200bb: 1", 1, (), "control or invisible"),
        ("a:\n\tb: 1", 2, (), "indent with spaces"),
        ("a: [1", 1, (), "is not YAML"),
        ("a: 1\n b: 2", 2, (), "is not YAML"),
        ("a: @x", 1, (), "is not YAML"),
        ("a: \ud800", 1, (), "U+D800"),
        ("a: 1\nb: \ufffe", 2, (), "U+FFFE"),
    ],
)
def test_refusals_name_line_and_key(text: str, line: int, path: tuple[str | int, ...], told: str) -> None:
    problems = read(text).problems
    assert [(problem.line, problem.path) for problem in problems] == [(line, path)]
    assert told in problems[0].text


def test_the_rest_is_read_past_a_refusal_and_all_refusals_are_told() -> None:
    document = read("a: *x\nb: {c: &y 1, d: 2}\nb: {c: [deep, {er: 1}]}\n[k]: [1]\ne: 3\n")
    assert document.value == {"a": REFUSED, "b": {"c": REFUSED, "d": 2}, "e": 3}
    assert [problem.line for problem in document.problems] == [1, 2, 3, 4]


def test_lines() -> None:
    lines = read("a:\n  b: 1\n\n  c:\n    - x\n    - y\n'?': 1\n").lines
    assert lines[("a",)] == 1
    assert lines[("a", "b")] == 2
    assert lines[("a", "c")] == 4
    assert lines[("a", "c", 1)] == 6
    assert lines[("?",)] == 7


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b]\nd: [*c,*c,*c]\n",
        "[" * 100_000,
        "{a: " * 50_000,
        "- " * 100_000,
        "? " * 100_000,
        "{? [" * 50_000,
        "[" + "a," * 120_000 + "]",
        "a: 1\n" * 50_000,
        "<<: {a: 1}\n" * 20_000,
        "x: !!python/name:os.system\n" * 5_000,
        "!" * 200_000,
        "'" * 200_001,
        "x" * (MAX_BYTES + 1),
    ],
    ids=lambda text: text[:12],
)
def test_bombs_are_refused_with_bounded_work(text: str) -> None:
    document = read(text)
    assert document.problems
    assert len(document.problems) <= MAX_PROBLEMS + 1
    assert len(document.lines) < 11_000


def test_depth_is_allowed_up_to_the_limit() -> None:
    assert read("[" * MAX_DEPTH + "]" * MAX_DEPTH).problems == []
    assert "deeper than 20" in read("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)).problems[0].text


@pytest.mark.parametrize(
    ("raw", "line", "told"),
    [
        (b"\xef\xbb\xbfa: 1", 1, "byte order mark"),
        ("a: 1".encode("utf-16"), 1, "byte order mark"),
        (b"a: 1\nb: \x00", 2, "U+0000"),
        (b"a: 1\nb: 2\nc: \x1b[2J", 3, "U+001B"),
        (b"a: 1\n\xff", 2, "not UTF-8"),
        (b"a" * (MAX_BYTES + 1), 0, "larger than 256 KiB"),
    ],
)
def test_bytes_that_are_no_plain_text(raw: bytes, line: int, told: str) -> None:
    text, problems = decode(raw)
    assert text == ""
    assert [problem.line for problem in problems] == [line]
    assert told in problems[0].text


@given(st.text(max_size=200) | st.text(alphabet="ab:-[]{}?&*!|>'\"%#,\n \t<0.1e", max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_gives_plain_values_or_problems(text: str) -> None:
    document = read(text)
    if document.value is REFUSED:
        assert document.problems
    assert all(problem.text and "\x1b" not in problem.text for problem in document.problems)
    assert _is_plain(document.value)


def _is_plain(value: object) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(one) for key, one in value.items())
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return value is None or value is REFUSED or type(value) in (str, int, float, bool)


_WORDS = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_categories=("Cc", "Cf", "Cn")), max_size=9
)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("abcxyz019 :#-_.,'\"[]{}&*!%@", max_size=12)
)


@given(st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_WORDS, inner, max_size=4)))
@settings(max_examples=200, deadline=None)
@example({"0E0": None})
def test_what_pyyaml_writes_is_read_back(value: object) -> None:
    text = yaml.dump(value, Dumper=Dumper, allow_unicode=True, width=10_000)
    document = read(text)
    if unicodedata.is_normalized("NFC", text):
        assert document.problems == []
        assert document.value == value
