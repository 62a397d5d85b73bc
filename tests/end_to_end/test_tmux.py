"""The shipped command in a real terminal multiplexer: first paint, keys, resizing, few colours, suspending, the end."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
ROOT = Path(__file__).resolve().parents[2]
PROMPT = "ready$"


class Tmux:
    """A server of its own with one shell in one window."""

    def __init__(self, home: Path, width: int, height: int, **environment: str) -> None:
        self._socket = str(home / "tmux.sock")
        start = home / "start.sh"
        start.write_text(f"PS1='{PROMPT}'\n", encoding="utf-8")
        variables = {
            "HOME": str(home), "XDG_STATE_HOME": str(home / "state"), "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_CACHE_HOME": str(home / "cache"), "LANG": "C.UTF-8", **environment,
        }  # fmt: skip
        # The size is the terminal's alone: who runs tests may have set one for its own output.
        own = ("TMUX", "NO_COLOR", "COLORTERM", "COLUMNS", "LINES")
        inherited = {key: value for key, value in os.environ.items() if key not in own}
        self._run(
            "-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height), "-c", str(ROOT),
            f"bash --rcfile {start}", env={**inherited, **variables},
        )  # fmt: skip
        self.until(lambda screen: PROMPT in screen)

    def _run(self, *words: str, env: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            ["tmux", "-S", self._socket, *words], capture_output=True, text=True, timeout=60, env=env, check=True
        )
        return done.stdout

    def keys(self, *keys: str) -> None:
        self._run("send-keys", *keys)

    def start(self, *arguments: str) -> None:
        self.keys("-l", f"{sys.executable} -m tui {' '.join(arguments)}")
        self.keys("Enter")

    def screen(self, escapes: bool = False) -> str:
        return self._run("capture-pane", "-p", *(["-e"] if escapes else []))

    def resize(self, width: int, height: int) -> None:
        self._run("resize-window", "-x", str(width), "-y", str(height))

    def until(self, holds: Callable[[str], bool], seconds: float = 60.0) -> str:
        end = time.monotonic() + seconds
        while not holds(screen := self.screen()):
            assert time.monotonic() < end, screen
            time.sleep(0.1)
        return screen

    def end(self) -> None:
        self._run("kill-server")


@pytest.fixture
def open_tmux(tmp_path: Path) -> Iterator[Callable[..., Tmux]]:
    opened: list[Tmux] = []

    def begin(width: int, height: int, **environment: str) -> Tmux:
        opened.append(Tmux(tmp_path, width, height, **environment))
        return opened[-1]

    yield begin
    for one in opened:
        one.end()


def test_a_first_run_of_the_demo_from_the_shell_and_back(open_tmux: Callable[..., Tmux]) -> None:
    tmux = open_tmux(80, 24)
    tmux.start("demo", "--rate", "300")
    screen = tmux.until(lambda screen: "DEMO" in screen and "first time?" in screen)
    assert "^q quit" in screen.split("\n")[23]
    assert "config.yaml" in screen
    tmux.keys("Escape")
    tmux.until(lambda screen: "first time?" not in screen)
    tmux.keys("V")
    tmux.until(lambda screen: "esc goes back" in screen and "round trip" in screen)
    tmux.keys("Escape")
    tmux.resize(50, 12)
    tmux.until(lambda screen: "prism needs 60 by 16" in screen)
    tmux.resize(120, 40)
    wide = tmux.until(lambda screen: all(f"─ {pane}" in screen for pane in ("candidates", "prism", "depth")))
    assert "liquidations" in wide
    tmux.keys("C-z")
    tmux.until(lambda screen: "Stopped" in screen)
    tmux.keys("fg", "Enter")
    tmux.until(lambda screen: "─ candidates" in screen and "─ depth" in screen)
    tmux.keys("C-q")
    # What is typed before the program let go of the terminal is thrown away with its other input.
    tmux.until(lambda screen: screen.rstrip().endswith(PROMPT))
    tmux.keys("-l", "echo code=$?")
    tmux.keys("Enter")
    tmux.until(lambda screen: "code=0" in screen)


@pytest.mark.parametrize(
    ("environment", "wanted", "unwanted"),
    [
        ({"COLORTERM": "truecolor", "TERM": "tmux-256color"}, "\x1b[38;2;", ""),
        ({"TERM": "tmux-256color"}, "\x1b[38;5;", "\x1b[38;2;"),
        ({"TERM": "screen"}, "\x1b[", "\x1b[38;"),
    ],
    ids=["true", "256", "16"],
)
def test_colours_are_those_that_the_terminal_has(
    open_tmux: Callable[..., Tmux], environment: dict[str, str], wanted: str, unwanted: str
) -> None:
    tmux = open_tmux(100, 30, **environment)
    tmux._run("set", "-g", "default-terminal", environment["TERM"])
    tmux.keys("-l", f"export TERM={environment['TERM']}")
    tmux.keys("Enter")
    tmux.start("demo", "--rate", "300")
    text = tmux.until(lambda screen: "● " in screen and "─ candidates" in screen)
    drawn = tmux.screen(escapes=True)
    assert wanted in drawn
    assert not unwanted or unwanted not in drawn
    assert "DEMO" in text


def test_without_colour_every_word_is_still_there(open_tmux: Callable[..., Tmux]) -> None:
    tmux = open_tmux(100, 30, NO_COLOR="1", COLORTERM="truecolor")
    tmux.start("demo", "--rate", "300")
    tmux.until(lambda screen: "● " in screen and "─ candidates" in screen and "DEMO" in screen)
    drawn = tmux.screen(escapes=True)
    inks = re.findall(r"[34]8;2;(\d+);(\d+);(\d+)", drawn)
    assert inks
    assert all(len(set(ink)) == 1 for ink in inks), "every ink is a shade of grey"
