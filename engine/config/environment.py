"""Settings in environment variables: `PRISM_ENGINE__PRESET=strict` is `engine.preset: strict`.

Called by the loader with a mapping; nothing here reads the process's own environment. A dot is written as two
underscores, a dash in a name as one. Text is taken as it is, everything else is read as YAML. A variable that begins
with `PRISM_` but has no two underscores in a row after that is not a setting.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from engine.config import yaml_text
from engine.config.checking import Findings, check
from engine.config.keys import annotation_of, entry_of, meant, names_in, section_of, takes_text
from engine.config.schema import preset_name
from engine.config.yaml_text import Path
from engine.text import clean

PREFIX: Final = "PRISM_"
_SEPARATOR: Final = "__"
_NAME: Final = re.compile(r"[A-Z0-9_]{1,100}")
_NAME_CHARS: Final = 120


@dataclass(slots=True)
class Variables:
    """The settings of the environment, by variable in alphabetical order."""

    found: dict[str, Findings] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)


def variable(path: Path) -> str:
    """The variable that sets a key."""
    return PREFIX + _SEPARATOR.join(str(part).upper().replace("-", "_") for part in path)


def read(environment: Mapping[str, str]) -> Variables:
    """Every setting in `environment`. Variables of an unknown section give a notice and no problem: they may belong to
    another program.
    """
    variables = Variables()
    for name in sorted(environment):
        rest = name.removeprefix(PREFIX)
        if rest == name or _SEPARATOR not in rest or not _NAME.fullmatch(rest):
            continue
        parts = rest.lower().split(_SEPARATOR)
        if parts[0] in (names_in(()) or ()):
            variables.found[clean(name, _NAME_CHARS)] = _setting(parts, environment[name])
        else:
            near = meant((), parts[0])
            advice = f"; did you mean {variable((*near, *parts[1:]))}?" if near is not None and len(near) == 1 else ""
            variables.notices.append(f"{clean(name, _NAME_CHARS)} is ignored: there is no such section{advice}")
    return variables


def _setting(parts: list[str], text: str) -> Findings:
    path, rest = _resolved(parts)
    if rest:
        key = clean(rest[0], _NAME_CHARS)
        annotation = annotation_of(path)
        if section_of(annotation) is None and entry_of(annotation) is None:
            return Findings(problems=[(path, f"holds a single value; set it with {variable(path)}")])
        near = meant(path, key)
        known = ", ".join(variable((*path, name)) for name in names_in(path) or ())
        advice = f"did you mean {variable(near)}?" if near else f"expected one of {known}"
        return Findings(problems=[((*path, key), f"no such key; {advice}")])
    value, problems = _value(path, text)
    tree = value
    for part in reversed(path):
        tree = {part: tree}
    findings = check(tree)
    findings.problems = [((*path, *inner), told) for inner, told in problems] + findings.problems
    return findings


def _resolved(parts: list[str]) -> tuple[Path, list[str]]:
    """The key that `parts` name as far as the schema knows it, and the parts that are left."""
    path: Path = ()
    for at, part in enumerate(parts):
        spelled = {name.replace("-", "_"): name for name in names_in(path) or ()}
        name = (preset_name(part) or part) if path == ("presets",) else spelled.get(part, part)
        if not name or annotation_of((*path, name)) is None:
            return path, parts[at:]
        path = (*path, name)
    return path, []


def _value(path: Path, text: str) -> tuple[object, list[tuple[Path, str]]]:
    if takes_text(annotation_of(path)):
        return text, []
    document = yaml_text.read(text)
    return document.value, [(problem.path, problem.text) for problem in document.problems]
