"""`prism config`: write the commented example, print its path, show the values in force, report every error.

Run by the command line. `engine.config` reads and checks the file; here are only messages, tables and exit codes.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Final

from rich.text import Text

from engine.config import files
from engine.config.example import example, scalar
from engine.config.loading import DEFAULT, Loaded, load
from engine.config.schema import Config
from engine.config.yaml_text import Path as Key
from engine.errors import ConfigError
from engine.text import clean
from themes import files as theme_files
from tui.actions import Keymap
from tui.headless import diagnostics, output, tables
from tui.headless.settings import config_path, loaded_settings
from tui.headless.tables import Column

SHOW_SCHEMA: Final = "prism.config/1"
_COLUMNS: Final = (Column("key", False, 0), Column("value", False, 0, 20), Column("from", False, 0))
_LINE_CHARS: Final = 1000


def run(args: argparse.Namespace) -> int:
    """Run `args.action`; return the exit code."""
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
    """Print only the path on stdout, for scripts; a notice on stderr says if it does not exist."""
    target = _target(args)
    _say(str(target))
    if not target.exists():
        diagnostics.notice("no such file yet, so the defaults apply; `prism config init` writes one")
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
    title = f"{loaded.path}{'' if loaded.found else ' (no such file: the defaults apply)'}"
    output.write_table(*tables.fitted(clean(title, _LINE_CHARS), _COLUMNS, rows, tables.width()))
    return diagnostics.DONE


def _shown(value: object) -> str:
    return "none" if value is None or value == {} else clean(scalar(value))


def _origin(loaded: Loaded, key: str) -> str:
    """Where a value comes from. The file is given by name and line: its full path is above the table."""
    origin = loaded.origin[key]
    folder = files.shown(loaded.path.parent)
    return origin.removeprefix(folder + os.sep) if origin != DEFAULT else origin


def _check(args: argparse.Namespace) -> int:
    """Print every problem on a line, `FILE:LINE: key: what is wrong`. With FILE, the environment is ignored."""
    try:
        if args.file is not None:
            loaded = load(Path(args.file), environment={}, also=_of_the_console)
        else:
            loaded = loaded_settings(args, _of_the_console)
    except ConfigError as error:
        for problem in error.problems:
            _say(problem)
        count = len(error.problems)
        diagnostics.notice(f"{count} problem{'' if count == 1 else 's'} in the configuration")
        return diagnostics.USAGE
    for notice in loaded.notices:
        diagnostics.notice(notice)
    _say(f"{loaded.path}: {'no problems' if loaded.found else 'no such file; the defaults apply'}")
    return diagnostics.DONE


def _of_the_console(config: Config) -> list[tuple[Key, str]]:
    """Checks that only the console can do: names of themes, keys and actions. Unusable theme files are reported as
    notices."""
    folder = theme_files.user_folder()
    known, broken = theme_files.names(folder)
    for told in broken:
        diagnostics.notice(told)
    problems: list[tuple[Key, str]] = []
    wanted = config.console.theme
    if wanted not in known and wanted not in theme_files.OF_TEXTUAL:
        places = f"one of {', '.join(known)}, or the name of a theme in {files.shown(folder)}"
        problems.append((("console", "theme"), f"expected {places}, not {wanted!r}"))
    for action, text in Keymap(config.console.keys).refused:
        problems.append((("console", "keys", action), text))
    return problems
