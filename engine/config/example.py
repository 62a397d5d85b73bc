"""The commented example file: every key with its meaning, the values it takes and its default. It loads unchanged.

Written by `prism config init`, and kept in the repository as `config.example.yaml`; a test fails if the two differ.
`python -m engine.config.example > config.example.yaml` rewrites it. Everything in it comes from the schema.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import Struct

from engine.config import yaml_text
from engine.config.keys import description, entry_of, expected, fields, plain, section_of
from engine.config.presets import ALIASES, PRESETS
from engine.config.schema import Config, PresetChanges

_WIDTH: Final = 110
_INDENT: Final = "  "
_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_KEY_EXAMPLES: Final = ("freeze: ctrl+f", "first: home,ctrl+a")

_HEAD: Final = """\
Configuration of prism. Every key is listed with its default; your file needs only the keys that you change.

`prism config path` prints the path of this file, `prism config check` reports every error in it, and
`prism config show` prints the values in force and their sources. A flag overrides an environment variable
(PRISM_ENGINE__PRESET=strict), a variable overrides this file, and this file overrides the default."""


def example() -> str:
    """The whole file."""
    return "\n".join((*_comment(_HEAD), "", *_sections())) + "\n"


def _sections() -> Iterator[str]:
    defaults = Config()
    for at, (name, annotation) in enumerate(fields(Config).items()):
        section = section_of(annotation)
        if at:
            yield ""
        yield from _comment(description(Config, name))
        yield f"{name}:"
        if section is not None:
            yield from _keys(section, getattr(defaults, name))
        else:
            yield from _presets()


def _keys(section: type[Struct], defaults: Struct) -> Iterator[str]:
    for at, (name, annotation) in enumerate(fields(section).items()):
        value = msgspec.to_builtins(getattr(defaults, name))
        if at:
            yield ""
        yield from _comment(description(section, name), _INDENT)
        yield from _comment(takes(annotation, value), _INDENT)
        if not isinstance(value, dict):
            yield f"{_INDENT}{name}: {scalar(value)}"
        elif value:
            yield f"{_INDENT}{name}:"
            yield from (f"{_INDENT * 2}{scalar(key)}: {scalar(inner)}" for key, inner in value.items())
        else:
            # With only comments under it the key is null, which leaves the mapping as it is.
            yield f"{_INDENT}{name}:"
            yield from (f"{_INDENT * 2}# {one}" for one in _KEY_EXAMPLES)


def _presets() -> Iterator[str]:
    aliases = ", ".join(f"{alias} means {name}" for alias, name in ALIASES.items()) + "."
    yield from _comment(f"To change one, remove the # before its name and before the key. {aliases}", _INDENT)
    yield f"{_INDENT}#"
    for name, annotation in fields(PresetChanges).items():
        yield from _comment(f"{name}: {description(PresetChanges, name)} {takes(annotation)}", _INDENT, "    ")
    for preset, values in PRESETS.items():
        yield f"{_INDENT}#"
        yield f"{_INDENT}# {preset}:"
        for name in fields(PresetChanges):
            value = msgspec.to_builtins(getattr(values, name))
            told = "null" if value is None else scalar(value)
            yield f"{_INDENT}#   {name}: {told}"


def takes(annotation: Any, default: object = None) -> str:
    """What a key takes, and its default if that is a single value: `Takes a number from 1 to 20; default 8.`"""
    single = default is not None and entry_of(annotation) is None
    return f"Takes {expected(annotation)}{f'; default {scalar(default)}' if single else ''}."


def scalar(value: object) -> str:
    """A value as it is written in the file."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return plain(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(scalar(one) for one in value)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(key)}: {scalar(one)}" for key, one in value.items()) + "}"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and yaml_text.read(value).value == value:
        return value
    return json.dumps(value, ensure_ascii=False)


def _comment(text: str, indent: str = "", hanging: str = "") -> list[str]:
    lines: list[str] = []
    for paragraph in text.split("\n\n"):
        if lines:
            lines.append(f"{indent}#")
        lines += textwrap.wrap(
            paragraph,
            _WIDTH,
            initial_indent=f"{indent}# ",
            subsequent_indent=f"{indent}# {hanging}",
            break_on_hyphens=False,
        )
    return lines


if __name__ == "__main__":
    sys.stdout.write(example())
