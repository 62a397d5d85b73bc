"""The configuration file: its path, the check that it can be trusted, reading and writing.

Called by the loader and by `prism config`. A file is read from a path that the user named or from the platform's
configuration folder, never from the current directory. A file that another user could have written is not used, because
its author decides what the console shows.
"""

from __future__ import annotations

import os
import shlex
import stat
import tempfile
from pathlib import Path
from typing import Final

import platformdirs

from engine.config.yaml_text import MAX_BYTES
from engine.errors import ConfigError
from engine.text import clean

FILE_NAME: Final = "config.yaml"
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


def default_path() -> Path:
    """The file in this platform's configuration folder. Raises ConfigError if that folder is relative."""
    path = platformdirs.user_config_path("prism") / FILE_NAME
    if not path.is_absolute():
        raise ConfigError(
            f"the folder for configuration, {shown(path.parent)}, is relative; set XDG_CONFIG_HOME to an absolute path"
        )
    return path


def shown(path: Path) -> str:
    """A path, cleaned for display."""
    return clean(str(path), 300)


def read(path: Path, explicit: bool) -> tuple[bytes | None, list[str]]:
    """At most `MAX_BYTES` + 1 bytes of the file, and why it cannot be trusted. None: it is absent and not needed.

    Raises ConfigError if it cannot be read at all, or is absent although the user named it (`explicit`).
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    try:
        # Without O_NONBLOCK, opening a named pipe would wait for a writer for ever.
        handle = os.open(path, flags)
    except (FileNotFoundError, NotADirectoryError):
        if not explicit:
            return None, []
        raise ConfigError(
            f"{shown(path)}: no such file; `prism config init --config {_quoted(path)}` writes one"
        ) from None
    except OSError as error:
        raise ConfigError(f"{shown(path)}: cannot be read ({error.strerror})") from error
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
            raise ConfigError(f"{shown(path)}: is {kind}; expected a configuration file")
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(MAX_BYTES + 1), _distrust(path, status)
    except OSError as error:
        raise ConfigError(f"{shown(path)}: cannot be read ({error.strerror})") from error
    finally:
        os.close(handle)


def _distrust(path: Path, status: os.stat_result) -> list[str]:
    if os.name != "posix":
        return []
    reasons = []
    # As with ssh, root may own it too: root can change any file anyway.
    if status.st_uid not in (os.geteuid(), 0):
        reasons.append(
            f"belongs to another user (id {status.st_uid}), not to you (id {os.geteuid()}); "
            "read it, and if you agree with it, use a copy of your own"
        )
    if status.st_mode & _OTHERS_WRITE:
        mode = stat.S_IMODE(status.st_mode)
        reasons.append(f"can be written by other users (mode {mode:04o}); run: chmod go-w {_quoted(path)}")
    return reasons


def _quoted(path: Path) -> str:
    return shlex.quote(shown(path))


def write(path: Path, text: str, replace: bool) -> None:
    """Write `text` to `path` in one step, readable by its owner only, creating its folder if needed.

    Raises ConfigError if `path` exists and `replace` is False; OSError if writing fails.
    """
    path = path.resolve()  # through a link, so that the file it leads to is written and the link stays
    _make_folder(path.parent)
    if not replace:
        _reserve(path)
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-", suffix=".tmp")  # mode 0600
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        for left in [temporary] * bool(temporary) + [path] * (not replace):
            Path(left).unlink(missing_ok=True)
        raise


def _make_folder(folder: Path) -> None:
    """Create `folder` and its parents if needed, each new one for its owner only (XDG Base Directory, 0.8)."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _reserve(path: Path) -> None:
    """Create `path` atomically, so that it cannot appear in the meantime. Raises ConfigError if it exists."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise ConfigError(f"{shown(path)}: already exists; --force replaces it and discards its contents") from None
