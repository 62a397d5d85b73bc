"""The table of `prism` commands: for each its name, its arguments and the module that runs it.

The command line builds its parser from it. Nothing heavy may be imported here: the module of a command is imported only
once that command has been chosen, and `prism --help` loads none of them.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

CONSOLE: Final = "tui.launch"
"""The module of every command that shows the console, and of a headless command with `--console`."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command. Its module offers `run(args) -> int`, the exit code."""

    name: str
    summary: str
    """One line for the list of commands, lower case, without a full stop."""
    module: str
    add_arguments: Callable[[argparse.ArgumentParser], None]

    @property
    def is_installed(self) -> bool:
        """Whether its module is part of this installation; a command without it is not offered."""
        return importlib.util.find_spec(self.module) is not None

    def run(self, args: argparse.Namespace) -> int:
        """Load the module and run the command; returns the exit code."""
        module = CONSOLE if getattr(args, "console", False) else self.module
        code: int = importlib.import_module(module).run(args)
        return code


def moment_ms(text: str) -> int:
    """A point in time as typed by the user: ISO 8601 (UTC unless it names a zone) or milliseconds since the epoch.

    Bounded as the times of events are, so that the console can write it in any zone.
    """
    from engine.venues.checks import MAX_MS, MIN_MS  # only here: `prism --help` needs none of what it loads

    ms = _moment_ms(text)
    if not MIN_MS < ms < MAX_MS:
        raise argparse.ArgumentTypeError(
            f"expected a time between {_day(MIN_MS)} and {_day(MAX_MS)}, a number being milliseconds, not {text!r}"
        )
    return ms


def _day(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, tz=UTC):%Y-%m-%d}"


def _moment_ms(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 15:
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected a time such as 2024-08-08T23:55:00Z, or milliseconds since 1970, not {text!r}"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def speed(text: str) -> float:
    """Seconds of a recording played per second; infinite for `max`."""
    if text == "max":
        return math.inf
    return _number_above_zero(text, "a number above 0, or max")


def seconds(text: str) -> float:
    """A duration in seconds, above 0."""
    return _number_above_zero(text, "a number of seconds above 0")


def _number_above_zero(text: str, expected: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"expected {expected}, not {text!r}")
    return value


def count(text: str) -> int:
    """A whole number from 1."""
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) >= 1):
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, not {text!r}")
    return int(text)


def levels(text: str) -> int:
    """A number of book levels: a whole number from 0."""
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise argparse.ArgumentTypeError(f"expected a whole number from 0, not {text!r}")
    return int(text)


def _settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", dest="config_file", metavar="FILE", help="read settings here (default: see `prism config path`)"
    )


def size(text: str) -> int:
    """A number of bytes, with KiB, MiB, GiB or TiB: `2GiB`."""
    number, unit = text.rstrip("BbIiKkMmGgTt"), text.lstrip("0123456789. ").lower().removesuffix("b").removesuffix("i")
    factor = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}.get(unit)
    if factor is None:
        raise argparse.ArgumentTypeError(f"expected a size such as 500MiB or 2GiB, not {text!r}")
    return int(_number_above_zero(number, "a size such as 500MiB or 2GiB") * factor)


def duration(text: str) -> float:
    """A span of time in seconds: `90`, `90s`, `10m`, `2h`, `1d`."""
    factor = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}.get(text[-1:].lower())
    expected = "a span of time such as 90s, 10m, 2h or 1d"
    return _number_above_zero(text if factor is None else text[:-1], expected) * (factor or 1.0)


