"""The built-in exchange simulator as a child process, for `prism demo` and the headless commands with `--demo`.

It is a separate process so that its work does not slow the console's interpreter, as real exchanges would not. It ends
when its standard input closes, so it cannot outlive this program, however this one ends. It uses the loopback only.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import queue
import subprocess
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Final, Self

from engine.errors import PrismError
from tui import child_python

READY_S: Final = 30.0
"""How long it may take to start listening."""
CLOSE_S: Final = 3.0
PACE: Final = 50.0
"""The simulator's rate limits are this many times the venues', and so is the engine's request rate."""


class SimulatorFailed(PrismError):
    """The simulator did not start."""


class Routes(Mapping[str, str]):
    """The routes to a simulator that may still be starting: the first access waits until it listens.

    Only the engine's thread accesses them, so the screen does not wait.
    """

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def __getitem__(self, origin: str) -> str:
        return self._simulator.routes()[origin]

    def __iter__(self) -> Iterator[str]:
        return iter(self._simulator.routes())

    def __len__(self) -> int:
        return len(self._simulator.routes())


class Simulator:
    """The child process. It is started at once; `routes` waits until it listens. Use as a context manager."""

    def __init__(self, *, seed: int, rate: float | None = None, truth: str | None = None) -> None:
        """`rate`: trades and book updates per second over all instruments; None: the simulator's default."""
        words = child_python.command("engine.simulator", "--seed", str(seed), "--limits", str(PACE))
        if rate is not None:
            words += ["--rate", str(rate)]
        if truth is not None:
            words += ["--truth", truth]
        self._begin(words)

    def _begin(self, words: Sequence[str]) -> None:
        """Start a child that prints its routes and ends when its standard input closes."""
        self._child = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, close_fds=True
        )
        self._routes: Mapping[str, str] | None = None
        self._said: deque[bytes] = deque(maxlen=1)
        """The last line of its standard error. A thread reads it: a full pipe would block the child."""
        self._listener = threading.Thread(target=self._listen, name="simulator errors", daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self._child.pid

    def routes(self) -> Mapping[str, str]:
        """Maps each real origin to the simulator's. Raises SimulatorFailed if it does not start in time."""
        if self._routes is None:
            self._routes = self._read_routes()
        return self._routes

    def close(self) -> None:
        """End the child. Harmless if it has ended already."""
        child = self._child
        with contextlib.suppress(OSError):
            if child.stdin is not None:
                child.stdin.close()
        try:
            child.wait(CLOSE_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        self._listener.join(CLOSE_S)
        if child.stdout is not None:
            child.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _read_routes(self) -> Mapping[str, str]:
        out = self._child.stdout
        assert out is not None
        said: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        # In a thread, because Windows cannot wait for a pipe with a timeout; it ends with the child's output.
        threading.Thread(target=lambda: said.put(out.readline()), name="simulator", daemon=True).start()
        try:
            line = said.get(timeout=READY_S)
        except queue.Empty:
            line = b""
        if not line:
            raise SimulatorFailed(f"the exchange simulator did not start: {self._last_words()}")
        try:
            routes = json.loads(line)["routes"]
        except (ValueError, KeyError, TypeError):
            raise SimulatorFailed("the exchange simulator did not report its address") from None
        return {str(origin): str(other) for origin, other in routes.items()}

    def _last_words(self) -> str:
        try:
            # Its output has ended, so it is about to exit, unless it is stuck.
            self._child.wait(CLOSE_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            return f"not ready within {READY_S:.0f} s"
        self._listener.join(CLOSE_S)
        return self._said[0].decode(errors="replace") if self._said else f"it ended with {self._child.returncode}"

    def _listen(self) -> None:
        err = self._child.stderr
        assert err is not None
        with err:
            self._said.extend(words for line in err if (words := line.strip()))


def simulator_of(args: argparse.Namespace) -> Simulator:
    """Start the simulator with the settings of a command line."""
    return Simulator(seed=args.seed, rate=args.rate)
