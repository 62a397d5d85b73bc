"""What the tests of configuration share: a user without a file of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config import files


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's own folder is an empty one, and no settings stand in the environment."""
    monkeypatch.setattr(files, "default_path", lambda: tmp_path / "user" / "config.yaml")
