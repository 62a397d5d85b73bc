"""prism's engine: turns exchange data into ranked and explained candidates. It knows nothing about terminals.

The public API is `Engine` (runs in a thread, on a recording or on live venues), `Snapshot` (what it publishes) and
`Config`. They are imported on first access, so that light parts of the program can import single modules without
loading all of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.config.schema import Config
    from engine.runtime import Engine
    from engine.snapshot import Snapshot

__all__ = ["Config", "Engine", "Snapshot"]

_HOMES = {"Config": "engine.config.schema", "Engine": "engine.runtime", "Snapshot": "engine.snapshot"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
