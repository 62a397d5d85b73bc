"""Lazy imports: modules of a package that are loaded at first use.

Presenters need arrays and the snapshot's types, and other screens need their own code; the first paint needs none of
these. A package with `__getattr__ = loader_of(__name__, LATER)` (PEP 562) provides the modules `LATER` as attributes:
`presenters.depth.depth_lines(...)` loads `depth` at that call. `tui.loading` loads them all after the first paint, so
that no snapshot and no key waits for them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection
from types import ModuleType


def loader_of(package: str, later: Collection[str]) -> Callable[[str], ModuleType]:
    """The `__getattr__` of `package`, which loads and returns a module named in `later`."""

    def load_module(name: str) -> ModuleType:
        if name not in later:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return importlib.import_module(f"{package}.{name}")

    return load_module
