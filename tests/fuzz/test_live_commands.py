"""Commands on venues that speak to the terminal instead of to prism: nothing of what they say comes out as it went in.

The venues are `tests.fuzz.hostile_exchanges`; every command runs as users run it, but for the addresses, and is read
from a pipe and from a terminal.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.fuzz.hostile_exchanges import MARKS, HostileSimulator
from tests.fuzz.test_terminal_text import assert_harmless
from tests.tui.pseudo_terminal import ROOT, PseudoTerminal

COMMAND: Final = """
import json, sys
routes = json.loads(sys.argv[1])
words = sys.argv[2:]
PATCH = '''
class There:
    def __init__(self, **_): pass
    def routes(self): return ROUTES
    def __enter__(self): return self
    def __exit__(self, *_): pass

import tui.simulated
tui.simulated.Simulator = There
'''.replace("ROUTES", repr(routes))
exec(PATCH)
from tui import child_python
child_python.BOOT = child_python.BOOT.replace("runpy.run", f"exec({PATCH!r}); runpy.run")  # of the engine's process
if words[0] == "doctor":
    from tui.headless import doctor
    from engine.transport.live_net import LiveNet
    doctor.LiveNet = lambda clock, proxies=False: LiveNet(clock, routes, only_routes=True)
    doctor.SCANNED_RECORDS = 200
from tui import cli
sys.exit(cli.main(words))
"""
"""A command whose demo is these venues."""

HEADLESS: Final = (
    ("scan", "--demo", "--for", "8"),
    ("scan", "--demo", "--for", "8", "--format", "json"),
    ("scan", "--demo", "--for", "8", "--format", "csv"),
    ("explain", "BTCUSDT", "--demo", "--for", "8"),
    ("explain", "\x1b]0;title\x07[red]", "--demo", "--for", "4"),
    ("record", "RECORDED", "--demo", "--for", "6"),
    ("doctor",),
)


@pytest.fixture(scope="module")
def routes() -> Iterator[str]:
    with HostileSimulator() as simulator:
        yield json.dumps(dict(simulator.routes()))


def words_of(routes: str, home: Path, *words: str) -> list[str]:
    return [sys.executable, "-c", COMMAND, routes, *(str(home / one) if one == "RECORDED" else one for one in words)]


@pytest.mark.parametrize("words", HEADLESS, ids=lambda words: " ".join(words).encode("unicode_escape").decode())
def test_what_a_command_prints_of_them_is_harmless(routes: str, tmp_path: Path, words: tuple[str, ...]) -> None:
    own = {f"XDG_{name}_HOME": str(tmp_path / name) for name in ("STATE", "CACHE", "CONFIG", "DATA")}
    done = subprocess.run(
        words_of(routes, tmp_path, *words), capture_output=True, timeout=120, cwd=ROOT, check=False,
        env={**os.environ, **own, "HOME": str(tmp_path), "PYTHONIOENCODING": "utf-8", "COLUMNS": "120"},
    )  # fmt: skip
    told = done.stdout.decode() + done.stderr.decode()
    assert "Traceback" not in told, told
    assert "internal error" not in told, told
    for line in told.splitlines():
        assert_harmless(line)
    assert told.strip()
    if words[0] == "scan":
        assert "币安人生" in told, "the names that may be shown are there"
    if words[0] == "doctor":
        assert done.returncode == 1
        assert "bybit" in told
        assert "\ufffd" in told, "what stood there is seen to have been removed"
    for log in tmp_path.rglob("prism.log"):
        for line in log.read_text(encoding="utf-8").splitlines():
            assert_harmless(line)


@pytest.mark.parametrize(
    "words", [("demo",), ("doctor",), ("scan", "--demo", "--for", "6")], ids=lambda words: words[0]
)
def test_a_terminal_is_told_nothing_of_theirs(routes: str, tmp_path: Path, words: tuple[str, ...]) -> None:
    terminal = PseudoTerminal(
        words_of(routes, tmp_path, *words), {"TERM": "xterm-256color", "XDG_CACHE_HOME": str(tmp_path)}, tmp_path
    )
    with terminal:
        if words[0] == "demo":
            terminal.until(lambda text: "●" in text and "gated · ↑" in text and " 0 gated" not in text)
            terminal.press("v")
            terminal.until(lambda text: "币" in text)
            for keys in ("V", "\x1b", "a", "\x1b", "\r", "\x1b", "?", "\x1b", "/红", "\x1b"):
                terminal.press(keys)
                terminal.read(0.7)
            terminal.press("\x11")
        terminal.read_to_the_end()
        assert terminal.process.wait(60) in (0, 1)
    raw = terminal.raw.decode("utf-8", "replace")
    for mark in MARKS:
        assert mark not in raw
    assert "title" not in terminal.screen.title
