"""Where values come from, which wins, and what each error says."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

import msgspec
import platformdirs
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.config import files
from engine.config.loading import Loaded, load
from engine.config.presets import FACE_WEIGHTS, PRESETS
from engine.config.schema import (
    TAKER_FEES,
    AccountSection,
    Config,
    ConsoleSection,
    EngineSection,
    PresetChanges,
    presets_of,
)
from engine.errors import ConfigError
from tests.engine.config.dumper import Dumper


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's own folder is an empty one, and no settings stand in the environment."""
    monkeypatch.setattr(files, "default_path", lambda: tmp_path / "user" / "config.yaml")


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


# Sources and precedence


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    loaded = load(environment={})
    assert loaded.config == Config()
    assert set(loaded.origin.values()) == {"default"}
    assert (loaded.path, loaded.found, loaded.notices) == (tmp_path / "user" / "config.yaml", False, ())


@pytest.mark.parametrize("text", ["", "# nothing\n", "engine:\npresets:\naccount:\nconsole:\n  keys:\n", "{}"])
def test_empty_sections_change_nothing(text: str, tmp_path: Path) -> None:
    loaded = of(tmp_path, text)
    assert loaded.config == Config()
    assert loaded.found


def test_the_users_own_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "user").mkdir()
    path = written(tmp_path / "user", "engine: {preset: relaxed}")
    loaded = load(environment={})
    assert loaded.config.engine.preset == "relaxed"
    assert loaded.origin["engine.preset"] == f"{path}:1"


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: no such file; `prism config init --config .*none\.yaml`"):
        load(tmp_path / "none.yaml", environment={})


def test_the_current_directory_is_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("config.yaml", "prism.yaml", "config.example.yaml", ".prism.yaml"):
        (tmp_path / name).write_text("engine: {preset: relaxed}")
    monkeypatch.chdir(tmp_path)
    assert load(environment={}).config == Config()


def test_a_relative_home_of_configuration_does_not_lead_to_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", ".")
    with contextlib.suppress(ConfigError):
        assert files.default_path().is_absolute()
    monkeypatch.setattr(platformdirs, "user_config_path", lambda _name: Path("somewhere"))
    with pytest.raises(ConfigError, match="XDG_CONFIG_HOME"):
        files.default_path()


def test_flag_over_environment_over_file_over_default(tmp_path: Path) -> None:
    path = written(tmp_path, "engine:\n  preset: strict\n  scan_interval_ms: 250\naccount:\n  equity_usd: 5000\n")
    environment = {"PRISM_ENGINE__PRESET": "relaxed", "PRISM_ENGINE__SCAN_INTERVAL_MS": "100", "HOME": "/nowhere"}
    loaded = load(path, environment, {"engine.preset": "balanced"})
    assert loaded.config.engine.preset == "balanced"
    assert loaded.config.engine.scan_interval_ms == 100
    assert loaded.config.account.equity_usd == 5000
    assert loaded.origin["engine.preset"] == "flag --preset"
    assert loaded.origin["engine.scan_interval_ms"] == "environment variable PRISM_ENGINE__SCAN_INTERVAL_MS"
    assert loaded.origin["account.equity_usd"] == f"{path}:5"
    assert loaded.origin["account.risk_frac"] == "default"
    assert load(path, environment).config.engine.preset == "relaxed"
    assert load(path, {}).config.engine.preset == "strict"


def test_precedence_holds_for_each_key_of_a_mapping(tmp_path: Path) -> None:
    text = "engine:\n  taker_fees:\n    okx: 0.0001\n    bybit-linear: 0.0002\n"
    loaded = of(
        tmp_path, text, PRISM_ENGINE__TAKER_FEES__OKX="0.0003", PRISM_ENGINE__TAKER_FEES__BINANCE_USDM="-0.0001"
    )
    assert loaded.config.engine.taker_fees == {
        **TAKER_FEES,
        "bybit-linear": 0.0002,
        "okx": 0.0003,
        "binance-usdm": -0.0001,
    }
    assert loaded.origin["engine.taker_fees.bybit-linear"].endswith("config.yaml:4")
    assert loaded.origin["engine.taker_fees.bitget-usdt"] == "default"


