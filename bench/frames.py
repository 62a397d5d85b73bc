"""The frame path compared with its peers: `python -m bench.frames [CAPTURE]`.

From the text of a frame to books, tape and quotes, in one process, without sockets or scans. All contenders read the
same texts from memory. They take turns, so that a busy machine slows all alike. Each starts every round from an empty
state without garbage of the others, and Python's garbage collector has its default settings. Before timing, each must
produce the same books (20 levels per side, prices and sizes) and the same number of trades as the plain reader, and
after every round the same books again.

Three parts. The whole recording as received: prism and the plain reader. The cost of one message in prism, by type
(`bench.message_costs`). The first USD-M frames of the recording: prism, the plain reader, cryptofeed, ccxt.pro and
nautilus_trader; each raw trade is rewritten as an aggregate of that one trade, because cryptofeed subscribes to
aggregates. What the contenders do and do not do is in `bench/README.md`.

Bars: per frame, prism is at least 3 times as fast as cryptofeed, 8 times as fast as ccxt.pro, and not slower than the
plain reader; nautilus_trader has no bar. Exit code 1 if one is missed, 3 if a peer could not be measured.
"""

from __future__ import annotations

import argparse
import gc
import platform
import re
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final, Protocol

from bench.feed_peers import TOP, Ccxt, Cryptofeed, Feed, Nautilus, Outcome
from bench.message_costs import report as report_messages
from bench.plain_reader import PlainReader, Rows
from bench.recordings import SESSION, missing
from engine.config.schema import Config
from engine.errors import CaptureError
from engine.pipeline import Pipeline
from engine.replay import ScanCadence
from engine.transport.capture import CaptureReader, Frame, Record, Response
from engine.venues.base import Verdict

USDM: Final = "binance-usdm"
BARS: Final = {"plain reader": 1.0, "cryptofeed": 3.0, "ccxt.pro": 8.0}
"""How many times as fast prism must be."""
WHOLE_ROUNDS: Final = 3
MISSED: Final = 1
INCOMPLETE: Final = 3
_PACKAGES: Final = ("msgspec", "cryptofeed", "order_book", "yapic.json", "ccxt", "orjson", "nautilus_trader")
_SYMBOL: Final = re.compile(r"[?&]symbol=([A-Z0-9]+)")
_TRADE_ID: Final = re.compile(r'"t":(\d+)')


class Contender(Protocol):
    """A program that reads a feed."""

    name: str

    def run(self, feed: Feed, count: bool) -> Outcome:
        """Read all of it from an empty state; with `count`, also count trades and quotes."""


class Prism:
    """`Pipeline.ingest`: parser, books, market state and tallies, as the console and the headless commands run them.

    Best quotes are conflated as in the product: at the time of the next scan, only the newest of each stream is read.
    """

    name = "prism"
    thorough = False
    """Read every frame, without conflation."""

    def run(self, feed: Feed, count: bool) -> Outcome:
        """Drive the feed through a new pipeline."""
        pipeline = _Thorough(Config(), "replay") if self.thorough else Pipeline(Config(), "replay")
        for symbol, body in feed.snapshots.items():
            request = f"GET /fapi/v1/depth?symbol={symbol}&limit=1000"
            pipeline.ingest(Response(feed.frames[0][0], USDM, request, 200, body))
        records = [Frame(recv_ns, USDM, "combined", text) for recv_ns, text in feed.frames]
        start = perf_counter()
        _ingest(pipeline, records)
        seconds = perf_counter() - start
        refused = len(records) - pipeline.conflated - pipeline.tallies[USDM].verdicts[Verdict.ACCEPTED]
        if refused:
            raise SystemExit(f"prism refused {refused} of {len(records)} frames: {pipeline.tallies[USDM].detail}")
        return Outcome(
            seconds,
            {symbol: _prism_top(pipeline, USDM, symbol) for symbol in feed.snapshots},
            _prism_trades(pipeline) if count else None,
            None,
        )


class Plain:
    """`json`, dictionaries and `Decimal`; see `bench.plain_reader`."""

    name = "plain reader"

    def run(self, feed: Feed, count: bool) -> Outcome:
        """Drive the feed through a new reader."""
        reader = PlainReader()
        for symbol, body in feed.snapshots.items():
            reader.snapshot(USDM, symbol, body)
        take = reader.frame
        start = perf_counter()
        for _, text in feed.frames:
            take(USDM, text)
        seconds = perf_counter() - start
        books = {symbol: reader.book((USDM, symbol)).top(TOP) for symbol in feed.snapshots}
        return Outcome(seconds, books, reader.trades, reader.tickers)


