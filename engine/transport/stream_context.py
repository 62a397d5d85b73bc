"""Shared context of one product's streams: venue rules, network, clock, guarded sink, address selection.

Made by `stream_set`, used by all stream modules. An exception of the sink must not end a feed: records of connection
events go through `tell`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from engine.clock import Clock
from engine.text import clean
from engine.transport.backoff import Rng
from engine.transport.capture_records import ConnectionEvent, Record
from engine.transport.net import Failed, Net
from engine.transport.stream_pace import ConnectPace, host_of
from engine.transport.tasks import nanoseconds
from engine.venues.live import VenueLive

LOG: Final = logging.getLogger("prism.streams")

REGION_S: Final = 3600.0
"""How long an address that refuses this region or network comes last."""
FAILED_S: Final = 60.0
"""How long an address comes last after `FAILURES` failed attempts in a row."""
FAILURES: Final = 2
SILENT_S: Final = 300.0
"""How long an address comes last if its connections open but stay silent again and again."""
CROWDED_S: Final = 60.0
"""Cool-down of a host that answers an upgrade with 429 or 418 without Retry-After (RFC 9110, 10.2.3)."""
MAX_REST_S: Final = 24 * 3600.0
_LOG_EVERY: Final = 1000


class Addresses:
    """Selects stream addresses: those that refused us, or failed or stayed silent repeatedly, come last for a while."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: dict[str, int] = {}
        self._region: dict[str, int] = {}
        self._failures: dict[str, int] = {}

    def pick(self, urls: tuple[str, ...]) -> str:
        """The first address that is not marked; if all are, the one whose mark ends first."""
        now = self._clock.monotonic_ns()
        return min(urls, key=lambda url: max(self._until.get(url, 0), now))

    def has_better(self, urls: tuple[str, ...]) -> bool:
        """Whether an address is unmarked."""
        now = self._clock.monotonic_ns()
        return any(self._until.get(url, 0) <= now for url in urls)

    def all_refuse(self, urls: tuple[str, ...]) -> bool:
        """Whether all addresses refuse this region or network."""
        now = self._clock.monotonic_ns()
        return all(self._region.get(url, 0) > now for url in urls)

    def worked(self, url: str) -> None:
        """A connection was opened: clear its marks."""
        for marks in (self._until, self._region, self._failures):
            marks.pop(url, None)

    def refused(self, url: str) -> None:
        """It refuses this region or network."""
        self._region[url] = self._until[url] = self._clock.monotonic_ns() + nanoseconds(REGION_S)

    def silent(self, url: str) -> None:
        """Its connections open but stay silent."""
        self._until[url] = self._clock.monotonic_ns() + nanoseconds(SILENT_S)

    def failed(self, url: str) -> None:
        """A connection attempt failed."""
        self._failures[url] = count = self._failures.get(url, 0) + 1
        if count >= FAILURES:
            until = self._clock.monotonic_ns() + nanoseconds(FAILED_S)
            self._until[url] = max(until, self._until.get(url, 0))


class StreamContext:
    """The shared context; one per product."""

    def __init__(
        self,
        language: VenueLive,
        net: Net,
        clock: Clock,
        rng: Rng,
        sink: Callable[[Record], None],
        connects: ConnectPace,
    ) -> None:
        self.language = language
        self.net = net
        self.clock = clock
        self.rng = rng
        self.sink = sink
        self.connects = connects
        self.addresses = Addresses(clock)
        self.sink_errors = 0
        self.task_errors = 0

    def tell(self, event: ConnectionEvent) -> None:
        """Pass an event to the sink; an exception of the sink is only counted and logged."""
        try:
            self.sink(event)
        except Exception as error:  # noqa: BLE001 - a sink's fault must not end a feed
            self.sink_failed(error)

    def sink_failed(self, error: Exception) -> None:
        """The sink raised: count it, and log the first and every `_LOG_EVERY`-th time."""
        if self.sink_errors % _LOG_EVERY == 0:
            LOG.error("%s: a record could not be taken", self.language.venue, exc_info=error)
        self.sink_errors += 1

    def task_failed(self, name: str, error: BaseException) -> str:
        """One of our tasks failed by a fault of this program: log and count it; returns the text for the status."""
        self.task_errors += 1
        LOG.error("%s failed", name, exc_info=error)
        return f"failed ({type(error).__name__}, details in the log), starting again"

    def connect_failed(self, url: str, failed: Failed) -> str:
        """Mark the address according to its answer; returns the text for the status."""
        status = None if failed.answer is None else failed.answer.status
        host = host_of(url)
        if status in (403, 451):
            self.addresses.refused(url)
            return clean(f"{host} refuses this region or network ({status})")
        if status in (418, 429):
            rest_s = _rest_s(failed)
            self.connects.rest(host, rest_s)
            return clean(f"{host} wants no connections for {rest_s:.0f} s ({status})")
        if failed.kind != "local":
            self.addresses.failed(url)
        return clean(failed.message if failed.message.startswith(host) else f"{host}: {failed.message}")


def _rest_s(failed: Failed) -> float:
    told = "" if failed.answer is None else failed.answer.headers.get("retry-after", "")
    return min(MAX_REST_S, max(1.0, float(told))) if told.isascii() and told.isdigit() else CROWDED_S
