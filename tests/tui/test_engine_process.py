"""The engine in a process of its own: it follows, it obeys, it never outlives the console, and its end is told."""

from __future__ import annotations

import argparse
import sys
import textwrap
from pathlib import Path
from typing import BinaryIO

import pytest

from engine.config.schema import Config
from tests.tui.engine_processes import DEMO, library, started, until
from tests.tui.processes import children_of, wait_until_gone
from tui.engine_process.memory import SPARING
from tui.engine_process.remote import EngineProcess
from tui.engine_process.wire import Kind, unpacked


@pytest.fixture(autouse=True)
def _own_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))


def test_it_follows_the_market_and_does_what_is_wished() -> None:
    with started() as engine:
        assert (engine.latest(), engine.failure(), engine.alive()) == (None, None, True)

        def has_market() -> bool:
            snapshot = engine.latest()
            return snapshot is not None and len(snapshot.instruments) > 100 and snapshot.health.frames > 0

        until(has_market, engine)
        first = engine.latest()
        assert first is not None
        assert first.mode == "demo"
        one = first.instruments[0]
        engine.focus(one.venue, one.symbol)
        engine.hold([(one.venue, one.symbol)])
        engine.set_preset("relaxed")

        def has_obeyed() -> bool:
            snapshot = engine.latest()
            assert snapshot is not None
            shown = snapshot.focus
            return snapshot.preset == "relaxed" and shown is not None and snapshot.instruments[shown.row] == one

        until(has_obeyed, engine)
        pid = engine.pid
        assert pid is not None
        simulator = children_of(pid)
        assert simulator, "the invented exchanges are its own child"
        engine.close(10.0)
        assert wait_until_gone(pid)
        assert all(wait_until_gone(child) for child in simulator)
        until(lambda: not engine.alive())
        assert engine.failure() is None, "it ended because it was told to"


def test_of_what_an_engine_that_does_not_read_is_asked_for_only_the_newest_waits() -> None:
    engine = EngineProcess(Config(), DEMO)
    for number in range(20_000):
        engine.focus("okx", f"SYMBOL-{number}-USDT-SWAP")
        engine.hold([("okx", f"SYMBOL-{number}-USDT-SWAP")])
    engine.set_preset("relaxed")
    engine.set_preset("no such preset")
    engine.close(0.1)
    waiting = []
    while (wish := engine._wishes.wait()) is not None:
        waiting.append(unpacked(wish))
    last = ("okx", "SYMBOL-19999-USDT-SWAP")
    assert waiting == [("focus", last), ("hold", (frozenset([last]),)), ("set_preset", ("relaxed",))]


def test_what_a_library_prints_is_not_between_the_pictures_and_its_failure_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    library(tmp_path / "bad", "print('said ' * 100_000, flush=True)\nraise RuntimeError('secret words')")
    monkeypatch.syspath_prepend(str(tmp_path / "bad"))
    with started(argparse.Namespace(mode="live")) as engine:
        until(lambda: not engine.alive())
        assert engine.failure() == "the engine failed: RuntimeError (details in the log)"
    log = next(tmp_path.rglob("prism.log")).read_text()
    assert "RuntimeError: secret words" in log


@pytest.mark.parametrize("kind", [Kind.PART, Kind.PICTURE])
def test_a_picture_that_is_none_is_told_as_the_engines_failure(monkeypatch: pytest.MonkeyPatch, kind: Kind) -> None:
    picture = """
        import os, pickle, sys
        class Bad:
            def __reduce__(self):
                return os.getcwd, ()
        body = pickle.dumps(Bad(), 5)
        with open(1, "wb") as pipe:
            pipe.write(bytes([KIND]) + len(body).to_bytes(8, "big") + body)
        sys.stdin.buffer.read()
    """
    words = [sys.executable, "-c", textwrap.dedent(picture).replace("KIND", str(int(kind)))]
    monkeypatch.setattr("tui.child_python.command", lambda module: words)
    with started() as engine:
        until(lambda: engine.latest() is not None or engine.failure() is not None)
        assert "sent invalid data: posix.getcwd" in (engine.failure() or "")
        assert engine.latest() is None


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"hello, world", "no frame begins with"),
        (b"\x03" + (5).to_bytes(8, "big") + b"\x80\x05hi.", "sent invalid data: "),
    ],
)
def test_words_between_the_pictures_are_told_as_the_engines_failure(
    monkeypatch: pytest.MonkeyPatch, said: bytes, told: str
) -> None:
    program = f"import os, sys; os.write(1, {said!r}); sys.stdin.buffer.read()"
    monkeypatch.setattr("tui.child_python.command", lambda module: [sys.executable, "-c", program])
    with started() as engine:
        until(lambda: engine.latest() is not None or engine.failure() is not None)
        assert told in (engine.failure() or "")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_engine_that_cannot_be_heard_any_more_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    def read_frame(pipe: BinaryIO) -> None:
        raise MemoryError

    monkeypatch.setattr("tui.engine_process.remote.read_frame", read_frame)
    with started() as engine:
        until(lambda: not engine.alive())
        assert engine.pid is not None
        assert wait_until_gone(engine.pid)


def test_a_system_without_room_for_a_process_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    engine = EngineProcess(Config(), DEMO)
    engine.start()
    assert "cannot be started: No such file" in (engine.failure() or "")
    engine.close(0.1)
    assert not engine.alive()


def test_an_engine_that_was_closed_before_it_began_does_not_begin() -> None:
    engine = EngineProcess(Config(), DEMO)
    engine.close(0.1)
    engine.start()
    assert engine.pid is None


def test_a_folder_with_modules_of_the_same_names_is_not_looked_into(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "__init__.py").write_text("raise SystemExit('this is somebody else')")
    monkeypatch.chdir(tmp_path)
    with started() as engine:
        until(lambda: engine.latest() is not None or not engine.alive())
        assert (engine.failure(), engine.alive()) == (None, True)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the environment of a process as Linux tells it")
def test_it_is_given_memory_sparingly_unless_somebody_wants_it_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "123")
    with started() as engine:
        environment = Path(f"/proc/{engine.pid}/environ").read_bytes().split(b"\0")
    assert {f"{name}={value}".encode() for name, value in SPARING.items()} - set(environment) == {
        f"MALLOC_TRIM_THRESHOLD_={SPARING['MALLOC_TRIM_THRESHOLD_']}".encode()
    }
    assert b"MALLOC_TRIM_THRESHOLD_=123" in environment