def test_weights_that_are_named_change_and_the_others_stay(tmp_path: Path) -> None:
    loaded = of(tmp_path, "engine: {face_weights: {orderflow: 0.25, orderbook: 0.2}}")
    assert loaded.config.engine.face_weights == {**FACE_WEIGHTS, "orderflow": 0.25, "orderbook": 0.2}


def test_presets(tmp_path: Path) -> None:
    text = "presets:\n  strict:\n    min_faces: 5\n    targets_r: [1, 2, 3.5]\n    min_coverage:\n"
    loaded = of(tmp_path, text, PRISM_PRESETS__RELAXED__LEVEL_TIMEFRAME="5m")
    presets = presets_of(loaded.config)
    assert presets["strict"] == msgspec.structs.replace(PRESETS["strict"], min_faces=5, targets_r=(1.0, 2.0, 3.5))
    assert presets["relaxed"].level_timeframe == "5m"
    assert presets["balanced"] == PRESETS["balanced"]
    values = loaded.values()
    assert values["presets.strict.min_faces"] == 5
    assert values["presets.balanced.min_faces"] == PRESETS["balanced"].min_faces
    assert loaded.origin["presets.strict.targets_r"].endswith("config.yaml:4")
    assert loaded.origin["presets.balanced.min_faces"] == "default"


def test_a_presets_own_weights_can_be_taken_back(tmp_path: Path) -> None:
    sixth = dict.fromkeys(FACE_WEIGHTS, 1 / 6)
    text = yaml.safe_dump({"presets": {"strict": {"face_weights": sixth}}})
    assert presets_of(of(tmp_path, text).config)["strict"].face_weights == sixth
    loaded = of(tmp_path, text, PRISM_PRESETS__STRICT__FACE_WEIGHTS="null")
    assert presets_of(loaded.config)["strict"].face_weights is None
    assert loaded.origin["presets.strict.face_weights"] == "environment variable PRISM_PRESETS__STRICT__FACE_WEIGHTS"


@pytest.mark.parametrize(
    ("name", "preset"),
    [("high", "strict"), ("medium", "balanced"), ("low", "relaxed"), ("High", "strict"), ("STRICT", "strict")],
)
def test_other_names_of_presets(name: str, preset: str, tmp_path: Path) -> None:
    path = written(tmp_path, f"engine:\n  preset: {name}\npresets:\n  {name}:\n    min_faces: 1\n")
    loaded = load(path, {})
    assert loaded.config.engine.preset == preset
    assert list(loaded.config.presets) == [preset]
    assert loaded.origin[f"presets.{preset}.min_faces"] == f"{path}:5"
    assert load(environment={}, overrides={"engine.preset": name}).config.engine.preset == preset


def test_origins_and_values_have_the_same_keys_in_the_same_order(tmp_path: Path) -> None:
    loaded = of(tmp_path, "console: {keys: {freeze: ctrl+f}}\npresets: {low: {face_weights: null}}")
    assert list(loaded.origin) == list(loaded.values())
    assert loaded.values()["console.keys.freeze"] == "ctrl+f"
    assert "console.keys" not in loaded.origin
    assert load(environment={}).values()["console.keys"] == {}


# Environment variables


def test_text_in_the_environment_is_the_value_itself(tmp_path: Path) -> None:
    loaded = of(
        tmp_path, "", PRISM_CONSOLE__KEYS__FREEZE="5", PRISM_CONSOLE__THEME="true", PRISM_CONSOLE__KEYS__OPEN="*"
    )
    assert loaded.config.console.keys == {"freeze": "5", "open": "*"}
    assert loaded.config.console.theme == "true"


