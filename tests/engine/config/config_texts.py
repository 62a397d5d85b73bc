"""Configuration files as text, loaded, and what was wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config.loading import Loaded, load
from engine.errors import ConfigError


def written(folder: Path, text: str | bytes, mode: int = 0o600) -> Path:
    path = folder / "config.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return path


def of(folder: Path, text: str | bytes, **more: str) -> Loaded:
    return load(written(folder, text), environment=more)


def problems(folder: Path, text: str | bytes, **more: str) -> list[str]:
    """Problems of a file, without the path that each begins with."""
    path = written(folder, text)
    with pytest.raises(ConfigError) as raised:
        load(path, environment=more)
    return [problem.removeprefix(str(path)) for problem in raised.value.problems]
