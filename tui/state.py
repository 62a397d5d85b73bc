"""What the console remembers between runs: one small JSON file in the platform's state folder.

Read once at start and written on every deliberate change by the app. The file is a convenience: one that is
damaged, or that a newer prism wrote, is set aside under another name and the console starts with its defaults
and a notice. Nothing secret and nothing from a venue but symbols stands in it, and no symbol becomes part of a path.
"""

from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path
from typing import Final

import msgspec
import platformdirs

from engine.text import clean, is_safe_symbol

STATE_VERSION: Final = 1
MAX_STATE_BYTES: Final = 1 << 20
"""A watch-list of every instrument of every venue is below 200 kB; a larger file is not one that prism wrote."""


MAX_TEXT_CHARS: Final = 1000
"""The prompt takes no more."""
MAX_GROUPING: Final = 1000
"""Far beyond the ladder of tick groups, whose end is its own business."""


class Instrument(msgspec.Struct, frozen=True, order=True, array_like=True):
    """A symbol on a venue, as a watch-list or a pin holds it."""

    venue: str
    symbol: str


class ConsoleState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything kept. Fields may be added with a default; a changed meaning needs a new version."""

    version: int = STATE_VERSION
    alerts: bool = False
    """Whether events ring."""
    greeted: bool = False
    """The user hid the lines for newcomers."""
    preset: str | None = None
    """None: what the configuration says."""
    theme: str | None = None
    sort: str | None = None
    """Id of the sort column; None: the table's own default."""
    reverse: bool = False
    side: str = "both"
    find: str = ""
    expression: str = ""
    filters: dict[str, str] = {}
    """Expressions kept by name."""
    watched: tuple[Instrument, ...] = ()
    watch_only: bool = False
    pinned: tuple[Instrument, ...] = ()
    face: str = "technical"
    timeframe: str = "15m"
    liquidation_minimum_usd: float = 0.0
    depth_grouping: int = 0
    """Index into the ladder of tick groups."""


def default_path() -> Path:
    """Where this platform keeps the state of programs."""
    return platformdirs.user_state_path("prism") / "console.json"


def load(path: Path) -> tuple[ConsoleState, str | None]:
    """The state at `path`, and a notice where it could not be used. Never raises for what the file holds."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_STATE_BYTES + 1)
    except FileNotFoundError:
        return ConsoleState(), None
    except OSError as error:
        return ConsoleState(), f"state file {path} cannot be read ({error.strerror}); started with defaults"
    if len(raw) > MAX_STATE_BYTES:
        return ConsoleState(), _set_aside(path, f"it is larger than {MAX_STATE_BYTES} bytes")
    try:
        state = msgspec.json.decode(raw, type=ConsoleState)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return ConsoleState(), _set_aside(path, f"it is damaged: {error}")
    if state.version != STATE_VERSION:
        reason = f"it has version {state.version}, this prism reads version {STATE_VERSION}"
        return ConsoleState(), _set_aside(path, reason)
    if not _is_fit(state):
        return ConsoleState(), _set_aside(path, "it holds text or numbers that no prism writes")
    return state, None


def _is_fit(state: ConsoleState) -> bool:
    """Whether its texts may be shown and its numbers are such: the file may have come from somebody else."""
    words = (state.preset or "", state.theme or "", state.sort or "", state.side, state.face, state.timeframe)
    kept = (*state.watched, *state.pinned)
    return (
        all(clean(text, MAX_TEXT_CHARS) == text for text in (*words, state.find, state.expression))
        and all(is_safe_symbol(one.venue) and is_safe_symbol(one.symbol) for one in kept)
        and math.isfinite(state.liquidation_minimum_usd)
        and 0 <= state.depth_grouping < MAX_GROUPING
    )


def save(path: Path, state: ConsoleState) -> str | None:
    """Replace the file in one step, readable by its owner only; returns a notice where that failed."""
    data = msgspec.json.format(msgspec.json.encode(state), indent=2) + b"\n"
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".console-", suffix=".tmp")  # made with mode 0600
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        return f"state file {path} cannot be written ({error.strerror}); changes last for this run only"
    return None


def _set_aside(path: Path, reason: str) -> str:
    for number in range(1, 1000):
        aside = path.with_name(f"{path.name}.bad-{number}")
        if aside.exists():
            continue
        try:
            path.rename(aside)
        except OSError as error:
            return f"state file {path} not used: {reason}; it could not be set aside ({error.strerror})"
        return f"state file not used: {reason}; kept as {aside}, started with defaults"
    return f"state file {path} not used: {reason}; remove old .bad files beside it"
