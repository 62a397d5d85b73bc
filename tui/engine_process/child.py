"""The engine's process: runs a live engine on orders from standard input and sends its snapshots.

Started by `tui.engine_process.remote`, never by a user. It ends when its standard input closes, whatever the engine is
doing, and must never write to a terminal: errors are reported to the console in words and logged.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
from types import FrameType
from typing import TYPE_CHECKING, BinaryIO, Final

from engine.errors import PrismError
from tui import collecting
from tui.engine_process.wire import Kind, Orders, read_frame, unpacked, write_frame
from tui.log import write_log
from tui.simulated import simulator_of

if TYPE_CHECKING:
    from engine.live import LiveEngine

LOG: Final = logging.getLogger("prism.engine")

LOOK_S: Final = 0.2
"""How often to check whether the engine has ended while it publishes nothing."""
LEAST_S: Final = 0.1
"""Least time between two snapshots unless the console made a request: it looks eight times a second, and packing one
takes about 20 ms."""
CLOSE_S: Final = 5.0
"""How long the engine may take to end after standard input closed; then the process exits without waiting for it."""
AFTER_S: Final = 10.0
"""Time for what closes after the engine: the recorder, which flushes to a disk that may be slow, and the simulator's
process, which is given twice 3 s."""
SIGNALS: Final = tuple(number for name in ("SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None)
WISHES: Final = frozenset({"focus", "hold", "set_preset"})


def main() -> int:
    """Run the engine until standard input closes or it fails; return the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C at the terminal is for the console
    collecting.while_loading()
    told, tell = _pipes()
    write_log()
    try:
        ordered = read_frame(told)
        return 1 if ordered is None else _run(unpacked(ordered[1]), told, tell)
    except PrismError as error:
        return _fail(tell, error.message)
    except Exception as error:  # nothing above catches it: the console shows the type, the log has the traceback
        LOG.exception("the engine's process failed")
        return _fail(tell, f"the engine failed: {type(error).__name__} (details in the log)")


def _pipes() -> tuple[BinaryIO, BinaryIO]:
    """The pipes from and to the console. File descriptors 0 and 1 are redirected to nowhere, so that a library's print
    cannot come between frames.

    `sys.stdin` itself is not used: Python closes it at exit, and aborts if a thread is still reading from it.
    """
    told, tell = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return told, tell


def _run(orders: Orders, told: BinaryIO, tell: BinaryIO) -> int:
    args = orders.args
    with contextlib.ExitStack() as open_while:
        simulator = open_while.enter_context(simulator_of(args)) if orders.is_demo else None
        # The simulator takes as long to load as the engine, so it is started first.
        from tui.live import live_engine
        from tui.recording import recorder_of

        recorder = open_while.enter_context(contextlib.closing(recorder_of(args))) if orders.is_recorded else None
        engine = live_engine(orders.config, simulator, recorder)
        collecting.collect_seldom()
        engine.start()
        wished = threading.Event()
        faults: list[str] = []
        listener = threading.Thread(target=_obey, args=(told, engine, wished, faults), name="prism-wishes", daemon=True)
        listener.start()
        ended_by = _end_when_told(engine)
        failure = _show(engine, tell, wished)
        engine.close(CLOSE_S)  # wait for it: the recorder closes next, and the engine's thread writes to it
    for number in ended_by:
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)
    why = failure or next(iter(faults), None)
    return 0 if why is None else _fail(tell, why)


def _obey(told: BinaryIO, engine: LiveEngine, wished: threading.Event, faults: list[str]) -> None:
    """Carry out requests until the console's end of the pipe closes, then end the engine. A frame that cannot be
    decoded also ends it, with the reason in `faults`: the frames after it cannot be trusted."""
    try:
        while (frame := read_frame(told)) is not None:
            name, arguments = unpacked(frame[1])
            if name in WISHES:
                getattr(engine, name)(*arguments)
                wished.set()
    except Exception as error:  # nothing above catches it in this thread: it is reported and ends the engine
        LOG.exception("a wish of the console could not be read")
        faults.append(f"the engine was asked for what it does not know: {type(error).__name__} (details in the log)")
    finally:
        _end(engine)


def _end(engine: LiveEngine) -> None:
    """End the engine. A timer exits the process if the engine hangs."""
    left = threading.Timer(CLOSE_S, _leave, (engine,))
    left.daemon = True
    left.start()
    engine.close(0.0)


def _leave(engine: LiveEngine) -> None:
    """The engine's time is over. If it hangs, exit at once: nothing else can close. Otherwise wait `AFTER_S` first."""
    if not engine.alive():
        threading.Event().wait(AFTER_S)
    os._exit(1)


def _end_when_told(engine: LiveEngine) -> list[int]:
    """Make a signal (a shutdown of the machine, for example) end the engine cleanly. Returns a list that will hold the
    signal, so that the process can then end by that signal."""
    ended_by: list[int] = []

    def told(number: int, frame: FrameType | None) -> None:
        if not ended_by:
            ended_by.append(number)
            _end(engine)

    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup
            signal.signal(number, told)
    return ended_by


def _show(engine: LiveEngine, tell: BinaryIO, wished: threading.Event) -> str | None:
    """Send the engine's snapshots until it ends. Returns in words why it ended by itself, or None.

    Only the newest is sent: while the console does not read, this thread waits for the pipe and the engine does not.
    """
    from tui.engine_process.pictures import PictureWriter

    writer = PictureWriter(lambda kind, body: write_frame(tell, kind, body))
    shown = None
    with contextlib.suppress(OSError):  # the console is gone, and standard input will close too
        while engine.alive():
            engine.published.wait(LOOK_S)
            engine.published.clear()
            snapshot = engine.latest()
            if snapshot is not None and snapshot is not shown:
                shown = snapshot
                writer.write(snapshot)
                wished.wait(LEAST_S)
                wished.clear()
    return engine.failure()


def _fail(tell: BinaryIO, why: str) -> int:
    with contextlib.suppress(OSError):
        write_frame(tell, Kind.FAILURE, why.encode())
    return 1


if __name__ == "__main__":
    sys.exit(main())