def test_other_values_in_the_environment_are_yaml(tmp_path: Path) -> None:
    loaded = of(
        tmp_path,
        "",
        PRISM_CONSOLE__FLASH="false",
        PRISM_PRESETS__HIGH__TARGETS_R="[1, 2, 3]",
        PRISM_ENGINE__FACE_WEIGHTS="{orderflow: 0.25, orderbook: 0.2}",
    )
    assert not loaded.config.console.flash
    assert loaded.config.presets["strict"].targets_r == (1.0, 2.0, 3.0)
    assert loaded.config.engine.face_weights["orderflow"] == 0.25


def test_other_programs_variables_are_left_alone(tmp_path: Path) -> None:
    more = {"PRISM_RECORDED": "x", "PRISMA__A": "x", "prism_engine__preset": "x", "PRISM_ENGINE__\x1b": "x"}
    assert of(tmp_path, "", **more).notices == ()
    loaded = of(tmp_path, "", PRISM_ENGIN__PRESET="strict", PRISM_CENTRAL__HOST="x")
    assert loaded.config == Config()
    assert loaded.notices == (
        "PRISM_CENTRAL__HOST is ignored: there is no such section",
        "PRISM_ENGIN__PRESET is ignored: there is no such section; did you mean PRISM_ENGINE__PRESET?",
    )


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("PRISM_ENGINE__PRESTE", "x", "engine.preste: no such key; did you mean PRISM_ENGINE__PRESET?"),
        ("PRISM_ENGINE__", "x", "engine.: no such key; expected one of PRISM_ENGINE__PRESET, "),
        ("PRISM_ENGINE__TAKER_FEES__BINANCE", "0", "did you mean PRISM_ENGINE__TAKER_FEES__BINANCE_USDM?"),
        ("PRISM_ENGINE__PRESET__NAME", "x", "engine.preset: holds a single value; set it with PRISM_ENGINE__PRESET"),
        ("PRISM_ENGINE__PRESET", "", "engine.preset: expected one of strict, balanced, relaxed (or"),
        ("PRISM_ENGINE__SCAN_INTERVAL_MS", "fast", "expected a whole number from 20 to 60000, not 'fast'"),
        ("PRISM_ENGINE__SCAN_INTERVAL_MS", "", "expected a whole number from 20 to 60000, not nothing"),
        ("PRISM_CONSOLE__FLASH", "on", "console.flash: expected true or false, not 'on'; write true"),
        ("PRISM_CONSOLE__FLASH", "&x true", "console.flash: has an anchor (&name); remove it"),
        ("PRISM_ENGINE__TAKER_FEES", "{okx: *x}", "engine.taker_fees.okx: uses an alias"),
        ("PRISM_ENGINE__TAKER_FEES", "{okx: 1", "engine.taker_fees: is not YAML: "),
        ("PRISM_ENGINE__FACE_WEIGHTS__VOLUME", "0.3", "engine.face_weights: sums to 1.15, expected 1"),
        ("PRISM_CONSOLE__THEME", "\x1b[31m", "console.theme: holds control or invisible characters"),
        ("PRISM_ENGINE", "{}", ""),
    ],
)
def test_what_is_wrong_with_a_variable(name: str, value: str, told: str, tmp_path: Path) -> None:
    if not told:
        assert load(environment={name: value}).config == Config()
        return
    with pytest.raises(ConfigError) as raised:
        load(environment={name: value})
    (problem,) = raised.value.problems
    assert problem.startswith(f"environment variable {name}: ")
    assert told in problem


