"""Faults of the simulator's own: none in an ordinary session, and each one counted where it is met."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from websockets.asyncio.client import connect

from engine.simulator.exchanges import make_exchanges
from engine.simulator.serving.venues import SimulatedVenues
from tests.engine.simulator.exchanges.served import Served
from tests.faults.rig import Rig

ORIGIN = "https://www.okx.com"


def breaks(*_: object, **__: object) -> Any:
    raise ZeroDivisionError("a fault of ours")


async def test_an_ordinary_session_on_all_venues_meets_none() -> None:
    async with Rig(assets=3, rate=60.0, places=2) as rig:
        await rig.run(20.0)
        assert sum(one.answered for one in rig.sim.requests.values()) > 20
        assert sum(one.sent for one in rig.sim.streams.values()) > 1_000
        assert rig.sim.failures == 0
    assert rig.sim.failures == 0, "closing is ordinary too"


async def test_a_request_that_fails_is_answered_500_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Served(["okx"]) as served:
        requests = served.venues.requests["okx"]
        assert (await requests.answer(ORIGIN, "/api/v5/public/time", {}, "a")).status == 200
        assert served.venues.failures == 0
        monkeypatch.setattr(requests.exchange, "rest", breaks)
        assert (await requests.answer(ORIGIN, "/api/v5/public/time", {}, "a")).status == 500
        assert (requests.failures, served.venues.failures) == (1, 1)


async def test_a_connection_that_fails_ends_alone_and_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Served(["okx"]) as served:
        streams = served.venues.streams["okx"]
        origin = next(iter(streams.exchange.stream_origins))
        url = f"{served.venues.routes[origin]}/ws/v5/public"
        async with connect(url, proxy=None) as first, connect(url, proxy=None) as second:
            await first.send("ping")
            assert await first.recv() == "pong"
            with monkeypatch.context() as patch:
                patch.setattr(streams.exchange, "message", breaks)
                await second.send("ping")
                await second.wait_closed()
            await first.send("ping")
            assert await served.while_moving(first.recv()) == "pong"
            assert (streams.failures, served.venues.failures) == (1, 1)
    assert streams.failures == 1, "a client that leaves is no fault"


async def test_what_ends_the_market_is_kept_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    held = Served(["okx"])
    venues = SimulatedVenues(held.world, make_exchanges(held.world, ["okx"], 100.0), held.clock)
    monkeypatch.setattr(venues, "step", breaks)
    await venues.start(listen=False)
    for _ in range(5):
        await asyncio.sleep(0)
    assert isinstance(cast(object, venues.failure), ZeroDivisionError)
    assert venues.failures == 1
    await venues.close()
