"""Which configuration files are read, and how one is written."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from engine.config import files
from engine.config.loading import load
from engine.config.schema import (
    Config,
)
from engine.errors import ConfigError
from tests.engine.config.config_texts import written

pytestmark = pytest.mark.usefixtures("own_folder")


# Trust in the file


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX")
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666, 0o777])
def test_a_file_that_others_can_write_is_refused_with_the_command_that_mends_it(mode: int, tmp_path: Path) -> None:
    path = written(tmp_path, "engine: {preset: nonsense}", mode)
    with pytest.raises(ConfigError) as raised:
        load(path, {})
    first, second = raised.value.problems
    assert first == f"{path}: can be written by other users (mode {mode:04o}); run: chmod go-w {path}"
    assert "engine.preset" in second


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX")
@pytest.mark.parametrize("mode", [0o400, 0o600, 0o644, 0o444])
def test_a_file_that_others_can_only_read_is_fine(mode: int, tmp_path: Path) -> None:
    assert load(written(tmp_path, "{}", mode), {}).config == Config()


@pytest.mark.skipif(os.name != "posix", reason="owners are POSIX")
def test_a_file_of_another_user_is_refused_and_one_of_roots_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, "{}")
    owner = path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    if owner == 0:
        assert load(path, {}).found
        os.chown(path, 4321, -1)
        owner = 4321
    with pytest.raises(ConfigError, match=rf"belongs to another user \(id {owner}\), not to you \(id 12345\)"):
        load(path, {})


def test_a_command_to_run_is_quoted(tmp_path: Path) -> None:
    folder = tmp_path / "my 'files'; rm"
    folder.mkdir()
    path = written(folder, "{}", 0o666)
    with pytest.raises(ConfigError) as raised:
        load(path, {})
    assert raised.value.message.endswith(f"""chmod go-w '{tmp_path}/my '"'"'files'"'"'; rm/config.yaml'""")


def test_what_is_no_file_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder; expected a configuration file"):
        load(tmp_path, {})
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ConfigError, match="is no regular file"):
        load(pipe, {})
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        with pytest.raises(ConfigError, match="cannot be read"):
            load(tmp_path / "s", {})
    with pytest.raises(ConfigError, match="no such file"):
        load(written(tmp_path, "{}") / "below", {})


# Writing


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "config.yaml"
    files.write(path, "a: 1\n", replace=False)
    assert path.read_text() == "a: 1\n"
    assert [one.stat().st_mode & 0o777 for one in (path, path.parent, path.parent.parent)] == [0o600, 0o700, 0o700]
    with pytest.raises(ConfigError, match="already exists; --force replaces it"):
        files.write(path, "b: 2\n", replace=False)
    assert path.read_text() == "a: 1\n"
    path.chmod(0o666)
    files.write(path, "b: 2\n", replace=True)
    assert path.read_text() == "b: 2\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["config.yaml"]


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, "a: 1\n")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        files.write(path, "b: 2\n", replace=True)
    assert path.read_text() == "a: 1\n"
    with pytest.raises(OSError, match="No space"):
        files.write(tmp_path / "other.yaml", "b: 2\n", replace=False)
    assert [one.name for one in tmp_path.iterdir()] == ["config.yaml"]


def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    real = written(tmp_path / "dotfiles", "a: 1\n")
    link = tmp_path / "config.yaml"
    link.symlink_to(real)
    files.write(link, "b: 2\n", replace=True)
    assert link.is_symlink()
    assert real.read_text() == "b: 2\n"
