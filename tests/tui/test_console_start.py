"""What the console loads before its first paint, and that this paint waits for nobody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.recorded import recorded
from tests.tui.pseudo_terminal import ROOT, PseudoTerminal

NEEDED: Final = {
    "textual", "rich", "numpy", "msgspec", "yaml", "zstandard", "platformdirs", "typing_extensions",
}  # fmt: skip
"""Libraries that a first paint rests on: the screen's, the arrays it reads, settings, recordings, folders."""
HEAVY: Final = (
    "pandas", "ccxt", "scipy", "talib", "matplotlib", "pygments", "markdown_it", "tree_sitter", "httpx", "requests",
    "websockets", "aiohttp", "picows", "uvloop", "textual_serve", "sqlite3", "aiosqlite", "multiprocessing", "unittest",
    "pydoc", "http.server", "xml.dom", "email.parser", "textual.widgets._data_table", "textual.widgets._markdown",
    "textual.widgets._text_area", "engine.simulator", "engine.inspection", "engine.transport.live_net",
    "engine.storage.candle_store", "tui.web.server", "tui.web.page",
    "tui.headless.scan", "tui.headless.explain", "tui.headless.doctor",
)  # fmt: skip
"""Each costs milliseconds that no first paint needs. A package stands for all that is in it."""

PAINTED: Final = """
import asyncio, json, sys
import tui.launch as launch
from tui import cli
from tui.app import PrismApp

def shown(source, config, *_, **__):
    async def paint():
        app = PrismApp(source, config)
        async with app.run_test(size=(120, 40)) as pilot:
            modules = sorted(sys.modules)
            await pilot.pause()
            seen = "\\n".join(strip.text for strip in app.screen._compositor.render_strips())
        origins = {name: str(getattr(getattr(sys.modules[name], "__spec__", None), "origin", None)) for name in modules}
        print("LOADED " + json.dumps({"seen": seen, "origins": origins}))
    asyncio.run(paint())
    return 0

launch.Engine.start = lambda self: None
launch.Engine.alive = lambda self: True
launch.run_console = shown
sys.exit(cli.main(sys.argv[1:]))
"""
"""The console from its command to the first paint, on an engine whose thread never begins."""

HANGING: Final = """
import importlib.abc, importlib.util, sys, time

class Hangs(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        return importlib.util.spec_from_loader(name, self) if name == "engine.transport.live_net" else None

    def exec_module(self, module):
        time.sleep(3600)

sys.meta_path.insert(0, Hangs())
from tui import cli
sys.exit(cli.main([]))
"""
"""A console whose engine hangs at the first thing it does."""


def first_paint(home: Path, *words: str) -> dict[str, str]:
    """Modules loaded at the first paint of `prism WORDS`, with where each came from."""
    environment = {**os.environ, "HOME": str(home), "XDG_STATE_HOME": str(home), "XDG_CONFIG_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", PAINTED, *words],
        capture_output=True, text=True, timeout=120, cwd=ROOT, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.rpartition("LOADED ")[2])
    assert "candidates" in told["seen"], told["seen"]
    origins: dict[str, str] = told["origins"]
    return origins


def held_against_the_list(origins: dict[str, str]) -> None:
    heavy = sorted(name for name in origins if any(name == one or name.startswith(one + ".") for one in HEAVY))
    assert heavy == [], "loaded before the first paint, which needs none of it"
    libraries = {name.partition(".")[0] for name, origin in origins.items() if "site-packages" in origin}
    strays = {name for name in libraries if not name.startswith(("_", "sitecustomize"))} - NEEDED
    assert strays == set(), "a library that no first paint needed so far"
    assert {"textual", "numpy", "tui", "engine"} <= {name.partition(".")[0] for name in origins}


def test_the_console_on_the_venues_loads_what_its_first_paint_needs(tmp_path: Path) -> None:
    held_against_the_list(first_paint(tmp_path))


@pytest.mark.recorded
def test_a_replay_loads_what_its_first_paint_needs(tmp_path: Path) -> None:
    held_against_the_list(first_paint(tmp_path, "replay", str(recorded("captures", "okx-2022-05-13.jsonl.gz"))))


def test_the_list_finds_what_is_loaded_needlessly() -> None:
    for stray in ("aiohttp", "aiohttp.client", "sqlite3.dbapi2", "engine.simulator.serving"):
        with pytest.raises(AssertionError, match="before the first paint"):
            held_against_the_list({stray: "frozen"})
    with pytest.raises(AssertionError, match="no first paint needed"):
        held_against_the_list({"newcomer": "/lib/site-packages/newcomer/__init__.py"})


def test_the_first_paint_waits_for_no_engine(tmp_path: Path) -> None:
    with PseudoTerminal([sys.executable, "-c", HANGING], {"TERM": "xterm-256color"}, tmp_path) as terminal:
        terminal.until(lambda text: "candidates" in text and "depth" in text and "starting" in text)
        terminal.press("V")
        terminal.until(lambda text: "venues" in text)
        terminal.press("\x11")
        assert terminal.process.wait(60) == 0, "and it can be left"
