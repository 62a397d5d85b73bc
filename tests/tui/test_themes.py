"""Themes as data: complete, readable, and a broken one never stops the console."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.color import Color

from themes.files import DEFAULT, ThemeError
from themes.loader import COLORS, VARIABLES, load, read, red_up, variable_defaults

NAMES = ("prism-colour-blind", "prism-contrast", "prism-dark", "prism-light")
TEXT = (
    "strong", "muted", "stale", "bid", "ask", "up", "down", "long", "short", "liq-long", "liq-short",
    "score-0", "score-1", "score-2", "score-3", "score-4",
)  # fmt: skip
GROUNDS = ("row-zebra", "row-hover", "row-cursor", "row-cursor-blurred")


def luminance(color: Color) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = [c / 255 for c in (color.r, color.g, color.b)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio, WCAG 2.2."""
    a, b = sorted((luminance(Color.parse(one)), luminance(Color.parse(other))), reverse=True)
    return (a + 0.05) / (b + 0.05)


def test_the_built_in_themes_are_there_and_complete() -> None:
    found = load()
    assert set(NAMES) == set(found.themes)
    assert next(iter(found.themes)) == DEFAULT
    assert found.problems == ()
    for theme in found.themes.values():
        assert set(theme.variables) == set(VARIABLES)
        assert all(getattr(theme, color) for color in COLORS)


@pytest.mark.parametrize("name", NAMES)
def test_every_text_is_readable_on_every_ground(name: str) -> None:
    theme = load().themes[name]
    grounds = [theme.background, theme.surface, *(theme.variables[g] for g in GROUNDS)]
    texts = {text: theme.variables[text] for text in TEXT}
    texts |= {key: str(getattr(theme, key)) for key in ("foreground", "primary", "accent", "warning", "error")}
    poor = [
        (text, ground, round(contrast(color, str(ground)), 2))
        for text, color in texts.items()
        for ground in grounds
        if contrast(color, str(ground)) < 4.5
    ]
    assert poor == []
    assert contrast(theme.variables["table-header"], theme.variables["table-header-background"]) >= 4.5
    for flash in ("flash-up", "flash-down"):
        assert contrast(theme.variables["strong"], theme.variables[flash]) >= 4.5


def test_the_colour_blind_theme_tells_up_from_down_without_red_and_green() -> None:
    variables = load().themes["prism-colour-blind"].variables
    up, down = Color.parse(variables["up"]), Color.parse(variables["down"])
    assert up.b - up.r > 60
    assert down.r - down.b > 60


def test_red_up_exchanges_the_two_directions_and_nothing_else() -> None:
    theme = load().themes[DEFAULT]
    swapped = red_up(theme)
    assert swapped.variables["up"] == theme.variables["down"]
    assert swapped.variables["score-0"] == theme.variables["score-4"]
    assert swapped.variables["muted"] == theme.variables["muted"]
    assert red_up(swapped) == theme


def test_a_users_theme_inherits_what_it_leaves_out(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text('name: mine\nvariables:\n  up: "#00ff00"\n')
    found = load(tmp_path)
    assert found.problems == ()
    assert found.themes["mine"].variables["up"] == "#00ff00"
    assert found.themes["mine"].variables["down"] == found.themes[DEFAULT].variables["down"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: [", "line 1"),
        ("name: Mine Theme", "name: expected small letters"),
        ("name: mine\nvariables:\n  upp: red", "variables.upp: is not known; did you mean up?"),
        ("name: mine\ncolors:\n  accent: blurple", "colors.accent: expected a colour"),
        ("name: mine\ncolors:\n  accent: 5", "colors.accent: expected a colour"),
        ("name: mine\nname: other", "line 2: 'name' is given twice"),
        ("name: mine\ncolors: &a {accent: red}\nvariables: *a", "aliases"),
        ("name: !!python/object/apply:os.system [ls]", "line 1"),
        ("name: prism-dark", "there is a theme 'prism-dark' already"),
        ("name: mine\ndark: maybe", "dark: expected true or false"),
        ("- a\n- b", "expected the keys"),
        ("", "expected the keys"),
        ("name: mine\nvariables: 3", "variables: expected names"),
        ("[" * 5000, "line 1"),
    ],
)
def test_a_broken_file_is_reported_and_skipped(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    found = load(tmp_path)
    assert set(found.themes) == set(NAMES)
    assert len(found.problems) == 1
    assert str(path) in found.problems[0]
    assert expected in found.problems[0] or text.startswith("[" * 10)


def test_bytes_that_are_no_text_and_files_too_large_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "b.yaml").write_bytes(b"#" * 70_000)
    assert [p.split(": ", 1)[1][:12] for p in load(tmp_path).problems] == ["byte 0: expe", "is larger th"]


def test_a_folder_that_is_not_there_is_no_problem(tmp_path: Path) -> None:
    assert load(tmp_path / "none").problems == ()


def test_a_theme_alone_must_be_complete(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("name: a")
    with pytest.raises(ThemeError, match="primary: is missing"):
        read(path)


def test_defaults_cover_every_variable() -> None:
    assert set(variable_defaults()) == set(variable_defaults(dark=False)) == set(VARIABLES)
