"""Writes exports to files: the rows of the table as CSV or JSON, and pictures of the screen.

Called by the main screen and by `tui.app_reports`. File names are prism's own: neither a symbol nor any other text from
outside may become part of a path. An existing file is never overwritten, and no cell can start a formula in a
spreadsheet. A file under its final name is complete: it gets that name once all of it is on the disk.
"""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec

Value = str | float | None
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


class ExportError(Exception):
    """The file could not be written; the message says where and why."""


def path_text(path: Path) -> str:
    """A path as notices write it: with `~` for the home folder, as shells understand it."""
    try:
        return str(Path("~") / path.relative_to(Path.home()))
    except (RuntimeError, ValueError):  # no home folder is known, or the path lies elsewhere
        return str(path)


def as_csv(names: Sequence[str], rows: Sequence[Sequence[Value]]) -> bytes:
    """Header and rows; an unknown value is an empty field."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow(
            ["'" + value if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value for value in row]
        )
    return text.getvalue().encode()


def as_json(names: Sequence[str], rows: Sequence[Sequence[Value]]) -> bytes:
    """A list of objects; an unknown value is null."""
    return msgspec.json.format(msgspec.json.encode([dict(zip(names, row, strict=True)) for row in rows])) + b"\n"


def write_export(
    names: Sequence[str], rows: Sequence[Sequence[Value]], form: Literal["csv", "json"], folder: Path
) -> Path:
    """Write a new file `prism-candidates-<n>.<form>` in `folder` and return its path. Raises ExportError."""
    return write_new(as_json(names, rows) if form == "json" else as_csv(names, rows), "candidates", form, folder)


def write_new(data: bytes, subject: str, form: str, folder: Path) -> Path:
    """Write a new file `prism-<subject>-<n>.<form>` in `folder`, readable by its owner only, and return its path. Both
    words must be prism's own. Raises ExportError and then leaves nothing behind."""
    temporary = ""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=".prism-", suffix=".tmp")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        for number in range(1, 10_000):
            path = folder / f"prism-{subject}-{number:04d}.{form}"
            try:
                _name(temporary, path)
            except FileExistsError:
                continue
            return path
    except OSError as error:
        hint = "nothing was written; free some space there, or make it writable"
        raise ExportError(f"export to {path_text(folder)} failed: {error.strerror}; {hint}") from error
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
    raise ExportError(f"export to {path_text(folder)} failed: it holds 9999 exports already; move some away")


def _name(temporary: str, path: Path) -> None:
    """Give the file its name. Raises FileExistsError if that is taken."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:
        # A file system without hard links: reserve the name first, so that no other file is replaced.
        path.open("xb").close()
        os.replace(temporary, path)
