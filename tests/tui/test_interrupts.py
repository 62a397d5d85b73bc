"""An interrupt while modules load."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tui.headless import diagnostics
from tui.interrupts import end_at_once

ROOT = Path(__file__).resolve().parents[2]
INTERRUPTED_WITHIN = """
import signal, sys
if sys.argv[1] == "ignored":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
else:
    signal.signal(signal.SIGINT, signal.default_int_handler)
from tui.interrupts import end_at_once
before = signal.getsignal(signal.SIGINT)
try:
    with end_at_once():
        signal.raise_signal(signal.SIGINT)
except BaseException as error:
    print("raised", type(error).__name__)
print("ran on", signal.getsignal(signal.SIGINT) is before)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals end no process there")
@pytest.mark.parametrize(("told", "code", "said"), [("heard", -signal.SIGINT, ""), ("ignored", 0, "ran on True\n")])
def test_it_ends_the_process_at_once_in_silence_unless_it_is_ignored(told: str, code: int, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_WITHIN, told], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, said, "")


def test_afterwards_python_answers_it_again() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with end_at_once():
            assert signal.getsignal(signal.SIGINT) == signal.SIG_DFL
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_one_that_python_wrapped_while_a_class_was_made_is_an_interrupt_still() -> None:
    class Interrupted:
        def __set_name__(self, owner: type, name: str) -> None:
            raise KeyboardInterrupt

    def make() -> int:
        type("Made", (), {"attribute": Interrupted()})
        return diagnostics.DONE

    assert diagnostics.guard(make) == diagnostics.INTERRUPTED