# What each error says


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("engine:\n  prest: x", ":2: engine.prest: no such key; did you mean engine.preset?"),
        ("engin: {}", ":1: engin: no such key; did you mean engine?"),
        ("preset: strict", ":1: preset: no such key; did you mean engine.preset?"),
        ("console: {equity_usd: 1}", ":1: console.equity_usd: no such key; did you mean account.equity_usd?"),
        ("min_faces: 3", ":1: min_faces: no such key; did you mean presets.balanced.min_faces?"),
        ("zzz: 1", ":1: zzz: no such key; expected one of engine, presets, venues, account, console"),
        (
            "presets: {strikt: {}}",
            ":1: presets.strikt: no such key; did you mean presets.strict?",
        ),
        ("presets:\n  mine: {}", ":2: presets.mine: no such key; expected one of strict, balanced, relaxed"),
        (
            "presets:\n  high: {min_faces: 1}\n  strict: {min_faces: 2}",
            ":3: presets.strict: is another name of high, given above; remove one",
        ),
        (
            "engine: {taker_fees: {binance: 0}}",
            ":1: engine.taker_fees.binance: no such key; did you mean engine.taker_fees.binance-usdm?",
        ),
        (
            "engine: {face_weights: {volumes: 0}}",
            ":1: engine.face_weights.volumes: no such key; did you mean engine.face_weights.volume?",
        ),
        (
            "engine: {preset: stritc}",
            ":1: engine.preset: expected one of strict, balanced, relaxed (or high, medium, low), not 'stritc'; "
            "did you mean strict?",
        ),
        ("engine: {preset: 3}", ':1: engine.preset: expected text, not 3; put it in quotes: "3"'),
        ("engine: {preset:}", ":1: engine.preset: expected text, not nothing"),
        ("engine: {preset: {a: 1}}", ":1: engine.preset: expected text, not a section"),
        ("engine: 3", ":1: engine: expected a section with keys such as preset, not 3"),
        ("engine: [preset]", ":1: engine: expected a section with keys such as preset, not ['preset']"),
        ("[engine]", ":1: expected a section with keys such as engine, not ['engine']"),
        ("just words", ":1: expected a section with keys such as engine, not 'just words'"),
        (
            "engine: {scan_interval_ms: 1}",
            ":1: engine.scan_interval_ms: expected a whole number from 20 to 60000, not 1",
        ),
        (
            "engine: {scan_interval_ms: 500.0}",
            ":1: engine.scan_interval_ms: expected a whole number from 20 to 60000, not 500.0",
        ),
        (
            "engine: {scan_interval_ms: 1_000}",
            ":1: engine.scan_interval_ms: expected a whole number from 20 to 60000, not '1_000'; write 1000",
        ),
        ("engine: {include_tradfi: yes}", ":1: engine.include_tradfi: expected true or false, not 'yes'; write true"),
        ("engine: {include_tradfi: Off}", ":1: engine.include_tradfi: expected true or false, not 'Off'; write false"),
        ("engine: {include_tradfi: True}", ":1: engine.include_tradfi: expected true or false, not 'True'; write true"),
        ("engine: {include_tradfi: 1}", ":1: engine.include_tradfi: expected true or false, not 1"),
        ("account: {equity_usd: .inf}", ":1: account.equity_usd: expected a number above 0, not '.inf'"),
        ("account: {equity_usd: 1e999}", ":1: account.equity_usd: is too large a number (1e999)"),
        ("account: {risk_frac: 0}", ":1: account.risk_frac: expected a number above 0 and at most 0.2, not 0"),
        (
            "account: {risk_frac: 1%}",
            ":1: account.risk_frac: expected a number above 0 and at most 0.2, not '1%'; write 0.01",
        ),
        ("account: {risk_frac: 50 %}", ":1: account.risk_frac: expected a number above 0 and at most 0.2, not '50 %'"),
        ("account: {equity_usd: 10%}", ":1: account.equity_usd: expected a number above 0, not '10%'"),
        ("account: {risk_frac: true}", ":1: account.risk_frac: expected a number above 0 and at most 0.2, not true"),
        ("console: {up_color: blue}", ":1: console.up_color: expected one of green, red, not 'blue'"),
        ("console: {keys: {open: 5}}", ':1: console.keys.open: expected text, not 5; put it in quotes: "5"'),
        ("console: {keys: [a]}", ":1: console.keys: expected text for each name, not ['a']"),
        (
            "presets: {low: {targets_r: [1, 2]}}",
            ":1: presets.relaxed.targets_r: expected a list of 3, each a number above 0, not [1, 2]",
        ),
        (
            "presets: {low: {targets_r: [1, 2, -3]}}",
            ":1: presets.relaxed.targets_r: expected a list of 3, each a number above 0, not [1, 2, -3]",
        ),
        ("presets: {low: {targets_r: [3, 2, 1]}}", ":1: presets.relaxed.targets_r: [3.0, 2.0, 1.0] does not rise"),
        (
            "presets: {low: {level_timeframe: 1m}}",
            ":1: presets.relaxed.level_timeframe: expected one of 5m, 15m, 4h, not '1m'",
        ),
        (
            "engine:\n  face_weights:\n    technical: 0.2\n",
            ":2: engine.face_weights: sums to 1.05, expected 1",
        ),
        (
            "presets:\n  strict:\n    face_weights: {technical: 0.5, volume: 0.5}\n",
            ":3: presets.strict.face_weights: expected all six faces (technical, volume, orderflow, orderbook, "
            "structure, sentiment); missing: orderflow, orderbook, structure, sentiment",
        ),
        ("engine: {preset: strict, preset: low}", ":1: engine.preset: is given twice, first in line 1; remove one"),
        ("engine:\n  preset: !!python/name:os.system x", ":2: engine.preset: has the tag"),
        ("engine: &a {}\naccount: *a", ":1: engine: has an anchor (&name); remove it"),
        ("engine:\n\tpreset: x", ":2: is not YAML: "),
        ("\ufeffengine: {}", ":1: begins with a byte order mark; save it as UTF-8 without one"),
        ("engine:\n  preset: \x00", ":2: holds the control character U+0000; remove it"),
    ],
)
def test_an_error_names_line_and_key_and_what_was_expected(text: str, told: str, tmp_path: Path) -> None:
    assert problems(tmp_path, text)[0].startswith(told)


