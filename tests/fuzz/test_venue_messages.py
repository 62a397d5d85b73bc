"""Damaged messages of every venue: none raises, none is shown as it came, and the good ones are read as if alone.

Messages are damaged by `tests.fuzz.damage` from a seed, so that the seed in a failure repeats it.
"""

from __future__ import annotations

import json
import math
import resource
from random import Random
from time import process_time
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.config.schema import Config
from engine.events import BookDelta, BookSnapshot, Candle, Trade
from engine.intake import Intake
from engine.pipeline import Pipeline
from engine.text import clean, is_safe_symbol
from engine.transport.capture_records import Frame, Response
from engine.venues import levels
from engine.venues.base import Parsed, VenueParser, Verdict
from engine.venues.checks import MAX_MS, MIN_MS
from engine.venues.live import VenueLive
from engine.venues.registry import PRODUCTS, conflation_keys, make_languages, make_parsers
from tests.fuzz import fingerprint, samples, simulated
from tests.fuzz.damage import DEEP, damaged

VENUES = ("binance-spot", "binance-usdm", "bitget-usdt", "bybit-linear", "bybit-spot", "okx")
LANGUAGES = {one.venue: one for one in make_languages(PRODUCTS)}
BATCH = 40
SEEDS = st.integers(0, 2**32)
STATUSES = (200, 400, 401, 403, 404, 418, 429, 451, 500, 503)
INT64 = 1 << 63


def texts_of(venue: str) -> tuple[str, ...]:
    return tuple(one.text for one in samples.frames(venue)) + tuple(one.body for one in samples.responses(venue))


def broken(random: Random, venue: str) -> Frame | Response:
    """A message of `venue` with something wrong with it."""
    record = random.choice(samples.frames(venue) * 2 + samples.responses(venue))
    if isinstance(record, Frame):
        return Frame(record.t, venue, record.connection, damaged(random, record.text, texts_of(venue)))
    text = damaged(random, record.body, texts_of(venue))
    return Response(record.t, venue, record.request, random.choice((200, 200, 200, *STATUSES)), text)


def check(parsed: Parsed) -> None:
    """What any outcome must be, whatever was read."""
    assert len(parsed.detail) <= 200
    assert clean(parsed.detail) == parsed.detail
    if parsed.verdict in (Verdict.REJECTED, Verdict.UNKNOWN):
        assert not parsed.events
        assert not parsed.listing
        assert parsed.detail
    for one in parsed.listing:
        assert all(map(is_safe_symbol, (one.symbol, one.base, one.asset)))
    for event in parsed.events:
        assert is_safe_symbol(event.symbol)
        assert MIN_MS < event.ts_ms < MAX_MS
        for name in event.__struct_fields__:
            check_value(getattr(event, name), name)
        if isinstance(event, Trade):
            assert 0.0 < event.price < math.inf
            assert len(event.trade_id) <= 64
        elif isinstance(event, Candle):
            assert 0.0 < event.low <= min(event.open, event.close) <= max(event.open, event.close) <= event.high
        elif isinstance(event, BookSnapshot | BookDelta):
            for price, size in [*event.bids, *event.asks]:
                assert 0.0 < float(price) < math.inf
                assert 0.0 <= float(size) < math.inf


def check_value(value: object, name: str) -> None:
    if isinstance(value, float):
        assert not math.isinf(value), name
    elif isinstance(value, int):
        assert -INT64 <= value < INT64, name
    elif isinstance(value, str):
        assert clean(value) == value, name


def ask_everything(language: VenueLive, text: str, request: str | None) -> None:
    """Whatever else is asked of a message while the venue is followed."""
    key = conflation_keys().get(language.venue)
    if request is None:
        language.topic_of(text)
        if (ack := language.read_ack(text)) is not None:
            assert len(ack.message) <= 200
            assert clean(ack.message) == ack.message
        if key is not None:
            key(text)
        return
    language.next_page(request, text)
    language.server_time_ms(text)
    for status in STATUSES:
        headers = {
            "retry-after": text[:20],
            "x-mbx-used-weight-1m": text[:9],
            "x-bapi-limit-reset-timestamp": text[:30],
        }
        if (refusal := language.refusal(status, headers, text)) is not None:
            assert 0.0 <= refusal.rest_s < math.inf
            assert len(refusal.message) <= 300
            assert clean(refusal.message, 300) == refusal.message
        language.used_weight(headers)


