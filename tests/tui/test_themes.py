"""Themes as data: complete, readable, and a broken one never stops the console."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.color import Color
from textual.theme import BUILTIN_THEMES

import tui
from engine.config.schema import Config, ConsoleSection
from tests.tui.fake_source import make_app
from themes import plain, yaml_text
from themes.files import DEFAULT, FOLDER, OF_TEXTUAL, ThemeError, document_of
from themes.loader import COLORS, VARIABLES, load, read, red_up, variable_defaults
from tui.widgets.pane import Pane
from tui.widgets.theme_colours import DISTINCT, legible

NAMES = ("prism-colour-blind", "prism-contrast", "prism-dark", "prism-light")
TEXT = (
    "strong", "muted", "stale", "bid", "ask", "up", "down", "long", "short", "liq-long", "liq-short",
    "score-0", "score-1", "score-2", "score-3", "score-4",
)  # fmt: skip
TAGS = ("map", "seq", "set", "omap", "pairs", "str", "int", "float", "bool", "null", "binary", "timestamp")
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


@pytest.mark.parametrize("name", NAMES)
def test_the_words_in_frames_are_readable(name: str) -> None:
    """As the style sheets mix them: a share of the foreground over the ground."""
    theme = load().themes[name]
    sheets = [Path(tui.__file__).with_name("prism.tcss").read_text(), Pane.DEFAULT_CSS]
    shares = [
        int(one) for text in sheets for one in re.findall(r"border-(?:sub)?title-color: \$foreground (\d+)%", text)
    ]
    assert len(shares) == 4
    for ground in (theme.background, theme.surface):
        for share in shares:
            told = Color.parse(str(ground)).blend(Color.parse(str(theme.foreground)), share / 100)
            assert contrast(told.hex, str(ground)) >= 4.5, (share, ground)


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
        ("name: mine\ncreated: 2024-13-45", "line 2: a value that is no valid timestamp"),
        ("name: mine\nx: !!timestamp abc", "line 2: a value that is no valid timestamp"),
        ("name: mine\nx: !!int abc", "line 2: a value that is no valid int"),
        ('name: mine\nx: !!int ""', "line 2: a value that is no valid int"),
        pytest.param("name: mine\nx: 1" + "0" * 5000, "line 2: a value that is no valid int", id="a long number"),
        ("name: mine\nx: !!float abc", "line 2: a value that is no valid float"),
        pytest.param("name: mine\nx: 1" + ":59" * 200 + ".5", "2: a value that is no valid float", id="a long time"),
        ("name: mine\nx: !!bool abc", "line 2: a value that is no valid bool"),
        ("name: mine\n? [a, b]\n: c", "line 2: expected a name before the colon"),
        ("name: mine\n? {a: b}\n: c", "line 2: expected a name before the colon"),
        ("!!map abc", "line 1"),
        ("!!map [a, b]", "line 1"),
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
    assert set(variable_defaults(dark=True)) == set(variable_defaults(dark=False)) == set(VARIABLES)


@pytest.mark.parametrize("name", [name for name in OF_TEXTUAL if not name.startswith("ansi-")])
def test_every_colour_of_text_is_distinct_under_textuals_own_themes(name: str) -> None:
    theme = BUILTIN_THEMES[name]
    given = {**variable_defaults(theme.dark), **theme.to_color_system().generate(), **theme.variables}
    found = legible(given)
    ground = Color.parse(found["background"])
    for text in (*TEXT, "foreground", "primary", "accent", "warning", "error", "success"):
        assert contrast((ground + Color.parse(found[text])).hex, ground.hex) >= DISTINCT, text


@pytest.mark.parametrize("name", NAMES)
def test_our_own_themes_are_painted_as_they_are_written(name: str) -> None:
    theme = load().themes[name]
    variables = {**theme.to_color_system().generate(), **theme.variables}
    assert legible(variables) == variables


async def test_textuals_own_themes_get_the_colours_of_their_darkness_and_of_the_users_up(tmp_path: Path) -> None:
    app, _, _ = make_app(tmp_path, config=Config(console=ConsoleSection(theme="dracula", up_color="red")))
    async with app.run_test() as pilot:
        for name, like in (("dracula", "prism-dark"), ("solarized-light", "prism-light")):
            app.theme = name
            await pilot.pause()
            own = load().themes[like].variables
            assert app.theme_variables["up"] == own["down"], "red is up"
            assert app.theme_variables["muted"] == own["muted"]


@pytest.mark.parametrize("name", NAMES)
def test_a_built_in_theme_is_read_without_a_parser_as_the_parser_reads_it(name: str) -> None:
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    assert plain.read(text) == yaml_text.read(text) == document_of(FOLDER / f"{name}.yaml")


@given(
    st.sampled_from(("", "name: mine\n? ", "name: mine\ncolors: ", "- ", "<<: ")),
    st.sampled_from(TAGS).map("!!{} ".format),
    st.text(alphabet="01289:-.eETZ+_xobyna [],{}?\"'~=<", max_size=14),
)
@settings(max_examples=300, deadline=None)
def test_no_text_of_a_theme_file_raises_anything_else(before: str, tag: str, text: str) -> None:
    with suppress(ThemeError):
        yaml_text.read(before + tag + text)


LINES = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(("", "", "  ", "  ", " ", "    ", "- ", "# ", "\t")),
    st.sampled_from(("name", "dark", "colors", "up", "score-0", "no", "null", "true", "12-30", "A", "")),
    st.sampled_from((":", ": ", ": ", ":  ", "")),
    st.sampled_from(
        (
            "",
            "",
            '"#4fc48f"',
            '""',
            '"a b"',
            '"é"',
            '"\\n"',
            "true",
            "off",
            "prism-dark",
            "1e-3",
            "no-x",
            "x",
            "{}",
            "*a",
            "\r",
        )
    ),
)


PLAIN = st.sampled_from(
    (
        "name: prism-dark",
        "dark: true",
        "dark: false",
        "colors:",
        "variables:",
        '  up: "#4fc48f"',
        '  down: ""',
        "",
        "# x",
    )
)


@given(st.lists(st.one_of(PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, LINES), min_size=1, max_size=6).map("\n".join))
def test_what_is_read_without_a_parser_reads_the_same_with_one(text: str) -> None:
    found = plain.read(text)
    if found is not None:
        assert found == yaml.safe_load(text)
