"""Finds and reads theme files, and lists the names of themes.

Used by `themes.loader`, which builds themes from them, and by `prism config check`, which needs their names without
loading Textual. No colour may be parsed here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import platformdirs

from themes import plain
from themes.errors import ThemeError as ThemeError

FOLDER: Final = Path(__file__).parent
DEFAULT: Final = "prism-dark"
MAX_BYTES: Final = 64 * 1024
"""A complete theme is below 2 kB."""
MAX_FILES: Final = 100
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")

OF_TEXTUAL: Final = (
    "ansi-dark", "ansi-light", "atom-one-dark", "atom-one-light", "catppuccin-frappe", "catppuccin-latte",
    "catppuccin-macchiato", "catppuccin-mocha", "dracula", "flexoki", "gruvbox", "monokai", "nord", "rose-pine",
    "rose-pine-dawn", "rose-pine-moon", "solarized-dark", "solarized-light", "textual-dark", "textual-light",
    "tokyo-night",
)  # fmt: skip
"""Textual's own themes; they take their domain colours from prism-dark or prism-light."""


def user_folder() -> Path:
    """The folder of the user's own themes."""
    return platformdirs.user_config_path("prism") / "themes"


def names(folder: Path | None = None) -> tuple[list[str], list[str]]:
    """Names of the built-in themes and of those in `folder`, and a sentence for each file without a usable name."""
    found, problems = sorted(path.stem for path in FOLDER.glob("*.yaml")), list[str]()
    for path in theme_files(folder, problems):
        try:
            found.append(name_in(document_of(path)))
        except ThemeError as error:
            problems.append(f"theme {path} skipped: {error}")
    return found, problems


def name_in(document: dict[str, Any]) -> str:
    """The theme's name. Raises ThemeError if it has no valid one."""
    name = document.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ThemeError(f"name: expected small letters, digits and dashes, at most 40, not {name!r}")
    return name


def theme_files(folder: Path | None, problems: list[str]) -> list[Path]:
    """The user's theme files, sorted. If the folder cannot be read or has too many, adds a sentence to `problems`."""
    if folder is None:
        return []
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml") and path.is_file())
    except FileNotFoundError:
        return []
    except OSError as error:
        problems.append(f"theme folder {folder} cannot be read ({error.strerror})")
        return []
    if len(files) > MAX_FILES:
        problems.append(f"theme folder {folder} holds {len(files)} files; only the first {MAX_FILES} were read")
    return files[:MAX_FILES]


def document_of(path: Path) -> dict[str, Any]:
    """The contents of a theme file. Raises ThemeError if it cannot be read."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ThemeError(f"cannot be read ({error.strerror})") from error
    if len(raw) > MAX_BYTES:
        raise ThemeError(f"is larger than {MAX_BYTES} bytes")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ThemeError(f"byte {error.start}: expected UTF-8 text") from error
    found = plain.read(text)
    if found is not None:
        return found
    # The YAML parser is loaded only for files that are not as plain as the built-in ones.
    from themes import yaml_text

    return yaml_text.read(text)