def main() -> int:
    """Measure all three parts and print them; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.frames", description=__doc__.split("\n", 1)[0])
    parser.add_argument("capture", nargs="?", type=Path, default=SESSION, metavar="CAPTURE")
    parser.add_argument(
        "--frames", type=int, default=40_000, help="USD-M frames that all contenders read (%(default)s)"
    )
    parser.add_argument("--rounds", type=int, default=5, help="rounds of the second part (%(default)s)")
    chosen = parser.parse_args()
    if reason := missing(chosen.capture):
        print(reason, file=sys.stderr)
        return INCOMPLETE
    try:
        records = list(CaptureReader(chosen.capture))
    except CaptureError as error:
        print(error, file=sys.stderr)
        return INCOMPLETE
    feed = feed_of(records, chosen.frames)
    if not feed.frames or not feed.snapshots:
        print(f"{chosen.capture.name}: no {USDM} frames or no REST books in it, nothing to measure", file=sys.stderr)
        return INCOMPLETE
    contenders: list[Contender] = [Prism(), PrismThorough(), Plain()]
    unavailable = _add_peers(contenders)
    print(f"Python {platform.python_version()}, " + ", ".join(f"{name} {_version(name)}" for name in _PACKAGES))
    frames = sum(isinstance(record, Frame) for record in records)
    whole = whole_capture(records, WHOLE_ROUNDS)
    _print_part(
        f"{chosen.capture.name} as received, {frames:,} frames from memory; medians of {WHOLE_ROUNDS} rounds",
        frames,
        whole,
    )
    report_messages(chosen.capture.name, records, lambda: _Thorough(Config(), "replay"), WHOLE_ROUNDS)
    del records
    peers = measure(contenders, feed, chosen.rounds)
    _print_part(
        f"its first {len(feed.frames):,} {USDM} frames ({_mix(feed)}); medians of {chosen.rounds} rounds",
        len(feed.frames),
        peers,
    )
    return _verdict(whole, peers, unavailable)


def _mix(feed: Feed) -> str:
    kinds = {"best quotes": "@bookTicker", "trades": "@aggTrade", "changes of a book": "@depth"}
    return ", ".join(
        f"{sum(stream in text[:60] for _, text in feed.frames):,} {kind}" for kind, stream in kinds.items()
    )


def feed_of(records: Sequence[Record], count: int) -> Feed:
    """The first `count` USD-M frames, raw trades rewritten as aggregates, and the newest REST book of each symbol.

    Transfers of the insurance fund are left out of the feed: only the raw stream has them.
    """
    frames: list[tuple[int, str]] = []
    snapshots: dict[str, str] = {}
    for record in records:
        if record.venue != USDM:
            continue
        if isinstance(record, Response):
            if "/depth" in record.request and (symbol := _SYMBOL.search(record.request)):
                snapshots.setdefault(symbol[1], record.body)
        elif isinstance(record, Frame) and len(frames) < count and (text := _aggregated(record.text)):
            frames.append((record.t, text))
    return Feed(frames, snapshots)


def _aggregated(text: str) -> str:
    """A raw trade rewritten as an aggregate of itself, or empty if it is not a market trade; other frames unchanged."""
    if '@trade","data"' not in text:
        return text
    if '"X":"MARKET"' not in text:
        return ""
    renamed = text.replace('@trade"', '@aggTrade"', 1).replace('"e":"trade"', '"e":"aggTrade"', 1)
    return _TRADE_ID.sub(r'"a":\1,"f":\1,"l":\1', renamed, count=1).replace('"X":"MARKET",', "", 1)


def whole_capture(records: Sequence[Record], rounds: int) -> dict[str, float]:
    """Median seconds of prism and of the plain reader over all records as received."""
    times: dict[str, list[float]] = {"prism": [], "plain reader": []}
    for _ in range(rounds):
        pipeline, reader = Pipeline(Config(), "replay"), PlainReader()
        times["prism"].append(_timed(lambda: _ingest(pipeline, records)))  # noqa: B023 - called at once
        times["plain reader"].append(_timed(lambda: _read(reader, records)))  # noqa: B023 - called at once
        for (venue, symbol), book in reader.books.items():
            _same_books("prism", symbol, _prism_top(pipeline, venue, symbol), book.top(TOP))
        if _prism_trades(pipeline) != reader.trades:
            raise SystemExit(f"prism took {_prism_trades(pipeline)} trades, the yardstick {reader.trades}")
    return {name: median(taken) for name, taken in times.items()}


class _Thorough(Pipeline):
    """A pipeline that reads every frame, without conflation."""

    def _begin_intake(self) -> None:
        super()._begin_intake()
        self._key_of = {}


class PrismThorough(Prism):
    """The same, but every best quote is read."""

    name = "prism, every quote"
    thorough = True


def _ingest(pipeline: Pipeline, records: Sequence[Record]) -> None:
    """Ingest all records, and catch up at the times of scans; `bench.scan` measures the scans themselves."""
    cadence = ScanCadence(pipeline.config.engine.scan_interval_ms)
    for record in records:
        if cadence.due(record.t):
            pipeline.catch_up()
        pipeline.ingest(record)
    pipeline.catch_up()


def _read(reader: PlainReader, records: Sequence[Record]) -> None:
    for record in records:
        if isinstance(record, Frame):
            reader.frame(record.venue, record.text)
        elif isinstance(record, Response) and (symbol := _SYMBOL.search(record.request)):
            reader.snapshot(record.venue, symbol[1], record.body)


def _timed(work: Callable[[], object]) -> float:
    _settle()
    start = perf_counter()
    work()
    return perf_counter() - start


def _settle() -> None:
    """Make sure that no contender pays for the garbage or the long-lived objects of another."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _add_peers(contenders: list[Contender]) -> dict[str, str]:
    """Add the peers that can be imported; return the reasons for the others."""
    unavailable = {}
    for peer in (Cryptofeed, Ccxt, Nautilus):
        try:
            contenders.append(peer())
        except ImportError as error:
            unavailable[peer.name] = f"cannot be imported ({error}); `make bench` installs the peers"
    return unavailable


