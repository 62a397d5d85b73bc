"""`prism inspect`: what a recording contains, as a table for people or as JSON for programs.

Run by the command line. `engine.inspection` does the work; here are only tables and notices.
"""

from __future__ import annotations

import argparse
import gc
from collections.abc import Mapping
from itertools import zip_longest
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from engine.inspection import Inspection
from tui.headless import diagnostics, output, tables
from tui.headless.tables import Column

_UNKNOWN: Final = "–"
GC_ALLOCATIONS: Final = 200_000
"""Net allocations between two collections. Reading creates millions of short-lived tuples and hardly a cycle; at
Python's default of 700, a third of the time goes into searching for cycles."""

_VENUE_COLUMNS: Final = (
    Column("venue", False, 0),
    Column("frames", True, 0),
    Column("control", True, 5),
    Column("rejected", True, 1),
    Column("unknown", True, 1),
    Column("events", True, 4),
    Column("gaps", True, 2),
    Column("resyncs", True, 2),
    Column("checksum failures", True, 3),
    Column("REST", True, 6),
)
_INSTRUMENT_COLUMNS: Final = (
    Column("venue", False, 0),
    Column("symbol", False, 0),
    Column("kind", False, 5),
    Column("quote", False, 6),
    Column("book", False, 1),
    Column("tick", True, 5),
    Column("trades", True, 1),
    Column("bought USD", True, 3),
    Column("sold USD", True, 3),
    Column("last", True, 2),
    Column("longs liquidated USD", True, 4),
    Column("shorts liquidated USD", True, 4),
    Column("mark", True, 6),
    Column("funding/interval", True, 5),
    Column("open interest USD", True, 6),
)
_BOOK_COLUMNS: Final = (
    Column("size", True, 1),
    Column("bid", True, 0),
    Column("ask", True, 0),
    Column("size", True, 1),
)


def run(args: argparse.Namespace) -> int:
    """Read `args.capture` and print what it contains; return the exit code."""
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS)
    inspection = Inspection(args.capture)
    document = inspection.document(args.depth, args.symbol)
    for notice in inspection.notices:
        diagnostics.notice(notice)
    if args.symbol is not None and not document["instruments"]:
        diagnostics.notice(f"no instrument named {args.symbol} in this capture")
    if args.format == "json":
        output.write_document(document)
    else:
        output.write_table(*_report(document))
    return diagnostics.DONE


def _report(document: Mapping[str, Any]) -> list[Table | Text]:
    capture, available = document["capture"], tables.width()
    told = {row["venue"] for row in document["venues"] if row["by_type"]["liquidation"]}
    books = [row for row in document["instruments"] if row["book"]["bids"] or row["book"]["asks"]]
    return [
        Text(
            f"{capture['lines']} lines ({capture['bad_lines']} bad) in {capture['files']} "
            f"{'file' if capture['files'] == 1 else 'files'}, "
            f"{tables.moment(capture['first_ms'])} to {tables.moment(capture['last_ms'])}"
        ),
        *tables.fitted("Venues", _VENUE_COLUMNS, [_venue(row) for row in document["venues"]], available),
        *tables.fitted(
            "Instruments (* inferred from the messages: the recording contains no listing for it)",
            _INSTRUMENT_COLUMNS,
            [_instrument(row, row["venue"] in told) for row in document["instruments"]],
            available,
        ),
        *(part for row in books for part in _book(row, available)),
    ]


def _venue(row: Mapping[str, Any]) -> list[str]:
    keys = ("frames", "control", "rejected", "unknown", "events", "sequence_gaps", "resyncs", "checksum_failures")
    return [row["venue"], *(str(row[key]) for key in keys), str(row["rest"]["responses"])]


def _instrument(row: Mapping[str, Any], is_told: bool) -> list[str]:
    """`is_told`: the recording contains liquidations of the venue, so that none of a symbol is a measurement."""
    trades, liquidations = row["trades"], row["liquidations"]
    forced = [liquidations[side] if is_told and row["kind"] == "perp" else None for side in ("long_usd", "short_usd")]
    return [
        row["venue"],
        row["symbol"],
        row["kind"],
        row["quote"],
        row["book"]["status"],
        f"{_number(row['tick'])}{'*' if row['inferred'] else ''}",
        str(trades["count"]),
        _money(trades["buy_usd"]),
        _money(trades["sell_usd"]),
        _number(trades["last_price"]),
        *map(_money, forced),
        _number(row["mark"]),
        _UNKNOWN if row["funding_frac"] is None else f"{100 * row['funding_frac']:.4f}%",
        _money(row["open_interest_usd"]),
    ]


def _book(instrument: Mapping[str, Any], available: int) -> list[Table | Text]:
    book = instrument["book"]
    bids, asks = book["bids"], book["asks"]
    rows = [
        [_UNKNOWN if text is None else text for text in (bid[1], bid[0], ask[0], ask[1])]
        for bid, ask in zip_longest(bids, asks, fillvalue=(None, None))
    ]
    title = f"{instrument['venue']} {instrument['symbol']}: {book['status']}, sizes in base currency"
    return tables.fitted(title, _BOOK_COLUMNS, rows, available)


def _money(amount: float | None) -> str:
    return _UNKNOWN if amount is None else f"{amount:,.0f}"


def _number(value: float | None) -> str:
    """Up to ten decimals without trailing zeros, never an exponent."""
    return _UNKNOWN if value is None else f"{value:.10f}".rstrip("0").rstrip(".")
