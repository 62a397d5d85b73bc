"""A loop that stands still is caught in the act, once, with the function it stands in; nothing else is."""

from __future__ import annotations

import asyncio
import logging
import re
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from engine.clock import SystemClock
from engine.config.schema import Config
from engine.live import LiveEngine
from engine.stall_watch import LOG_AGAIN_NS, LOOKS, StallWatch, _function, _stack
from tests.engine.transport.stepped_clock import SteppedClock

STEP_NS = 250_000_000


class Watched:
    """A watch whose looks and time are the test's; the watched thread is the test's own."""

    def __init__(self) -> None:
        self.clock = SteppedClock()
        self.watch = StallWatch(self.clock)
        self.watch._watched = threading.get_ident()
        self.watch._looked_ns = self.clock.monotonic_ns()

    def look(self, times: int = 1, *, beats: bool = False, late_ns: int = 0) -> None:
        for _ in range(times):
            self.clock._monotonic_ns += STEP_NS + late_ns
            if beats:
                self.watch.beat()
            self.watch.look()


def test_a_stall_is_caught_within_a_second_logged_once_and_told_when_it_is_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    watched = Watched()
    with caplog.at_level(logging.WARNING, "prism.engine"):
        watched.look(4, beats=True)
        watched.look(LOOKS)
        assert LOOKS * STEP_NS < 10**9
        assert len(caplog.records) == 1
        watched.look(17)
        assert len(caplog.records) == 1
        assert watched.watch.news() == []
        watched.look(beats=True)
    assert "test_a_stall_is_caught" in caplog.text
    (words,) = watched.watch.news()
    assert words == "the engine stalled for 5.2 s: nothing was read or scored meanwhile"
    assert (watched.watch.news(), watched.watch.words()) == ([], words)
    watched.look(4 * 600, beats=True)
    assert watched.watch.words() == ""


@pytest.mark.parametrize("file", ["live.py", "market/books.py", "venues/binance/parse.py", "a/b/c/d.py"])
def test_the_function_told_is_the_engines_innermost_however_deep_its_file_lies(file: str) -> None:
    code = compile("def parse(): return outside()", f"/opt/prism/engine/{file}", "exec")
    beyond = compile("def outside(): return sys._getframe()", "/usr/lib/python3/json/decoder.py", "exec")
    names: dict[str, Any] = {"sys": sys}
    exec(code, names)
    exec(beyond, names)
    stack = _stack(names["parse"]())
    assert (stack[0], stack[1]) == ("outside (python3/json/decoder.py:1)", f"parse (engine/{file}:1)")
    assert _function(stack) == stack[1]


def test_stalls_in_a_row_are_logged_once_a_minute_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    watched = Watched()
    with caplog.at_level(logging.WARNING, "prism.engine"):
        for _ in range(LOG_AGAIN_NS // STEP_NS // 5 + 1):
            watched.look(beats=True)
            watched.look(4)
    assert len(caplog.records) == 2
    assert "the engine stands still (47 more since the last one logged) in:" in caplog.text


def test_a_machine_that_slept_or_a_process_that_was_stopped_is_no_stall(caplog: pytest.LogCaptureFixture) -> None:
    watched = Watched()
    watched.look(4, beats=True)
    watched.look(late_ns=600_000_000_000)
    watched.look(LOOKS - 1)
    watched.look(beats=True)
    for _ in range(20):
        watched.look(late_ns=1_000_000_000)
    watched.look(4, beats=True)
    assert caplog.records == []
    assert (watched.watch.news(), watched.watch.words()) == ([], "")


def test_a_loop_that_has_not_begun_or_has_ended_is_not_missed(caplog: pytest.LogCaptureFixture) -> None:
    watched = Watched()
    watched.look(20)
    watched.look(2, beats=True)
    watched.watch.rest()
    watched.look(20)
    assert caplog.records == []
    assert watched.watch.news() == []


class Standing(LiveEngine):
    """An engine whose loop stands still, in the engine's own thread, until it says so. Once is enough, unless the
    machine is so busy that the watchdog looks late itself, and then rightly says nothing."""

    stands: Callable[[], None]

    async def _run(self) -> None:
        await asyncio.sleep(0.3)
        while not self._closing:
            if (shot := self.latest()) is None or not shot.health.notices:
                self.stands()
                await asyncio.sleep(0.6)
            self._publish(force=True)
            await asyncio.sleep(0.05)


def test_an_engine_that_stood_still_says_for_how_long_and_where_and_the_watch_ends_with_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def a_slow_function() -> None:
        time.sleep(1.3)

    engine = Standing(Config(), "demo", clock=SystemClock())
    engine.stands = a_slow_function
    with caplog.at_level(logging.WARNING, "prism.engine"):
        engine.start()
        deadline = time.monotonic() + 60.0
        while time.monotonic() < deadline and ((shot := engine.latest()) is None or not shot.health.notices):
            time.sleep(0.05)
        shot = engine.latest()
        engine.close(5.0)
    assert shot is not None
    words = shot.health.notices[-1]
    stood = re.match(r"the engine stalled for (\d+\.\d) s", words)
    assert stood is not None
    assert float(stood[1]) >= 1.0
    assert "a_slow_function" not in words, "the screen tells the effect, the log where"
    told_ms = shot.health.notice_times_ms[-1]
    assert told_ms == 0 or abs(told_ms - time.time() * 1000) < 60_000
    assert shot.health.vitals is not None
    assert shot.health.vitals.stalled == words
    assert "a_slow_function" in caplog.text
    assert not [thread for thread in threading.enumerate() if thread.name == "prism-stall-watch"]
