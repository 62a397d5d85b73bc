"""`prism explain SYMBOL`: everything one symbol's score, gates and levels were made of.

Run by the command line. The table adds up as printed: impacts to the face, faces to the score.
"""

from __future__ import annotations

import argparse
from difflib import get_close_matches
from typing import Any, Final

from rich.text import Text

from engine.documents import encode, explain_document
from engine.errors import ConfigError
from engine.pipeline import Pipeline
from engine.snapshot import Snapshot
from engine.text import clean
from tui.headless import diagnostics, market, output, tables
from tui.headless.settings import settings
from tui.headless.tables import Column
from tui.presenters.format import share_text

_COMPONENTS: Final = (
    Column("component", False, 0),
    Column("score", True, 0),
    Column("weight", True, 0),
    Column("impact", True, 0),
    Column("div", True, 0),
    Column("5m", True, 3),
    Column("15m", True, 3),
    Column("4h", True, 3),
    Column("reading", True, 2),
    Column("unit", False, 2),
    Column("all %", True, 3),
    Column("own %", True, 3),
    Column("status", False, 0),
)
_INPUTS: Final = (
    Column("component", False, 0),
    Column("input", False, 0),
    Column("value", True, 0),
    Column("unit", False, 0),
    Column("age", True, 1),
    Column("source", False, 2),
)
_ACROSS: Final = (
    Column("input", False, 0),
    Column("together", True, 0),
    Column("median", True, 1),
    Column("unit", False, 1),
    Column("venues", False, 0),
)
_GATES: Final = (
    Column("gate", False, 0),
    Column("passed", False, 0),
    Column("value", True, 0),
    Column("limit", True, 0),
    Column("unit", False, 1),
)


def run(args: argparse.Namespace) -> int:
    """Explain `args.symbol` from a recording; the exit code."""
    config = settings(args)
    pipeline = market.run(args, config, until_ms=args.at)
    venue, symbol = _chosen(pipeline, args.symbol)
    pipeline.focus(venue, symbol)
    snapshot = pipeline.snapshot()
    row = snapshot.row_of(venue, symbol)
    assert row is not None
    document = explain_document(snapshot, row)
    if args.format == "json":
        output.write_bytes(encode(document))
    else:
        output.write_table(*_report(snapshot, document))
    return diagnostics.DONE


def _chosen(pipeline: Pipeline, asked: str) -> tuple[str, str]:
    """The instrument a user means by `BTCUSDT`, `btc` or `okx:BTC-USDT-SWAP`; perpetuals and big venues first.

    Raises ConfigError, naming the nearest symbols, where there is none.
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
        raise ConfigError(f"no instrument named {clean(asked, 80)} among the {len(instruments):,} heard of{hint}")
    matching.sort(key=lambda one: (not one.is_rankable, one.symbol.casefold() != name, one.venue, one.symbol))
    for other in matching[1:]:
        diagnostics.notice(f"also: {other.venue}:{other.symbol}")
    return matching[0].venue, matching[0].symbol


def _report(snapshot: Snapshot, document: dict[str, Any]) -> list[Any]:
    available = tables.width()
    verdict = document["side"] or "neither side"
    parts: list[Any] = [
        Text(f"{document['venue']} {document['symbol']} ({document['asset']})", style="bold"),
        Text(
            f"score {_number(document['score'], 2)}  {verdict}  conviction {_number(document['conviction'], 1)}  "
            f"coverage {_share(document['coverage'])}  preset {document['preset']}"
        ),
        Text(f"rank {document['rank']}" if document["rank"] else f"vetoed: {document['reason']}"),
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
    parts += _levels(document["levels"])
    rows = [
        [key, entry["name"], _plain(entry["value"]), entry["unit"], _age(entry["age_ms"]), entry["source"] or ""]
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
    """What moves the score most, what would turn it over, and what changed."""
    told = [
        Text(f"{_number(mover['points'], 2):>6}  {mover['component']}: {mover['words'] or 'no words'}")
        for mover in document["movers"]
    ]
    turned, change = document["flip"], document.get("change")
    if turned is not None:
        names, rest = turned["neutral"][:4], len(turned["neutral"]) - 4
        listed = ", ".join([*names, f"{rest} more"] if rest > 0 else names)
        told.append(Text(f"were {listed} neutral, the score would be {_number(turned['score'], 2)}"))
    if change is not None:
        causes = ", ".join(f"{mover['component']} {mover['points']:+.1f}" for mover in change["movers"])
        told.append(
            Text(f"{_age(change['age_ms'])} ago the score was {_number(change['score'], 2)}; since then {causes}")
        )
    return told


def _component(name: str, held: dict[str, Any]) -> list[str]:
    frames = held["timeframes"] or {}
    status, note = held["status"], held["note"] or ""
    words = note if note.startswith(status) else f"{status}: {note}" if note else status
    return [
        name,
        _number(held["adjusted"], 2),
        _number(held["weight"], 3),
        _number(held["impact"], 2),
        _number(held["divergence"], 1),
        *(_number(frames.get(frame), 1) for frame in ("5m", "15m", "4h")),
        _plain(held["raw"]),
        held["unit"],
        _number(held.get("universe_percentile"), 0),
        _number(held.get("own_percentile"), 0),
        words,
    ]


def _gate(gate: dict[str, Any]) -> list[str]:
    return [
        gate["gate"],
        "yes" if gate["passed"] else "NO",
        _plain(gate["value"]),
        _plain(gate["limit"]),
        gate["unit"],
    ]


def _levels(levels: dict[str, Any]) -> list[Text]:
    if levels["entry"] is None:
        return [Text(f"Levels: {levels['status']}{': ' + levels['note'] if levels['note'] else ''}")]
    targets = "  ".join(
        f"TP{number} {_plain(price)} (net {_number(ratio, 2)})"
        for number, (price, ratio) in enumerate(zip(levels["tp"], levels["reward_risk_net"], strict=True), 1)
    )
    return [
        Text(
            f"Levels ({levels['status']}): entry {_plain(levels['entry'])}  stop {_plain(levels['stop'])}  "
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
    return f"{value:.10f}".rstrip("0") if "e" in text else text


def _share(value: float | None) -> str:
    return "–" if value is None else share_text(value).replace("%", " %")


def _age(age_ms: int | None) -> str:
    return "–" if age_ms is None else f"{age_ms / 1000:.1f} s"
