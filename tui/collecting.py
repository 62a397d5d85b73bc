"""How seldom the garbage collector runs in the processes that have a screen to paint or a market to follow.

`while_loading` is called by the command line before it loads anything, `collect_seldom` once by each process when what
it stands on is loaded.
"""

from __future__ import annotations

import gc
from typing import Final

ALLOCATIONS: Final = 50_000
"""Allocations between two collections of the youngest generation."""


def while_loading() -> None:
    """What modules make stays; looking through it again and again takes a tenth of the time of a start."""
    gc.set_threshold(ALLOCATIONS)


def collect_seldom() -> None:
    """Frames make objects by the thousand and hardly a cycle; at Python's default the collector would look through all
    that was loaded many times a second, in the middle of a paint."""
    gc.freeze()
    gc.set_threshold(ALLOCATIONS)
