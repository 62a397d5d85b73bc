"""What the console looks like, and how it is left and taken up again, on terminals of every kind."""

from __future__ import annotations

import json
import os
import re
import signal
import termios
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from textual.theme import BUILTIN_THEMES

from tests.tui.pseudo_terminal import PseudoTerminal, busy_console
from themes.loader import load

THEMES = [name for name in load().themes if name.startswith("prism-")]
LIGHT_OF_TEXTUAL = [name for name, theme in BUILTIN_THEMES.items() if not theme.dark and name != "ansi-light"]
LEAST_CONTRAST = 3.0
"""Of letters and figures to what is behind them: WCAG 2.2, 1.4.11, where shapes must be told apart."""
XTERM = {
    "black": "000000", "red": "cd0000", "green": "00cd00", "brown": "cdcd00", "blue": "0000ee", "magenta": "cd00cd",
    "cyan": "00cdcd", "white": "e5e5e5", "brightblack": "7f7f7f", "brightred": "ff0000", "brightgreen": "00ff00",
    "brightbrown": "ffff00", "brightyellow": "ffff00", "brightblue": "5c5cff", "brightmagenta": "ff00ff",
    "brightcyan": "00ffff", "brightwhite": "ffffff", "default": "",
    "bfightmagenta": "ff00ff",
}  # fmt: skip
"""The first sixteen colours as xterm has them, by the emulator's names (one of which it misspells)."""
SIXTEEN = {"TERM": "xterm"}
PALETTE = {"TERM": "xterm-256color"}
TRUE = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}


def rgb(colour: str) -> tuple[int, int, int]:
    found = XTERM.get(colour, colour)
    return int(found[:2], 16), int(found[2:4], 16), int(found[4:], 16)


def contrast(one: str, other: str) -> float:
    """Of two colours, by WCAG 2."""

    def luminance(colour: str) -> float:
        parts = [c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in rgb(colour)]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def shown(home: Path, environment: Mapping[str, str], theme: str = "") -> PseudoTerminal:
    """A console that shows its market."""
    if theme:
        (home / "prism").mkdir(parents=True)
        (home / "prism" / "console.json").write_text(json.dumps({"version": 1, "theme": theme}))
    terminal = PseudoTerminal(busy_console(home), environment, home)
    terminal.until(lambda text: "LONG" in text and "SHORT" in text and "imbalance" in text)
    terminal.read(0.3)
    return terminal


def cells(terminal: PseudoTerminal) -> Iterator[tuple[str, str, str]]:
    """Character, ink and paper of every letter and figure."""
    for y in range(terminal.screen.lines):
        for x in range(terminal.screen.columns):
            cell = terminal.screen.buffer[y][x]
            if cell.data.isalnum():
                yield (cell.data, cell.bg, cell.fg) if cell.reverse else (cell.data, cell.fg, cell.bg)


def ink_of(terminal: PseudoTerminal, word: str) -> str:
    for y, line in enumerate(terminal.screen.display):
        if (x := line.find(word)) >= 0:
            return str(terminal.screen.buffer[y][x].fg)
    raise AssertionError(f"{word} is not on screen")


# Colours


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("environment", [SIXTEEN, PALETTE, TRUE], ids=["16", "256", "true"])
def test_every_theme_is_legible_with_few_colours_and_with_many(
    tmp_path: Path, environment: dict[str, str], theme: str
) -> None:
    with shown(tmp_path, environment, theme) as terminal:
        found = list(cells(terminal))
        assert len(found) > 500
        pairs = {(ink, paper) for _, ink, paper in found}
        assert "default" not in {colour for pair in pairs for colour in pair}
        faint = {pair: round(contrast(*pair), 2) for pair in pairs if contrast(*pair) < LEAST_CONTRAST}
        assert not faint
        assert ink_of(terminal, "▲LONG") != ink_of(terminal, "▼SHORT")
        if environment is SIXTEEN:
            assert all(colour in XTERM for pair in pairs for colour in pair)
            assert b";5;" not in terminal.raw
        if environment is not TRUE:
            assert b"38;2;" not in terminal.raw
            assert b"48;2;" not in terminal.raw


