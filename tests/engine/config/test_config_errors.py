"""What is wrong with a configuration, in words: where it stands and what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config.loading import load
from engine.errors import ConfigError
from tests.engine.config.config_texts import problems, written

pytestmark = pytest.mark.usefixtures("own_folder")


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
        (
            "presets: {low: {targets_r: [3, 2, 1]}}",
            ":1: presets.relaxed.targets_r: [3.0, 2.0, 1.0] is not ascending; write TP1 to TP3 from small to large",
        ),
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
        [":8", "has a key that is not text; expected a name"],
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
