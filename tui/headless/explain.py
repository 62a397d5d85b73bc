"""`prism explain SYMBOL`: everything behind one symbol's score, gates and levels.

Run by the command line. It names components and gates as the console does; their ids are in the JSON document.
"""

from __future__ import annotations

import argparse
from difflib import get_close_matches
from typing import Any, Final

from rich.text import Text

from engine.documents import encode, explain_document
from engine.errors import ConfigError
from engine.pipeline import Pipeline
from engine.ranking.words import gate_title
from engine.snapshot import Snapshot
from engine.text import clean
from tui.headless import diagnostics, market, output, tables
from tui.headless.settings import settings
from tui.headless.tables import Column
from tui.presenters.explanation import MOST_NAMED
from tui.presenters.format import share_text
from tui.presenters.gates import side_text
from tui.presenters.view import words

_COMPONENTS: Final = (
    Column("component", False, 0, 12),
    Column("score", True, 0),
    Column("weight", True, 0),
    Column("impact", True, 0),
    Column("div", True, 0),
    Column("5m", True, 2),
    Column("15m", True, 2),
    Column("4h", True, 2),
    Column("reading", True, 3),
    Column("unit", False, 3, 10),
    Column("all %", True, 4),
    Column("own %", True, 4),
    Column("status", False, 0, 22),
)
_INPUTS: Final = (
    Column("component", False, 0, 12),
    Column("input", False, 0, 22),
    Column("value", True, 0),
    Column("unit", False, 3, 14),
    Column("age", True, 1),
    Column("source", False, 2, 16),
)
_ACROSS: Final = (
    Column("input", False, 0, 16),
    Column("together", True, 0),
    Column("median", True, 1),
    Column("unit", False, 1),
    Column("venues", False, 0, 20),
)
_GATES: Final = (
    Column("gate", False, 0),
    Column("passed", False, 0),
    Column("value", True, 0),
    Column("limit", True, 0),
    Column("unit", False, 1),
)


def run(args: argparse.Namespace) -> int:
    """Explain `args.symbol` from a recording, the simulator or the live venues; return the exit code, `FAILED` if no
    venue sent anything."""
    if args.at is not None and args.replay is None:
        raise ConfigError("--at is a time of a recording; name it with --replay CAPTURE, or leave out --at for now")
    config = settings(args)
    pipeline = market.run(args, config, until_ms=args.at)
    if args.replay is None and not pipeline.snapshot().at_ms:
        diagnostics.notice("nothing can be explained: no venue sent anything; `prism doctor` says what is in the way")
        return diagnostics.FAILED
    venue, symbol = _chosen(pipeline, args.symbol)
    pipeline.focus(venue, symbol)
    snapshot = pipeline.snapshot()
    row = snapshot.row_of(venue, symbol)
    assert row is not None
    document = explain_document(snapshot, row)
    if args.format == "json":
        output.write_bytes(encode(document))
    else:
        output.write_table(*_report(snapshot, row, document))
    return diagnostics.DONE


def _chosen(pipeline: Pipeline, asked: str) -> tuple[str, str]:
    """The instrument that a user means by `BTCUSDT`, `btc` or `okx:BTC-USDT-SWAP`.

    Perpetuals that can be ranked come first, then exact symbols, then venues by name; the others are listed in notices.
    Raises ConfigError with the nearest symbols if none matches.
    """
    instruments = pipeline.state.universe.frozen()
    venue, colon, name = asked.rpartition(":")
    name = name.casefold()
    matching = [
        one
        for one in instruments
        if name in (one.symbol.casefold(), one.asset.casefold(), one.base.casefold())
        and (not colon or one.venue.casefold() == venue.casefold())
    ]
    if not matching:
        names = sorted({one.symbol for one in instruments} | {one.asset for one in instruments})
        nearest = get_close_matches(asked.upper(), names, 3)
        hint = f"; nearest: {', '.join(nearest)}" if nearest else ""
        raise ConfigError(f"no instrument named {clean(asked, 80)} among the {len(instruments):,} seen{hint}")
    matching.sort(key=lambda one: (not one.is_rankable, one.symbol.casefold() != name, one.venue, one.symbol))
    for other in matching[1:]:
        diagnostics.notice(f"also: {other.venue}:{other.symbol}")
    return matching[0].venue, matching[0].symbol


