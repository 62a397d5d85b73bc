"""The console's state between runs: one small JSON file in the platform's state folder.

The app reads it once at start and has it written on every deliberate change. Consoles that run side by side share it:
each writes what its user changed and leaves the rest as the other wrote it. The file is a convenience: if it is
damaged, or a newer prism wrote it, it is renamed and the console starts with its defaults and a notice. It contains no
secrets and nothing from a venue except symbols, and no symbol may become part of a path.
"""

from __future__ import annotations

import math
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Final

import msgspec
import platformdirs

from engine.text import clean, is_safe_symbol
from tui import presenters
from tui.presenters.columns import BY_KEY

STATE_VERSION: Final = 1
MAX_STATE_BYTES: Final = 1 << 20
"""A watch-list of every instrument of every venue is below 200 kB; a larger file is not one that prism wrote."""


MAX_TEXT_CHARS: Final = 1000
"""The prompt accepts no more."""
MAX_GROUPING: Final = 1000
"""Far beyond the end of the ladder of tick groups, which checks its own bound."""
LOOK_S: Final = 0.005
"""Pause between two looks at whether the newest state is written."""


class Instrument(msgspec.Struct, frozen=True, order=True, array_like=True):
    """A symbol on a venue, as stored in the watch-list and the pins."""

    venue: str
    symbol: str


class ConsoleState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything saved. Fields may be added with a default; a changed meaning needs a new version."""

    version: int = STATE_VERSION
    alerts: bool = False
    """Whether alerts are on."""
    greeted: bool = False
    """The user hid the lines for newcomers."""
    preset: str | None = None
    """None: as configured."""
    theme: str | None = None
    sort: str | None = None
    """Id of the sort column; None: the table's own default."""
    reverse: bool = False
    side: str = "both"
    find: str = ""
    expression: str = ""
    filters: dict[str, str] = {}
    """Saved filter expressions by name."""
    watched: tuple[Instrument, ...] = ()
    watch_only: bool = False
    pinned: tuple[Instrument, ...] = ()
    face: str = "technical"
    timeframe: str = "15m"
    liquidation_minimum_usd: float = 0.0
    """0: as configured, unless `liquidations_all`."""
    liquidations_all: bool = False
    """The user chose to see liquidations of every size."""
    depth_grouping: int = 0
    """Index into the ladder of tick groups."""


def default_path() -> Path:
    """The state file in this platform's state folder."""
    return platformdirs.user_state_path("prism") / "console.json"


def load(path: Path) -> tuple[ConsoleState, str | None]:
    """The state at `path`, and a notice if not all of it could be used. Never raises because of the file's contents."""
    notices: list[str] = []
    try:
        return _read(path, notices) or ConsoleState(), "; ".join(notices) or None
    except OSError as error:
        return ConsoleState(), f"state file {path} cannot be read ({error.strerror}); started with defaults"
    except _UnusableError as error:
        return ConsoleState(), _set_aside(path, str(error))


class _UnusableError(Exception):
    """The file was not written by this version of prism; the message says why."""


def _read(path: Path, notices: list[str]) -> ConsoleState | None:
    """The state at `path`, or None if there is no file. Raises OSError if it cannot be read, and _UnusableError.

    A choice that this prism does not know is left out with a sentence in `notices`: another version may know it.
    """
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
    return _known(state, notices)


def _known(state: ConsoleState, notices: list[str]) -> ConsoleState:
    """`state` without a sort column that does not exist and without an expression that cannot be parsed."""
    if state.sort is not None and state.sort not in BY_KEY:
        notices.append(f"the saved sort column {state.sort} does not exist; sorted by rank")
        state = msgspec.structs.replace(state, sort=None, reverse=False)
    if state.expression.strip():
        try:
            presenters.filter_expression.parse(state.expression)
        except presenters.filter_expression.FilterError as error:
            notices.append(f"the saved filter `{state.expression}` was dropped: {error.message}")
            state = msgspec.structs.replace(state, expression="")
    return state


def fit_to_show(state: ConsoleState) -> ConsoleState:
    """`state` with the user's own texts cleaned for display; uncleaned, the file would be refused at the next start."""
    filters = {clean(name, MAX_TEXT_CHARS): clean(text, MAX_TEXT_CHARS) for name, text in state.filters.items()}
    found, expression = clean(state.find, MAX_TEXT_CHARS), clean(state.expression, MAX_TEXT_CHARS)
    return msgspec.structs.replace(state, find=found, expression=expression, filters=filters)


def _is_fit(state: ConsoleState) -> bool:
    """Whether its texts are safe to show and its numbers are in range: the file may come from another person."""
    words = (
        state.preset or "",
        state.theme or "",
        state.sort or "",
        state.side,
        state.face,
        state.timeframe,
    )
    kept = (*state.watched, *state.pinned)
    return (
        all(clean(text, MAX_TEXT_CHARS) == text for text in (*words, state.find, state.expression))
        and all(clean(text, MAX_TEXT_CHARS) == text for named in state.filters.items() for text in named)
        and all(is_safe_symbol(one.venue) and is_safe_symbol(one.symbol) for one in kept)
        and math.isfinite(state.liquidation_minimum_usd)
        and 0 <= state.depth_grouping < MAX_GROUPING
    )


def save(path: Path, state: ConsoleState, kept: ConsoleState | None = None) -> str | None:
    """Replace the file atomically, readable by its owner only. Returns a notice if that failed.

    `kept`: what this console last read or wrote. Fields that it has not changed since then stay as another console may
    have written them. None: the file becomes `state`. A file that cannot be used is renamed first.
    """
    try:
        theirs = None if kept is None else _read(path, [])
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


class StateWriter:
    """Writes states in a thread of its own, so that no key waits for the disk. One that a newer one overtakes is
    skipped.

    `kept` is what this console read at its start. `failed` is called in that thread with the notice of `save`.
    """

    def __init__(self, path: Path, kept: ConsoleState, failed: Callable[[str], object] = lambda notice: None) -> None:
        self._path, self._kept, self._failed = path, kept, failed
        self._newest = self._settled = kept
        self._asked: SimpleQueue[ConsoleState] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self.notice = ""
        """Why the last attempt failed; empty if it did not."""

    def write(self, state: ConsoleState) -> None:
        """Have `state` written; returns at once."""
        self._newest = state
        self._asked.put(state)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="prism-state", daemon=True)
            self._thread.start()

    def flush(self, limit_s: float) -> bool:
        """Wait up to `limit_s` seconds until the newest state was written or failed to be; returns whether it was.
        Takes no lock, because a signal's handler may call it."""
        for _ in range(round(limit_s / LOOK_S)):
            if self._settled is self._newest:
                break
            time.sleep(LOOK_S)
        return self._settled is self._newest

    def _work(self) -> None:
        while True:
            state = self._asked.get()
            while not self._asked.empty():
                state = self._asked.get()
            self.notice = save(self._path, state, self._kept) or ""
            if self.notice:
                self._failed(self.notice)
            else:
                self._kept = state
            self._settled = state


def _merged(ours: ConsoleState, kept: ConsoleState, theirs: ConsoleState) -> ConsoleState:
    """`theirs` with the changes from `kept` to `ours`; lists and named filters are merged entry by entry."""
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
