"""Rules of the house that no linter knows: the ways out of the engine, what importing it loads, names, docstrings."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ENGINE = sorted((ROOT / "engine").rglob("*.py"))

CLOCK = {"engine/clock.py"}
THREADS = {
    "engine/runtime.py",
    "engine/simulator/__main__.py",
    "engine/stall_watch.py",
    "engine/transport/resolver.py",
    "engine/wishes.py",
}
"""The engine's own, what others ask of it, and the one that looks whether it stands still; in the simulator's process
the one that listens to its parent; those that wait for a resolver."""
RANDOM = {
    "engine/simulator/demo_market.py",
    "engine/simulator/demo_recording.py",
    "engine/simulator/demo_statistics.py",
    "engine/simulator/market/chance.py",
    "engine/transport/backoff.py",
}
"""Only where a seed is handed in."""
JITTER = {"engine/live.py", "engine/simulator/serving/", "engine/simulator/faults.py"}
"""Python's own generator, with a seed or handed on to what jitters; never for anything that is scored or shown."""
NET = {
    "engine/transport/live_net.py",
    "engine/transport/live_socket.py",
    "engine/transport/live_failures.py",
    "engine/transport/resolver.py",
    "engine/simulator/serving/",
    "engine/simulator/__main__.py",
}
"""The one way out, and the servers of the simulator."""


def imports(path: Path) -> set[str]:
    """Top-level names of every module that `path` imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def room(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize(
    ("modules", "allowed"),
    [
        ({"time"}, CLOCK),
        ({"threading", "multiprocessing", "concurrent", "subprocess"}, THREADS),
        ({"random", "secrets", "uuid"}, JITTER),
        (
            {
                "socket",
                "ssl",
                "http",
                "urllib",
                "aiohttp",
                "websockets",
                "requests",
                "picows",
                "yarl",
                "aiohappyeyeballs",
            },
            NET,
        ),
    ],
    ids=["clock", "threads", "chance", "network"],
)
def test_the_engine_goes_out_through_its_seams_only(modules: set[str], allowed: set[str]) -> None:
    # urllib.parse only takes addresses apart.
    strays = {
        room(path)
        for path in ENGINE
        if imports(path) & modules
        and not (imports(path) & modules == {"urllib"} and "urllib.parse" in path.read_text(encoding="utf-8"))
    }
    assert not {path for path in strays if not any(path.startswith(one) for one in allowed)}


def test_chance_in_the_engine_comes_from_a_seed() -> None:
    strays = {
        room(path)
        for path in ENGINE
        if "np.random" in path.read_text(encoding="utf-8") or "numpy.random" in path.read_text(encoding="utf-8")
    }
    assert strays <= RANDOM


def test_nobody_in_the_engine_asks_what_time_it_is() -> None:
    asked = {"now", "utcnow", "today", "time_ns", "monotonic", "perf_counter"}
    strays = [
        f"{room(path)}:{node.lineno}"
        for path in ENGINE
        if room(path) not in CLOCK
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in asked
    ]
    assert not strays


def test_importing_the_engine_loads_no_terminal_library() -> None:
    modules = [room(path).removesuffix(".py").replace("/", ".").removesuffix(".__init__") for path in ENGINE]
    program = (
        "import importlib, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "print([m for m in sys.modules if m.partition('.')[0] in ('textual', 'rich', 'tui', 'themes')])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_rooms_with_vague_names_do_not_exist() -> None:
    vague = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}
    assert not [room(path) for path in ROOT.glob("[ebt]*/**/*.py") if path.stem in vague]


def test_every_module_says_what_it_is() -> None:
    bare = [
        room(path)
        for top in ("engine", "tui", "themes", "bench")
        for path in (ROOT / top).rglob("*.py")
        if path.read_text(encoding="utf-8").strip()
        and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not bare