def measure(contenders: Sequence[Contender], feed: Feed, rounds: int) -> dict[str, float]:
    """Median seconds of each contender, by name."""
    truth = Plain().run(feed, count=True)
    for contender in contenders:
        _agrees(contender.name, contender.run(feed, count=True), truth)
    times: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for _ in range(rounds):
        for contender in contenders:
            _settle()
            outcome = contender.run(feed, count=False)
            _agrees(contender.name, outcome, truth)
            times[contender.name].append(outcome.seconds)
    return {name: median(taken) for name, taken in times.items()}


def _agrees(name: str, outcome: Outcome, truth: Outcome) -> None:
    """Exit if a contender's result differs."""
    for symbol, book in truth.books.items():
        _same_books(name, symbol, outcome.books[symbol], book)
    for what, had, expected in (
        ("trades", outcome.trades, truth.trades),
        ("best quotes", outcome.quotes, truth.quotes),
    ):
        if had is not None and had != expected:
            raise SystemExit(f"{name} took {had} {what}, the yardstick {expected}")


def _same_books(name: str, symbol: str, had: tuple[Rows, Rows], expected: tuple[Rows, Rows]) -> None:
    if had != expected:
        raise SystemExit(f"{name} holds another book of {symbol} than the yardstick: {had} and {expected}")


def _prism_top(pipeline: Pipeline, venue: str, symbol: str) -> tuple[Rows, Rows]:
    book = pipeline.books.get(venue, symbol)
    if book is None or book.status != "synced":
        raise SystemExit(f"prism has no proven book of {venue} {symbol}")
    bids, asks = book.top(TOP)
    return [(float(price), float(size)) for price, size in bids], [(float(price), float(size)) for price, size in asks]


def _prism_trades(pipeline: Pipeline) -> int:
    """Trades on the tape; all of them, because the recordings are shorter than the 900 s that it keeps."""
    return int(pipeline.state.tape.view(pipeline.state.at_ms).trades.sum())


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "-"


def _print_part(title: str, frames: int, seconds: dict[str, float]) -> None:
    print(f"\n{title}")
    for name, taken in seconds.items():
        ratio = taken / seconds["prism"]
        beside = "" if name == "prism" else f"   {ratio:6.2f} x prism's time"
        print(f"  {name:<20}{frames / taken:12,.0f} frames/s{taken / frames * 1e6:10.2f} us/frame{beside}")


def _verdict(whole: dict[str, float], peers: dict[str, float], unavailable: dict[str, str]) -> int:
    """Print every bar and whether it is met; return the exit code."""
    print()
    code = INCOMPLETE if unavailable else 0
    found = [("plain reader, whole recording", "plain reader", whole), *((name, name, peers) for name in BARS)]
    for text, name, seconds in found:
        if name in unavailable:
            continue
        ratio = seconds[name] / seconds["prism"]
        met = ratio >= BARS[name]
        print(f"  {text}: ratio {ratio:.2f}, bar {BARS[name]:.0f}, {'met' if met else 'MISSED'}")
        code = code if met else MISSED
    for name, reason in unavailable.items():
        print(f"  {name}: not measured, it {reason}")
    return code


if __name__ == "__main__":
    sys.exit(main())
