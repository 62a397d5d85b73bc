"""The table of every key for `docs/configuration.md`, generated from the schema.

`python -m engine.config.reference docs/configuration.md` writes it between the page's two markers; a test fails if the
page's table differs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from engine.config.example import scalar
from engine.config.keys import description, expected, fields, section_of
from engine.config.page import with_part
from engine.config.presets import PRESETS
from engine.config.schema import Config, PresetChanges

BEGIN: Final = "<!-- keys: made by `python -m engine.config.reference docs/configuration.md` -->"
END: Final = "<!-- keys: end -->"


def tables() -> str:
    """One table a section, in Markdown."""
    return "\n".join(_tables())


def _tables() -> Iterator[str]:
    defaults = Config()
    for name, annotation in fields(Config).items():
        yield f"### {name}"
        yield ""
        yield description(Config, name)
        yield ""
        section = section_of(annotation)
        if section is None:
            yield from _presets()
        else:
            yield from _row("key", "takes", "default", "meaning")
            yield from _row(*["---"] * 4)
            for key, one in fields(section).items():
                value = msgspec.to_builtins(getattr(getattr(defaults, name), key))
                yield from _row(f"`{name}.{key}`", expected(one), _default(value), description(section, key))
        yield ""


def _presets() -> Iterator[str]:
    yield from _row("key of `presets.NAME`", "takes", *PRESETS, "meaning")
    yield from _row(*["---"] * (3 + len(PRESETS)))
    for key, one in fields(PresetChanges).items():
        values = [_default(msgspec.to_builtins(getattr(preset, key))) for preset in PRESETS.values()]
        yield from _row(f"`{key}`", expected(one), *values, description(PresetChanges, key))


def _default(value: object) -> str:
    if value is None or value == {}:
        return "none"
    if isinstance(value, dict):
        return ", ".join(f"`{name}: {scalar(one)}`" for name, one in value.items())
    return f"`{scalar(value)}`"


def _row(*cells: str) -> Iterator[str]:
    yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def renewed(page: str) -> str:
    """`page` with the current table between its markers; raises ValueError if it lacks them."""
    return with_part(page, BEGIN, END, tables())


if __name__ == "__main__":
    for target in map(Path, sys.argv[1:]):
        target.write_text(renewed(target.read_text(encoding="utf-8")), encoding="utf-8")
