"""Garbage collector settings for the processes that paint a screen or follow a market.

The command line calls `while_loading` before it loads anything. Each process calls `collect_seldom` when it has loaded
its modules.
"""

from __future__ import annotations

import gc
from typing import Final

ALLOCATIONS: Final = 50_000
"""Net allocations between two collections of the youngest generation."""


def while_loading() -> None:
    """Collect rarely while modules load: what they create stays, and scanning it repeatedly takes a tenth of a start's
    time."""
    gc.set_threshold(ALLOCATIONS)


def collect_seldom() -> None:
    """Freeze what is loaded and collect rarely. Frames create thousands of objects and hardly a cycle; at Python's
    default, the collector would scan everything that was loaded many times a second, in the middle of a paint."""
    gc.freeze()
    gc.set_threshold(ALLOCATIONS)
