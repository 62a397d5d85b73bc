"""The example file and the documentation say what the schema says, and the example is a valid configuration."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from engine.config import example, keys, reference, yaml_text
from engine.config.loading import load
from engine.config.presets import ALIASES, PRESETS, Fraction, NotNegative, Positive
from engine.config.schema import Config, PresetChanges, presets_of

ROOT = Path(__file__).resolve().parents[3]


def loaded(folder: Path, text: str) -> Config:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return load(path, environment={}).config


def test_the_file_in_the_repository_is_the_one_that_is_generated() -> None:
    text = (ROOT / "config.example.yaml").read_text(encoding="utf-8")
    assert text == example.example(), "run: python -m engine.config.example > config.example.yaml"


def test_the_module_prints_it() -> None:
    words = [sys.executable, "-m", "engine.config.example"]
    done = subprocess.run(words, capture_output=True, check=True, cwd=ROOT, timeout=60)
    assert done.stdout.decode() == example.example()


def test_it_loads_as_it_stands_and_equals_the_defaults(tmp_path: Path) -> None:
    assert loaded(tmp_path, example.example()) == Config()


def test_its_presets_without_the_hashes_are_what_ships(tmp_path: Path) -> None:
    bare = re.sub(r"^  # ((?:  )?[a-z_0-9]+:(?: [^A-Z ].*)?)$", r"  \1", example.example(), flags=re.MULTILINE)
    config = loaded(tmp_path, bare)
    assert list(config.presets) == list(PRESETS)
    assert presets_of(config) == PRESETS
    for changes in config.presets.values():
        given = msgspec.structs.asdict(changes)
        assert [name for name, value in given.items() if value is None] == ["face_weights"]


def test_every_key_has_its_comment_and_its_value() -> None:
    text = " ".join(example.example().replace("\n", " ").replace("#", " ").split())
    for path in keys.all_keys():
        section = keys.section_of(keys.annotation_of(path[:-1]))
        assert section is not None
        meaning = keys.description(section, str(path[-1]))
        assert meaning, path
        assert meaning in text, path
        assert f"{path[-1]}:" in text, path
    for alias in ALIASES:
        assert alias in text


def test_changes_have_every_field_of_a_preset_with_the_same_limits() -> None:
    assert list(keys.fields(PresetChanges)) == [field.name for field in msgspec.structs.fields(type(PRESETS["strict"]))]


def test_without_source_text_it_loads_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_source(_module: object) -> str:
        raise OSError("could not get source code")

    monkeypatch.setattr(inspect, "getsource", no_source)
    keys.descriptions.cache_clear()
    try:
        text = example.example()
    finally:
        keys.descriptions.cache_clear()
    assert "Time between two scans" not in text
    assert loaded(tmp_path, text) == Config()


def test_the_page_holds_the_table_of_today() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert page == reference.renewed(page), "run: python -m engine.config.reference docs/configuration.md"
    for path in keys.all_keys():
        name = str(path[-1]) if len(path) > 2 else keys.dotted(path)
        assert f"`{name}`" in page or len(path) == 1, path


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="expected the lines"):
        reference.renewed("# Configuration")


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (bool, "true or false"),
        (str, "text"),
        (int, "a whole number"),
        (Fraction, "a number from 0 to 1"),
        (Positive | None, "a number above 0"),
        (NotNegative, "a number of at least 0"),
        (Literal["a", "b"], "one of a, b"),
        (tuple[Positive, Positive], "a list of 2, each a number above 0"),
        (dict[str, bool], "true or false for each name"),
    ],
)
def test_types_in_words(annotation: object, words: str) -> None:
    assert keys.expected(annotation) == words


@pytest.mark.parametrize(
    "value", ["strict", "5m", "5", "true", "null", "1e5", "", "a: b", "é", "# x", "x,y", "1_0", "~"]
)
def test_text_is_written_so_that_it_is_read_as_text(value: str) -> None:
    assert yaml_text.read(f"a: {example.scalar(value)}").value == {"a": value}
    assert yaml_text.read(f"[{example.scalar(value)}]").value == [value]