@pytest.mark.parametrize("theme", LIGHT_OF_TEXTUAL)
def test_the_light_themes_of_textual_are_legible_too(tmp_path: Path, theme: str) -> None:
    with shown(tmp_path, TRUE, theme) as terminal:
        pairs = {(ink, paper) for _, ink, paper in cells(terminal)}
        faint = {pair: round(contrast(*pair), 2) for pair in pairs if contrast(*pair) < LEAST_CONTRAST}
        assert not faint
        assert ink_of(terminal, "▲LONG") != ink_of(terminal, "▼SHORT")


@pytest.mark.parametrize("environment", [SIXTEEN, PALETTE, TRUE], ids=["16", "256", "true"])
def test_without_colour_there_are_greys_alone_and_words_still_say_it(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    with shown(tmp_path, {**environment, "NO_COLOR": "1"}) as terminal:
        for _, ink, paper in cells(terminal):
            for colour in (ink, paper):
                assert len(set(rgb(colour))) == 1, colour
            assert contrast(ink, paper) >= LEAST_CONTRAST
        for wanted in ("▲LONG", "▼SHORT", "▌", "●"):
            assert wanted in terminal.text


def test_an_empty_no_color_asks_for_nothing(tmp_path: Path) -> None:
    """https://no-color.org: it counts when it is present and not empty."""
    with shown(tmp_path, {**PALETTE, "NO_COLOR": ""}) as terminal:
        assert any(len(set(rgb(ink))) > 1 for _, ink, _ in cells(terminal))


def test_a_terminal_that_cannot_be_drawn_on_is_told_so(tmp_path: Path) -> None:
    with PseudoTerminal(busy_console(tmp_path), {"TERM": "dumb"}, tmp_path) as terminal:
        assert terminal.process.wait(60) == 1
        terminal.read(0.5)
        assert "TERM=dumb" in terminal.text
        assert "prism scan" in terminal.text
        assert b"\x1b[?1049h" not in terminal.raw


@pytest.mark.parametrize(
    "environment",
    [
        {"TERM": "vt100", "LC_ALL": "C"},
        {"TERM": "linux", "LC_ALL": "POSIX", "LANG": ""},
    ],
    ids=["vt100", "linux"],
)
def test_without_a_locale_it_runs_is_used_and_ends(tmp_path: Path, environment: dict[str, str]) -> None:
    terminal = PseudoTerminal(busy_console(tmp_path), environment, tmp_path)
    with terminal:
        terminal.until(lambda text: "LONG" in text and "SHORT" in text and "imbalance" in text)
        terminal.press("?")
        terminal.until(lambda text: "esc goes back" in text)
        terminal.press("\x1b")
        quits(terminal)
        assert b"Error" not in terminal.raw


@pytest.mark.parametrize("encoding", ["ascii", "iso8859-1", "cp1252"])
def test_an_encoding_that_lacks_the_signs_is_told_instead_of_drawn_with(tmp_path: Path, encoding: str) -> None:
    environment = {**PALETTE, "PYTHONUTF8": "0", "PYTHONIOENCODING": encoding}
    with PseudoTerminal(busy_console(tmp_path), environment, tmp_path) as terminal:
        assert terminal.process.wait(60) == 1
        terminal.read(0.5)
        told = " ".join(terminal.text.split())
        assert f"this terminal's encoding ({encoding}) lacks: set LC_ALL=C.UTF-8" in told
        assert b"\x1b[?1049h" not in terminal.raw


# Escape, alt and what follows


@pytest.mark.parametrize("wait_s", [0.0, 0.04, 0.08], ids=["one piece", "40 ms", "80 ms"])
def test_escape_and_the_key_after_it_are_two_keys(tmp_path: Path, wait_s: float) -> None:
    with shown(tmp_path, PALETTE) as terminal:
        terminal.press("?")
        terminal.until(lambda text: "esc goes back" in text)
        if wait_s:
            terminal.press("\x1b")
            time.sleep(wait_s)
            terminal.press("z")
        else:
            terminal.press("\x1bz")
        terminal.until(lambda text: "FROZEN" in text and "esc goes back" not in text)
        terminal.press("\x1b[B\x1bOA")  # keys of several bytes are what they were
        terminal.press("z?")
        terminal.until(lambda text: "FROZEN" not in text and "esc goes back" in text)
        terminal.press("\x1b")
        terminal.until(lambda text: "esc goes back" not in text)
        quits(terminal)


# Leaving it for the shell and coming back


def state_of(pid: int) -> str:
    return re.sub(r".*\) ", "", Path(f"/proc/{pid}/stat").read_text())[0]


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="states of processes are read from /proc")


