"""The command line that runs a module of prism in a separate Python process.

Used for the engine's process and for the simulator. The child imports from this process's search path, and never from
the current folder, which plain `python -m` would search first.
"""

from __future__ import annotations

import json
import sys
from typing import Final

BOOT: Final = (
    "import json, runpy, sys; sys.path[:] = json.loads(sys.argv.pop(1)); "
    "runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"
)


def command(module: str, *words: str) -> list[str]:
    """`python -m MODULE WORDS` with this process's search path."""
    return [sys.executable, "-P", "-c", BOOT, json.dumps(sys.path), module, *words]
