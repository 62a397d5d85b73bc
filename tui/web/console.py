"""The console of one browser page: `python -m tui.web.console live|demo|replay ...`, arguments as for `prism`.

Started by `tui.web.page` with pipes in place of a terminal and Textual's web driver set in the environment. Not meant
to be run by hand.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from tui import cli, launch
from tui.commands import COMMANDS
from tui.headless import diagnostics


def main(argv: Sequence[str]) -> int:
    """Run the console in the page; return its exit code."""
    return diagnostics.guard(lambda: _run(list(argv)))


def _run(words: list[str]) -> int:
    shown = [command for command in COMMANDS if command.name in ("live", "demo", "replay")]
    args = cli.build_parser(shown).parse_args(words)
    args.in_browser = True
    return launch.run(args)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