def quits(terminal: PseudoTerminal) -> None:
    """End it by its key, with the code of a good end."""
    terminal.press("\x11")
    end = time.monotonic() + 60
    while terminal.process.poll() is None:
        assert time.monotonic() < end
        terminal.read(0.1)
    assert terminal.process.returncode == 0


@needs_proc
def test_suspend_gives_the_terminal_back_and_resume_takes_it_again(tmp_path: Path) -> None:
    with shown(tmp_path, PALETTE) as terminal:
        terminal.press("\x1a")
        end = time.monotonic() + 60
        while state_of(terminal.process.pid) != "T":
            assert time.monotonic() < end
            terminal.read(0.1)
        terminal.read(0.2)
        for given_back in (b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[?1000l", b"\x1b[?2004l"):
            assert terminal.raw.rindex(given_back) > terminal.raw.rindex(b"\x1b[?1049h")
        terminal.screen.reset()
        before = len(terminal.raw)
        os.kill(terminal.process.pid, signal.SIGCONT)
        terminal.until(lambda text: "candidates" in text and "XRPUSDT" in text)
        assert b"\x1b[?1049h" in terminal.raw[before:]
        terminal.press("?")
        terminal.until(lambda text: "esc goes back" in text)
        terminal.press("\x1b")
        quits(terminal)


@needs_proc
def test_a_program_that_others_stop_draws_again_reads_keys_once_and_leaves_the_terminal_as_it_was(
    tmp_path: Path,
) -> None:
    terminal = PseudoTerminal(busy_console(tmp_path), PALETTE, tmp_path)
    with terminal:
        before = termios.tcgetattr(terminal.slave)
        terminal.until(lambda text: "LONG" in text and "imbalance" in text)
        pid = terminal.process.pid
        threads_at_most = len(os.listdir(f"/proc/{pid}/task"))
        drawing = termios.tcgetattr(terminal.slave)
        for _ in range(3):
            os.kill(pid, signal.SIGSTOP)
            end = time.monotonic() + 60
            while state_of(pid) != "T":
                assert time.monotonic() < end
            # A shell takes the terminal, sets it up for itself and writes on it.
            termios.tcsetattr(terminal.slave, termios.TCSANOW, before)
            terminal.read(0.2)
            terminal.screen.reset()
            os.kill(pid, signal.SIGCONT)
            terminal.until(lambda text: "candidates" in text and "XRPUSDT" in text)
        assert termios.tcgetattr(terminal.slave) == drawing
        # A second reader of keys would stay for each stop; threads of the start may have ended meanwhile.
        assert len(os.listdir(f"/proc/{pid}/task")) <= threads_at_most
        terminal.press("?")
        terminal.until(lambda text: "esc goes back" in text)
        terminal.press("\x1b")
        quits(terminal)
        assert termios.tcgetattr(terminal.slave) == before
