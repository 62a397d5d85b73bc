"""What the console remembers between runs: one small JSON file in the platform's state folder.

Read once at start and written on every deliberate change by the app. Consoles that run side by side share it: each
writes what its user changed and leaves the rest as the other wrote it. The file is a convenience: one that is
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
    depth_book: str = ""
    """Which book of an asset is shown; empty: the row's own."""


def default_path() -> Path:
    """Where this platform keeps the state of programs."""
    return platformdirs.user_state_path("prism") / "console.json"


def load(path: Path) -> tuple[ConsoleState, str | None]:
    """The state at `path`, and a notice where it could not be used. Never raises for what the file holds."""
    try:
        return _read(path) or ConsoleState(), None
    except OSError as error:
        return ConsoleState(), f"state file {path} cannot be read ({error.strerror}); started with defaults"
    except _UnusableError as error:
        return ConsoleState(), _set_aside(path, str(error))


class _UnusableError(Exception):
    """The file is none that this prism wrote; says why."""


def _read(path: Path) -> ConsoleState | None:
    """What stands at `path`; None: nothing. Raises OSError where it cannot be read and _UnusableError."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_STATE_BYTES + 1)
    except FileNotFoundError:
        return None
    if len(raw) > MAX_STATE_BYTES:
        raise _UnusableError(f"it is larger than {MAX_STATE_BYTES} bytes")
    try:
        state = msgspec.json.decode(raw, type=ConsoleState)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _UnusableError(f"it is damaged: {error}") from error
    if state.version != STATE_VERSION:
        raise _UnusableError(f"it has version {state.version}, this prism reads version {STATE_VERSION}")
    if not _is_fit(state):
        raise _UnusableError("it holds text or numbers that no prism writes")
    return state


def _is_fit(state: ConsoleState) -> bool:
    """Whether its texts may be shown and its numbers are such: the file may have come from somebody else."""
    words = (
        state.preset or "",
        state.theme or "",
        state.sort or "",
        state.side,
        state.face,
        state.timeframe,
        state.depth_book,
    )
    kept = (*state.watched, *state.pinned)
    return (
        all(clean(text, MAX_TEXT_CHARS) == text for text in (*words, state.find, state.expression))
        and all(is_safe_symbol(one.venue) and is_safe_symbol(one.symbol) for one in kept)
        and math.isfinite(state.liquidation_minimum_usd)
        and 0 <= state.depth_grouping < MAX_GROUPING
    )


def save(path: Path, state: ConsoleState, kept: ConsoleState | None = None) -> str | None:
    """Replace the file in one step, readable by its owner only; returns a notice where that failed.

    `kept`: what this console last read or wrote there. What it did not change since stays as another console may have
    written it; None: the file becomes `state`. A file that cannot be used is set aside.
    """
    try:
        theirs = None if kept is None else _read(path)
    except OSError:
        theirs = None
    except _UnusableError as error:
        _set_aside(path, str(error))
        theirs = None
    if kept is not None and theirs is not None:
        state = _merged(state, kept, theirs)
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


def _merged(ours: ConsoleState, kept: ConsoleState, theirs: ConsoleState) -> ConsoleState:
    """`theirs` with what `ours` changed since `kept`; of lists and named filters, entry by entry."""
    changed: dict[str, object] = {}
    for name in ConsoleState.__struct_fields__:
        mine, before, other = getattr(ours, name), getattr(kept, name), getattr(theirs, name)
        if mine == before:
            continue
        if isinstance(mine, tuple):
            gone, new = set(before) - set(mine), [one for one in mine if one not in before]
            mine = tuple(dict.fromkeys([one for one in other if one not in gone] + new))
        elif isinstance(mine, dict):
            left = {key: value for key, value in other.items() if key in mine or key not in before}
            mine = left | {key: value for key, value in mine.items() if before.get(key) != value}
        changed[name] = mine
    return msgspec.structs.replace(theirs, **changed)


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
