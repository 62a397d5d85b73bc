"""What a live engine is connected to: origins, files, a recorder.

Made by the code that starts one (`tui.live`, the tests); only `engine.live` may read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from engine.transport.capture_records import Record
from engine.written import Written


class Recorder(Protocol):
    """The writer of `prism record`."""

    def take(self, record: Record) -> None:
        """One record, in order of arrival. Never raises."""

    def written(self) -> Written:
        """What has been written so far."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """The connections of a live engine; the defaults are the venues themselves."""

    routes: Mapping[str, str] = field(default_factory=dict)
    """Maps real origins to replacements (the simulator's). If there are any, no other origin is ever contacted."""
    pace: float = 1.0
    """Multiplies the request budgets; above 1 only for a simulator that says it allows it."""
    candles: Path | None = None
    """Database of candles; None: candles are not stored."""
    bans: Path | None = None
    """File of the cool-downs that venues imposed; None: they are forgotten at exit, right only for a simulator."""
    recorder: Recorder | None = None
    seed: int | None = None
    """Seed of the jitter; None: different each time."""
