"""`prism scan`: rank a market once, print it, exit.

Run by the command line. The JSON is the contract that other programs rely on; it contains every component of every row.
The table is for people, CSV is for spreadsheets.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from engine.documents import encode, scan_document
from engine.prism.faces import FACES
from engine.scan_table import scan_csv
from engine.snapshot import Snapshot
from tui.headless import diagnostics, market, output, tables
from tui.headless.settings import settings
from tui.headless.tables import Column
from tui.presenters import format as show
from tui.presenters.filter_expression import Filter, FilterError, parse
from tui.presenters.gates import NO_SIDE, side_text
from tui.presenters.sheet import Sheet
from tui.presenters.view import count_text

VETOED_SHOWN: Final = 15
"""Rows in the table of gated symbols."""

_CANDIDATES: Final = (
    Column("#", True, 0),
    Column("symbol", False, 0),
    Column("venue", False, 0),
    Column("side", False, 0),
    Column("score", True, 0),
    Column("cover", True, 2),
    *(Column(face, True, 4) for face in FACES),
    Column("price", True, 1),
    Column("spread bp", True, 3),
    Column("entry", True, 5),
    Column("stop", True, 1),
    Column("TP2", True, 2),
    Column("net R/R", True, 3),
)
_VETOED: Final = (
    Column("symbol", False, 0),
    Column("venue", False, 0),
    Column("side", False, 1),
    Column("score", True, 0),
    Column("cover", True, 1),
    Column("fails", True, 1),
    Column("gated by", False, 0, 20),
)


def run(args: argparse.Namespace) -> int:
    """Rank the market that `args` names and print it; return the exit code, `FAILED` if no venue sent anything."""
    config = settings(args)
    wanted = None if args.filter is None else _parsed(args.filter)
    pipeline = market.run(args, config)
    snapshot = pipeline.snapshot()
    if wanted is not None:
        outcome = wanted.evaluate(Sheet(snapshot, snapshot.preset), _rankable(snapshot))
        for notice in outcome.notices():
            diagnostics.notice(f"filter: {notice}")
        snapshot = _only(snapshot, outcome.kept)
    if args.format == "json":
        output.write_bytes(encode(scan_document(snapshot, args.top)))
    elif args.format == "csv":
        output.write_bytes(scan_csv(snapshot, args.top).encode())
    else:
        output.write_table(*_report(snapshot, args.top))
    if snapshot.mode != "replay" and not snapshot.at_ms:
        diagnostics.notice("nothing was ranked: no venue sent anything; `prism doctor` says what is in the way")
        return diagnostics.FAILED
    return diagnostics.DONE


def _parsed(source: str) -> Filter:
    try:
        return parse(source)
    except FilterError as error:
        for line in error.pointed().splitlines()[:2]:
            diagnostics.notice(line)
        raise


def _rankable(snapshot: Snapshot) -> NDArray[np.bool_]:
    """The rows `[rows]` that the report can show: those that pass and those that a gate stops."""
    ranking = snapshot.ranking
    found = np.zeros(len(snapshot.instruments), dtype=np.bool_)
    found[ranking.candidates] = found[ranking.vetoed] = True
    return found


def _only(snapshot: Snapshot, kept: NDArray[np.bool_]) -> Snapshot:
    """`snapshot` with only the ranked and gated rows that a filter keeps."""
    ranking = snapshot.ranking
    narrowed = replace(
        ranking, candidates=ranking.candidates[kept[ranking.candidates]], vetoed=ranking.vetoed[kept[ranking.vetoed]]
    )
    return replace(snapshot, rankings={**snapshot.rankings, snapshot.preset: narrowed})


def _report(snapshot: Snapshot, top: int) -> list[Any]:
    document = scan_document(snapshot, top)
    available = tables.width()
    head = Text(
        f"{document['mode']}  preset {document['preset']}  {tables.moment(document['at_ms'])}  "
        f"{count_text(document['universe'], 'perpetual')}, {document['scored']} scored, {document['gated']} gated"
    )
    parts: list[Any] = [head]
    if document["candidates"]:
        rows = [_candidate(snapshot, row) for row in document["candidates"]]
        parts += tables.fitted("Candidates", _CANDIDATES, rows, available)
    elif document["vetoed"]:
        parts.append(Text(f"no perpetual passes {document['preset']}; what gates each stands below"))
    else:
        parts.append(Text("no perpetual to show: none was seen, or none matches the filter"))
    if document["vetoed"]:
        shown = sorted(document["vetoed"], key=_lacks)[:VETOED_SHOWN]
        more = len(document["vetoed"]) - len(shown)
        title = "Gated" + (f" ({len(shown)} of {len(document['vetoed'])}, fewest failed gates first)" if more else "")
        parts += tables.fitted(title, _VETOED, [_vetoed(snapshot, row) for row in shown], available)
    return parts


def _candidate(snapshot: Snapshot, row: dict[str, Any]) -> list[str]:
    found = snapshot.row_of(row["venue"], row["symbol"])
    assert found is not None
    tick = snapshot.instruments[found].tick
    levels = row["levels"]

    def price(value: float | None) -> str:
        return show.price_text(np.nan if value is None else value, tick)

    return [
        str(row["rank"]),
        row["symbol"],
        row["venue"],
        row["side"] or "–",
        _number(row["score"], 1),
        _percent(row["coverage"]),
        *(_number(row["faces"][face]["score"], 0) for face in FACES),
        price(row["price"]),
        _number(row["spread_bps"], 1),
        price(levels["entry"]),
        price(levels["stop"]),
        price(levels["tp"][1]),
        _number(levels["reward_risk_net"][1], 2),
    ]


def _lacks(row: dict[str, Any]) -> int:
    """How many gates a row fails. Persistence is not counted, because any other failure resets it."""
    return sum(not gate["passed"] for gate in row["gates"] if gate["gate"] != "persistence")


def _vetoed(snapshot: Snapshot, row: dict[str, Any]) -> list[str]:
    ranking, found = snapshot.ranking, snapshot.row_of(row["venue"], row["symbol"])
    assert found is not None
    side = side_text(ranking, snapshot.board if ranking.board is None else ranking.board, found)
    return [
        row["symbol"],
        row["venue"],
        "–" if side == NO_SIDE else side[0].lower(),
        _number(row["score"], 1),
        _percent(row["coverage"]),
        str(_lacks(row)),
        row["reason"] or "–",
    ]


def _number(value: float | None, decimals: int) -> str:
    return "–" if value is None else f"{value:.{decimals}f}"


def _percent(value: float | None) -> str:
    return "–" if value is None else show.share_text(value)
