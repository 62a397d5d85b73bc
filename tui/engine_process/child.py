"""The engine's process: runs a live engine as it is ordered on standard input and sends its pictures.

Started by `tui.engine_process.remote`, never by a user. It ends with its standard input, whatever the engine does
then, and never writes to a terminal: what goes wrong is told to the console in words and stands in the log.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
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
"""How often a look is taken whether the engine has ended, where it publishes nothing."""
LEAST_S: Final = 0.1
"""Between two pictures of which nobody wished for the second: the console looks eight times a second, and packing one
takes about 20 ms."""
CLOSE_S: Final = 2.0
"""How long the engine may take to end after standard input has."""
STUCK_S: Final = 3.0
"""After these the process is left as it stands."""
WISHES: Final = frozenset({"focus", "hold", "set_preset"})


def main() -> int:
    """Run the engine until standard input ends or it fails; the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal, which is the console's
    collecting.while_loading()
    told, tell = _pipes()
    write_log()
    try:
        ordered = read_frame(told)
        return 1 if ordered is None else _run(unpacked(ordered[1]), told, tell)
    except PrismError as error:
        return _fail(tell, error.message)
    except Exception as error:  # the last frame of the process: the console shows what ended it, and the log holds it
        LOG.exception("the engine's process failed")
        return _fail(tell, f"the engine failed: {type(error).__name__} (details in the log)")


def _pipes() -> tuple[BinaryIO, BinaryIO]:
    """What the console says, and what is said to it. Prints of a library go nowhere, not between the frames."""
    tell = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return sys.stdin.buffer, tell


def _run(orders: Orders, told: BinaryIO, tell: BinaryIO) -> int:
    args = orders.args
    with contextlib.ExitStack() as open_while:
        simulator = open_while.enter_context(simulator_of(args)) if orders.is_demo else None
        # Invented exchanges take as long to load as the engine, so they begin before it.
        from tui.live import live_engine
        from tui.recording import recorder_of

        recorder = open_while.enter_context(contextlib.closing(recorder_of(args))) if orders.is_recorded else None
        engine = live_engine(orders.config, simulator, recorder)
        collecting.collect_seldom()
        engine.start()
        wished = threading.Event()
        threading.Thread(target=_obey, args=(told, engine, wished), name="prism-wishes", daemon=True).start()
        failure = _show(engine, tell, wished)
        engine.close(CLOSE_S)
    return 0 if failure is None else _fail(tell, failure)


def _obey(told: BinaryIO, engine: LiveEngine, wished: threading.Event) -> None:
    """Carry out wishes until the console's end of the pipe closes, then end the engine."""
    try:
        while (frame := read_frame(told)) is not None:
            name, arguments = unpacked(frame[1])
            if name in WISHES:
                getattr(engine, name)(*arguments)
                wished.set()
    finally:
        # Whatever it hangs in, it does not stay behind.
        left = threading.Timer(CLOSE_S + STUCK_S, os._exit, (1,))
        left.daemon = True
        left.start()
        engine.close(0.0)


def _show(engine: LiveEngine, tell: BinaryIO, wished: threading.Event) -> str | None:
    """Send what the engine publishes until it ends; in words why it did by itself.

    The newest only: while the console does not read, this waits in the pipe, and the engine does not.
    """
    from tui.engine_process.pictures import PictureWriter

    writer = PictureWriter(lambda kind, body: write_frame(tell, kind, body))
    shown = None
    with contextlib.suppress(OSError):  # the console is gone, and so will be standard input
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
