"""No text from outside changes a cell that is not its own: not on a screen, not in a command's output, not in the log.

Screens are compared with those of the same market whose texts are harmless and as wide: every cell must have the same
style, and only cells of those texts may differ. Widths are counted a second time as terminals count them.
"""

from __future__ import annotations

import json
import logging
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.strip import Strip
from wcwidth import wcwidth

from engine.errors import CaptureError, ConfigError
from engine.snapshot import Feed, Health, Snapshot
from engine.text import MAX_SYMBOL_CHARS, clean, is_safe_symbol
from engine.transport.net import Closed, Failed
from tests.fuzz import samples
from tests.tui.fake_source import FakeSource, make_app, recording, relaxed, scene, settle
from tui import cli
from tui.headless import diagnostics
from tui.log import CleanFormatter
from tui.presenters import format as show
from tui.presenters.lines import padded, width_of, wrapped

OUTSIDE: tuple[str, ...] = (
    "\x1b[2J", "\x1b[31mred", "\x1b]0;title\x07", "\x1b]52;c;cm0gLXJm\x07",
    "\x1b]8;;https://x.example\x1b\\link", "\x1bP$q\"p\x1b\\", "\x1b_Gf=100;AAAA\x1b\\", "\x1b[6n",
    "\x1b[?1049l", "\x1bc", "\x1b(0", "\x9b31m", "\x9d52;c;x\x9c", "\x90x\x9c", "\x85next",
    "\x07\x08\x0b\x0c\x0e\x0f", "a\rb", "a\nb", "a\tb", "\x00", "\x7f", "\ufeffX", "\u2028X\u2029",
    "[red]X[/]", "[/]", "[", "]", "[/BTC]", "[@click=app.quit]X[/]", "[link=https://x.example]X",
    "\\[red]", "[bold", "$x", ":smile:", "%s%n{0}{x}", "&lt;b&gt;", "\u202eLTR\u202c",
    "\u2066X\u2069", "\u200fX\u061c", "\u200bX\u200d\u2060", "\u00adX", "Z" + "\u0335" * 60,
    "\u0301\u0301X", "e\u0301", "\u0903" * 30, "\u093f\u0915", "\u1161" * 40, "\u3164\u115f\u2800X",
    "币安人生", "ＢＴＣ", "ｶﾞ", "한글", "ก็็็็", "क्षि", "👍🏽", "👩\u200d💻", "❤\ufe0f", "🇺🇸", "1\ufe0f\u20e3",
    "\U0001f3fb", "\U000e0041X\U000e007f", "\ud800X", "\uffff", "\ue000", "\u3000X", "\u00a0X",
    "\u2003", "ﷺ", "𒐫", "שלום", "عربي", "İ", "ß", "A" * 300, "币" * 100, "| = + -",
    "=cmd|' /C calc'!A0", "../../etc/passwd", "-rf", "'\"`;$(x)",
)  # fmt: skip
FORBIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f-\u11ff\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u2800\u3164\ud7b0-\ud7ff\ud800-\udfff\ue000-\uf8ff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff"
    "\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff\U000e0000-\U0010ffff]"
)
"""Told once more here, without a look at the sanitiser. U+FFFD, which stands for what was removed, is let through."""
hostile = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from(OUTSIDE), min_size=1, max_size=4).map("".join),
    st.text(st.characters(categories=["Cc", "Cf", "Mn", "Me", "Mc", "Zs", "Zl", "Zp", "So", "Sk", "Lo"]), max_size=60),
)


def assert_harmless(text: str) -> None:
    found = FORBIDDEN.search(text.replace("\ufffd", ""))
    assert found is None, f"{found.group()!a} in {text!a}" if found else ""


# The sanitiser


@settings(max_examples=300)
@given(text=hostile, limit=st.integers(1, 80))
def test_what_is_cleaned_is_visible_bounded_and_stays_as_it_is(text: str, limit: int) -> None:
    once = clean(text, limit)
    assert len(once) <= limit
    assert clean(once, limit) == once
    assert unicodedata.is_normalized("NFC", once)
    assert_harmless(once)
    marks = 0
    for at, char in enumerate(once):
        is_mark = unicodedata.category(char) in ("Mn", "Me", "Mc")
        marks = marks + 1 if is_mark else 0
        assert marks <= 2
        assert at or not is_mark, "it would stand on the cell before"
        assert is_mark or wcwidth(char) > 0
    if is_safe_symbol(text):
        assert once == text or limit < len(text)
        assert text.strip() == text
        assert len(text) <= MAX_SYMBOL_CHARS


