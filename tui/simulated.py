"""The built-in exchange simulator as a child process, for `prism demo` and the headless commands with `--demo`.

A process of its own, so that its work does not slow the console's interpreter, as real exchanges' does not. It ends
with its standard input, so it cannot outlive this program, however this one ends. Nothing of it leaves the loopback.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import queue
import subprocess
import threading
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Final, Self

from engine.errors import PrismError
from tui import child_python

READY_S: Final = 30.0
"""How long it may take until it listens."""
CLOSE_S: Final = 3.0
PACE: Final = 50.0
"""It answers requests this many times faster than the venues allow, and so it may be asked."""


class SimulatorFailed(PrismError):
    """The simulator did not start."""


class Routes(Mapping[str, str]):
    """The routes to a simulator that may still be starting: whoever first looks into them waits until it listens.

    The engine's thread is who looks, so that the screen is there meanwhile.
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
    """The child. Started at once; `routes` waits until it listens. Use as a context manager."""

    def __init__(self, *, seed: int, rate: float | None = None, truth: str | None = None) -> None:
        """`rate`: trades and book changes a second over all instruments; None: its default."""
        words = child_python.command("engine.simulator", "--seed", str(seed), "--limits", str(PACE))
        if rate is not None:
            words += ["--rate", str(rate)]
        if truth is not None:
            words += ["--truth", truth]
        self._child = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, close_fds=True
        )
        self._routes: Mapping[str, str] | None = None

    @property
    def pid(self) -> int:
        """Of the child."""
        return self._child.pid

    def routes(self) -> Mapping[str, str]:
        """Real origins to those of the simulator. Raises SimulatorFailed where it does not start in time."""
        if self._routes is None:
            self._routes = self._read_routes()
        return self._routes

    def close(self) -> None:
        """End it; harmless where it has ended."""
        child = self._child
        with contextlib.suppress(OSError):
            if child.stdin is not None:
                child.stdin.close()
        try:
            child.wait(CLOSE_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        for pipe in (child.stdout, child.stderr):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _read_routes(self) -> Mapping[str, str]:
        out = self._child.stdout
        assert out is not None
        said: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        # A thread, since Windows cannot wait for a pipe with a limit; it ends with the child's output.
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
            raise SimulatorFailed("the exchange simulator did not say where it listens") from None
        return {str(origin): str(other) for origin, other in routes.items()}

    def _last_words(self) -> str:
        try:
            # Its output ended, so it is about to end too, unless it is stuck.
            self._child.wait(CLOSE_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            return f"not ready within {READY_S:.0f} s"
        err = self._child.stderr
        said = err.read().decode(errors="replace").strip().splitlines() if err is not None else []
        return said[-1] if said else f"it ended with {self._child.returncode}"


def simulator_of(args: argparse.Namespace) -> Simulator:
    """The simulator that a command line asks for, starting."""
    return Simulator(seed=args.seed, rate=args.rate)