def _report(snapshot: Snapshot, row: int, document: dict[str, Any]) -> list[Any]:
    available = tables.width()
    ranking = snapshot.ranking
    side, _ = side_text(ranking, snapshot.board if ranking.board is None else ranking.board, row)
    parts: list[Any] = [
        Text(f"{document['venue']} {document['symbol']} ({document['asset']})", style="bold"),
        Text(
            f"score {_number(document['score'], 2)}  {side.lower()}  conviction {_number(document['conviction'], 1)}  "
            f"coverage {_share(document['coverage'])}  preset {document['preset']}"
        ),
        Text(f"rank {document['rank']}" if document["rank"] else f"gated: {document['reason']}"),
    ]
    parts += _verdict(document)
    parts += [Text(f"trap: {trap['name'].replace('_', ' ')}: {trap['saw']}") for trap in document["traps"] or ()]
    for name, face in document["faces"].items():
        title = (
            f"{name}: {_number(face['score'], 2)} x {_number(face['weight'], 3)} = {_number(face['impact'], 2)}   "
            f"coverage {_share(face['coverage'])}   DIV {_number(face['divergence'], 1)}"
        )
        rows = [_component(key, held) for key, held in face["components"].items()]
        parts += tables.fitted(title, _COMPONENTS, rows, available)
    parts += tables.fitted("Gates", _GATES, [_gate(gate) for gate in document["gates"]], available)
    parts += _levels(document["levels"], document["at_ms"])
    rows = [
        [words(key), entry["name"], _plain(entry["value"]), entry["unit"], _age(entry["age_ms"]), entry["source"] or ""]
        for face in document["faces"].values()
        for key, held in face["components"].items()
        for entry in held["inputs"]
    ]
    parts += tables.fitted("Inputs", _INPUTS, rows, available)
    if document["across_venues"]:
        rows = [_across(one) for one in document["across_venues"]]
        parts += tables.fitted("Across venues", _ACROSS, rows, available)
    if document["structure"]:
        held = "  ".join(f"{level['name']} {_plain(level['price'])}" for level in document["structure"])
        parts.append(Text(f"Structure: {held}"))
    return parts


def _across(one: dict[str, Any]) -> list[str]:
    said = (
        f"{voice['venue']} {_plain(voice['value'])}{' (disagrees)' if voice['disagrees'] else ''}"
        for voice in one["venues"]
    )
    return [one["name"], _plain(one["combined"]), _plain(one["median"]), one["unit"], ", ".join(said)]


def _verdict(document: dict[str, Any]) -> list[Text]:
    """What moves the score most, what would reverse it, and what changed."""
    told = [
        Text(
            f"{_number(mover['points'], 2):>6}  {': '.join(filter(None, (words(mover['component']), mover['words'])))}"
        )
        for mover in document["movers"]
    ]
    turned, change = document["flip"], document.get("change")
    if turned is not None and len(turned["neutral"]) <= MOST_NAMED:
        listed = ", ".join(map(words, turned["neutral"]))
        told.append(Text(f"were {listed} neutral, the score would be {_number(turned['score'], 2)}"))
    if change is not None:
        causes = ", ".join(f"{words(mover['component'])} {mover['points']:+.1f}" for mover in change["movers"])
        told.append(
            Text(f"{_age(change['age_ms'])} ago the score was {_number(change['score'], 2)}; since then {causes}")
        )
    return told


def _component(name: str, held: dict[str, Any]) -> list[str]:
    frames = held["timeframes"] or {}
    return [
        words(name),
        _number(held["adjusted"], 2),
        _number(held["weight"], 3),
        _number(held["impact"], 2),
        _number(held["divergence"], 1),
        *(_number(frames.get(frame), 1) for frame in ("5m", "15m", "4h")),
        _plain(held["raw"]),
        held["unit"],
        _number(held.get("universe_percentile"), 0),
        _number(held.get("own_percentile"), 0),
        _status(held),
    ]


def _status(held: dict[str, Any]) -> str:
    """A status with its note, which may already begin with it: `warming: 0/15 bars`, `no open interest`."""
    status, note = held["status"], held["note"] or ""
    return note if status in note else f"{status}: {note}" if note else status


def _gate(gate: dict[str, Any]) -> list[str]:
    return [
        gate_title(gate["gate"]),
        "yes" if gate["passed"] else "NO",
        _plain(gate["value"]),
        _plain(gate["limit"]),
        gate["unit"],
    ]


def _levels(levels: dict[str, Any], at_ms: int) -> list[Text]:
    if levels["entry"] is None:
        return [Text(f"Levels: {_status(levels)}")]
    fixed_ms = levels["fixed_ms"]
    since = "moving" if fixed_ms is None else f"fixed {tables.moment(fixed_ms)}, {_age(at_ms - fixed_ms)} ago"
    targets = "  ".join(
        f"TP{number} {_plain(price)} (net {_number(ratio, 2)})"
        for number, (price, ratio) in enumerate(zip(levels["tp"], levels["reward_risk_net"], strict=True), 1)
    )
    return [
        Text(
            f"Levels ({levels['status']}, {since}): entry {_plain(levels['entry'])}  stop {_plain(levels['stop'])}  "
            f"R {_plain(levels['r'])}  ATR14 {levels['atr_timeframe']} {_plain(levels['atr'])}"
        ),
        Text(targets),
        *([Text(levels["note"])] if levels["note"] else []),
    ]


def _number(value: float | None, decimals: int) -> str:
    return "–" if value is None else f"{value:.{decimals}f}"


def _plain(value: float | None) -> str:
    if value is None:
        return "–"
    text = f"{value:,.2f}" if abs(value) >= 1000 else f"{value:.6g}"
    if "e" not in text:
        return text
    short = f"{value:.10f}".rstrip("0").rstrip(".")
    return "0" if short == "-0" else short


def _share(value: float | None) -> str:
    return "–" if value is None else share_text(value).replace("%", " %")


def _age(age_ms: int | None) -> str:
    return "–" if age_ms is None else f"{age_ms / 1000:.1f} s"
