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
from tests.tui.fake_source import FakeSource, text_of
from tests.tui.pseudo_terminal import ROOT, PseudoTerminal
from tui import loading
from tui.app import PrismApp

NEEDED: Final = {"textual", "rich", "msgspec", "platformdirs", "typing_extensions"}
"""Libraries that a first paint rests on: the screen's, settings, folders."""
OF_A_RECORDING: Final = NEEDED | {"numpy", "zstandard"}
"""A recording is followed by the console's own process."""
MOST_MODULES: Final = 87
"""Of our own."""
HEAVY: Final = (
    "pandas", "ccxt", "scipy", "talib", "matplotlib", "pygments", "markdown_it", "tree_sitter", "httpx", "requests",
    "websockets", "aiohttp", "picows", "uvloop", "textual_serve", "sqlite3", "aiosqlite", "multiprocessing", "unittest",
    "pydoc", "http.server", "xml.dom", "email.parser", "textual.widgets._data_table", "textual.widgets._markdown",
    "textual.widgets._text_area", "engine.simulator", "engine.inspection", "engine.transport.live_net",
    "engine.storage.candle_store", "tui.web.server", "tui.web.page",
    "tui.headless.scan", "tui.headless.explain", "tui.headless.doctor",
)  # fmt: skip
"""Each costs milliseconds that no first paint needs. A package stands for all that is in it."""

AT_ONCE: Final = ("tui.export",)
"""Loaded by what stands on the main screen."""

OF_THE_ENGINE: Final = (
    "engine.pipeline", "engine.runtime", "engine.feeds", "engine.live", "engine.venues", "engine.transport",
    "engine.storage", "engine.market", "engine.prism.score", "zstandard",
)  # fmt: skip
"""What follows a live market, which a recording needs too."""
OF_A_PICTURE: Final = ("numpy", "engine.snapshot", "engine.prism.board", "engine.ranking", "engine.instruments")
"""What pictures are made of, which takes longer to load than all that is painted before the first one comes."""

PAINTED: Final = """
import asyncio, json, sys
import tui.launch as launch
from tui import cli
from tui.engine_process.remote import EngineProcess

class Standing:
    def start(self):
        pass
    def alive(self):
        return True

def shown(source, config, *_, **__):
    from tui.app import PrismApp

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

if "replay" in sys.argv:
    import engine.runtime as started
    started.Engine.start, started.Engine.alive = Standing.start, Standing.alive
EngineProcess.start, EngineProcess.alive = Standing.start, Standing.alive
launch.run_console = shown
sys.exit(cli.main(sys.argv[1:]))
"""
"""The console from its command to the first paint, on an engine whose thread never begins."""

USED: Final = """
import asyncio, json, sys
from pathlib import Path
from tui import launch
from tui.app import PrismApp
from tui import loading
started = set(sys.modules)
loading.load_rest()
loaded = set(sys.modules)
import tui.terminal_driver  # a terminal has it before the first paint
import tests.tui.fake_source as by_hand
ready = set(sys.modules)

async def use():
    app, _, clock = by_hand.make_app(Path(sys.argv[1]), config=by_hand.relaxed())
    seen = 0
    async with app.run_test(size=(200, 60)) as pilot:
        await by_hand.settle(app, clock, pilot)
        for keys in (("j",), ("enter",), ("escape",), ("V",), ("escape",), ("M",), ("escape",), ("/", "b", "escape"),
                     ("f", "escape"), ("question_mark",), ("escape",), ("c",)):
            await pilot.press(*keys)
            await by_hand.settle(app, clock, pilot)
            seen += "Binance" in by_hand.text_of(app)
    return seen
seen = asyncio.run(use())
ours = [name for name in sorted(set(sys.modules) - ready) if name.partition(".")[0] in ("tui", "engine", "numpy")]
print("LOADED " + json.dumps({"by_use": ours, "by_loading": sorted(loaded - started), "seen": seen}))
"""
"""The console after its first paint: what a picture and the keys of every screen load beyond what was loaded then."""