def test_a_file_of_five_megabytes_is_refused_unread(tmp_path: Path) -> None:
    assert problems(tmp_path, b"a: [" + b"1, " * 1_700_000 + b"]") == [": is larger than 256 KiB"]


def test_all_problems_are_told_at_once_in_the_order_of_their_lines(tmp_path: Path) -> None:
    text = (
        "engine:\n  prest: x\n  scan_interval_ms: soon\n  scan_interval_ms: 5\n  face_weights: {technical: 1}\n"
        "presets:\n  strict: {targets_r: [3, 2, 1], min_faces: 9}\n[a]: 1\nconsole: {flash: 3, keys: {open: *x}}\n"
    )
    told = problems(tmp_path, text, PRISM_ENGINE__INCLUDE_TRADFI="maybe")
    assert [problem.split(": ")[:2] for problem in told] == [
        [":2", "engine.prest"],
        [":3", "engine.scan_interval_ms"],
        [":4", "engine.scan_interval_ms"],
        [":5", "engine.face_weights"],
        [":7", "presets.strict.min_faces"],
        [":7", "presets.strict.targets_r"],
        [":8", "has a key that is no text; expected a name"],
        [":9", "console.keys.open"],
        [":9", "console.flash"],
        ["environment variable PRISM_ENGINE__INCLUDE_TRADFI", "engine.include_tradfi"],
    ]


def test_what_follows_from_another_problem_is_not_told(tmp_path: Path) -> None:
    told = problems(tmp_path, "engine: {face_weights: {technical: 0.2, volume: lots}}")
    assert len(told) == 1
    assert "engine.face_weights.volume: expected a number" in told[0]


