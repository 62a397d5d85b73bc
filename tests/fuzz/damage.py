"""Damage to a message: what a broken or hostile sender may make of a real one.

A seeded `random.Random` decides, so that hypothesis, a coverage-guided fuzzer and a long run share one way of damaging,
and the seed that stands in a failure repeats it.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any, Final

DEEP: Final = 4_000
"""Nesting beyond what any decoder here follows."""

TOKENS: Final[tuple[str, ...]] = (
    "null", "true", "false", "0", "-0", "-1", "1e400", "-1e400", "1e308", "1e-400", "NaN", "Infinity", "-Infinity",
    "9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "18446744073709551616",
    "1" + "0" * 400, "1" * 5_000, "0." + "0" * 400 + "1", "1_0", "01", "0x10", "1700000000", "1700000000000000",
    "4102444799999", "1230768000001", '""', '" "', '"nan"', '"inf"', '"-inf"', '"1e400"', '"1e5"', '"-1"', '"0"',
    '"1_0"',
    '"+1"', '".5"', '"5."', '"1,000"', '"١٢"', '"１２"', '"9999999999999999999999"', '"' + "9" * 5_000 + '"', '"null"',
    '"undefined"', '"<html>"', '"[red]x[/]"', '"[@click=app.quit]x"', '"%s{0}"', '"../../x"', '"\\u0000"',
    '"\\u001b[2J"', '"\\u009b31m"', '"\\u202eX"', '"\\u200bX"', '"\\ud800"', '"\\ud83d\\ude00"', '"币安人生USDT"',
    '"ＢＴＣ"',
    '"e\\u0301\\u0301\\u0301\\u0301"', '"\\u3164"', '"' + "A" * 65 + '"', '"' + "A" * 20_000 + '"', "[]", "{}", "[[]]",
    '[["1","1"]]', '[["0","1"]]', '[["1","-1"]]', '[["1"]]', '[["1","1","1"]]', '[[1,1]]', '[["nan","1"]]',
    '[["1e5","1"]]', '{"a":1}', "[" * 40 + "]" * 40, "[" * DEEP + "]" * DEEP, '{"a":' * DEEP + "1" + "}" * DEEP, "[1",
    '"', "[7]", "[1.5,2]",
)  # fmt: skip
"""What may stand where a value stood, as it would be written."""

CHARACTERS: Final = '\0\x01\x07\x1b\x7f\x9b"\\{}[],:0129.-eE \n\t\u202e\u200b\ufeff\ud800\udfff😀é币'


class Written(str):
    """A value as it is written on the wire, whatever a JSON encoder would make of it."""


class Twice(list[tuple[str, Any]]):
    """An object whose keys may repeat."""


def damaged(random: Random, text: str, others: tuple[str, ...] = ()) -> str:
    """`text` with one to four things wrong with it; `others` are messages that it may be mixed up with."""
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        tree = None
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        if isinstance(tree, dict | list) and random.random() < 0.75:
            tree = _in_the_tree(random, tree, others)
        else:
            text = _in_the_text(random, text if tree is None else write(tree), others)
            tree = None
    return text if tree is None else write(tree)


def write(value: Any) -> str:
    """JSON, except for what is `Written` already and keys that come `Twice`."""
    if isinstance(value, Written):
        return str(value)
    if isinstance(value, dict | Twice):
        pairs = value.items() if isinstance(value, dict) else value
        return "{" + ",".join(f"{json.dumps(key)}:{write(inner)}" for key, inner in pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(write, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _in_the_tree(random: Random, tree: Any, others: tuple[str, ...]) -> Any:
    """One node replaced, moved, repeated or taken away."""
    places = list(_places(tree))
    if not places:
        return Written(random.choice(TOKENS))
    holder, key = random.choice(places)
    what = random.randrange(8)
    if what <= 3:
        holder[key] = Written(random.choice(TOKENS))
    elif what == 4:
        holder[key] = _retyped(random, holder[key])
    elif what == 5:
        del holder[key]
    elif what == 6 and isinstance(holder, dict):
        return _replaced(tree, holder, Twice([*holder.items(), (key, Written(random.choice(TOKENS)))]))
    elif what == 6:
        holder[key:key] = [holder[key]] * random.choice((1, 3, 200))
    else:
        other_holder, other_key = random.choice(places)
        holder[key] = other_holder[other_key] if other_holder is not holder else Written(random.choice(TOKENS))
        return json.loads(json.dumps(tree)) if _is_plain(tree) else Written(random.choice(TOKENS))
    return tree


def _is_plain(tree: Any) -> bool:
    """Whether a tree is free of itself and of what only `write` can write."""
    try:
        return "Written" not in repr(type(tree)) and bool(json.dumps(tree))
    except (ValueError, RecursionError, TypeError):
        return False


def _replaced(tree: Any, old: Any, new: Any) -> Any:
    if tree is old:
        return new
    if isinstance(tree, dict):
        return {key: _replaced(inner, old, new) for key, inner in tree.items()}
    if isinstance(tree, list) and not isinstance(tree, Twice):
        return [_replaced(inner, old, new) for inner in tree]
    return tree


def _places(tree: Any) -> Any:
    """Every (holder, key) of a value."""
    stack = [tree]
    while stack:
        holder = stack.pop()
        if isinstance(holder, Twice):
            continue
        pairs = list(holder.items() if isinstance(holder, dict) else enumerate(holder))[:200]
        for key, inner in pairs:
            yield holder, key
            if isinstance(inner, dict | list):
                stack.append(inner)


def _retyped(random: Random, value: Any) -> Any:
    """A number as text, a text as number, a value in a list, a list as its first value, a number moved far away."""
    if isinstance(value, bool):
        return random.choice((str(value), int(value)))
    if isinstance(value, int | float):
        return random.choice((str(value), -value, value * 1000, value // 1000, value * 10**15, value + 1, [value]))
    if isinstance(value, str):
        number = Written(value) if value.replace(".", "", 1).isdigit() else Written("0")
        return random.choice(
            (number, [value], value * 40, value.lower(), "-" + value, value + "0" * 20, {value: value})
        )
    if isinstance(value, list):
        return random.choice((value[:1] * 300, value[0] if value else {}, {"0": value}, list(reversed(value)), None))
    if isinstance(value, dict):
        return random.choice((list(value.values()), [value], str(value), None))
    return random.choice(("", 0, [], "null"))


def _in_the_text(random: Random, text: str, others: tuple[str, ...]) -> str:
    """Characters lost, added, changed or repeated, without regard to what they mean."""
    at = random.randrange(len(text) + 1)
    end = min(len(text), at + random.choice((1, 1, 2, 8, 64, 10_000)))
    what = random.randrange(8)
    if what == 0:
        return text[:at]
    if what == 1:
        return text[:at] + text[end:]
    if what == 2:
        return text[:at] + random.choice(CHARACTERS) * random.choice((1, 1, 3, 300)) + text[at:]
    if what == 3:
        return text[:at] + random.choice(CHARACTERS) + text[end:]
    if what == 4:
        return text[:at] + text[at:end] * 2 + text[end:]
    if what == 5:
        return text[:at] + random.choice(TOKENS) + text[end:]
    if what == 6 and others:
        other = random.choice(others)
        return text[:at] + other[random.randrange(len(other) + 1) :]
    return random.choice(
        ("\ufeff" + text, text + text, text + "\n", text[::-1], text.upper(), "", "pong", "[" * DEEP + text)
    )