@settings(max_examples=150)
@given(text=hostile)
def test_a_terminal_counts_as_many_cells_as_the_layout_does(text: str) -> None:
    """The layout goes by graphemes; terminals that go by characters, as most do, come to the same."""
    shown = clean(text, 60)
    assert cell_len(shown) == sum(map(wcwidth, shown)) == sum(map(cell_len, shown))


@settings(max_examples=150)
@given(text=hostile, width=st.integers(0, 30))
def test_a_cell_is_never_overrun_whatever_the_text(text: str, width: int) -> None:
    shown = clean(text, 60)
    assert cell_len(show.fit(shown, width)) <= width
    for align in ("left", "right", "center"):
        assert cell_len(show.pad(shown, width, align)) == width
    assert width_of(padded(((shown, "a"), (shown, "b")), width)) == width
    assert all(width_of(line) <= max(width, 4) for line in wrapped(shown, max(width, 4)))


# Errors and the log


@pytest.mark.parametrize("text", OUTSIDE, ids=ascii)
def test_errors_notices_and_log_lines_are_told_clean(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert_harmless(Failed("reset", f"host: {text}").message)
    assert_harmless(Closed(1000, text, True).message)
    diagnostics.notice(text)
    for error in (ConfigError(text, (text, text)), CaptureError(text), OSError(2, text, text), ValueError(text)):

        def fails(error: Exception = error) -> int:
            raise error

        diagnostics.guard(fails, debug=True)
    told = capsys.readouterr()
    assert told.out == ""
    for line in told.err.split("\n"):
        assert_harmless(line)
    record = logging.LogRecord("prism", logging.INFO, "x", 1, "%s", (text,), None)
    try:
        raise ValueError(text)
    except ValueError as error:
        record.exc_info = (ValueError, error, error.__traceback__)
    lines = CleanFormatter("%(message)s").format(record).split("\n")
    for line in lines:
        assert_harmless(line)
    assert lines[1].startswith("Traceback"), "a message cannot begin a line of its own"


# Commands


def capture_of_hostile_messages(folder: Path) -> Path:
    """Every sample with its texts replaced by hostile ones, and what else a recording can say."""
    random = Random(7)
    path = folder / f"\x1b[2J{OUTSIDE[3]}".replace("/", "_")[:40]
    path = path.with_name(path.name + ".jsonl")
    lines: list[dict[str, Any]] = [{"capture": 1, "created": OUTSIDE[0], "source": OUTSIDE[1], "note": OUTSIDE[2]}]
    t = 1_790_000_000_000_000_000
    for venue in samples.venues():
        for frame in samples.frames(venue):
            for _ in range(3):
                t += 1_000_000
                lines.append({"t": t, "v": venue, "c": random.choice(OUTSIDE), "d": replaced(random, frame.text)})
        for answer in samples.responses(venue):
            t += 1_000_000
            status = random.choice((200, 429, 451))
            lines.append({"t": t, "v": venue, "r": answer.request, "s": status, "d": replaced(random, answer.body)})
        for text in OUTSIDE:
            t += 1_000_000
            lines.append(
                {
                    "t": t,
                    "v": venue,
                    "c": "a",
                    "d": json.dumps(
                        {
                            "event": "error",
                            "op": "subscribe",
                            "success": False,
                            "code": text,
                            "msg": text,
                            "ret_msg": text,
                            "error": {"msg": text},
                        }
                    ),
                }
            )
            lines.append({"t": t, "v": text, "c": text, "d": text})
            lines.append({"t": t, "v": venue, "c": text, "x": "error"})
            lines.append({"t": t, "v": venue, "c": "a", "d": text})
            lines.append({"t": t, "v": venue, "c": "a", "d": json.dumps(quote_of(venue, text, t // 1_000_000))})
    encoded = "\n".join(json.dumps(line) for line in lines)
    path.write_text(encoded + "\n" + OUTSIDE[0] + "\n", encoding="utf-8")
    return path


def replaced(random: Random, text: str) -> str:
    """A message with one of its texts, symbols mostly, replaced wherever it stands."""
    words = sorted(set(re.findall(r'"([A-Z][A-Z0-9_-]{3,})"', text))) or ["data"]
    word = random.choice(words)
    return text.replace(word, json.dumps(random.choice(OUTSIDE))[1:-1])


def quote_of(venue: str, symbol: str, ms: int) -> dict[str, Any]:
    """Something that makes a row of any symbol that can be kept."""
    if venue.startswith("binance"):
        data = {"e": "bookTicker", "u": 1, "s": symbol, "b": "1", "B": "1", "a": "2", "A": "1", "T": ms, "E": ms}
        return {"stream": f"{symbol.lower()}@bookTicker", "data": data}
    if venue.startswith("bybit"):
        return {"topic": f"publicTrade.{symbol}", "data": [
            {"T": ms, "s": symbol, "S": "Buy", "v": "1", "p": "1", "i": symbol}]}  # fmt: skip
    if venue == "okx":
        return {"arg": {"channel": "mark-price", "instId": symbol}, "data": [
            {"instId": symbol, "markPx": "1", "ts": str(ms)}]}  # fmt: skip
    return {"action": "update", "arg": {"instType": "usdt-futures", "topic": "publicTrade", "symbol": symbol},
            "data": [{"p": "1", "S": "buy", "T": str(ms), "v": "1", "i": symbol}], "ts": ms}  # fmt: skip


def test_no_command_lets_a_text_through_that_is_not_fit_to_show(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    path = str(capture_of_hostile_messages(tmp_path))
    bad = "\x1b]52;c;x\x07[red]\u202e"
    config = tmp_path / f"{bad}.yaml"
    config.write_text(f'engine:\n  preset: "{bad}"\n  "{bad}": 1\n"[red]": 2\n? [1]\n: 3\n')
    config.chmod(0o600)
    commands: list[list[str]] = [
        *(["inspect", path, "--format", form] for form in ("table", "json")),
        *(["scan", "--capture", path, "--format", form, "--top", "500"] for form in ("table", "json", "csv")),
        *(["explain", symbol, "--capture", path, "--format", form]
          for symbol in ("BTCUSDT", "[red]X[/]", bad) for form in ("table", "json")),
        ["inspect", path, "--symbol", bad],
        ["inspect", path + bad],
        ["scan", "--capture", path, "--filter", f'symbol ~ "{bad}"'],
        ["scan", "--capture", path, "--filter", f"{bad} > 1"],
        ["scan", "--capture", path, "--preset", bad],
        ["config", "check", str(config)],
        ["config", "check", str(config) + bad],
        ["config", "show", "--config", str(config)],
        ["replay", path + bad],
        [bad],
        ["--" + bad],
        ["scan", "--top", bad],
    ]  # fmt: skip
    symbols = 0
    for words in commands:
        cli.main(words)
        told = capfdbinary.readouterr()
        for line in (told.out + b"\n" + told.err).decode("utf-8", "strict").split("\n"):
            # Carriage returns end the lines of no document here; a CSV of ours ends them by newlines alone.
            assert_harmless(line)
        symbols += told.out.count(b"[red]X[/]")
    assert symbols >= 3, "what is fit to be kept is shown as it is"


# Screens


def names(random: Random, count: int) -> list[str]:
    """Symbols that a hostile venue could list: whatever the boundary lets through, each with its own number."""
    found = []
    for text in [*OUTSIDE, *("".join(random.sample(OUTSIDE, 3)) for _ in range(200))]:
        name = clean(text, 30).strip()
        if name and not show.is_look_alike(f"X{name}") and is_safe_symbol(f"{name}00"):
            found.append(name)
    random.shuffle(found)
    return [f"{name}{row:02d}" for row, name in enumerate(found[:count])]


def as_wide(text: str) -> str:
    """Harmless text of the same cells: blanks stay, the number at the end stays, all else becomes N."""
    body, number = (text[:-2], text[-2:]) if text[-2:].isdigit() else (text, "")
    return "".join(char if char.isspace() else "N" * cell_len(char) for char in body) + number


def market(snapshot: Snapshot, symbols: list[str], words: list[str]) -> Snapshot:
    """`snapshot` with these symbols, and these words wherever a venue or a file may speak."""
    assert len(symbols) == len(snapshot.instruments)
    instruments = tuple(
        replace(one, symbol=name, base=name, asset=name)
        for one, name in zip(snapshot.instruments, symbols, strict=True)
    )
    of = {(a.venue, a.symbol): b.symbol for a, b in zip(snapshot.instruments, instruments, strict=True)}
    lines = tuple(
        replace(line, symbol=of.get((line.venue, line.symbol), line.symbol)) for line in snapshot.liquidations
    )
    feeds = tuple(
        Feed(feed.venue, "down", words[at % len(words)], 5, 1, 2, 3, 0, 0, requests=words[(at + 1) % len(words)])
        for at, feed in enumerate(snapshot.feeds)
    )
    health: Health = replace(snapshot.health, notices=tuple(words))
    replay = recording(name=words[0])
    return replace(snapshot, instruments=instruments, liquidations=lines, feeds=feeds, health=health, replay=replay)


KEYS = ("", "tab", "tab", "tab", "v", "o", "o", "space", "W", "enter", "tab", "escape", "V", "G", "escape", "p")
MORE_KEYS = (*KEYS, "W", "w", "z", "apostrophe", "escape", "z", "question_mark", "escape", "n", "enter",
             "tab", "tab", "tab", "o", "escape")  # fmt: skip


async def walk(folder: Path, snapshot: Snapshot, size: tuple[int, int], keys: tuple[str, ...]) -> list[list[Strip]]:
    """The strips of every screen on a walk through the console."""
    app, source, clock = make_app(folder, FakeSource(snapshot), config=relaxed())
    seen: list[list[Strip]] = []
    async with app.run_test(size=size) as pilot:
        await settle(app, clock, pilot)
        for key in keys:
            if key:
                await pilot.press(key)
            source.snapshot = replace(source.snapshot or snapshot)  # a new one: an engine that is silent is told of
            await settle(app, clock, pilot)
            seen.append(list(app.screen._compositor.render_strips()))
    return seen


def cells_of(strip: Strip) -> Iterator[tuple[str, object]]:
    """Character and style of every cell; the second cell of a wide character is empty."""
    for segment in strip:
        for char in segment.text:
            for number in range(cell_len(char)):
                yield ("" if number else char, segment.style)


@pytest.mark.parametrize(
    ("size", "seed", "keys"),
    [
        ((120, 40), 1, KEYS),
        *(pytest.param(size, seed, MORE_KEYS, marks=pytest.mark.long)
          for seed, size in enumerate([(80, 24), (100, 30), (120, 40), (200, 60), (60, 20), (250, 70)], 2)),
    ],
)  # fmt: skip
async def test_no_text_changes_a_cell_of_a_screen_that_is_not_its_own(
    tmp_path: Path, size: tuple[int, int], seed: int, keys: tuple[str, ...]
) -> None:
    random = Random(seed)
    snapshot = scene("replay")
    symbols = names(random, len(snapshot.instruments))
    words = [clean(" ".join(random.sample(OUTSIDE, 4))) or "x" for _ in range(12)]
    hostile_walk = await walk(tmp_path / "hostile", market(snapshot, symbols, words), size, keys)
    harmless = market(snapshot, [as_wide(one) for one in symbols], [as_wide(one) for one in words])
    harmless_walk = await walk(tmp_path / "harmless", harmless, size, keys)
    differing = 0
    for at, (ours, theirs) in enumerate(zip(hostile_walk, harmless_walk, strict=True)):
        assert len(ours) == len(theirs) == size[1]
        for row, (line, plain) in enumerate(zip(ours, theirs, strict=True)):
            where = (keys[: at + 1][-3:], row, line.text, plain.text)
            assert_harmless(line.text)
            assert line.cell_length == size[0], where
            assert sum(map(wcwidth, line.text)) == size[0], where
            for (char, style), (other, other_style) in zip(cells_of(line), cells_of(plain), strict=True):
                assert style == other_style, where
                if char != other:
                    differing += 1
                    assert other in "N…" or char in " …" or other == " ", where
    assert differing > 500, "the texts were on the screens"