HANGING: Final = """
import sys
sys.path.insert(0, sys.argv.pop())
from tui import cli
sys.exit(cli.main([]))
"""
"""A console whose engine hangs at the first thing it does: what a folder holds in place of its connections."""


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


def held_against_the_list(origins: dict[str, str], needed: set[str] = NEEDED) -> None:
    heavy = sorted(name for name in origins if any(name == one or name.startswith(one + ".") for one in HEAVY))
    assert heavy == [], "loaded before the first paint, which needs none of it"
    libraries = {name.partition(".")[0] for name, origin in origins.items() if "site-packages" in origin}
    strays = {name for name in libraries if not name.startswith(("_", "sitecustomize"))} - needed
    assert strays == set(), "a library that no first paint needed so far"
    assert {"textual", "tui", "engine"} <= {name.partition(".")[0] for name in origins}


def test_the_console_on_the_venues_loads_what_its_first_paint_needs(tmp_path: Path) -> None:
    origins = first_paint(tmp_path)
    held_against_the_list(origins)
    assert not [name for name in origins if name.startswith(OF_THE_ENGINE)], "its own process loads that"
    assert not [name for name in origins if name.startswith((*OF_A_PICTURE, "yaml"))], "no picture is there yet"
    later = [name for name in loading.REST if name in origins and name not in AT_ONCE]
    assert later == [], "what is loaded after the first paint is loaded before it"
    ours = [name for name in origins if name.partition(".")[0] in ("engine", "tui", "themes")]
    assert len(ours) <= MOST_MODULES, sorted(ours)


@pytest.mark.recorded
def test_a_replay_loads_what_its_first_paint_needs(tmp_path: Path) -> None:
    words = ("replay", str(recorded("captures", "okx-2022-05-13.jsonl.gz")))
    held_against_the_list(first_paint(tmp_path, *words), OF_A_RECORDING)


def test_the_first_picture_and_the_first_keys_wait_for_no_module(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", USED, str(tmp_path)],
        capture_output=True, text=True, timeout=120, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.rpartition("LOADED ")[2])
    assert told["by_use"] == [], "loaded by a picture or a key, not after the first paint"
    assert {"numpy", "tui.screens.drilldown", "tui.presenters.sheet"} <= set(told["by_loading"])
    assert told["seen"] >= 5, "screens that were painted with something of the market"


async def test_the_engine_begins_once_the_screen_has_been_painted(tmp_path: Path) -> None:
    painted: list[str] = []
    source = FakeSource()
    source.running = False
    app = PrismApp(source, state_path=tmp_path / "console.json", begin=lambda: painted.append(text_of(app)))
    async with app.run_test(size=(120, 40)) as pilot:
        assert app.failed is None, "what has not begun has not ended"
        await pilot.pause()
        assert len(painted) == 1
        assert all(word in painted[0] for word in ("SYMBOL", "depth", "liquidations", "starting the engine"))
        app.refresh_view()
        assert app.failed == "the engine ended without a reason"


def test_the_list_finds_what_is_loaded_needlessly() -> None:
    for stray in ("aiohttp", "aiohttp.client", "sqlite3.dbapi2", "engine.simulator.serving"):
        with pytest.raises(AssertionError, match="before the first paint"):
            held_against_the_list({stray: "frozen"})
    with pytest.raises(AssertionError, match="no first paint needed"):
        held_against_the_list({"newcomer": "/lib/site-packages/newcomer/__init__.py"})


def test_the_first_paint_waits_for_no_engine(tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "picows.py").write_text("import time\ntime.sleep(3600)\n")
    words = [sys.executable, "-c", HANGING, str(tmp_path / "bad")]
    with PseudoTerminal(words, {"TERM": "xterm-256color"}, tmp_path) as terminal:
        terminal.until(lambda text: "candidates" in text and "depth" in text and "starting" in text)
        terminal.press("V")
        terminal.until(lambda text: "venues" in text)
        terminal.press("\x11")
        terminal.read_to_the_end()  # its last words wait for whoever reads
        assert terminal.process.wait(60) == 0, "and it can be left"
