"""Builds themes from the files beside this one and from the user's own.

Called by the app at start. A theme is YAML: `name`, `dark`, `colors` (Textual's own) and `variables` (the domain
colours of the table and the panes). A user's file may leave out what it does not change. A broken file is reported and
skipped; it must never stop the console. Nothing here registers a theme or touches an app.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, Final

from textual.color import Color, ColorParseError
from textual.theme import Theme

from themes.files import DEFAULT, FOLDER, ThemeError, document_of, name_in, theme_files

COLORS: Final = (
    "primary", "secondary", "accent", "foreground", "background", "surface", "panel", "success", "warning", "error",
)  # fmt: skip
"""Names under `colors`; Textual derives its own variables from them."""

VARIABLES: Final = (
    "strong", "muted", "stale", "bid", "ask", "up", "down", "long", "short", "liq-long", "liq-short",
    "score-0", "score-1", "score-2", "score-3", "score-4", "flash-up", "flash-down",
    "row-zebra", "row-hover", "row-cursor", "row-cursor-blurred", "table-header", "table-header-background",
)  # fmt: skip
"""Names under `variables`; stylesheets write them as `$up`, `$score-0`, ..."""

OPTIONAL_VARIABLES: Final = ("brand", "mode-live", "mode-demo", "mode-replay")
"""Names that a theme may add; without them the panes use primary, success, warning and accent."""

_RED_UP_PAIRS: Final = (
    ("up", "down"), ("long", "short"), ("bid", "ask"), ("liq-long", "liq-short"), ("flash-up", "flash-down"),
    ("score-0", "score-4"), ("score-1", "score-3"),
)  # fmt: skip
_KEYS: Final = ("name", "dark", "colors", "variables")


@dataclass(frozen=True, slots=True)
class Themes:
    """The result of `load`."""

    themes: dict[str, Theme]
    """By name: the default, then the other built-in ones, then the user's, both sorted by file name."""
    problems: tuple[str, ...]
    """One sentence for each skipped file, with its name and what is wrong."""


def load(user_folder: Path | None = None) -> Themes:
    """All themes: the built-in ones, and those in `*.yaml` and `*.yml` files of `user_folder`, if it exists."""
    built_in = {path.stem: _built_in(path.stem) for path in sorted(FOLDER.glob("*.yaml"))}
    found = {DEFAULT: built_in[DEFAULT], **built_in}
    problems: list[str] = []
    for path in theme_files(user_folder, problems):
        try:
            theme = read(path, built_in)
            if theme.name in found:
                raise ThemeError(f"name: there is a theme {theme.name!r} already; choose another name")
        except ThemeError as error:
            problems.append(f"theme {path} skipped: {error}")
        else:
            found[theme.name] = theme
    return Themes(found, tuple(problems))


def read(path: Path, bases: dict[str, Theme] | None = None) -> Theme:
    """The theme in one file. What it leaves out comes from prism-dark or prism-light in `bases`, depending on `dark`.

    Raises ThemeError with the key and what was expected.
    """
    document = document_of(path)
    _refuse_unknown(document, _KEYS, "")
    name, dark = name_in(document), document.get("dark", True)
    if not isinstance(dark, bool):
        raise ThemeError(f"dark: expected true or false, not {dark!r}")
    colors = _colors(document.get("colors"), "colors", COLORS)
    variables = _colors(document.get("variables"), "variables", VARIABLES + OPTIONAL_VARIABLES)
    base = (bases or {}).get("prism-dark" if dark else "prism-light")
    if base is not None:
        colors = {**{key: str(getattr(base, key)) for key in COLORS}, **colors}
        variables = {**base.variables, **variables}
    elif missing := [key for key in COLORS if key not in colors] + [key for key in VARIABLES if key not in variables]:
        raise ThemeError(f"{missing[0]}: is missing")
    return Theme(name=name, dark=dark, variables=variables, **colors)  # type: ignore[arg-type]


def _refuse_unknown(mapping: dict[Any, Any], known: tuple[str, ...], prefix: str) -> None:
    for key in mapping:
        if key not in known:
            near = get_close_matches(str(key), known, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; the names are {', '.join(known)}"
            raise ThemeError(f"{prefix}{key}: is not known{hint}")


def _colors(section: object, title: str, known: tuple[str, ...]) -> dict[str, str]:
    if section is None:
        return {}
    if not isinstance(section, dict):
        raise ThemeError(f"{title}: expected names with a colour each")
    _refuse_unknown(section, known, f"{title}.")
    for key, value in section.items():
        try:
            Color.parse(value if isinstance(value, str) else "")
        except ColorParseError as error:
            raise ThemeError(f'{title}.{key}: expected a colour such as "#4fc48f", not {value!r}') from error
    return {str(key): str(value) for key, value in section.items()}


def red_up(theme: Theme) -> Theme:
    """`theme` with the colours of up and down swapped, and so for long and short, bid and ask, and the score bands."""
    variables = dict(theme.variables)
    for one, other in _RED_UP_PAIRS:
        if one in theme.variables and other in theme.variables:
            variables[one], variables[other] = theme.variables[other], theme.variables[one]
    return replace(theme, variables=variables)


def variable_defaults(dark: bool, up_color: str = "green") -> dict[str, str]:
    """Values of all `VARIABLES` for themes that do not define them, such as Textual's own: legible on a dark or on a
    light background.

    For `App.get_theme_variable_defaults`, so that stylesheets can use them under any theme.
    """
    theme = _built_in("prism-dark" if dark else "prism-light")
    return dict((red_up(theme) if up_color == "red" else theme).variables)


@cache
def _built_in(name: str) -> Theme:
    return read(FOLDER / f"{name}.yaml")