@pytest.mark.parametrize("venue", VENUES)
@settings(max_examples=15)
@given(seed=SEEDS)
def test_no_damaged_message_raises_or_becomes_nonsense(venue: str, seed: int) -> None:
    random, parser = Random(seed), make_parsers()[venue]
    for _ in range(BATCH):
        record = broken(random, venue)
        if isinstance(record, Frame):
            check(parser.frame(record.text, record.connection, record.t))
            ask_everything(LANGUAGES[venue], record.text, None)
        else:
            check(parser.response(record.request, record.status, record.body, record.t))
            ask_everything(LANGUAGES[venue], record.body, record.request)


@settings(max_examples=60)
@given(
    venue=st.sampled_from(VENUES),
    text=st.text() | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner) | st.dictionaries(
            st.sampled_from(("stream", "data", "e", "topic", "arg", "channel", "event", "op", "code", "msg", "id",
                             "success", "action", "ts", "instId", "symbol")), inner),
    ).map(json.dumps),
)  # fmt: skip
def test_no_text_at_all_raises(venue: str, text: str) -> None:
    parser = make_parsers()[venue]
    check(parser.frame(text, "public", 1_790_000_000_000_000_000))
    ask_everything(LANGUAGES[venue], text, None)
    for record in samples.responses(venue)[:4]:
        check(parser.response(record.request, 200, text, record.t))
        ask_everything(LANGUAGES[venue], text, record.request)


@pytest.mark.parametrize("venue", VENUES)
@settings(max_examples=3)
@given(seed=SEEDS)
def test_what_passes_for_a_message_never_breaks_the_market(venue: str, seed: int) -> None:
    random, pipeline = Random(seed), Pipeline(Config(), "live")
    newest_ns = 0
    for _ in range(5 * BATCH):
        record = broken(random, venue)
        newest_ns = max(newest_ns, record.t)
        pipeline.ingest(record)
    pipeline.scan()
    snapshot = pipeline.snapshot()
    # One stamp of the future must not end the present.
    assert pipeline.state.at_ms * 1_000_000 <= newest_ns + 10_000_000_000
    assert all(map(is_safe_symbol, (one.symbol for one in snapshot.instruments)))


def is_dropped(record: Frame | Response, parser: VenueParser) -> bool:
    """Whether `parser` makes nothing of it."""
    if isinstance(record, Frame):
        parsed = parser.frame(record.text, record.connection, record.t)
    else:
        parsed = parser.response(record.request, record.status, record.body, record.t)
    return parsed.verdict is not Verdict.ACCEPTED


def is_partial(text: str) -> bool:
    """Whether it may belong to a stream of changes, of which one that is refused makes the rest incomplete."""
    return '"tickers.' in text or '"orderbook.1.' in text


CONVERSATIONS: dict[str, list[Frame | Response]] = {}


def conversation(venue: str) -> list[Frame | Response]:
    if not CONVERSATIONS:
        for record in simulated.talk():
            CONVERSATIONS.setdefault(record.venue, []).append(record)
    return CONVERSATIONS[venue]


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("venue", VENUES)
@settings(max_examples=4)
@given(seed=SEEDS)
def test_good_messages_are_read_as_if_the_bad_ones_had_not_come(venue: str, listed: bool, seed: int) -> None:
    random, said = Random(seed), conversation(venue)
    if not listed:
        said = [one for one in said if isinstance(one, Frame)]
    start = random.randrange(max(1, len(said) - 800))
    good = said[:3] + said[start : start + 400] + said[-12:]
    alone, among, probe = Intake(), Intake(), make_parsers()[venue]
    dropped = 0
    for record in good:
        alone.ingest(record)
        if random.random() < 0.2:
            text = record.text if isinstance(record, Frame) else record.body
            spoilt = damaged(random, text, texts_of(venue))
            bad = (
                Frame(record.t, venue, record.connection, spoilt)
                if isinstance(record, Frame)
                else Response(record.t, venue, record.request, record.status, spoilt)
            )
            untaught = make_parsers()[venue]
            if is_dropped(bad, probe) and is_dropped(bad, untaught) and not is_partial(text) and not is_partial(spoilt):
                before = sum(among.tallies[venue].verdicts) if venue in among.tallies else 0
                among.ingest(bad)
                among.catch_up()
                dropped += 1
                if isinstance(bad, Frame):
                    assert sum(among.tallies[venue].verdicts) == before + 1
        among.ingest(record)
        is_dropped(record, probe)
        alone.catch_up()
        among.catch_up()
    assume(dropped)
    assert fingerprint.of(among) == fingerprint.of(alone)


