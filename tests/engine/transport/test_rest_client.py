"""The REST client: what it makes of every refusal and failure, and what it says of its hosts."""

from __future__ import annotations

import asyncio
import random

import pytest

from engine.errors import Fatal, Protocol, RegionRefused, Transient, VenueError
from engine.transport.budgets import Budgets, Priority
from engine.transport.capture_records import Record, Response
from engine.transport.net import Failed, FailureKind
from engine.transport.rest_client import MAX_ATTEMPTS, RestClient
from engine.venues.live import Cost, VenueLive
from tests.engine.transport.budget_desk import uses
from tests.engine.transport.fake_net import HANG, After, FakeNet, Outcome, answer
from tests.engine.transport.plain_language import FIRST, SECOND, PlainLanguage
from tests.engine.transport.stepped_clock import SteppedClock, settled

REQUEST = "GET /candles?symbol=BTC-USDT-SWAP"


class Room:
    """A REST client with all it needs."""

    def __init__(self, *outcomes: Outcome, second: Outcome | None = None) -> None:
        self.clock = SteppedClock()
        self.net = FakeNet(self.clock)
        self.budgets = Budgets(self.clock)
        self.records: list[Record] = []
        self.client = RestClient(self.net, self.clock, random.Random(1), self.budgets, self.records.append)
        self.language = PlainLanguage()
        if outcomes:
            self.net.on_get(FIRST, *outcomes)
        if second is not None:
            self.net.on_get(SECOND, second)

    def ask(
        self,
        request: str = REQUEST,
        priority: Priority = Priority.BACKFILL,
        deadline_s: float = 10,
        *,
        is_fresh: bool = False,
    ) -> asyncio.Task[Response]:
        asking = self.client.ask(self.language, request, priority=priority, deadline_s=deadline_s, is_fresh=is_fresh)
        return asyncio.create_task(asking)

    async def failed(self, asked: asyncio.Task[Response], within_s: float = 300) -> VenueError:
        """The error that `asked` ends in."""
        await self.clock.advance_until(asked.done, within_s)
        error = asked.exception()
        assert isinstance(error, VenueError)
        return error

    async def answered(self, asked: asyncio.Task[Response], within_s: float = 300) -> Response:
        await self.clock.advance_until(asked.done, within_s)
        return asked.result()


def test_the_plain_language_is_a_language() -> None:
    language: VenueLive = PlainLanguage()
    assert language.venue == "okx"


async def test_an_answer_is_a_record_that_the_sink_had_before() -> None:
    room = Room(After(0.25, answer({"data": []})))
    response = await room.answered(room.ask())

    assert response == Response(room.clock.now_ns(), "okx", REQUEST, 200, '{"data":[]}')
    assert room.records == [response]
    status = room.client.status()[FIRST]
    assert (status.state, status.words, status.latency_ms, status.asked, status.succeeded) == ("ok", "", 250.0, 1, 1)
    assert status.last_success_ns == room.clock.now_ns()


async def test_a_busy_venue_is_asked_again_after_a_pause() -> None:
    room = Room(answer({}, status=503), answer({"busy": 1}), answer({"data": 1}))
    response = await room.answered(room.ask())

    assert response.body == '{"data":1}'
    assert room.net.gets == [FIRST + "/candles?symbol=BTC-USDT-SWAP"] * 3
    assert 0 < room.clock.seconds <= 3
    assert [record.status for record in room.records if isinstance(record, Response)] == [503, 200, 200]
    assert room.client.status()[FIRST].refused == 2


async def test_a_venue_that_stays_busy_is_given_up_after_some_attempts() -> None:
    room = Room(answer({}, status=502))
    error = await room.failed(room.ask())

    assert isinstance(error, Transient)
    assert REQUEST in error.message
    assert "502" in error.message
    assert len(room.net.gets) == MAX_ATTEMPTS
    assert len(room.records) == MAX_ATTEMPTS


