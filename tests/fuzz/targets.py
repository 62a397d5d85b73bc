"""What is fuzzed, one function a room: bytes in, nothing out, and whatever it raises is a fault.

Called by the coverage-guided fuzzer (`python -m tests.fuzz.guided`) and, for what once crashed, by `test_corpus.py`.
Nothing here needs the test runner, so that a fuzzer can be installed without it.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from engine.config import yaml_text
from engine.config.loading import load as load_config
from engine.errors import CaptureError, ConfigError
from engine.intake import Intake
from engine.market.books import BookStore
from engine.text import clean, is_safe_symbol
from engine.transport.capture import CaptureReader
from engine.transport.capture_records import Frame, Response
from engine.venues.base import Parsed, VenueParser, Verdict
from engine.venues.binance.parse import BinanceParser
from engine.venues.bitget.parse import BitgetParser
from engine.venues.bybit.parse import BybitParser
from engine.venues.live import VenueLive
from engine.venues.okx.parse import OkxParser
from engine.venues.registry import PRODUCTS, conflation_keys, make_languages

PARSERS: Final[dict[str, Callable[[], VenueParser]]] = {
    "binance-spot": partial(BinanceParser, "binance-spot"),
    "binance-usdm": partial(BinanceParser, "binance-usdm"),
    "bitget-usdt": BitgetParser,
    "bybit-linear": partial(BybitParser, "bybit-linear"),
    "bybit-spot": partial(BybitParser, "bybit-spot"),
    "okx": OkxParser,
}
VENUES: Final = tuple(PARSERS)
KEYS: Final = conflation_keys()
LANGUAGES: Final[dict[str, VenueLive]] = {one.venue: one for one in make_languages(PRODUCTS)}
NOW_NS: Final = 1_790_000_000_000_000_000
STATUSES: Final = (200, 400, 403, 404, 418, 429, 451, 500, 503)
FOLDER: Final = Path(tempfile.gettempdir())


class Fault(AssertionError):
    """Something that must hold does not."""


class Market(Intake):
    """The market of one venue, since making the parsers of all takes longer than reading a frame."""

    def __init__(self, venue: str) -> None:
        self._venue = venue
        super().__init__()

    def _begin_intake(self) -> None:
        self.parsers = {self._venue: PARSERS[self._venue]()}
        self._key_of = KEYS
        self._newest = {}
        self.books = BookStore(texts=False)
        self.tallies = {}


def decoded(raw: bytes) -> str:
    """Text, with lone surrogates where the bytes spell them, as JSON strings can."""
    try:
        return raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace")


def must(held: object, what: str) -> None:
    """Raise Fault unless `held`."""
    if not held:
        raise Fault(what)


def frames(data: bytes) -> None:
    """The first byte chooses the venue; the lines after it are its frames, read into a market."""
    if not data:
        return
    venue = VENUES[data[0] % len(VENUES)]
    market, key = Market(venue), KEYS.get(venue)
    for at, raw in enumerate(data[1:].split(b"\n")[:20]):
        text, recv_ns = decoded(raw), NOW_NS + at * 1_000_000
        check(PARSERS[venue]().frame(text, "public", recv_ns))
        LANGUAGES[venue].topic_of(text)
        if (ack := LANGUAGES[venue].read_ack(text)) is not None:
            must(clean(ack.message) == ack.message, "an answer is told uncleaned")
        if key is not None:
            key(text)
        market.ingest(Frame(recv_ns, venue, "public", text))
    finish(market)


def answers(data: bytes) -> None:
    """The first byte chooses the venue; a line `path?query`, a line of the status, and the body."""
    if not data:
        return
    venue = VENUES[data[0] % len(VENUES)]
    asked, _, rest = data[1:].decode("utf-8", "replace").partition("\n")
    number, _, body = rest.partition("\n")
    status = int(number) if number.isascii() and number.isdigit() and len(number) < 4 else 200
    request, language = f"GET /{asked}", LANGUAGES[venue]
    check(PARSERS[venue]().response(request, status, body, NOW_NS))
    language.next_page(request, body)
    language.server_time_ms(body)
    language.cost(request)
    for each in STATUSES:
        if (refusal := language.refusal(each, {"retry-after": number}, body)) is not None:
            must(0.0 <= refusal.rest_s < math.inf, "a rest without end")
            must(clean(refusal.message, 300) == refusal.message, "a refusal is told uncleaned")
    market = Market(venue)
    market.ingest(Response(NOW_NS, venue, request, status, body))
    finish(market)


def capture(data: bytes) -> None:
    """The first byte chooses the ending; the rest is the file."""
    if not data:
        return
    ending = (".jsonl", ".jsonl.gz", ".jsonl.zst")[data[0] % 3]
    with tempfile.NamedTemporaryFile(suffix=ending, dir=FOLDER) as file:
        file.write(data[1:])
        file.flush()
        try:
            reader = CaptureReader(file.name)
        except CaptureError as error:
            must(clean(error.message, 1_000) == error.message, "an error is told uncleaned")
            return
        count = sum(1 for _ in reader)
        must(count + reader.bad_lines + sum(reader.unknown_venues.values()) <= reader.lines, "lines are counted twice")
        for notice in reader.notices:
            must(clean(notice, 1_000) == notice, "a notice is told uncleaned")


def config(data: bytes) -> None:
    """The whole of it is the configuration file."""
    text, broken = yaml_text.decode(data)
    for problem in (*broken, *yaml_text.read(text).problems):
        must(clean(problem.text, 2_000) == problem.text, "a problem is told uncleaned")
    with tempfile.NamedTemporaryFile(suffix=".yaml", dir=FOLDER) as file:
        file.write(data)
        file.flush()
        try:
            load_config(Path(file.name), {})
        except ConfigError as error:
            must(error.problems, "a refusal without a problem")
            for told in error.problems:
                must(clean(told, 2_000) == told, "a problem is told uncleaned")


def expression(data: bytes) -> None:
    """The whole of it is a filter expression."""
    from tui.presenters.filter_completion import complete
    from tui.presenters.filter_expression import FilterError, parse

    text = data.decode("utf-8", "replace")
    complete(text[:1_000])
    try:
        parse(text)
    except FilterError as error:
        must(0 <= error.position <= len(text), "a complaint about no character")
        must(clean(error.message, 1_000) == error.message, "a complaint is told uncleaned")


def cleaning(data: bytes) -> None:
    """The first byte is the limit, the rest the text."""
    if not data:
        return
    limit = 1 + data[0] % 80
    text = decoded(data[1:])
    once = clean(text, limit)
    must(len(once) <= limit, "longer than its limit")
    must(clean(once, limit) == once, "cleaned twice it is another")
    must(("\x1b" not in once and once.isprintable()) or "\u00a0" in once, "not printable")


def check(parsed: Parsed) -> None:
    """What any outcome must be."""
    must(clean(parsed.detail) == parsed.detail, "a detail is told uncleaned")
    if parsed.verdict in (Verdict.REJECTED, Verdict.UNKNOWN):
        must(not parsed.events and not parsed.listing, "refused, and yet it yields something")
        must(parsed.detail, "refused without a word")
    must(all(is_safe_symbol(one.symbol) for one in (*parsed.events, *parsed.listing)), "a symbol that cannot be kept")


def finish(market: Market) -> None:
    """Read what a scan reads."""
    market.catch_up()
    state = market.state
    must(state.at_ms * 1_000_000 <= NOW_NS + 11_000_000_000, "the present is in the future")
    for one in state.universe.instruments:
        if (book := market.books.get(one.venue, one.symbol)) is not None:
            book.top(5)


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "frames": frames,
    "answers": answers,
    "capture": capture,
    "config": config,
    "expression": expression,
    "cleaning": cleaning,
}