def test_one_problem_is_the_message_and_several_are_counted(tmp_path: Path) -> None:
    path = written(tmp_path, "a: 1")
    with pytest.raises(ConfigError) as one:
        load(path, {})
    assert one.value.problems == (one.value.message,)
    with pytest.raises(ConfigError, match=r"^2 problems in the configuration$") as two:
        load(written(tmp_path, "a: 1\nb: 2"), {})
    assert len(two.value.problems) == 2


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("engine.preset", "hihg", "flag --preset: engine.preset: expected one of"),
        ("engine.preset", "\x1b[2J", "flag --preset: engine.preset: holds control"),
        ("engine.prset", "x", "flag --prset: engine.prset: no such key; did you mean engine.preset?"),
        (
            "account.equity_usd",
            float("nan"),
            "flag --equity-usd: account.equity_usd: expected a number above 0, not nan",
        ),
        ("account.equity_usd", float("inf"), "expected a number above 0, not inf"),
        ("presets.strict.targets_r", [1.0, 2.0, float("inf")], "expected a list of 3, each a number above 0, not"),
    ],
)
def test_what_is_wrong_with_a_flag(key: str, value: object, told: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(environment={}, overrides={key: value})
    (problem,) = raised.value.problems
    assert told in problem


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
    with pytest.raises(ConfigError, match="exists already; --force replaces it"):
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


# Round trip


def _weights() -> st.SearchStrategy[dict[str, float]]:
    """Six sixteenths that sum to 1 exactly."""
    cuts = st.lists(st.integers(0, 16), min_size=5, max_size=5).map(lambda some: [0, *sorted(some), 16])
    return cuts.map(lambda at: {face: (at[i + 1] - at[i]) / 16 for i, face in enumerate(FACE_WEIGHTS)})


def _above_zero(most: float = 1e12) -> st.SearchStrategy[float]:
    return st.floats(0, most, exclude_min=True)


def _optional(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.none() | values


_CHANGES = st.builds(
    PresetChanges,
    min_conviction=_optional(st.floats(0, 100)),
    min_coverage=_optional(st.floats(0, 1)),
    min_faces=_optional(st.integers(0, 6)),
    max_spread_bps=_optional(_above_zero()),
    persistence=_optional(st.integers(1, 1000)),
    targets_r=_optional(st.sampled_from([(0.75, 1.25, 2.0), (1.0, 2.0, 3.0)])),
    level_timeframe=_optional(st.sampled_from(["5m", "15m", "4h"])),
    face_weights=_optional(_weights()),
)
_TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=0x17E, exclude_categories=("Cc", "Cf")), max_size=30)
_CONFIGS = st.builds(
    Config,
    engine=st.builds(
        EngineSection,
        preset=st.sampled_from(list(PRESETS)),
        scan_interval_ms=st.integers(20, 60_000),
        include_tradfi=st.booleans(),
        face_weights=_weights(),
        taker_fees=st.fixed_dictionaries({venue: st.floats(-0.01, 0.05) for venue in TAKER_FEES}),
    ),
    presets=st.dictionaries(st.sampled_from(list(PRESETS)), _CHANGES),
    account=st.builds(
        AccountSection, equity_usd=_above_zero(), risk_frac=_above_zero(0.2), depth_cap_frac=_above_zero(1)
    ),
    console=st.builds(
        ConsoleSection,
        theme=_TEXT,
        up_color=st.sampled_from(["green", "red"]),
        flash=st.booleans(),
        refresh_hz=st.floats(1, 20),
        min_liquidation_usd=st.floats(0, 1e12),
        large_liquidation_usd=_above_zero(),
        keys=st.dictionaries(_TEXT.filter(lambda name: "." not in name), _TEXT, max_size=3),
    ),
)


@given(_CONFIGS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_valid_configuration_written_out_is_read_back(tmp_path: Path, config: Config) -> None:
    text = yaml.dump(msgspec.to_builtins(config), Dumper=Dumper, allow_unicode=True, width=10_000)
    loaded = of(tmp_path, text)
    assert presets_of(loaded.config) == presets_of(config)
    assert msgspec.structs.replace(loaded.config, presets={}) == msgspec.structs.replace(config, presets={})
    assert list(loaded.origin) == list(loaded.values())
    json = msgspec.json.encode(msgspec.to_builtins(config)).decode()
    assert of(tmp_path, json).config == loaded.config  # JSON is YAML