@pytest.mark.parametrize("kind", ["limited", "banned"])
async def test_over_a_limit_the_host_and_its_pools_rest_and_others_wait(kind: str) -> None:
    room = Room(answer({kind: 20}, status=429), answer({"data": 1}))
    first = room.ask()
    await settled()
    other = room.ask("GET /time", Priority.LISTING)
    await room.clock.advance(19)
    assert room.net.gets == [FIRST + "/candles?symbol=BTC-USDT-SWAP"]
    status = room.client.status()[FIRST]
    assert (status.state, status.words) == ("resting", f"429 {kind}")
    assert status.until_ns == room.clock.now_ns() + 10**9
    assert {rest.name for rest in room.budgets.rests()} == {FIRST, "plain"}

    await room.clock.advance(1)
    assert first.result().body == '{"data":1}'
    assert other.done()
    assert room.client.status()[FIRST].state == "ok"
    assert SECOND not in {get[: len(SECOND)] for get in room.net.gets}


async def test_while_a_host_rests_polls_are_told_at_once_and_nothing_is_asked() -> None:
    room = Room(answer({"banned": 7200}, status=418))
    error = await room.failed(room.ask())
    assert isinstance(error, Transient)
    assert "418 banned" in error.message
    assert "7200 s" in error.message

    poll = await room.failed(room.ask("GET /open-interest", Priority.POLL), within_s=0.1)
    assert isinstance(poll, Transient)
    assert len(room.net.gets) == 1
    await room.clock.advance(7200)
    again = room.ask("GET /open-interest", Priority.POLL)
    await settled()
    assert len(room.net.gets) == 2
    again.cancel()


async def test_what_already_waits_when_a_long_ban_begins_is_told() -> None:
    room = Room(After(1, answer({"banned": 7200}, status=418)))
    room.language.pools = (PlainLanguage.pools[0].__class__("plain", 1, 60),)
    first, waiting = room.ask(), room.ask("GET /listing", Priority.LISTING)
    await room.clock.advance(1)

    for asked in (first, waiting):
        assert isinstance(asked.exception(), Transient)
    assert len(room.net.gets) == 1


async def test_a_host_that_refuses_the_region_is_left_for_the_next_for_an_hour() -> None:
    room = Room(answer({"region": 1}, status=451), second=answer({"data": 2}))
    assert (await room.answered(room.ask())).body == '{"data":2}'
    assert (await room.answered(room.ask("GET /time"))).body == '{"data":2}'
    assert [get[: len(FIRST)] for get in room.net.gets] == [FIRST, SECOND, SECOND]
    assert room.client.status()[FIRST].state == "region"
    assert room.client.status()[FIRST].words == "451 region"

    await room.clock.advance(3600)
    await room.answered(room.ask())
    assert [get[: len(FIRST)] for get in room.net.gets[3:]] == [FIRST, SECOND]


async def test_where_every_host_refuses_the_region_nothing_is_asked_for_an_hour_and_then_again() -> None:
    room = Room(answer({"region": 1}, status=403), answer({"data": 1}), second=answer({"region": 1}, status=403))
    error = await room.failed(room.ask())
    assert isinstance(error, RegionRefused)
    assert "403 region" in error.message
    assert "60 min" in error.message
    assert error.left_s == 3600

    await room.clock.advance(600)
    error = await room.failed(room.ask(), within_s=0.1)
    assert isinstance(error, RegionRefused)
    assert error.left_s == 3000
    assert len(room.net.gets) == 2

    await room.clock.advance(3000)
    assert (await room.answered(room.ask(), within_s=0.1)).body == '{"data":1}'


async def test_a_wrong_request_is_never_repeated() -> None:
    room = Room(answer({"wrong": 1}, status=400))
    error = await room.failed(room.ask(), within_s=0.1)

    assert isinstance(error, Fatal)
    assert "400 wrong" in error.message
    assert len(room.net.gets) == len(room.records) == 1


@pytest.mark.parametrize("kind", ["resolve", "refused", "reset", "tls", "timeout"])
async def test_a_host_out_of_reach_is_left_for_the_next(kind: FailureKind) -> None:
    room = Room(Failed(kind, "no luck\x1b[2J"), second=answer({"data": 2}))
    assert (await room.answered(room.ask(), within_s=0.1)).body == '{"data":2}'

    status = room.client.status()[FIRST]
    assert (status.state, status.failed, status.succeeded) == ("unreachable", 1, 0)
    assert status.words.startswith("no luck")
    assert "\x1b" not in status.words
    await room.answered(room.ask("GET /time"), within_s=0.1)
    assert [get[: len(FIRST)] for get in room.net.gets] == [FIRST, SECOND, SECOND]


