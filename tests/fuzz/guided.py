"""Coverage-guided fuzzing of every room that reads bytes from outside, with atheris. Run by hand, not by the tests.

    python -m venv /tmp/fuzz && /tmp/fuzz/bin/pip install atheris -r requirements.lock
    /tmp/fuzz/bin/python -m tests.fuzz.guided frames FOLDER -max_total_time=300

The first argument names a target of `tests.fuzz.targets`, the second a folder for the inputs that reached something
new, begun with real and simulated messages; the rest goes to libFuzzer. What crashed stands in `crash-*` in the current
folder: make it small (`-minimize_crash=1`) and put it into `tests/fuzz/corpus/TARGET/`, where the tests read it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random

import atheris

with atheris.instrument_imports(include=["engine", "tui", "yaml"]):
    from tests.fuzz.targets import TARGETS, VENUES

from tests.fuzz import simulated
from tests.fuzz.damage import damaged

CORPUS = Path(__file__).parent / "corpus"
MAX_SEEDS = 400


def seeds(target: str) -> list[bytes]:
    """What to begin with."""
    known = [path.read_bytes() for path in sorted((CORPUS / target).glob("*")) if path.is_file()]
    if target not in ("frames", "answers"):
        return [*known, b"", b"a: 1\n", b"score > 1", b'\x00{"capture":1}\n{"t":1,"v":"okx","c":"a","d":"x"}\n']
    found: dict[str, bytes] = {}
    for record in simulated.talk():
        venue = bytes([VENUES.index(record.venue)])
        if target == "frames" and (text := getattr(record, "text", None)) is not None:
            found.setdefault(f"{record.venue}{text[:40]}", venue + text.encode())
        elif target == "answers" and (body := getattr(record, "body", None)) is not None:
            asked = record.request.removeprefix("GET /")  # type: ignore[union-attr]
            found.setdefault(f"{record.venue}{asked}", venue + f"{asked}\n200\n{body[:4_000]}".encode())
    return known + list(found.values())[:MAX_SEEDS]


def mutated(data: bytes, max_size: int, seed: int) -> bytes:
    """Damage that knows JSON half of the time, else what libFuzzer makes of bytes."""
    random = Random(seed)
    if len(data) < 2 or random.random() < 0.5:
        return bytes(atheris.Mutate(data, max_size))
    head, separator, body = data[:1], b"", data[1:]
    if b"\n" in body:
        first, separator, body = body.rpartition(b"\n")
        head += first
    text = damaged(random, body.decode("utf-8", "replace"))
    return (head + separator + text.encode("utf-8", "surrogatepass"))[:max_size]


def main() -> None:
    """Fuzz the target that the command line names, until a fault or the limit that it sets."""
    name, folder, *options = sys.argv[1:]
    Path(folder).mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(name)):
        (Path(folder) / f"seed-{number}").write_bytes(seed)
    atheris.Setup([sys.argv[0], folder, *options], TARGETS[name], custom_mutator=mutated)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
