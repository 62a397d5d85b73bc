"""prism without what only POSIX has: everything can be imported, and what ends the program works with what is left.

Windows itself is not at hand: its missing modules and names are taken away in a process of their own, after the
libraries that bring their own ways there have been loaded.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.tui.pseudo_terminal import ROOT
from tui.log import SharedHandler

HIDDEN = """
    import asyncio, concurrent.futures, ctypes, logging.handlers, multiprocessing, os, pathlib, select, shutil, signal
    import socket, subprocess, sys, tempfile, webbrowser
    import aiohttp.web, aiosqlite, msgspec, numpy, picows, platformdirs, python_socks, yaml
    import textual.app, textual.widgets, textual.drivers.headless_driver, textual.drivers.linux_driver
    import textual_serve.app_service, textual_serve.server, zstandard

    MODULES = ("fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty", "uvloop")
    for name in MODULES:
        sys.modules[name] = None
    for name in ("SIGHUP", "SIGTSTP", "SIGCONT", "SIGWINCH", "SIGPIPE", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGKILL",
                 "SIGCHLD", "SIGQUIT", "setitimer", "alarm", "pthread_sigmask", "sigwait"):
        if hasattr(signal, name):
            delattr(signal, name)
    for name in ("geteuid", "getuid", "getgid", "fork", "setsid", "killpg", "getpgid", "fchmod", "chown", "fchown",
                 "mkfifo", "sysconf", "uname", "getloadavg", "get_blocking", "set_blocking", "openpty", "pread",
                 "O_CLOEXEC", "O_NONBLOCK", "O_NOFOLLOW", "O_DIRECTORY", "O_NOCTTY", "sched_getaffinity", "wait3",
                 "WNOHANG", "sendfile", "pipe2", "nice", "statvfs", "ctermid"):
        if hasattr(os, name):
            delattr(os, name)
    for name in ("poll", "epoll", "POLLHUP", "POLLERR", "POLLNVAL", "POLLIN"):
        if hasattr(select, name):
            delattr(select, name)

    def refused(self, *_):
        raise NotImplementedError

    asyncio.AbstractEventLoop.add_signal_handler = asyncio.SelectorEventLoop.add_signal_handler = refused
"""


POSIX_ALONE = {"tui.terminal_driver"}
"""`tui.app` asks for it on other systems than Windows, where Textual has a driver of its own."""


def without_posix(program: str, *words: str) -> str:
    """What `program` prints where these names are not."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(HIDDEN) + textwrap.dedent(program), *words],
        capture_output=True, text=True, timeout=120, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_every_module_can_be_imported() -> None:
    names = sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for room in ("engine", "tui", "themes")
        for path in (ROOT / room).rglob("*.py")
    )
    names = [name for name in names if name not in POSIX_ALONE]
    assert len(names) > 200
    told = without_posix(
        "import importlib\nfor name in sys.argv[1:]: importlib.import_module(name)\nprint('done')", *names
    )
    assert told == "done\n"


def test_the_lifeline_ends_a_program_that_is_told_to() -> None:
    program = """
        import threading
        from tui.lifeline import Lifeline, terminals
        asked, left = threading.Event(), []
        line = Lifeline(asked.set, lambda seconds: None, (0, 1), leave=left.append, grace_s=0.2)
        with line.watching():
            signal.raise_signal(signal.SIGTERM)
            assert asked.wait(60)
            while not left: pass
        print(line.reason, left, terminals())
    """
    assert without_posix(program).startswith("told to end (SIGTERM) [143] ")


def test_a_claim_can_be_taken_and_candles_be_kept(tmp_path: Path) -> None:
    program = """
        from pathlib import Path
        from engine.storage.candle_store import CandleStore
        from engine.storage.claim import Claim

        async def both():
            store = await CandleStore.open(Path(sys.argv[1]))
            claim = Claim.take(Path(sys.argv[1]))
            claim.release()
            await store.close()

        asyncio.run(both())
        print("kept")
    """
    assert without_posix(program, str(tmp_path / "c.sqlite3")) == "kept\n"


def test_a_loop_that_takes_no_signals_is_told_all_the_same() -> None:
    program = """
        from engine.ending import on_told_to_end

        async def until_told():
            ended = asyncio.Event()
            on_told_to_end(asyncio.get_running_loop(), ended.set)
            asyncio.get_running_loop().call_later(0.1, signal.raise_signal, signal.SIGTERM)
            await asyncio.wait_for(ended.wait(), 60)
            print("told")

        asyncio.run(until_told())
    """
    assert without_posix(program) == "told\n"


def test_the_console_paints_and_suspends_nothing_that_cannot_be(tmp_path: Path) -> None:
    program = """
        sys.platform = "win32"
        from pathlib import Path
        from tests.tui.fake_source import make_app

        async def paint():
            app, source, clock = make_app(Path(sys.argv[1]))
            async with app.run_test(size=(120, 40)) as pilot:
                await pilot.pause()
                await pilot.press("ctrl+z")
                await pilot.pause()
                print("candidates" in "".join(strip.text for strip in app.screen._compositor.render_strips()))

        asyncio.run(paint())
    """
    assert without_posix(program, str(tmp_path)) == "True\n"


def test_a_log_that_cannot_be_written_writes_nothing_on_the_screen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = SharedHandler(tmp_path / "prism.log", maxBytes=1, backupCount=1, encoding="utf-8")
    handler.doRollover = lambda: (_ for _ in ()).throw(PermissionError(13, "held by another"))  # type: ignore[method-assign]
    handler.handle(logging.LogRecord("prism", logging.INFO, "", 0, "a line", (), None))
    handler.handle(logging.LogRecord("prism", logging.INFO, "", 0, "another", (), None))
    handler.close()
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["fcntl", "termios", "resource"])
def test_what_is_hidden_is_missing(name: str) -> None:
    told = without_posix(f"try: import {name}\nexcept ImportError: print('missing')")
    assert told == "missing\n"
