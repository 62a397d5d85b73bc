"""The command that runs a module of this program in a Python of its own.

Used for the engine's process and for the simulator. Both import what this process would, and nothing that happens to
lie in the folder it was started from, which `python -m` would look into first.
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
