"""Stores the cool-downs that venues imposed, so that after a restart prism does not ask a host that banned it.

Opened and fed by `engine.live` and by `prism doctor`. One small JSON file, replaced atomically whenever a venue tells
us to wait; programs that run side by side add to it. Nothing may depend on it: a file that is damaged or cannot be
written costs one line in the log and nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from engine.clock import Clock
from engine.config.files import write
from engine.text import clean
from engine.transport.budgets import Rest

LOG: Final = logging.getLogger("prism.engine")

VERSION: Final = 1
SHORTEST_NS: Final = 5_000_000_000
"""Shorter cool-downs are not stored: they are over before a program has started."""
LONGEST_NS: Final = 259_200_000_000_000
"""The longest ban that any venue states, Binance's 3 days. If one seems longer, the clock was wrong, then or now."""
MAX_BYTES: Final = 65_536
MAX_KEPT: Final = 200
"""Most hosts and pools stored; all venues together have about forty."""
NAME_CHARS: Final = 100


class _Kept(msgspec.Struct, frozen=True):
    name: str
    until_ms: int
    """Wall time, milliseconds since the epoch, UTC."""
    why: str


class _File(msgspec.Struct, frozen=True):
    version: int
    rests: list[_Kept]


class BanStore:
    """The file at `path`, which need not exist."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self._clock = clock
        self._failed = False

    def load(self) -> list[Rest]:
        """The cool-downs still in force, by name. A file that cannot be used is logged."""
        try:
            return self._read()
        except FileNotFoundError:
            return []
        except (OSError, ValueError, msgspec.MsgspecError, RecursionError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            LOG.warning("bans of earlier runs are not known: %s: %s", clean(str(self.path)), clean(str(reason)))
            return []

    def keep(self, rests: Iterable[Rest]) -> None:
        """Add these to the file; of each name the one that ends last is kept. Never raises for a file that cannot be
        used; the first failure to write is logged."""
        try:
            known = {rest.name: rest for rest in self._read()}
        except (OSError, ValueError, msgspec.MsgspecError, RecursionError):
            known = {}
        before = dict(known)
        now_ns = self._clock.now_ns()
        for rest in rests:
            old = known.get(rest.name)
            if SHORTEST_NS <= rest.until_ns - now_ns <= LONGEST_NS and (old is None or old.until_ns < rest.until_ns):
                known[rest.name] = rest
        if known == before:
            return
        newest = sorted(known.values(), key=lambda rest: -rest.until_ns)[:MAX_KEPT]
        kept = [_Kept(rest.name, -(-rest.until_ns // 1_000_000), rest.why) for rest in newest]
        try:
            write(self.path, msgspec.json.encode(_File(VERSION, kept)).decode() + "\n", replace=True)
        except OSError as error:
            if not self._failed:
                self._failed = True
                LOG.warning("bans are not kept: %s: %s", clean(str(self.path)), error.strerror)

    def _read(self) -> list[Rest]:
        """The stored cool-downs that have not ended. Raises OSError, or MsgspecError or ValueError if the file is not
        valid."""
        with self.path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise ValueError(f"it is larger than {MAX_BYTES} bytes")
        found = msgspec.json.decode(raw, type=_File)
        if found.version != VERSION:
            raise ValueError(f"it has version {found.version}, this prism reads version {VERSION}")
        now_ns = self._clock.now_ns()
        rests: dict[str, Rest] = {}
        for one in found.rests[:MAX_KEPT]:
            rest = Rest(clean(one.name, NAME_CHARS), one.until_ms * 1_000_000, clean(one.why))
            if 0 < rest.until_ns - now_ns <= LONGEST_NS:
                rests[rest.name] = max(rest, rests.get(rest.name, rest), key=lambda other: other.until_ns)
        return [rests[name] for name in sorted(rests)]