@pytest.mark.parametrize("venue", VENUES)
def test_work_and_memory_grow_with_the_message_and_no_faster(venue: str) -> None:
    parser = make_parsers()[venue]
    frame = samples.frames(venue)[0]
    bombs = [
        "[" * 1_000_000,
        '{"a":' * 300_000,
        frame.text.replace('"data":', '"data":' + "[" * DEEP, 1),
        '{"topic":"' + "A" * 1_000_000,
        '{"stream":"' + "@" * 1_000_000 + '","data":{}}',
        '{"arg":{"channel":"books","instId":"' + "B" * 1_000_000 + '"},"data":[]}',
        '{"data":' + json.dumps([[["1", "1"]] * 100] * 500) + ',"topic":"orderbook.50.BTCUSDT"}',
        '{"x":"' + ": " * 400_000 + '""}',
        '{"topic":"tickers.B","data":{"symbol":' + ": \t" * 300_000,
        "9" * 1_000_000,
    ]
    started, before = process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for text in bombs:
        check(parser.frame(text, "public", frame.t))
        ask_everything(LANGUAGES[venue], text, None)
        for record in samples.responses(venue)[:3]:
            check(parser.response(record.request, 200, text, record.t))
    assert process_time() - started < 5.0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000, "kilobytes"


def test_symbols_that_no_listing_names_are_bounded_at_every_venue() -> None:
    """A venue, or who speaks for it, cannot fill the memory with instruments that nobody listed."""
    shapes: dict[str, Any] = {
        "binance-usdm": lambda s, t: {"stream": f"{s.lower()}@markPrice", "data": {
            "e": "markPriceUpdate", "E": t, "s": s, "p": "1", "i": "1", "r": "", "T": 0, "st": 1}},
        "binance-spot": lambda s, t: {"stream": f"{s.lower()}@bookTicker", "data": {
            "u": 1, "s": s, "b": "1", "B": "1", "a": "2", "A": "1"}},
        "bybit-linear": lambda s, t: {"topic": f"publicTrade.{s}", "data": [
            {"T": t, "s": s, "S": "Buy", "v": "1", "p": "1", "i": "1"}]},
        "bybit-spot": lambda s, t: {"topic": f"publicTrade.{s}", "data": [
            {"T": t, "s": s, "S": "Buy", "v": "1", "p": "1", "i": "1"}]},
        "okx": lambda s, t: {"arg": {"channel": "mark-price", "instId": s}, "data": [
            {"instId": s, "markPx": "1", "ts": str(t)}]},
        "bitget-usdt": lambda s, t: {"action": "snapshot", "arg": {
            "instType": "usdt-futures", "topic": "ticker", "symbol": s}, "data": [{"lastPrice": "1"}], "ts": t},
    }  # fmt: skip
    now_ms = 1_790_000_000_000
    for venue, make in shapes.items():
        parser = make_parsers()[venue]
        for number in range(5_050):
            text = msgspec.json.encode(make(f"A{number}USDT", now_ms)).decode()
            parsed = parser.frame(text, "public", now_ms * 1_000_000)
            assert parsed.verdict is (Verdict.ACCEPTED if number < 5_000 else Verdict.REJECTED), (venue, parsed.detail)
        assert len(list(parser.instruments())) == 5_000


# What was found by damaging messages, each told here once more by itself.


def binance(stream: str, **changes: object) -> str:
    trade = {"e": "aggTrade", "E": 1_790_000_000_000, "s": "BTCUSDT", "a": 1, "p": "100", "q": "1", "f": 1, "l": 1,
             "T": 1_790_000_000_000, "m": False, "st": 1}  # fmt: skip
    return json.dumps({"stream": stream, "data": trade | changes})


NOW_NS = 1_790_000_000_000_000_000


def test_what_a_frame_is_does_not_depend_on_the_frames_before_it() -> None:
    taught, untaught = make_parsers()["binance-usdm"], make_parsers()["binance-usdm"]
    assert taught.frame(binance("btcusdt@aggTrade"), "market", NOW_NS).verdict is Verdict.ACCEPTED
    for kind in ("", "aggtrade", "serverTime", 0, None):
        text = binance("btcusdt@aggTrade", e=kind)
        first, again = untaught.frame(text, "market", NOW_NS), taught.frame(text, "market", NOW_NS)
        assert first.verdict is again.verdict is not Verdict.ACCEPTED


