"""The first line of `prism`, as the installed command and as `python -m tui`: loads the command line and runs it.

Nothing may be imported at the top, so that an interrupt while modules load ends the program in silence, as one while a
command runs does.
"""

from __future__ import annotations


def main() -> int:
    """Run `prism` with the process's own arguments and return its exit code."""
    try:
        from tui.interrupts import end_at_once

        with end_at_once():
            from tui.cli import main as run
    except KeyboardInterrupt:
        return 130  # `tui.headless.diagnostics.INTERRUPTED`, which may not be loaded yet
    return run()


if __name__ == "__main__":
    raise SystemExit(main())