async def test_where_no_host_is_in_reach_the_attempts_are_spaced_and_bounded() -> None:
    room = Room(Failed("refused", "nobody listens"), second=Failed("refused", "nobody listens"))
    error = await room.failed(room.ask())

    assert isinstance(error, Transient)
    assert "nobody listens" in error.message
    assert len(room.net.gets) == MAX_ATTEMPTS
    assert room.clock.seconds > 0


async def test_each_attempt_has_the_deadline_that_was_asked_for() -> None:
    room = Room(HANG, second=HANG)
    asked = room.ask(deadline_s=3)
    await room.clock.advance(2.9)
    assert len(room.net.gets) == 1
    await room.clock.advance(0.1)
    assert len(room.net.gets) == 2
    assert isinstance(await room.failed(asked), Transient)


@pytest.mark.parametrize("kind", ["redirect", "oversize", "protocol"])
async def test_an_answer_that_is_none_is_not_asked_for_again(kind: FailureKind) -> None:
    room = Room(Failed(kind, "points to elsewhere"))
    error = await room.failed(room.ask(), within_s=0.1)

    assert isinstance(error, Protocol)
    assert len(room.net.gets) == 1


async def test_a_body_that_is_not_utf8_is_a_breach_of_protocol_but_recorded() -> None:
    room = Room(answer(b'{"name":"\xff\xfe"}'))
    error = await room.failed(room.ask(), within_s=0.1)

    assert isinstance(error, Protocol)
    assert [record.body for record in room.records if isinstance(record, Response)] == ['{"name":"��"}']


async def test_a_replacement_character_that_was_really_sent_is_text() -> None:
    room = Room(answer({"name": "�"}))

    assert "�" in (await room.answered(room.ask())).body


async def test_a_refusal_that_is_not_utf8_is_still_a_refusal() -> None:
    room = Room(answer(b"<h1>caf\xe9</h1>", status=502), answer({"data": 1}))

    assert (await room.answered(room.ask())).status == 200


async def test_the_same_request_under_way_is_asked_once() -> None:
    room = Room(After(1, answer({"data": 1})))
    first, second, other = room.ask(), room.ask(), room.ask("GET /time")
    await room.clock.advance(1)

    assert first.result() is second.result()
    assert other.result().request == "GET /time"
    assert len(room.net.gets) == 2
    assert len(room.records) == 2
    await room.answered(room.ask())
    assert len(room.net.gets) == 3


async def test_who_wants_a_fresh_answer_shares_none_that_was_sent_before() -> None:
    room = Room(After(1, answer({"data": 1})), After(1, answer({"data": 2})))
    first = room.ask()
    await settled()
    fresh, after_it = room.ask(is_fresh=True), room.ask()
    await room.clock.advance(1)

    assert [one.result().body for one in (first, fresh, after_it)] == ['{"data":1}', '{"data":2}', '{"data":2}']
    assert len(room.net.gets) == 2


async def test_who_wants_a_fresh_answer_shares_one_that_waits_to_be_asked_again() -> None:
    room = Room(answer({"busy": 1}, status=503), answer({"data": 2}))
    first = room.ask()
    await settled()
    assert len(room.net.gets) == 1
    fresh = room.ask(is_fresh=True)
    await room.answered(fresh)

    assert first.result() is fresh.result()
    assert len(room.net.gets) == 2


async def test_one_asker_may_leave_a_shared_request_the_last_one_ends_it() -> None:
    room = Room(After(1, answer({"data": 1})))
    first, second = room.ask(), room.ask()
    await settled()
    first.cancel()
    await settled()
    assert room.net.open_gets == 1
    second.cancel()
    await settled()

    assert room.net.open_gets == 0
    assert (await room.answered(room.ask())).body == '{"data":1}'