def test_a_symbol_that_is_not_its_streams_is_refused_at_binance_too() -> None:
    parser = make_parsers()["binance-usdm"]
    for _ in range(2):
        assert parser.frame(binance("btcusdt@aggTrade", s="ETHUSDT"), "market", NOW_NS).verdict is Verdict.REJECTED
        assert parser.frame(binance("btcusdt@aggTrade"), "market", NOW_NS).verdict is Verdict.ACCEPTED


@pytest.mark.parametrize("count", [-1, 1 << 53, 1 << 63, 10**400])
def test_a_bar_of_more_trades_than_can_be_is_refused(count: int) -> None:
    bar = {"t": 1_789_999_980_000, "T": 1, "i": "1m", "o": "1", "c": "1", "h": "1", "l": "1", "v": "1", "n": count,
           "x": True, "q": "1", "Q": "1"}  # fmt: skip
    pushed = {"e": "kline", "E": 1_790_000_040_000, "s": "BTCUSDT", "k": bar, "st": 1}
    row = [1_789_999_980_000, "1", "1", "1", "1", "1", 1_790_000_039_999, "1", count, "1", "1", "0"]
    parser = make_parsers()["binance-usdm"]
    text = json.dumps({"stream": "btcusdt@kline_1m", "data": pushed})
    assert parser.frame(text, "market", NOW_NS).verdict is Verdict.REJECTED
    asked = "GET /fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=5"
    assert parser.response(asked, 200, json.dumps([row]), NOW_NS).verdict is Verdict.REJECTED


@pytest.mark.parametrize("venue", ["bybit-linear", "bybit-spot"])
@pytest.mark.parametrize("op", [[], {}, [["1"]], 1, None])
def test_an_answer_whose_op_is_no_text_is_no_crash(venue: str, op: object) -> None:
    assert make_parsers()[venue].frame(json.dumps({"op": op}), "public", NOW_NS).verdict is Verdict.UNKNOWN


def test_fetched_trades_and_forming_bars_of_the_future_do_not_end_the_present() -> None:
    intake = Intake()
    now_ms = NOW_NS // 1_000_000
    asked = "GET /fapi/v1/aggTrades?symbol=BTCUSDT&limit=1000"
    far = 4_000_000_000_000
    rows = [{"a": at, "p": "100", "q": "1", "T": stamp, "m": False} for at, stamp in enumerate((now_ms - 5, far))]
    intake.ingest(Response(NOW_NS, "binance-usdm", asked, 200, json.dumps(rows)))
    assert intake.state.at_ms == now_ms - 5
    assert intake.state.counters().skewed == 1
    bar = {"t": far - far % 60_000, "T": 1, "i": "1m", "o": "1", "c": "1", "h": "1", "l": "1", "v": "1", "n": 1,
           "x": False, "q": "1", "Q": "1"}  # fmt: skip
    text = json.dumps({"stream": "btcusdt@kline_1m", "data": {"e": "kline", "E": now_ms, "s": "BTCUSDT", "k": bar}})
    intake.ingest(Frame(NOW_NS, "binance-usdm", "market", text))
    row = intake.state.universe.row("binance-usdm", "BTCUSDT")
    assert row is not None
    assert intake.state.candles.forming(row, "1m") is None
    assert intake.state.counters().skewed == 2


def test_the_shapes_of_book_rows_that_are_remembered_are_bounded() -> None:
    remembered = levels._PLAIN
    for count in range(1, 200_001, 20_011):
        with pytest.raises(msgspec.ValidationError):
            levels.numbers(msgspec.Raw(b'"' + b"a" * count + b'"'))
    for rows in (1, 3_000, 9_000):
        assert (
            len(levels.numbers(msgspec.Raw(json.dumps([["1", "1"]] * rows, separators=(",", ":")).encode())))
            == 2 * rows
        )
    for bare in (b"[7]", b"[1.5]", b"[]7"):
        with pytest.raises(msgspec.DecodeError):
            levels.numbers(msgspec.Raw(bare))
    assert levels.numbers(msgspec.Raw(b"[]")) == []
    assert max(map(len, remembered.values())) <= 8 * levels._PLAIN_ROWS + 1
