"""`prism config`: write the commented example, say where the file is, show what is in force, report every error.

Run by the command line. What the file means is the engine's business; here are only words, tables and exit codes.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Final

from rich.text import Text

from engine.config import files
from engine.config.example import example, scalar
from engine.config.loading import DEFAULT, Loaded, load, refusal
from engine.errors import ConfigError
from engine.text import clean
from themes import files as theme_files
from tui.actions import Keymap
from tui.headless import diagnostics, output, tables
from tui.headless.settings import config_path, loaded_settings
from tui.headless.tables import Column

SHOW_SCHEMA: Final = "prism.config/1"
_COLUMNS: Final = (Column("key", False, 0), Column("value", False, 0), Column("from", False, 0))
_LINE_CHARS: Final = 1000


def run(args: argparse.Namespace) -> int:
    """Do `args.action`; the exit code."""
    if args.file is not None and args.action != "check":
        raise ConfigError(f"`prism config {args.action}` takes no FILE; --config FILE names another file")
    if args.file is not None and args.config_file is not None:
        raise ConfigError("`prism config check` takes either FILE or --config FILE, not both")
    if args.force and args.action != "init":
        raise ConfigError(f"`prism config {args.action}` does not take --force")
    if args.format is not None and args.action != "show":
        raise ConfigError(f"`prism config {args.action}` does not take --format")
    return {"init": _init, "path": _path, "show": _show, "check": _check}[args.action](args)


def _target(args: argparse.Namespace) -> Path:
    return config_path(args) or files.default_path()


def _say(line: str) -> None:
    output.write_table(Text(clean(line, _LINE_CHARS), overflow="fold"))


def _init(args: argparse.Namespace) -> int:
    target = _target(args)
    files.write(target, example(), replace=args.force)
    _say(f"wrote {target}")
    return diagnostics.DONE


def _path(args: argparse.Namespace) -> int:
    """The path alone on stdout, for scripts; whether it exists goes beside it."""
    target = _target(args)
    _say(str(target))
    if not target.exists():
        diagnostics.notice("no such file yet, the defaults hold; `prism config init` writes one")
    return diagnostics.DONE


def _show(args: argparse.Namespace) -> int:
    loaded = loaded_settings(args)
    for notice in loaded.notices:
        diagnostics.notice(notice)
    values = loaded.values()
    if args.format == "json":
        output.write_document(
            {
                "schema": SHOW_SCHEMA,
                "path": clean(str(loaded.path), _LINE_CHARS),
                "found": loaded.found,
                "values": [{"key": key, "value": value, "from": loaded.origin[key]} for key, value in values.items()],
            }
        )
        return diagnostics.DONE
    rows = [[clean(key), _shown(value), _origin(loaded, key)] for key, value in values.items()]
    title = f"{loaded.path}{'' if loaded.found else ' (no such file: the defaults hold)'}"
    output.write_table(*tables.fitted(clean(title, _LINE_CHARS), _COLUMNS, rows, tables.width()))
    return diagnostics.DONE


def _shown(value: object) -> str:
    return "none" if value is None or value == {} else clean(scalar(value))


def _origin(loaded: Loaded, key: str) -> str:
    """Where a value is from; the file, whose whole path stands above the table, by its name and line."""
    origin = loaded.origin[key]
    folder = files.shown(loaded.path.parent)
    return origin.removeprefix(folder + os.sep) if origin != DEFAULT else origin


def _check(args: argparse.Namespace) -> int:
    """Every problem is a line of the result, `FILE:LINE: key: what is wrong`. With FILE, no environment."""
    try:
        loaded = load(Path(args.file), environment={}) if args.file is not None else loaded_settings(args)
        if problems := [*_theme_problems(loaded), *_key_problems(loaded)]:
            raise refusal(problems)
    except ConfigError as error:
        for problem in error.problems:
            _say(problem)
        count = len(error.problems)
        diagnostics.notice(f"{count} problem{'' if count == 1 else 's'} in the configuration")
        return diagnostics.USAGE
    for notice in loaded.notices:
        diagnostics.notice(notice)
    _say(f"{loaded.path}: {'no problems' if loaded.found else 'no such file; the defaults hold'}")
    return diagnostics.DONE


def _theme_problems(loaded: Loaded) -> list[str]:
    """A theme that the console would not find; files that hold none are told beside it."""
    folder = theme_files.user_folder()
    known, broken = theme_files.names(folder)
    for told in broken:
        diagnostics.notice(told)
    wanted = loaded.config.console.theme
    if wanted in known or wanted in theme_files.OF_TEXTUAL:
        return []
    expected = f"expected one of {', '.join(known)}, or the name of a theme in {files.shown(folder)}, not {wanted!r}"
    return [f"{loaded.origin['console.theme']}: console.theme: {expected}"]


def _key_problems(loaded: Loaded) -> list[str]:
    """Rebindings that the console could not use: only it knows the names of actions."""
    problems = []
    for told in Keymap(loaded.config.console.keys).problems:
        key = f"console.{told.partition(':')[0]}"
        problems.append(f"{loaded.origin.get(key, DEFAULT)}: console.{told}")
    return problems
