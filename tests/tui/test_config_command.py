"""`prism config`: what each action prints, writes and returns, and the settings that other commands are given."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from engine.config import files
from engine.config.example import example
from engine.config.presets import PRESETS
from engine.config.schema import Config
from engine.errors import ConfigError
from themes import files as theme_files
from tui import cli
from tui.headless.settings import settings

ESCAPES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\u202e]")
Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own file, which does not exist yet."""
    path = tmp_path / "user" / "config.yaml"
    monkeypatch.setattr(files, "default_path", lambda: path)
    return path


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def test_init_writes_the_example_once(own: Path, capsys: Captured) -> None:
    assert cli.main(["config", "init"]) == 0
    assert capsys.readouterr().out == f"wrote {own}\n"
    assert own.read_text() == example()
    assert own.stat().st_mode & 0o777 == 0o600
    assert own.parent.stat().st_mode & 0o777 == 0o700
    own.write_text("engine: {preset: strict}")
    assert cli.main(["config", "init"]) == 2
    assert capsys.readouterr().err == f"prism: {own}: already exists; --force replaces it and discards its contents\n"
    assert own.read_text() == "engine: {preset: strict}"
    assert cli.main(["config", "init", "--force"]) == 0
    assert own.read_text() == example()


def test_init_at_another_place(tmp_path: Path, own: Path) -> None:
    other = tmp_path / "other.yaml"
    assert cli.main(["config", "init", "--config", str(other)]) == 0
    assert other.read_text() == example()
    assert not own.exists()


def test_path_is_alone_on_stdout(own: Path, capsys: Captured) -> None:
    assert cli.main(["config", "path"]) == 0
    out, err = capsys.readouterr()
    assert out == f"{own}\n"
    assert "no such file yet" in err
    written(own, "")
    assert cli.main(["config", "path"]) == 0
    assert capsys.readouterr() == (f"{own}\n", "")


