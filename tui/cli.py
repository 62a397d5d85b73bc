"""The command line of `prism`: reads arguments, picks the command, returns its exit code.

`tui.__main__` calls `main`. Nothing heavy may be imported before the command is known. Nothing here writes to
stderr or decides what a failure means: `tui.headless.diagnostics` does.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from engine.errors import ConfigError
from engine.text import clean
from tui import collecting
from tui.commands import COMMANDS, WITHOUT_NAME, Command
from tui.headless import diagnostics

_EPILOG: Final = """exit codes:
  0    done
  1    failed while running: unreadable recording, venue, disk, internal error
  2    wrong usage or configuration
  130  interrupted
"""
PRIVATE: Final = 0o077
"""The umask of every command: files and folders that prism creates are accessible to their owner only."""
_SHELLS: Final = ("bash", "zsh", "tcsh")
_PATH_ARGUMENTS: Final = ("capture", "replay", "config_file", "file", "token_file")
"""Arguments that a shell completes with file names."""


class _Parser(argparse.ArgumentParser):
    """A parser that raises its errors as ConfigError, so that they are reported in one place."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{clean(message, 250)}; see `{self.prog} --help`")


class _Version(argparse.Action):
    """Prints the version. The package metadata is read only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        from importlib.metadata import PackageNotFoundError, version

        try:
            found = version("prism-console")
        except PackageNotFoundError:
            found = "(not installed as a package)"
        sys.stdout.write(f"prism {found}\n")
        parser.exit(0)


def main(argv: Sequence[str] | None = None) -> int:
    """Run `prism` with `argv` (default: the process's own arguments) and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    before = os.umask(PRIVATE)
    collecting.while_loading()
    try:
        return diagnostics.guard(lambda: _run(words), debug="--debug" in words)
    finally:
        os.umask(before)


def _run(words: list[str]) -> int:
    commands = [command for command in COMMANDS if command.is_installed]
    parser = build_parser(commands)
    args = parser.parse_args(words)
    if args.print_completion:
        return _print_completion(parser, args.print_completion)
    if args.command is None:
        args = parser.parse_args([*words, WITHOUT_NAME])
    return next(command for command in commands if command.name == args.command).run(args)


def build_parser(commands: Sequence[Command]) -> argparse.ArgumentParser:
    """The parser of `prism` with these commands."""
    everywhere = _Parser(add_help=False)
    everywhere.add_argument(
        "--debug", action="store_true", default=argparse.SUPPRESS, help="show the traceback of an internal error"
    )
    parser = _Parser(
        prog="prism",
        description="Ranks every crypto perpetual by one explained score.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[everywhere],
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    parser.add_argument("--print-completion", choices=_SHELLS, help="print the completion script of a shell and exit")
    commands_of = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", parser_class=_Parser)
    for command in commands:
        command.add_arguments(
            commands_of.add_parser(
                command.name,
                help=command.summary,
                description=f"{command.summary[0].upper()}{command.summary[1:]}.",
                parents=[everywhere],
                allow_abbrev=False,
            )
        )
    return parser


def _print_completion(parser: argparse.ArgumentParser, shell: str) -> int:
    import shtab

    for action in _all_actions(parser):
        if action.dest in _PATH_ARGUMENTS:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
    sys.stdout.write(shtab.complete(parser, shell))
    return diagnostics.DONE


def _all_actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    found: list[argparse.Action] = []
    for action in parser._actions:
        found.append(action)
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                found += _all_actions(inner)
    return found
