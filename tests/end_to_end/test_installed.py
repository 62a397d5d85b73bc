"""prism as users install it: from a wheel, run outside the checkout, with every file that it reads."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tui.pseudo_terminal import PseudoTerminal

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("engine", "tui", "themes", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages as a wheel brings them, without their dependencies, which stay those of the tests."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, source / part)
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
         "--target", str(target), str(source)],
        check=True, timeout=300, capture_output=True,
    )  # fmt: skip
    return target


def environment(installed: Path, home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "PRISM"))}
    return {**kept, "PYTHONPATH": str(installed), "HOME": str(home)}


def prism(installed: Path, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run it where nothing of the checkout is in reach but the tests' own editable installation, which comes second."""
    done = subprocess.run(
        [sys.executable, "-m", "tui", *words], cwd=home, capture_output=True, text=True, timeout=180,
        env=environment(installed, home),
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_every_file_beside_the_code_is_in_the_wheel(installed: Path) -> None:
    beside = {
        path.relative_to(ROOT).as_posix()
        for part in ("engine", "tui", "themes")
        for path in (ROOT / part).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    lacking = {name for name in beside if not (installed / name).is_file()}
    assert not lacking
    strays = {path.name for path in installed.iterdir()} - {"engine", "tui", "themes", "bin"}
    assert all(name.startswith("prism_console-") for name in strays), f"nothing else is put among the user's: {strays}"
    assert (installed / "bin" / "prism").is_file()


def test_it_runs_from_anywhere(installed: Path, tmp_path: Path) -> None:
    where = subprocess.run(
        [sys.executable, "-c", "import engine, tui, themes; print(engine.__file__, tui.__path__[0], themes.__file__)"],
        cwd=tmp_path, capture_output=True, text=True, check=True, env=environment(installed, tmp_path),
    ).stdout  # fmt: skip
    assert where.count(str(installed)) == 3
    assert prism(installed, tmp_path, "--version").stdout.startswith("prism ")
    assert prism(installed, tmp_path, "config", "init").returncode == 0
    assert prism(installed, tmp_path, "config", "check").returncode == 0
    found = prism(installed, tmp_path, "scan", "--demo", "--rate", "200", "--for", "10", "--top", "1")
    assert found.returncode == 0
    assert "perpetuals" in found.stdout
    bundled = installed / "engine" / "simulator" / "data" / "demo.jsonl.zst"
    assert prism(installed, tmp_path, "inspect", str(bundled)).returncode == 0


def test_the_console_finds_its_themes_and_styles(installed: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "tui", "demo", "--rate", "200"]
    given = {"TERM": "xterm-256color", "PYTHONPATH": str(installed)}
    with PseudoTerminal(words, given, tmp_path, folder=tmp_path) as terminal:
        terminal.until(lambda text: "● " in text and "─ candidates" in text)
        terminal.press("t")
        terminal.until(lambda text: "prism-" in text)
        terminal.press("\x11")
        while terminal.process.poll() is None:
            terminal.read(0.1)
        assert terminal.process.returncode == 0
