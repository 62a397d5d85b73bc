"""The schema's keys in words: description, accepted values, known names, and the nearest key to an unknown one.

Read by the checks of a configuration, the example file and the documentation, so that all three say the same. Nothing
here reads a configuration.
"""

from __future__ import annotations

import ast
import functools
import inspect
import types
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from engine.config import schema
from engine.config.presets import FACE_WEIGHTS, PRESETS
from engine.config.schema import TAKER_FEES, Config
from engine.config.yaml_text import Path

NAMES: Final[dict[str, tuple[str, ...]]] = {
    "presets": tuple(PRESETS),
    "face_weights": tuple(FACE_WEIGHTS),
    "taker_fees": tuple(TAKER_FEES),
}
"""Mappings whose keys are a closed list of names; any other mapping takes any name."""


def dotted(path: Path) -> str:
    """A key as users read it: `engine.preset`."""
    return ".".join(str(part) for part in path)


def without_none(annotation: Any) -> Any:
    """`X` of `X | None`, anything else as it is."""
    if get_origin(annotation) in (Union, types.UnionType):
        (annotation,) = (one for one in get_args(annotation) if one is not type(None))
    return annotation


def takes_none(annotation: Any) -> bool:
    """Whether null is a value here."""
    return without_none(annotation) is not annotation


@functools.cache
def fields(section: type[Struct]) -> dict[str, Any]:
    """Keys of a section with their annotations, in the order of the schema."""
    hints = get_type_hints(section, include_extras=True)
    return {field.name: hints[field.name] for field in msgspec.structs.fields(section)}


def section_of(annotation: Any) -> type[Struct] | None:
    """The section that a key holds, or None."""
    bare = without_none(annotation)
    return bare if isinstance(bare, type) and issubclass(bare, Struct) else None


def entry_of(annotation: Any) -> Any | None:
    """The annotation of a mapping's entries, or None if the key holds no mapping."""
    bare = without_none(annotation)
    return get_args(bare)[1] if get_origin(bare) is dict else None


def takes_text(annotation: Any) -> bool:
    """Whether the value is text, so that the text of an environment variable is the value itself."""
    bare = without_none(annotation)
    if get_origin(bare) is Annotated:
        bare = get_args(bare)[0]
    return bare is str or get_origin(bare) is Literal


def expected(annotation: Any) -> str:
    """What a key takes, in words: `a whole number from 20 to 60000`."""
    bare = without_none(annotation)
    if section := section_of(bare):
        return f"a section with keys such as {next(iter(fields(section)))}"
    if (entry := entry_of(bare)) is not None:
        return f"{expected(entry)} for each name"
    if get_origin(bare) is tuple:
        items = get_args(bare)
        return f"a list of {len(items)}, each {expected(items[0])}"
    if get_origin(bare) is Literal:
        return "one of " + ", ".join(str(one) for one in get_args(bare))
    limits = Meta()
    if get_origin(bare) is Annotated:
        bare, limits = get_args(bare)[:2]
    name = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}[bare]
    return name + _range(limits)


def _range(limits: Meta) -> str:
    above, least, most = limits.gt, limits.ge, limits.le
    if least is not None and most is not None:
        return f" from {plain(least)} to {plain(most)}"
    words = ""
    if above is not None:
        words += f" above {plain(above)}"
    if least is not None:
        words += f" of at least {plain(least)}"
    if most is not None:
        words += f"{' and' if words else ' of'} at most {plain(most)}"
    return words


def plain(number: float) -> str:
    """A number as users write it: 500000 and 0.0005, not 500000.0."""
    return str(int(number)) if number == int(number) and abs(number) < 1e15 else repr(number)


@functools.cache
def descriptions() -> dict[tuple[str, str], str]:
    """The docstring of each field by (section class, field).

    Read from the source text, since Python keeps no docstrings of fields; empty if the installation has no source.
    """
    try:
        tree = ast.parse(inspect.getsource(schema))
    except OSError:
        return {}
    found: dict[tuple[str, str], str] = {}
    for section in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        for field, after in zip(section.body, section.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                text = _text(after)
                if text is not None:
                    found[section.name, field.target.id] = " ".join(text.split())
    return found


def _text(node: ast.stmt) -> str | None:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return node.value.value
    return None


def description(section: type[Struct], field: str) -> str:
    """What a key means, for users."""
    return descriptions().get((section.__name__, field), "")


def names_in(path: Path) -> tuple[str, ...] | None:
    """Names that the section or mapping at `path` knows; None if it takes any, or is neither."""
    annotation = annotation_of(path)
    if (section := section_of(annotation)) is not None:
        return tuple(fields(section))
    return NAMES.get(str(path[-1])) if path and entry_of(annotation) is not None else None


def annotation_of(path: Path) -> Any | None:
    """The schema's annotation at `path`, or None if there is none."""
    annotation: Any = Config
    for at, part in enumerate(path):
        section, entry = section_of(annotation), entry_of(annotation)
        if section is not None:
            annotation = fields(section).get(str(part))
        elif entry is not None and part in NAMES.get(str(path[at - 1]), (part,)):
            annotation = entry
        else:
            return None
    return annotation


def all_keys(path: Path = ()) -> Iterator[Path]:
    """Every key of the schema, with `balanced` in place of each preset."""
    section = section_of(annotation_of(path))
    for name in fields(section) if section is not None else ():
        yield (*path, name)
        yield from all_keys((*path, name, "balanced") if name == "presets" else (*path, name))


def meant(path: Path, key: str) -> Path | None:
    """The key that a user most likely meant by the unknown `key` at `path`: one of the same name, or the nearest."""
    wanted = key.strip().lower().replace("-", "_")
    spelled = {name.replace("-", "_"): name for name in names_in(path) or ()}
    elsewhere = {str(one[-1]): one for one in reversed(list(all_keys()))}
    if path and str(path[-1]) in NAMES and (near := get_close_matches(wanted, spelled, n=1)):
        return (*path, spelled[near[0]])
    if wanted in elsewhere and wanted not in spelled:
        return elsewhere[wanted]
    if near := get_close_matches(wanted, spelled, n=1):
        return (*path, spelled[near[0]])
    if near := get_close_matches(wanted, elsewhere, n=1, cutoff=0.8):
        return elsewhere[near[0]]
    return None
