"""Progress of a recording: reported by `engine.storage.recorder`, shown by the console."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Written:
    """What `prism record` has written."""

    records: int
    bytes: int
    """Compressed, of all files."""
    files: int
    ended: str = ""
    """Why writing has stopped, as text; empty while it continues."""
