"""Exclusive right to write a file that programs running side by side share.

Taken by `engine.storage.candle_store`. The claim is a lock on a small file beside the claimed one. The system releases
it when its holder ends, even if killed, so no claim is ever left behind. The lock file must not be deleted: another
program may just have claimed it.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final, Self

try:
    import fcntl
except ImportError:  # Windows: there the database's own locks must suffice
    fcntl = None  # type: ignore[assignment]

ENDING: Final = ".lock"
_PID_BYTES: Final = 20
_CLOSED_IN_CHILDREN: Final[int] = getattr(os, "O_CLOEXEC", 0)
"""0 on Windows, where Python makes every file non-inheritable anyway."""


class Claim:
    """The right to write the file at `path`, held until `release`."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    @classmethod
    def take(cls, path: Path) -> Self | None:
        """The claim, or None while another program holds it. Raises OSError if no lock file can be made."""
        handle = os.open(path.with_name(path.name + ENDING), os.O_RDWR | os.O_CREAT | _CLOSED_IN_CHILDREN, 0o600)
        try:
            if fcntl is not None:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        except OSError:
            os.close(handle)
            raise
        # On a full disk the lock is held all the same; only its holder's process id is then unknown to others.
        with contextlib.suppress(OSError):
            os.ftruncate(handle, 0)
            os.write(handle, f"{os.getpid()}\n".encode())
        return cls(handle)

    @classmethod
    def needless(cls) -> Self:
        """A claim without a lock, for a file that no other program can reach."""
        return cls(-1)

    def release(self) -> None:
        """Release the lock; releasing twice is harmless."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)


def holder_of(path: Path) -> str:
    """The holder of the claim on `path`, as text; never raises."""
    try:
        with path.with_name(path.name + ENDING).open("rb") as file:
            number = file.read(_PID_BYTES).strip()
    except OSError:
        number = b""
    return f"process {number.decode()}" if number.isdigit() else "another process"
