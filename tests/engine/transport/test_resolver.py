"""Lookups of names: a resolver that hangs on one host holds up neither other hosts nor the end of the program."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.clock import SystemClock
from engine.transport.live_net import LiveNet
from engine.transport.net import Failed
from engine.transport.resolver import Resolver
from tests.engine.transport.live_servers import Peer, http_answer, on_both_loops, serving, until
from tests.engine.transport.stepped_clock import SteppedClock

LIMIT_S = 60
ROOT = Path(__file__).resolve().parents[3]


class Names:
    """What takes the place of the system's resolver: known names, and names that hang until they are let go."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}
        self.asked: list[str] = []
        self.let_go = threading.Event()
        self._real = socket.getaddrinfo

    def __call__(self, host: str, port: int, *args: Any, **given: Any) -> Any:
        if given.get("flags"):
            return self._real(host, port, *args, **given)
        self.asked.append(host)
        if host.startswith("hang"):
            self.let_go.wait(LIMIT_S)
        if host not in self.known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return self._real(self.known[host], port, *args, **given)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    made = Names()
    monkeypatch.setattr(socket, "getaddrinfo", made)
    yield made
    made.let_go.set()


@on_both_loops
async def test_hosts_whose_names_hang_hold_up_no_other_and_are_given_up_at_the_deadline(names: Names) -> None:
    async def script(peer: Peer) -> None:
        if "Upgrade" in peer.request:
            await peer.upgrade()
        else:
            await peer.write(http_answer(b"here"))
        await peer.until_left()

    clock = SteppedClock()
    hanging, net = LiveNet(clock), LiveNet(SystemClock())
    async with asyncio.timeout(LIMIT_S), serving(script) as server:
        names.known["good.example"] = "127.0.0.1"
        # More than any pool of a loop has threads.
        streams = [asyncio.create_task(hanging.connect(f"wss://hang{n}.example/ws")) for n in range(40)]
        request = asyncio.create_task(hanging.get("https://hang0.example/x", timeout_s=8))
        await until(lambda: len(names.asked) >= 40)
        assert (await net.get(f"http://good.example:{server.port}/", timeout_s=LIMIT_S)).body == b"here"
        await (await net.connect(f"ws://good.example:{server.port}/ws")).close()
        await clock.advance(10.5)
        ended = await asyncio.gather(*streams, request, return_exceptions=True)
        assert [one.kind for one in ended if isinstance(one, Failed)] == ["timeout"] * 41
        await hanging.close()
        await net.close()


@on_both_loops
async def test_those_who_ask_for_a_name_together_share_one_lookup_and_the_next_asks_anew(names: Names) -> None:
    resolver = Resolver()
    together = [asyncio.create_task(resolver.addresses("hang.example", 443)) for _ in range(10)]
    await until(lambda: bool(names.asked))
    together[0].cancel()
    await asyncio.sleep(0)
    names.known["hang.example"] = "192.0.2.1"
    names.let_go.set()
    found = await asyncio.gather(*together, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert [one[0][4] for one in found[1:] if isinstance(one, list)] == [("192.0.2.1", 443)] * 9
    assert names.asked == ["hang.example"]
    names.known["hang.example"] = "192.0.2.2"
    assert (await resolver.addresses("hang.example", 443))[0][4] == ("192.0.2.2", 443)


@on_both_loops
async def test_a_name_without_an_address_and_one_that_is_none_are_failures_to_resolve(names: Names) -> None:
    net = LiveNet(SystemClock())
    for host in ("nosuch.example", "a" * 70 + ".example"):
        with pytest.raises(Failed) as failed:
            await net.connect(f"wss://{host}/ws")
        assert failed.value.kind == "resolve", host
        with pytest.raises(Failed) as failed:
            await net.get(f"https://{host}/x", timeout_s=LIMIT_S)
        assert failed.value.kind == "resolve", host
    await net.close()


async def test_addresses_are_asked_of_nobody(names: Names) -> None:
    resolver = Resolver()
    assert (await resolver.addresses("127.0.0.1", 80))[0][4] == ("127.0.0.1", 80)
    assert (await resolver.addresses("::1", 80))[0][4][:2] == ("::1", 80)
    assert names.asked == []


HANGS = """
import asyncio, socket, sys, time
from engine.clock import SystemClock
from engine.transport.live_net import LiveNet
socket.getaddrinfo = lambda *args, **given: time.sleep(60) if not given.get("flags") else (_ for _ in ()).throw(OSError)
async def main():
    net = LiveNet(SystemClock())
    tasks = [asyncio.create_task(net.connect(f"wss://hang{n}.example/ws")) for n in range(8)]
    await asyncio.sleep(0.2)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await net.close()
import uvloop
with asyncio.Runner(loop_factory=uvloop.new_event_loop if sys.argv[1] == "uvloop" else None) as runner:
    runner.run(main())
"""


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_lookup_that_hangs_does_not_keep_the_program_from_ending(loop: str) -> None:
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", HANGS, loop], cwd=ROOT, capture_output=True, text=True, timeout=50)
    assert (done.returncode, done.stderr) == (0, "")
    assert time.monotonic() - began < 30
