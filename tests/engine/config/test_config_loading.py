"""Where values come from, and which wins."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec
import platformdirs
import pytest
import yaml

from engine.config import files
from engine.config.loading import load
from engine.config.presets import FACE_WEIGHTS, PRESETS
from engine.config.schema import (
    TAKER_FEES,
    Config,
    presets_of,
)
from engine.errors import ConfigError
from tests.engine.config.config_texts import of, written

pytestmark = pytest.mark.usefixtures("own_folder")


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
