"""The documents for users: links lead somewhere, commands and keys exist, tables agree with the program."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from engine.config.presets import FACE_WEIGHTS, PRESETS
from engine.config.schema import AccountSection
from engine.prism.board import COMPONENTS
from tui import reference
from tui.actions import ACTIONS
from tui.commands import COMMANDS
from tui.presenters.columns import COLUMNS

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "bench" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = [target for target in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in target]
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing


def test_the_readme_lists_every_command_and_no_other() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `prism (\w+)", text, re.MULTILINE)) == {command.name for command in COMMANDS}


def test_keys_in_the_readme_are_bound() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text[text.index("| keys | do |") : text.index("Every key can be changed")]
    shown = {
        key for cell in re.findall(r"^\| (.+?) \|", table, re.MULTILINE)[2:] for key in re.findall(r"`([^`]+)`", cell)
    }
    bound = {key for action in ACTIONS for key in action.keys}
    names = {
        "<": "less_than_sign", ">": "greater_than_sign", ",": "comma", ".": "full_stop", "/": "slash",
        "'": "apostrophe", "[": "left_square_bracket", "]": "right_square_bracket",
        "+": "plus", "-": "minus", "?": "question_mark", "esc": "escape", "F1": "f1", "F3": "f3",
    }  # fmt: skip
    assert not {key for key in shown if key not in bound and names.get(key, key) not in bound}


def test_the_page_of_keys_holds_the_table_of_today() -> None:
    page = (ROOT / "docs" / "keys.md").read_text(encoding="utf-8")
    assert page == reference.renewed(page), "run: python -m tui.reference docs/keys.md"
    for action in ACTIONS:
        line = next(line for line in page.split("\n") if f"| `{action.id}` |" in line)
        assert not line.endswith("|  |"), "every key says where it works"
    for column in COLUMNS:
        assert f"| {column.title} | {column.words} |" in page or column.key.startswith("face.")


def test_the_sizes_and_multiples_on_the_page_of_levels_are_the_programs() -> None:
    page = " ".join((ROOT / "docs" / "levels-and-sizing.md").read_text(encoding="utf-8").split())
    *most, last = [f"{preset.stop_atr:.1f} ({name})" for name, preset in PRESETS.items()]
    assert f"{', '.join(most)} or {last} ATR" in page
    account = AccountSection()
    lost = account.equity_usd * account.risk_frac
    assert (
        f"With {account.equity_usd:,.0f} dollars, a risk of {account.risk_frac * 100:g} % and a stop 2 % away" in page
    )
    assert f"the first is {lost / 0.02:,.0f} dollars: {lost:g} dollars are lost" in page


def test_the_tables_of_weights_and_presets_are_the_programs() -> None:
    score = (ROOT / "docs" / "reading-a-score.md").read_text(encoding="utf-8")
    for face, weight in FACE_WEIGHTS.items():
        row = next(line for line in score.splitlines() if line.startswith(f"| {face} "))
        assert f"| {100 * weight:g} % |" in row
        assert [int(n) for n in re.findall(r" (\d\d)(?:,| \||$)", row)] == [
            round(100 * share) for share in COMPONENTS[face].values()
        ]
    gates = (ROOT / "docs" / "presets-and-gates.md").read_text(encoding="utf-8")
    conviction = next(line for line in gates.splitlines() if line.startswith("| conviction"))
    assert [float(n) for n in re.findall(r"\| (\d+)", conviction)] == [p.min_conviction for p in PRESETS.values()]


def test_every_fault_of_the_table_has_its_tests_or_says_why_not() -> None:
    text = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (F\d\d) \| [^|]+ \| ([a-z ]+) \| (.+) \|$", text, re.MULTILINE)
    assert [name for name, _, _ in rows] == [f"F{n:02d}" for n in range(1, 68)]
    states = Counter(state for _, state, _ in rows)
    told = f"{states['tested']} are tested, {states['partly']} partly, {states['not covered']} not covered, and"
    assert f"{told} {states['does not apply']} do not apply" in " ".join(text.split())
    assert sum(states[state] for state in ("tested", "partly", "not covered", "does not apply")) == len(rows)
    for name, state, words in rows:
        links = re.findall(r"\[(\w+)\]\(\.\./(tests/[\w/]+\.py)\)", words)
        assert links or state in ("not covered", "does not apply", "partly"), name
        for shown, path in links:
            tests = (ROOT / path).read_text(encoding="utf-8")
            assert shown == Path(path).stem or re.search(rf"def {shown}\(", tests), f"{name}: {path} has no {shown}"


RELIABILITY = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")


def test_every_test_that_the_page_of_faults_names_is_there() -> None:
    for name, target in re.findall(r"\[(test_\w+)\]\(\.\./([^)]+)\)", RELIABILITY):
        path = ROOT / target
        assert path.stem == name or re.search(
            rf"^(async )?def {name}\(", path.read_text(encoding="utf-8"), re.MULTILINE
        ), name


def test_the_page_of_faults_counts_its_rows() -> None:
    states = Counter(
        re.findall(r"^\| F\d\d \| .*? \| (tested|partly|not covered|does not apply) \|", RELIABILITY, re.MULTILINE)
    )
    assert sum(states.values()) == 67
    told = re.search(r"(\d+) are tested,\s(\d+) partly, (\d+) not covered, and (\d+) do not apply", RELIABILITY)
    assert told is not None
    kinds = ("tested", "partly", "not covered", "does not apply")
    assert [states[kind] for kind in kinds] == [int(number) for number in told.groups()]


SHOWN = [path for room in ("engine", "tui") for path in sorted((ROOT / room).rglob("*.py"))]
ANYTHING = r"[;,]?\s*\.\.\.[;,]?\s*"
FIGURE = r"\d+ h \d+ m|[\w.]*\d[\w.]*(?: rows?\b| gated rows? match| streams?\b| holes?\b)?"
NAME = (
    r"\b(?:balanced|strict|SIGKILL|Bybit stale|coverage \d+|process \d+|standard input|mark prices"
    r"|engine\.scan_interval|(?<=press )v)\b"
)
"""What stands in a quoted message for what differs: `...` for any words, a figure with what it counts, or a name."""


def texts_of_the_program() -> list[str]:
    """Every text in the code, docstrings aside, with NUL for each part that is put in when it runs."""
    found = []
    for path in SHOWN:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                found.append("".join(str(p.value) if isinstance(p, ast.Constant) else "\0" for p in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts | alone:
                found.append(node.value)
    return found


def is_shown(message: str, texts: list[str]) -> bool:
    """Whether the program has a text of these words. What follows `: ` or `; ` may come from another text."""
    pattern, at = "", 0
    for match in re.finditer(f"(?P<anything>{ANYTHING})|{NAME}|{FIGURE}", message):
        pattern += re.escape(message[at : match.start()]) + (".*" if match["anything"] else "\0")
        at = match.end()
    pattern += re.escape(message[at:])
    if not re.search(r"\w\w", pattern) or any(re.search(pattern, text, re.DOTALL) for text in texts):
        return True
    cuts = [(match.start(), match.end()) for match in re.finditer(r"[:;] ", message)]
    return any(is_shown(message[:end], texts) and is_shown(message[begin:], texts) for end, begin in cuts)


@pytest.mark.parametrize(
    ("page", "heading"), [("troubleshooting.md", "| message |"), ("live-venues.md", "| you see |")]
)
def test_every_message_that_a_table_explains_is_one_of_the_program(page: str, heading: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    table, _, _ = text[text.index(heading) :].partition("\n\n")
    cells = re.findall(r"^\| (.*`.*?) \| ", table, re.MULTILINE)
    assert len(cells) == table.count("\n") - 1, "one a row"
    texts = texts_of_the_program()
    quoted = [message for cell in cells for message in re.findall(r"`([^`]+)`", cell)]
    assert [message for message in quoted if not is_shown(message, texts)] == []


@pytest.mark.parametrize(
    "message", ["the last line is cut off and was dropped", "Bybit silent for 12 s", "nothing heard for 3 h"]
)
def test_a_message_that_the_program_lacks_is_noticed(message: str) -> None:
    assert not is_shown(message, texts_of_the_program())