async def test_an_urgent_request_does_not_wait_behind_its_own_unhurried_twin() -> None:
    room = Room(answer({"data": 1}))
    room.language.pools = (PlainLanguage.pools[0].__class__("plain", 1, 10),)
    asked = [room.ask(f"GET /candles?symbol={number}") for number in range(6)]
    await settled()
    urgent = room.ask("GET /candles?symbol=5", Priority.MEND)
    await room.clock.advance(10)

    assert urgent.done()
    assert room.net.gets[1] == FIRST + "/candles?symbol=5"
    await room.client.close()
    await settled()
    assert all(task.done() for task in asked)


async def test_every_attempt_takes_from_the_budget_and_headers_correct_it() -> None:
    room = Room(answer({}, status=503), answer({"data": 1}, headers={"used": "40"}))
    await room.answered(room.ask())
    (use,) = uses(room.budgets)

    assert (use.used, use.others) == (40, 38)


async def test_a_request_that_can_never_fit_is_fatal() -> None:
    room = Room(answer({"data": 1}))
    room.language.cost = lambda request: Cost((("plain", 5000.0),))  # type: ignore[method-assign]

    assert isinstance(await room.failed(room.ask(), within_s=0.1), Fatal)
    assert isinstance(await room.failed(room.ask("POST /order"), within_s=0.1), Fatal)
    assert room.net.gets == []


async def test_skew_is_taken_from_the_quickest_of_three_answers() -> None:
    room = Room()

    def in_ms(ahead_ms: int) -> Outcome:
        return lambda url: answer({"time": room.clock.now_ns() // 10**6 + ahead_ms})

    # The venue reads its clock when the answer leaves; the rest of the way is the request's.
    room.net.on_get(FIRST, After(0.5, in_ms(700)), After(0.1, in_ms(1450)), After(0.3, in_ms(900)))
    measuring = asyncio.create_task(room.client.measure_skew(room.language))
    await room.clock.advance(2)

    skew_ms, round_trip_ms = measuring.result()
    assert round_trip_ms == pytest.approx(100)
    assert skew_ms == pytest.approx(1500, abs=1)
    status = room.client.status()[FIRST]
    assert (status.skew_ms, status.round_trip_ms) == (skew_ms, round_trip_ms)
    assert len(room.records) == 3


async def test_a_jump_of_our_wall_clock_between_asking_and_answering_does_not_bend_the_round_trip() -> None:
    room = Room()

    def answered(url: str) -> object:
        room.clock.wall_skew_ns = 3_600 * 10**9
        return {"time": room.clock.now_ns() // 10**6}

    room.net.on_get(FIRST, After(0.2, lambda url: answer(answered(url))))
    measuring = asyncio.create_task(room.client.measure_skew(room.language))
    await room.clock.advance(2)

    skew_ms, round_trip_ms = measuring.result()
    assert round_trip_ms == pytest.approx(200)
    assert skew_ms == pytest.approx(100, abs=1)


async def test_an_answer_without_a_time_measures_nothing() -> None:
    room = Room(answer({"code": 0}))

    with pytest.raises(Protocol, match="no time in the answer"):
        await room.client.measure_skew(room.language)
    assert room.client.status()[FIRST].skew_ms is None


async def test_closing_ends_what_is_under_way_and_tells_its_askers() -> None:
    room = Room(HANG)
    asked = room.ask()
    await settled()
    await room.client.close()
    await settled()

    assert isinstance(asked.exception(), Transient)
    assert room.net.open_gets == 0


async def test_what_a_venue_announces_of_its_limits_becomes_the_budget() -> None:
    room = Room(answer({"holds": 400}), answer({"holds": 400}))
    await room.answered(room.ask())
    assert [use.capacity for use in uses(room.budgets)] == [1000], "no listing"
    await room.answered(room.ask("GET /listing"))
    assert [use.capacity for use in uses(room.budgets)] == [400]


async def test_a_refused_listing_announces_nothing() -> None:
    room = Room(answer({"holds": 400, "wrong": 1}, status=400))
    await room.failed(room.ask("GET /listing"))
    assert [use.capacity for use in uses(room.budgets)] == [1000]
