"""DNS lookups, each in its own daemon thread, so that a hanging lookup blocks nothing else.

Used by `engine.transport.live_net` for streams and requests. An event loop's own lookups run in a small thread pool,
four threads under uvloop: if the names of one venue hang, they would block those of all others, and finally the exit of
the program, which joins that pool. Nothing may be cached: each attempt looks up again, and concurrent lookups of the
same name share one answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

AddressInfo = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]
"""As returned by `socket.getaddrinfo`."""
Found = list[AddressInfo]

NUMERIC: Final = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


class Resolver(AbstractResolver):
    """One for all connections of an event loop. It only resolves the venues' few hosts, so there are few threads."""

    def __init__(self) -> None:
        self._under_way: dict[tuple[str, int], asyncio.Future[Found]] = {}

    async def addresses(self, host: str, port: int) -> Found:
        """Addresses of `host` for a TCP connection. Raises OSError (`socket.gaierror`) if there is none."""
        with contextlib.suppress(OSError, UnicodeError):  # not a numeric address but a name
            return _asked(host, port, NUMERIC)
        key = host, port
        found = self._under_way.get(key)
        if found is None:
            loop = asyncio.get_running_loop()
            found = self._under_way[key] = loop.create_future()
            found.add_done_callback(lambda ended: self._over(key, ended))
            threading.Thread(
                target=_look_up, args=(loop, found, host, port), name=f"prism-resolve {host}", daemon=True
            ).start()
        return await asyncio.shield(found)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The same for aiohttp; both families, whatever it asks for, because it tries one after the other."""
        return [
            ResolveResult(hostname=host, host=str(at[0]), port=port, family=of, proto=proto, flags=int(NUMERIC))
            for of, _, proto, _, at in await self.addresses(host, port)
        ]

    async def close(self) -> None:
        """Nothing to close; threads end by themselves."""

    def _over(self, key: tuple[str, int], ended: asyncio.Future[Found]) -> None:
        self._under_way.pop(key, None)
        if not ended.cancelled():
            ended.exception()  # mark as retrieved: the callers may have been cancelled


def _asked(host: str, port: int, flags: int = 0) -> Found:
    return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags))


def _look_up(loop: asyncio.AbstractEventLoop, found: asyncio.Future[Found], host: str, port: int) -> None:
    """Look up in this thread and pass the outcome to the loop, unless it is closed."""
    outcome: Found | OSError
    try:
        outcome = _asked(host, port)
    except OSError as error:
        outcome = error
    except UnicodeError:
        outcome = socket.gaierror(socket.EAI_NONAME, "no name")

    def settle() -> None:
        if found.done():
            return
        if isinstance(outcome, OSError):
            found.set_exception(outcome)
        else:
            found.set_result(outcome)

    with contextlib.suppress(RuntimeError):  # the loop is closed
        loop.call_soon_threadsafe(settle)
