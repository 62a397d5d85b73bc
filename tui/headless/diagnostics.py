"""Everything written to stderr, and every exit code.

Called by the command line around each command, and by commands for notices beside their result. Nothing else may write
to stderr or choose an exit code. Text is cleaned here once more, because an exception may contain a file name or an
argument that never passed a decoder.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Final

from engine.errors import ConfigError, PrismError
from engine.text import clean

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130
"""128 + SIGINT, as shells expect."""

_MAX_LINE_CHARS: Final = 400
_MAX_PROBLEMS: Final = 50


def notice(message: str) -> None:
    """Print one line for the user on stderr."""
    sys.stderr.write(f"prism: {clean(message, _MAX_LINE_CHARS)}\n")


def guard(run: Callable[[], int], *, debug: bool = False) -> int:
    """Run a command and turn whatever it raises into one line on stderr and an exit code."""
    try:
        code = _code_of(run)
        sys.stdout.flush()
    except BrokenPipeError:
        _abandon_stdout()
        return DONE
    except KeyboardInterrupt:
        return INTERRUPTED
    except ConfigError as error:
        _report(error)
        return USAGE
    except PrismError as error:
        _report(error)
        return FAILED
    except OSError as error:
        notice(f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error))
        return FAILED
    except Exception as error:  # noqa: BLE001 - last line of defence: a fault is reported in words, not as a traceback
        if isinstance(error.__cause__, KeyboardInterrupt):
            return INTERRUPTED  # while a class was made (see `tui.interrupts`)
        _internal(error, debug=debug)
        return FAILED
    return code


def _code_of(run: Callable[[], int]) -> int:
    try:
        return run()
    except SystemExit as exit_:
        # Only argparse raises it, after printing help or the version.
        return exit_.code if isinstance(exit_.code, int) else DONE


def _report(error: PrismError) -> None:
    notice(error.message)
    if isinstance(error, ConfigError):
        for problem in error.problems[:_MAX_PROBLEMS]:
            if problem != error.message:
                notice(f"  {problem}")


def _internal(error: Exception, *, debug: bool) -> None:
    if debug:
        import traceback

        for line in "".join(traceback.format_exception(error)).splitlines():
            sys.stderr.write(clean(line, _MAX_LINE_CHARS) + "\n")
    advice = "" if debug else "; run it again with --debug for the traceback, and report it"
    notice(f"internal error: {type(error).__name__}: {error}{advice}")


def _abandon_stdout() -> None:
    """The reader of stdout is gone: redirect stdout to nowhere, so that the interpreter's flush at exit cannot fail."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        return
