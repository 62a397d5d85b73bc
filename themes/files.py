"""Theme files without their colours: where they are, what is in them, and which names there are.

Read by `themes.loader`, which makes themes of them, and by `prism config check`, which must know their names without
the console's library. Nothing here knows a colour.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import platformdirs
import yaml

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
"""Themes that the console's library brings; they take the domain colours of prism-dark."""


class ThemeError(ValueError):
    """A theme file that cannot be used, and why."""


class _PlainLoader(yaml.SafeLoader):
    """Safe YAML without aliases and without repeated keys, which would be lost silently."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise ThemeError(f"line {mark.line + 1}: aliases (*name) are not allowed")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _value in node.value:
            if key.value in seen:
                raise ThemeError(f"line {key.start_mark.line + 1}: {key.value!r} is given twice")
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


def user_folder() -> Path:
    """Where a user's own themes lie."""
    return platformdirs.user_config_path("prism") / "themes"


def names(folder: Path | None = None) -> tuple[list[str], list[str]]:
    """Names of the built-in themes and of those in `folder`, and a sentence for each file that has none."""
    found, problems = sorted(path.stem for path in FOLDER.glob("*.yaml")), list[str]()
    for path in theme_files(folder, problems):
        try:
            found.append(name_in(document_of(path)))
        except ThemeError as error:
            problems.append(f"theme {path} skipped: {error}")
    return found, problems


def name_in(document: dict[str, Any]) -> str:
    """The theme's name. Raises ThemeError where it has none that can be used."""
    name = document.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ThemeError(f"name: expected small letters, digits and dashes, at most 40, not {name!r}")
    return name


def theme_files(folder: Path | None, problems: list[str]) -> list[Path]:
    """The user's theme files in order; a sentence is added to `problems` where they cannot be told."""
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
    """What stands in a theme file. Raises ThemeError where that cannot be read."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ThemeError(f"cannot be read ({error.strerror})") from error
    if len(raw) > MAX_BYTES:
        raise ThemeError(f"is larger than {MAX_BYTES} bytes")
    try:
        # The loader is a SafeLoader that refuses more.
        document = yaml.load(raw.decode("utf-8"), Loader=_PlainLoader)
    except UnicodeDecodeError as error:
        raise ThemeError(f"byte {error.start}: expected UTF-8 text") from error
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark is not None else ""
        raise ThemeError(f"{where}{getattr(error, 'problem', None) or 'is not YAML'}") from error
    if not isinstance(document, dict):
        raise ThemeError("expected the keys name, dark, colors and variables")
    return document
