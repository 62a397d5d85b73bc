"""Engines in a process of their own, for the tests of them."""

from __future__ import annotations

import argparse
import contextlib
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from engine.config.schema import Config
from tui.engine_process.remote import EngineProcess

PATIENCE_S = 60.0
DEMO = argparse.Namespace(mode="demo", seed=3, rate=300.0)


@contextlib.contextmanager
def started(args: argparse.Namespace = DEMO) -> Iterator[EngineProcess]:
    engine = EngineProcess(Config(), args)
    engine.start()
    try:
        yield engine
    finally:
        engine.close(10.0)


def until(seen: Callable[[], object], engine: EngineProcess | None = None) -> None:
    """`engine`: one that must not fail meanwhile."""
    end = time.monotonic() + PATIENCE_S
    while not seen():
        assert time.monotonic() < end
        assert engine is None or engine.failure() is None
        time.sleep(0.02)


def library(folder: Path, text: str) -> None:
    """What opens the engine's connections, replaced by this."""
    folder.mkdir()
    (folder / "picows.py").write_text(textwrap.dedent(text))