def _live(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(mode="live")
    _settings(parser)


def _simulator(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--seed", type=count, default=1, metavar="N", help="with the simulator: which market (default: 1)"
    )
    parser.add_argument(
        "--rate", type=_rate, metavar="R", help="with the simulator: trades and book changes a second (default: 3000)"
    )


def _rate(text: str) -> float:
    return _number_above_zero(text, "a number a second above 0")


def _demo(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(mode="demo")
    _simulator(parser)
    _settings(parser)


def _record(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(mode="live")
    parser.add_argument("folder", metavar="DIR", help="folder for the capture's files; created if it does not exist")
    parser.add_argument(
        "--for",
        dest="for_seconds",
        type=duration,
        metavar="TIME",
        help="stop after this time: 90s, 10m, 2h (default: never)",
    )
    parser.add_argument(
        "--max-size", type=size, default=size("2GiB"), metavar="SIZE", help="stop at this total size (default: 2GiB)"
    )
    parser.add_argument("--console", action="store_true", help="also show the console")
    parser.add_argument("--demo", action="store_true", help="record the built-in exchange simulator")
    _simulator(parser)
    _settings(parser)


def _replay(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(mode="replay")
    parser.add_argument(
        "capture", metavar="CAPTURE", help="a .jsonl, .jsonl.gz or .jsonl.zst file, or a folder of them"
    )
    parser.add_argument(
        "--speed", type=speed, default=1.0, metavar="N|max", help="times the recording's own pace (default: 1)"
    )
    parser.add_argument(
        "--start", type=moment_ms, metavar="T", help="begin here: ISO 8601, UTC unless it names a zone, or epoch ms"
    )
    _settings(parser)


def port(text: str) -> int:
    """A TCP port."""
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"expected a port from 1 to 65535, not {text!r}")
    return int(text)


def _web(parser: argparse.ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--replay", metavar="CAPTURE", help="show a recording (default: the live venues)")
    source.add_argument("--demo", action="store_true", help="show the built-in exchange simulator")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="the address to listen on (default: 127.0.0.1, this machine only)",
    )
    parser.add_argument("--port", type=port, default=7447, metavar="N", help="default: 7447")
    parser.add_argument(
        "--name",
        dest="names",
        action="append",
        default=[],
        metavar="HOST",
        help="another name under which browsers reach it",
    )
    parser.add_argument(
        "--token-file",
        metavar="FILE",
        help="the token of the address (default: a new one every time); needed for a --host that others reach",
    )
    parser.add_argument(
        "--pages",
        type=count,
        default=1,
        metavar="N",
        help="number of consoles at once; one more ends the oldest (default: 1)",
    )
    _simulator(parser)
    _settings(parser)


def _scan(parser: argparse.ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--replay", metavar="CAPTURE", help="rank a recording as of its end (default: the live venues)")
    source.add_argument("--demo", action="store_true", help="rank the built-in exchange simulator")
    parser.add_argument("--top", type=count, default=20, metavar="N", help="how many candidates (default: 20)")
    parser.add_argument("--preset", metavar="P", help="which weights and gates (default: the configured one)")
    parser.add_argument(
        "--filter", metavar="EXPR", help="keep rows that satisfy this, e.g. 'score > 70 and oi_1h > 0.03'"
    )
    parser.add_argument("--format", choices=("table", "json", "csv"), default="table", help="default: table")
    parser.add_argument(
        "--for",
        dest="for_seconds",
        type=seconds,
        metavar="SECONDS",
        help="gather data this long before ranking (default: 30; with --demo 20)",
    )
    _simulator(parser)
    _settings(parser)


def _explain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("symbol", metavar="SYMBOL", help="as the venue writes it, or venue:symbol")
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--replay", metavar="CAPTURE", help="the recording to explain it from (default: the live venues)"
    )
    source.add_argument("--demo", action="store_true", help="explain it from the built-in exchange simulator")
    parser.add_argument(
        "--at",
        type=moment_ms,
        metavar="T",
        help="with --replay, as of this time: ISO 8601 or epoch ms (default: its end)",
    )
    parser.add_argument("--preset", metavar="P", help="which weights and gates (default: the configured one)")
    parser.add_argument("--format", choices=("table", "json"), default="table", help="default: table")
    parser.add_argument(
        "--for",
        dest="for_seconds",
        type=seconds,
        metavar="SECONDS",
        help="gather data this long before explaining (default: 30; with --demo 20)",
    )
    _simulator(parser)
    _settings(parser)


def _inspect(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "capture", metavar="CAPTURE", help="a .jsonl, .jsonl.gz or .jsonl.zst file, or a folder of them"
    )
    parser.add_argument("--depth", type=levels, default=10, metavar="N", help="book levels a side (default: 10)")
    parser.add_argument("--symbol", metavar="S", help="only instruments of this name, in upper or lower case")
    parser.add_argument("--format", choices=("table", "json"), default="table", help="default: table")


def _config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        choices=("init", "path", "show", "check"),
        help="init: write the commented example; path: print its path; "
        "show: print the values in force and their sources; check: report every error",
    )
    parser.add_argument(
        "file", nargs="?", metavar="FILE", help="check: this file instead of the configuration in force"
    )
    parser.add_argument("--force", action="store_true", help="init: replace a file that exists")
    parser.add_argument("--format", choices=("table", "json"), help="show: default table")
    _settings(parser)


COMMANDS: Final = (
    Command(
        "live", "the console on the live public streams of the venues; `prism` alone does the same", CONSOLE, _live
    ),
    Command("demo", "the console on the built-in exchange simulator; works offline", CONSOLE, _demo),
    Command("replay", "the console on a recording: pause, step, seek, speed", CONSOLE, _replay),
    Command("record", "write what the venues send to a capture", "tui.headless.record", _record),
    Command("web", "the console in a browser on this machine", "tui.web.command", _web),
    Command("scan", "rank once, print, exit", "tui.headless.scan", _scan),
    Command("explain", "the full derivation of one symbol's score, gates and levels", "tui.headless.explain", _explain),
    Command(
        "inspect", "what a recording contains: venues, instruments, books, counts", "tui.headless.inspect", _inspect
    ),
    Command(
        "doctor", "check the terminal, the folders and each venue; say what to do", "tui.headless.doctor", _settings
    ),
    Command("config", "write, find, show or check the configuration", "tui.headless.config", _config),
)
"""In the order of the help."""

WITHOUT_NAME: Final = "live"
"""The command that `prism` alone runs."""