def test_show_says_what_is_in_force_and_where_it_came_from(
    own: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(own, "account:\n  equity_usd: 25000\npresets:\n  high:\n    min_faces: 5\n")
    monkeypatch.setenv("PRISM_ENGINE__SCAN_INTERVAL_MS", "250")
    assert cli.main(["config", "show"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = [line.split() for line in out.splitlines()]
    assert [str(own)] in lines
    assert ["account.equity_usd", "25000", "config.yaml:2"] in lines
    assert ["presets.strict.min_faces", "5", "config.yaml:5"] in lines
    assert ["presets.balanced.targets_r", "[1.5,", "3,", "5]", "default"] in lines
    assert ["engine.scan_interval_ms", "250", "environment", "variable", "PRISM_ENGINE__SCAN_INTERVAL_MS"] in lines


def test_show_as_a_document(own: Path, capsys: Captured) -> None:
    written(own, "console:\n  keys:\n    freeze: ctrl+f\n")
    assert cli.main(["config", "show", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["path"], document["found"]) == ("prism.config/1", str(own), True)
    rows = {row["key"]: (row["value"], row["from"]) for row in document["values"]}
    assert rows["console.keys.freeze"] == ("ctrl+f", f"{own}:3")
    assert rows["presets.strict.targets_r"] == ([1.5, 3.0, 5.0], "default")
    assert rows["presets.strict.face_weights"] == (None, "default")
    for preset, values in PRESETS.items():
        assert rows[f"presets.{preset}.min_conviction"][0] == values.min_conviction


def test_show_without_a_file_says_so(own: Path, capsys: Captured) -> None:
    assert cli.main(["config", "show"]) == 0
    assert f"{own} (no such file: the defaults apply)" in capsys.readouterr().out


def test_show_refuses_what_is_wrong(own: Path, capsys: Captured) -> None:
    written(own, "engine: {prest: x}\nzzz: 1")
    assert cli.main(["config", "show"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[0] == "prism: 2 problems in the configuration"
    assert f"{own}:1: engine.prest: no such key; did you mean engine.preset?" in err


def test_check_prints_every_problem(own: Path, capsys: Captured) -> None:
    written(own, "".join(f"key_{number}: 1\n" for number in range(70)))
    assert cli.main(["config", "check"]) == 2
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 70
    assert out.startswith(f"{own}:1: key_0: no such key")
    assert err == "prism: 70 problems in the configuration\n"


def test_check_of_what_is_fine(own: Path, capsys: Captured) -> None:
    assert cli.main(["config", "check"]) == 0
    assert capsys.readouterr() == (f"{own}: no such file; the defaults apply\n", "")
    cli.main(["config", "init"])
    capsys.readouterr()
    assert cli.main(["config", "check"]) == 0
    assert capsys.readouterr() == (f"{own}: no problems\n", "")


def test_check_of_a_file_leaves_the_environment_out(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "some.yaml", "engine: {preset: strict}")
    monkeypatch.setenv("PRISM_ENGINE__PRESET", "nonsense")
    assert cli.main(["config", "check", str(path)]) == 0
    assert cli.main(["config", "check", "--config", str(path)]) == 2
    out, _err = capsys.readouterr()
    assert out.splitlines()[0] == f"{path}: no problems"
    assert out.splitlines()[1].startswith("environment variable PRISM_ENGINE__PRESET: engine.preset: expected one of")


def test_check_of_an_absent_file(tmp_path: Path, capsys: Captured) -> None:
    assert cli.main(["config", "check", str(tmp_path / "none.yaml")]) == 2
    assert "none.yaml: no such file" in capsys.readouterr().out


def test_check_knows_the_actions_of_the_console(own: Path, capsys: Captured) -> None:
    written(own, "console:\n  keys:\n    freeze: ctrl+f\n    dance: x\n    open: q,z\n    find: j\n")
    assert cli.main(["config", "check"]) == 2
    assert capsys.readouterr().out.splitlines() == [
        f"{own}:4: console.keys.dance: no such action; `?` lists them",
        f"{own}:6: console.keys.find: j already means cursor_down; rebind that one too",
    ]


def test_check_tells_what_only_the_console_knows_beside_everything_else(own: Path, capsys: Captured) -> None:
    written(
        own,
        'engine:\n  preset: bold\nconsole:\n  theme: prism-drak\n  keys:\n    quit: "ctrl+"\nrisk:\n  x: 1\n',
    )
    assert cli.main(["config", "check"]) == 2
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 4
    assert [line.removeprefix(f"{own}:").split(": ")[0] for line in out] == ["2", "4", "6", "7"]
    assert "console.keys.quit: 'ctrl+' is no key; write one such as `ctrl+f`" in out[2]


def test_check_knows_the_themes_and_those_of_the_user(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    folder = tmp_path / "themes"
    monkeypatch.setattr(theme_files, "user_folder", lambda: folder)
    written(own, "engine:\n  preset: strict\nconsole:\n  theme: prism-drak\n")
    assert cli.main(["config", "check"]) == 2
    assert capsys.readouterr().out.splitlines() == [
        f"{own}:4: console.theme: expected one of prism-colour-blind, prism-contrast, prism-dark, prism-light, "
        f"or the name of a theme in {folder}, not 'prism-drak'"
    ]
    for name in ("prism-light", "nord", "mine"):
        written(folder / "a.yaml", "name: mine\ndark: true\n")
        written(folder / "b.yaml", "name: [red]\n")
        written(own, f"console:\n  theme: {name}\n")
        assert cli.main(["config", "check"]) == 0, name
        assert "b.yaml skipped: name: expected small letters" in capsys.readouterr().err
    written(own, "console:\n  theme: other\n")
    assert cli.main(["config", "check"]) == 2
    assert "prism-light, mine, or" in capsys.readouterr().out
    monkeypatch.setenv("PRISM_CONSOLE__THEME", "none")
    assert cli.main(["config", "check"]) == 2
    assert "PRISM_CONSOLE__THEME: console.theme: expected one of" in capsys.readouterr().out


def test_the_themes_of_the_consoles_library_are_those_that_are_listed() -> None:
    from textual.theme import BUILTIN_THEMES

    assert sorted(BUILTIN_THEMES) == sorted(theme_files.OF_TEXTUAL)


@pytest.mark.parametrize(
    "words",
    [
        ["config"],
        ["config", "nonsense"],
        ["config", "path", "some.yaml"],
        ["config", "init", "some.yaml"],
        ["config", "show", "--force"],
        ["config", "check", "--format", "json"],
        ["config", "check", "some.yaml", "--config", "other.yaml"],
    ],
)
def test_wrong_usage(words: list[str], capsys: Captured) -> None:
    assert cli.main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1


HOSTILE = (
    'console:\n  theme: "\\x1b]52;c;eA==\\x07"\n  "\\u202e[red]": x\n  keys:\n    "[bold]x[/]": "[link=x]:smile:"\n'
    "engine:\n  preset: '[red]\u202e'\n"
)


def test_outside_text_is_neither_markup_nor_escape(tmp_path: Path, capsys: Captured) -> None:
    path = written(tmp_path / "[red]\x1b[31m.yaml", HOSTILE)
    assert cli.main(["config", "check", str(path)]) == 2
    out, err = capsys.readouterr()
    assert not ESCAPES.search(out + err)
    assert "[red]" in out
    path = written(tmp_path / "[green].yaml", 'console:\n  theme: "[red]x[/]"\n  keys: {"[bold]": ":smile:"}\n')
    assert cli.main(["config", "show", "--config", str(path)]) == 0
    out, err = capsys.readouterr()
    for text in ("[red]x[/]", "console.keys.[bold]", ":smile:", "[green].yaml"):
        assert text in out
    assert not ESCAPES.search(out + err)


def test_config_never_imports_the_console(tmp_path: Path) -> None:
    script = (
        "import sys; from tui import cli; code = cli.main(sys.argv[1:]); "
        "sys.exit(code or any(name.split('.')[0] in ('textual', 'pandas') for name in sys.modules))"
    )
    words = ["config", "show", "--config", str(written(tmp_path / "c.yaml", ""))]
    subprocess.run([sys.executable, "-c", script, *words], capture_output=True, check=True, timeout=60)


# Settings of other commands


def test_settings_of_a_command(own: Path, tmp_path: Path) -> None:
    assert settings(argparse.Namespace()) == Config()
    written(own, "engine: {preset: strict}")
    assert settings(argparse.Namespace(config_file=None, preset=None)).engine.preset == "strict"
    assert settings(argparse.Namespace(preset="low")).engine.preset == "relaxed"
    other = written(tmp_path / "other.yaml", "engine: {scan_interval_ms: 100}")
    found = settings(argparse.Namespace(config_file=str(other), preset=None))
    assert (found.engine.scan_interval_ms, found.engine.preset) == (100, "balanced")
    with pytest.raises(ConfigError, match=r"flag --preset: engine\.preset: expected one of"):
        settings(argparse.Namespace(preset="nonsense"))


def test_notices_are_told(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRISM_ENGIN__PRESET", "strict")
    assert settings(argparse.Namespace()) == Config()
    assert "PRISM_ENGIN__PRESET is ignored" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["demo", "replay", "scan", "explain", "config"])
def test_commands_that_need_settings_take_a_file(command: str, capsys: Captured) -> None:
    assert cli.main([command, "--help"]) == 0
    assert "--config FILE" in capsys.readouterr().out
