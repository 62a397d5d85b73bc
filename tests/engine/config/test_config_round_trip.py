"""A configuration that was written out is read back as it was."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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
from tests.engine.config.config_texts import of
from tests.engine.config.dumper import Dumper

pytestmark = pytest.mark.usefixtures("own_folder")


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
        zebra=st.booleans(),
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
