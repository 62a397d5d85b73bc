"""The configuration in force and the source of each value: flag > environment > file > default, key by key.

Called once at the start of a command that needs settings (`tui.headless.settings`) and by `prism config`. All problems
of all sources are reported together, so that a user corrects a file once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.config import environment as variables
from engine.config import files, yaml_text
from engine.config.checking import Findings, check
from engine.config.keys import dotted
from engine.config.schema import Config, preset_name, presets_of, problems_of
from engine.config.yaml_text import Path as Key
from engine.errors import ConfigError

DEFAULT: Final = "default"
Judge = Callable[[Config], Iterable[tuple[Key, str]]]
"""Key and what is wrong with its value, for each such value."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A valid configuration."""

    config: Config
    origin: dict[str, str]
    """For every key of `values`: `default`, `FILE:LINE`, `environment variable NAME` or `flag --NAME`."""
    path: Path
    """The file that was read, or would have been."""
    found: bool
    """Whether there is such a file."""
    notices: tuple[str, ...]
    """Notices for the user that are not errors."""

    def values(self) -> dict[str, object]:
        """Every key in force, presets complete, in the order of the schema."""
        return values_of(self.config)


@dataclass(frozen=True, slots=True)
class _Source:
    """One source of settings."""

    findings: Findings
    name: str
    lines: Mapping[Key, int]
    """Lines of its keys, if it has lines."""
    broken: tuple[yaml_text.Problem, ...] = ()
    """Problems found before the check against the schema."""

    def where(self, key: Key) -> str:
        """This source, with the line of `key` or of the key around it."""
        line = self.line(key)
        return f"{self.name}:{line}" if line else self.name

    def line(self, key: Key) -> int:
        """The line of `key`, or of the nearest key around it; 0 if there is none."""
        for length in range(len(key), 0, -1):
            if line := self.lines.get(key[:length]):
                return line
        return 0 if key else self.lines.get((), 0)

    def has(self, key: Key) -> bool:
        """Whether it sets anything at or below `key`."""
        return any(one[: len(key)] == key for one in self.findings.values)


def load(
    path: Path | None = None,
    environment: Mapping[str, str] = os.environ,
    overrides: Mapping[str, object] | None = None,
    also: Judge | None = None,
) -> Loaded:
    """The settings in the file at `path` (None: the user's own, which may be absent), overridden by `environment`.

    `overrides` are flags, which override both: dotted key to value; the flag is named after the key's last part. `also`
    checks what the schema accepts, for callers that know more about some values. Raises ConfigError with all
    `problems`, each with its source, line and key, what was expected, and for an unknown key the nearest one.
    """
    target = files.default_path() if path is None else path
    raw, distrust = files.read(target, explicit=path is not None)
    sources = [] if raw is None else [_file(target, raw)]
    from_environment = variables.read(environment)
    sources += [_Source(one, f"environment variable {name}", {}) for name, one in from_environment.found.items()]
    sources += [_flag(key, value) for key, value in (overrides or {}).items()]
    values, origin = _merged(sources)
    config = msgspec.convert(_tree(values), Config)
    judged: list[tuple[Key, str]] = [(tuple(name.split(".")), text) for name, text in problems_of(config)]
    judged += also(config) if also is not None else ()
    problems = [f"{files.shown(target)}: {reason}" for reason in distrust] + _problems(sources, judged)
    if problems:
        raise refusal(problems)
    named = preset_name(config.engine.preset) or config.engine.preset
    config = msgspec.structs.replace(config, engine=msgspec.structs.replace(config.engine, preset=named))
    origins = {key: origin.get(key, DEFAULT) for key in values_of(config)}
    return Loaded(config, origins, target, raw is not None, tuple(from_environment.notices))


def refusal(problems: Iterable[str]) -> ConfigError:
    """The error for these problems, of which there must be at least one."""
    told = tuple(problems)
    return ConfigError(told[0] if len(told) == 1 else f"{len(told)} problems in the configuration", told)


def _file(path: Path, raw: bytes) -> _Source:
    text, broken = yaml_text.decode(raw)
    document = yaml_text.read(text)
    findings = check({} if document.value is None else document.value)
    lines = {_canonical(key): line for key, line in reversed(document.lines.items())} | document.lines
    return _Source(findings, files.shown(path), lines, (*broken, *document.problems))


def _canonical(key: Key) -> Key:
    """`presets.high` is kept as `presets.strict`."""
    if len(key) >= 2 and key[0] == "presets":
        return ("presets", preset_name(str(key[1])) or key[1], *key[2:])
    return key


def _flag(key: str, value: object) -> _Source:
    *parts, last = key.split(".")
    tree: dict[str, object] = {last: value}
    for part in reversed(parts):
        tree = {part: tree}
    return _Source(check(tree), f"flag --{last.replace('_', '-')}", {})


def _merged(sources: Iterable[_Source]) -> tuple[dict[Key, object], dict[str, str]]:
    """The values that differ from the defaults, later sources over earlier ones, and the origin of each."""
    values: dict[Key, object] = {}
    origin: dict[str, str] = {}
    for source in sources:
        for key, value in source.findings.values.items():
            # Null for a whole mapping and a value inside it exclude each other.
            for other in [one for one in values if one != key and (one[: len(key)] == key or key[: len(one)] == one)]:
                del values[other], origin[dotted(other)]
            values[key] = value
            origin[dotted(key)] = source.where(key)
    return values, origin


def _tree(values: Mapping[Key, object]) -> dict[str, Any]:
    tree: dict[str, Any] = msgspec.to_builtins(Config())
    for key, value in values.items():
        inner = tree
        for part in key[:-1]:
            inner = inner.setdefault(str(part), {})
        inner[str(key[-1])] = value
    return tree


def _problems(sources: list[_Source], judged: Iterable[tuple[Key, str]]) -> list[str]:
    """All problems, by source and line, without those that only follow from another. `judged` are the problems of
    values that the schema accepted."""
    ranked: list[tuple[int, int, str]] = []
    spoiled: list[Key] = []
    for at, source in enumerate(sources):
        for problem in source.broken:
            where = f"{source.name}:{problem.line}" if problem.line else source.name
            ranked.append((at, problem.line, _told(where, problem.path, problem.text)))
            spoiled.append(_canonical(problem.path))
        for key, text in source.findings.problems:
            ranked.append((at, source.line(key), _told(source.where(key), key, text)))
            spoiled.append(_canonical(key))
    for key, text in judged:
        if any(one[: len(key)] == key for one in spoiled):
            continue
        at = max((at for at, source in enumerate(sources) if source.has(key)), default=-1)
        line, where = (sources[at].line(key), sources[at].where(key)) if at >= 0 else (0, DEFAULT)
        ranked.append((at, line, _told(where, key, text)))
    return [told for _at, _line, told in sorted(ranked, key=lambda one: one[:2])]


def _told(where: str, key: Key, text: str) -> str:
    return f"{where}: {dotted(key)}: {text}" if key else f"{where}: {text}"


def values_of(config: Config) -> dict[str, object]:
    """Every key of `config` and of the presets it results in; mappings are flattened."""
    tree = msgspec.to_builtins(config)
    tree["presets"] = msgspec.to_builtins(presets_of(config))
    values: dict[str, object] = {}
    _flatten(tree, "", values)
    return values


def _flatten(tree: Mapping[str, Any], prefix: str, into: dict[str, object]) -> None:
    for name, value in tree.items():
        if isinstance(value, dict) and value:
            _flatten(value, f"{prefix}{name}.", into)
        else:
            into[f"{prefix}{name}"] = value
