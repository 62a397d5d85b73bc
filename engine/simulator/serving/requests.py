"""The REST servers of one simulated exchange. Each request is answered by the exchange, or by a fault in its place.

Owned by `engine.simulator.serving.venues`. Binds 127.0.0.1 only; no exchange's rules belong here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from typing import Final

from aiohttp import web

from engine.simulator.exchange import Answer, Exchange
from engine.simulator.faults import Faults
from engine.simulator.serving.time import WorldTime

LOG: Final = logging.getLogger("prism.simulator")

HOST: Final = "127.0.0.1"
FORBIDDEN: Final = (
    b"<html><head><title>403 Forbidden</title></head><body>The Amazon CloudFront distribution is configured to block "
    b"access from your country.</body></html>"
)
CLIENT: Final = "x-simulated-client"
"""A header with which a test can pose as several addresses."""


class Requests:
    """The listening ports of one exchange's REST origins."""

    def __init__(self, exchange: Exchange, faults: Faults, time: WorldTime) -> None:
        self.exchange = exchange
        self.answered = 0
        self.failures = 0
        """Requests that failed with an error of the simulator itself."""
        self._faults = faults
        self._time = time
        self._runners: list[web.AppRunner] = []

    async def open(self) -> dict[str, str]:
        """Listen; returns the loopback origin of each real one."""
        routes = {}
        for origin in self.exchange.rest_origins:
            app = web.Application(client_max_size=2**20)
            app.router.add_route("*", "/{path:.*}", partial(self._answer, origin=origin))
            runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.5)
            await runner.setup()
            site = web.TCPSite(runner, HOST, 0)
            await site.start()
            self._runners.append(runner)
            routes[origin] = f"http://{HOST}:{runner.addresses[0][1]}"
        return routes

    async def close(self) -> None:
        """Stop listening."""
        await asyncio.gather(*(runner.cleanup() for runner in self._runners))

    async def _answer(self, request: web.Request, origin: str) -> web.Response:
        client = request.headers.get(CLIENT, request.remote or "")
        answer = await self.answer(origin, request.path, dict(request.query), client)
        return web.Response(
            status=answer.status, body=answer.body, headers=dict(answer.headers), content_type=answer.content_type
        )

    async def answer(self, origin: str, path: str, query: Mapping[str, str], client: str) -> Answer:
        """The answer to `GET path` at `origin`, faults included; `client` identifies the client's address."""
        now_ms, name = self._time.now_ms(), self.exchange.name
        self.answered += 1
        if slow_ms := self._faults.value("slow", name, now_ms, path):
            clock = self._time.clock
            await clock.sleep_until(clock.monotonic_ns() + int(slow_ms) * 1_000_000)
        answer = self._refusal(path, now_ms)
        if answer is None:
            seen_ms = now_ms + int(self._faults.value("skew", name, now_ms))
            try:
                answer = self.exchange.rest(origin, path, query, client, seen_ms)
            except Exception:
                # An error in an exchange's code is a 500 to the client, as at a venue, and must not stop the server;
                # tests check the count.
                self.failures += 1
                LOG.exception("%s could not answer %s %s", name, path, dict(query))
                answer = Answer(500, b'{"msg":"internal error of the simulator"}')
            if self._faults.is_on("bad_json", name, now_ms, path):
                answer = Answer(answer.status, answer.body[: len(answer.body) // 2], answer.headers)
        return answer

    def _refusal(self, path: str, now_ms: int) -> Answer | None:
        """The answer of a fault that replaces the exchange's; None if there is none."""
        name, faults = self.exchange.name, self._faults
        if faults.is_on("429", name, now_ms, path):
            return Answer(429, b'{"code":-1003,"msg":"Too many requests"}', {"Retry-After": "5"})
        if faults.is_on("418", name, now_ms, path):
            return Answer(418, b'{"code":-1003,"msg":"IP banned"}', {"Retry-After": "30"})
        if faults.is_on("451", name, now_ms, path):
            return Answer(451, b'{"code":0,"msg":"Service unavailable from a restricted location"}')
        if faults.is_on("403", name, now_ms, path):
            return Answer(403, FORBIDDEN, content_type="text/html")
        if faults.is_on("500", name, now_ms, path):
            return Answer(500, b"<html>internal error</html>", content_type="text/html")
        return None
