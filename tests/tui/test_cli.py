"""The command line: help, version, exit codes, what is imported when, and what reaches the terminal."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.errors import CaptureError, ConfigError
from engine.snapshot import Feed
from tests.recorded import recorded
from tui import cli, commands
from tui.headless import diagnostics, market

HEADER = '{"capture":1,"created":"","source":"","note":""}\n'
HEAVY = ("numpy", "textual", "msgspec", "rich", "asyncio", "yaml", "zstandard", "engine.inspection")
ESCAPES = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]")


def capture_of(folder: Path, *frames: str, venue: str = "binance-usdm") -> Path:
    """A capture with these text frames, one millisecond apart."""
    path = folder / "some.jsonl"
    lines = [
        json.dumps({"t": 1_700_000_000_000_000_000 + at * 1_000_000, "v": venue, "c": "public", "d": frame})
        for at, frame in enumerate(frames)
    ]
    path.write_text(HEADER + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def prism(*words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "tui", *words], capture_output=True, check=False, timeout=60)


# Commands and their arguments


@pytest.mark.parametrize("words", [["--help"], ["-h"]])
def test_help_names_every_command_and_exit_code(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 0
    out, err = capsys.readouterr()
    offered = [command.name for command in commands.COMMANDS if command.is_installed]
    assert "inspect" in offered
    for word in (*offered, "exit codes", "130"):
        assert word in out
    assert err == ""


def test_every_installed_command_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    for command in commands.COMMANDS:
        if command.is_installed:
            assert cli.main([command.name, "--help"]) == 0
            assert command.summary[1:] in " ".join(capsys.readouterr().out.split())


def test_a_command_without_its_module_is_not_offered(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = commands.Command("dream", "sees things", "tui.headless.absent", lambda parser: None)
    monkeypatch.setattr(cli, "COMMANDS", (*commands.COMMANDS, absent))
    assert cli.main(["--help"]) == 0
    assert "dream" not in capsys.readouterr().out
    assert cli.main(["dream"]) == 2


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert re.fullmatch(r"prism \S.*\n", capsys.readouterr().out)


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_scripts(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--print-completion", shell]) == 0
    assert "inspect" in capsys.readouterr().out


def test_nothing_at_all_is_the_console_on_the_live_venues(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[argparse.Namespace] = []

    def run(args: argparse.Namespace) -> int:
        seen.append(args)
        return 0

    monkeypatch.setattr("tui.launch.run", run)
    assert cli.main([]) == cli.main(["live"]) == 0
    assert [args.mode for args in seen] == ["live", "live"]
    assert commands.WITHOUT_NAME == "live"


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90.0), ("90s", 90.0), ("10m", 600.0), ("1.5h", 5400.0), ("1d", 86400.0)]
)
def test_spans_of_time(text: str, seconds: float) -> None:
    assert commands.duration(text) == seconds


@pytest.mark.parametrize(("text", "size"), [("1000", 1000), ("1KiB", 1024), ("2 MiB", 2 * 2**20), ("1.5g", 3 * 2**29)])
def test_sizes(text: str, size: int) -> None:
    assert commands.size(text) == size


@pytest.mark.parametrize("text", ["", "0", "-1GiB", "many", "1XB", "nan"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="such as 500MiB"):
        commands.size(text)


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["--nonsense"],
        ["inspect"],
        ["inspect", "x.jsonl", "--depth", "-1"],
        ["inspect", "x.jsonl", "--depth", "1.5"],
        ["inspect", "x.jsonl", "--depth", "9" * 5000],
        ["inspect", "x.jsonl", "--format", "xml"],
        ["inspect", "x.jsonl", "--dep", "3"],
        ["--print-completion", "fish"],
        ["inspect", "x.jsonl", "\x1b[31mred"],
    ],
)
def test_wrong_usage_is_one_clean_line_and_exit_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("prism: ")
    assert err.count("\n") == 1
    assert "--help" in err
    assert not ESCAPES.search(err.encode())


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1723161253937", 1723161253937),
        ("2024-08-08T23:54:13.937Z", 1723161253937),
        ("2024-08-08 23:54:13.937", 1723161253937),
        ("2024-08-09T01:54:13.937+02:00", 1723161253937),
    ],
)
def test_moments(text: str, ms: int) -> None:
    assert commands.moment_ms(text) == ms


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (commands.moment_ms, "yesterday"),
        (commands.moment_ms, ""),
        (commands.moment_ms, "999999999999999"),
        (commands.moment_ms, "1723161253"),
        (commands.moment_ms, "0"),
        (commands.moment_ms, "9999-12-31T23:59:59Z"),
        (commands.moment_ms, "0001-01-01T00:00:00+14:00"),
        (commands.moment_ms, "9999-12-31T23:59:59-12:00"),
        (commands.moment_ms, "1723161253937000"),
        (commands.speed, "0"),
        (commands.speed, "-1"),
        (commands.speed, "nan"),
        (commands.speed, "inf"),
        (commands.speed, "fast"),
        (commands.seconds, "1e999"),
        (commands.count, "0"),
        (commands.count, "²"),
        (commands.levels, "-1"),
    ],
)
def test_refused_arguments(read: Callable[[str], object], text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="expected"):
        read(text)


def test_speed_max_is_without_limit() -> None:
    assert commands.speed("max") == float("inf")
    assert commands.speed("2.5") == 2.5


# Diagnostics


def raising(error: BaseException) -> Callable[[], int]:
    def run() -> int:
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (CaptureError("some.jsonl: empty"), 1, "prism: some.jsonl: empty\n"),
        (ConfigError("two faults", ("first", "second")), 2, "prism: two faults\nprism:   first\nprism:   second\n"),
        (ConfigError("one fault"), 2, "prism: one fault\n"),
        (FileNotFoundError(2, "No such file", "here"), 1, "prism: here: No such file\n"),
        (BrokenPipeError(), 0, ""),
        (KeyboardInterrupt(), 130, ""),
        (SystemExit(0), 0, ""),
    ],
)
def test_what_each_failure_says_and_returns(
    error: BaseException, code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert diagnostics.guard(raising(error)) == code
    assert capsys.readouterr().err == told


def test_an_internal_error_is_one_line_and_with_debug_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    error = RuntimeError("\x1b[31m[red]broken\n\x9b")
    assert diagnostics.guard(raising(error)) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "--debug" in err
    assert diagnostics.guard(raising(error), debug=True) == 1
    debugged = capsys.readouterr().err
    assert "Traceback" in debugged
    assert not ESCAPES.search((err + debugged).encode())


# Imports


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["inspect", "--help"], ["nonsense"]])
def test_nothing_heavy_is_imported_before_a_command_runs(words: list[str]) -> None:
    script = (
        "import sys; from tui import cli; cli.main(sys.argv[1:]); "
        f"sys.stderr.write('LOADED ' + ' '.join(name for name in {HEAVY!r} if name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr.rpartition("LOADED ")[2].split() == []


def test_inspect_never_imports_the_console(tmp_path: Path) -> None:
    script = (
        "import sys; from tui import cli; code = cli.main(sys.argv[1:]); "
        "sys.exit(code or any(name.split('.')[0] in ('textual', 'pandas') for name in sys.modules))"
    )
    words = ["inspect", str(capture_of(tmp_path))]
    subprocess.run([sys.executable, "-c", script, *words], capture_output=True, check=True, timeout=60)


# prism inspect, over hostile captures


def depth(rows: str, symbol: str = "BTCUSDT") -> str:
    return (
        '{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1700000000000,"T":1700000000000,'
        f'"s":{json.dumps(symbol)},"U":1,"u":2,"pu":0,"b":{rows},"a":[]}}}}'
    )


def trade(price: str, quantity: str = '"1"', symbol: str = "BTCUSDT") -> str:
    return (
        f'{{"stream":{json.dumps(symbol.lower() + "@aggTrade")},"data":{{"e":"aggTrade","E":1700000000000,"a":1,'
        f'"s":{json.dumps(symbol)},"p":{price},"q":{quantity},"f":1,"l":1,"T":1700000000000,"m":true}}}}'
    )


HOSTILE_SYMBOL = "[red]\x1b[31m\x9b2J\u202e" + "A" * 300
REJECTED = {
    "rubbish": "not json",
    "cut": trade('"1"')[:-10],
    "endless price": trade('"1e999"'),
    "endless bare price": trade("1e999"),
    "no number": trade('"nan"'),
    "underscore": depth('[["1_0","1"]]'),
    "negative size": depth('[["1","-1"]]'),
    "negative price": trade('"-1"'),
    "three fields": depth('[["1","1","1"]]'),
    "one field": depth('[["1"]]'),
    "full-width digits": depth('[["１","1"]]'),
    "not text": depth("[[[],{}]]"),
    "deep": "[" * 100_000,
    "long symbol": trade('"1"', symbol=HOSTILE_SYMBOL),
    "hostile symbol": depth('[["1","1"]]', symbol="[red]\x1b[31m"),
}


@pytest.mark.parametrize("form", ["json", "table"])
@pytest.mark.parametrize("bad", REJECTED.values(), ids=REJECTED.keys())
def test_hostile_frames_are_counted_and_never_shown_raw(
    bad: str, form: str, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    path = capture_of(tmp_path, trade('"100.5"'), bad, trade('"101.5"'))
    assert cli.main(["inspect", str(path), "--format", form]) == 0
    out, err = capfdbinary.readouterr()
    assert not ESCAPES.search(out)
    assert not ESCAPES.search(err)
    assert b"Traceback" not in err
    assert b"binance-usdm: 1 messages rejected" in err
    if form == "json":
        document = json.loads(out)
        venue = document["venues"][0]
        assert (venue["frames"], venue["rejected"], venue["events"], venue["unknown"]) == (3, 1, 2, 0)
        assert document["instruments"][0]["trades"]["last_price"] == 101.5


def test_markup_in_a_symbol_is_text(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """The longest name that a venue could send is kept and shown as it is."""
    path = capture_of(tmp_path, trade('"1.5"', symbol="[red]:smile:[/x]USDT"))
    assert cli.main(["inspect", str(path)]) == 0
    assert b"[red]:smile:[/x]USDT" in capfdbinary.readouterr().out


@pytest.mark.parametrize(
    ("content", "code", "told"),
    [
        ("", 1, "empty"),
        ("rubbish\n", 1, "not JSON"),
        ('{"capture":7}\n', 1, "version 7"),
        ("\x1b]0;title\x07\n", 1, "not JSON"),
        (HEADER, 0, ""),
    ],
)
def test_files_that_are_no_captures(content: str, code: int, told: str, tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    path.write_text(content)
    done = prism("inspect", str(path), "--format", "json")
    assert done.returncode == code
    assert told in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert not ESCAPES.search(done.stderr)
    if code:
        assert done.stdout == b""
        assert b"some.jsonl" in done.stderr
    else:
        assert json.loads(done.stdout)["capture"]["lines"] == 0


def test_a_hostile_file_name_is_cleaned(tmp_path: Path) -> None:
    done = prism("inspect", os.fspath(tmp_path / "\x1b[31mred\udcff.jsonl"))
    assert done.returncode == 1
    assert b"no such file" in done.stderr
    assert not ESCAPES.search(done.stderr)


def test_bad_lines_are_told_with_their_numbers(tmp_path: Path) -> None:
    path = capture_of(tmp_path, trade('"1.5"'), trade('"2.5"'))
    head, first, second = path.read_text().splitlines()
    path.write_text("\n".join((head, first, "\x1b[2Jrubbish", second, second[:30])))
    done = prism("inspect", str(path), "--format", "json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["capture"]["bad_lines"] == 1
    assert b"line 3 skipped" in done.stderr
    assert b"line 5, is torn" in done.stderr
    assert not ESCAPES.search(done.stderr)


@pytest.mark.parametrize(
    ("name", "has_any"), [("composite-four-venues.jsonl.gz", False), ("liquidations-2024-08-17.jsonl.gz", True)]
)
def test_no_liquidation_is_a_zero_only_where_one_could_be_recorded(
    name: str, has_any: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    capture = str(recorded("captures", name))
    assert cli.main(["inspect", capture, "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert any(venue["by_type"]["liquidation"] for venue in document["venues"]) is has_any
    assert cli.main(["inspect", capture]) == 0
    lines = capsys.readouterr().out.split("Instruments")[1].splitlines()
    cells = [line.split()[10:12] for line in lines if line.split()[2:3] == ["perp"]]
    assert len(cells) == sum(row["kind"] == "perp" for row in document["instruments"])
    assert all(("–" in pair) is not has_any for pair in cells)


def test_an_unknown_symbol_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = capture_of(tmp_path, trade('"1.5"'))
    assert cli.main(["inspect", str(path), "--symbol", "DOGEUSDT", "--format", "json"]) == 0
    assert "no instrument named DOGEUSDT" in capsys.readouterr().err


def test_a_market_heard_for_too_short_says_what_is_missing_and_what_to_do() -> None:
    def feed(state: Any, backfill: int) -> Feed:
        return Feed("okx", state, "", None, 0, 0, 0, 0, 0, backfill=backfill)

    assert market.unfinished([feed("live", 0)], 8) == ""
    told = market.unfinished([feed("live", 1200), feed("syncing", 34)], 8)
    assert "1,234 candle requests were still open and 1 of 2 venues was not live" in told
    assert "--for 32 collects longer" in told
    assert "1 candle request was still open and" in market.unfinished([feed("syncing", 1)], 8)
    assert market.unfinished([feed("down", 0), feed("down", 0)], 8) == "", "longer would not help"


def test_a_closed_pipe_is_no_failure(tmp_path: Path) -> None:
    path = capture_of(tmp_path, trade('"1.5"'))
    words = [sys.executable, "-m", "tui", "inspect", str(path), "--format", "json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        told = process.stderr.read()
        assert process.wait(60) == 0
    assert told == b""


def test_a_terminal_without_unicode_gets_the_document_and_a_table(tmp_path: Path) -> None:
    path = capture_of(tmp_path, trade('"1.5"', symbol="牛来USDT"))
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    for form in ("json", "table"):
        words = [sys.executable, "-m", "tui", "inspect", str(path), "--format", form]
        done = subprocess.run(words, capture_output=True, check=False, env=environment, timeout=60)
        assert done.returncode == 0, done.stderr
        assert ("牛来USDT".encode() in done.stdout) is (form == "json")
