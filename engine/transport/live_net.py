"""The real `Net` (`engine.transport.net`): WebSockets by picows, requests by aiohttp.

Made once by `engine.live` (without routes for live venues, with routes to the simulator for demo and tests) and by
`prism doctor`, for all network access. The clients were chosen with `bench/streams.py`: picows costs the least CPU per
frame of those measured. It has no permessage-deflate, which a server may use only if the client offers it (RFC 7692,
section 5); we offer none.

Deadlines run on the `Clock`. Redirects are never followed, cookies never kept, certificates always verified, proxies
taken from the environment only on request. Every error of the libraries below becomes a `Failed` or a `Closed`.
"""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Final
from urllib.parse import quote, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import picows
from aiohappyeyeballs import start_connection
from picows.url import WSParsedURL
from yarl import URL

from engine.clock import Clock
from engine.transport.bodies import body_of
from engine.transport.live_failures import MAX_HEADER_BYTES, MAX_HEADERS, REDIRECTS, failure_of, lowered
from engine.transport.live_socket import LiveSocket
from engine.transport.net import (
    CONNECT_DEADLINE_S,
    MAX_BODY_BYTES,
    MAX_FRAME_BYTES,
    MAX_WAITING_BYTES,
    MAX_WAITING_MESSAGES,
    NO_HEADERS,
    Failed,
    HttpAnswer,
)
from engine.transport.resolver import Resolver
from engine.transport.tasks import Owned, passed_on, settle, spawn, within

NEXT_ADDRESS_S: Final = 0.25
"""Head start of one address of a host over the next (RFC 8305, section 8)."""
READ_BYTES: Final = 64 * 1024
"""Initial size of a socket's read buffer: the most that one wake-up can read until it grows."""
MAX_REQUESTS: Final = 64
MAX_REQUESTS_PER_HOST: Final = 16
"""Connections for requests; further requests wait for one, within their deadline."""
PRINTABLE: Final = "".join(map(chr, range(33, 127)))


class LiveNet:
    """A `Net` over real sockets.

    `routes` maps origins (`wss://fstream.binance.com`) to replacements (`ws://127.0.0.1:8181`, a path may follow). With
    `only_routes` every other host is refused. `proxies` takes HTTP proxies from the environment (`HTTPS_PROXY`,
    `HTTP_PROXY`, `NO_PROXY`). `tls` replaces the system's certificates.
    """

    def __init__(
        self,
        clock: Clock,
        routes: Mapping[str, str] = NO_HEADERS,
        *,
        only_routes: bool = False,
        proxies: bool = False,
        tls: ssl.SSLContext | None = None,
        max_waiting: int = MAX_WAITING_MESSAGES,
        max_waiting_bytes: int = MAX_WAITING_BYTES,
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        if only_routes and proxies:
            raise ValueError("with only_routes nothing goes through proxies")
        self._clock = clock
        self._routes = {origin.rstrip("/").lower(): other.rstrip("/") for origin, other in routes.items()}
        self._only_routes = only_routes
        self._proxies = proxies
        self._tls = tls
        self._max_waiting = max_waiting
        self._max_waiting_bytes = max_waiting_bytes
        self._max_body_bytes = max_body_bytes
        self._headers = {"User-Agent": f"prism/{_version()}"}
        self._session: aiohttp.ClientSession | None = None
        self._resolver = Resolver()
        self._watches: Owned = {}
        self._log = _silent_logger()

    async def connect(
        self, url: str, *, max_size: int = MAX_FRAME_BYTES, headers: Mapping[str, str] = NO_HEADERS
    ) -> LiveSocket:
        """See `Net.connect`."""
        target = self._routed(url, ("ws", "wss"))
        host = urlsplit(target).netloc
        try:
            return await within(
                self._clock,
                CONNECT_DEADLINE_S,
                self._open(target, max_size, headers),
                f"connecting to {host}",
                release=LiveSocket.abandon,
            )
        except TimeoutError:
            raise Failed("timeout", f"{host}: no connection within {CONNECT_DEADLINE_S:g} s") from None

    async def get(self, url: str, *, timeout_s: float, headers: Mapping[str, str] = NO_HEADERS) -> HttpAnswer:
        """See `Net.get`."""
        target = self._routed(url, ("http", "https"))
        host = urlsplit(target).netloc
        try:
            return await within(self._clock, timeout_s, self._fetch(target, host, headers), f"asking {host}")
        except TimeoutError:
            raise Failed("timeout", f"{host}: no answer within {timeout_s:g} s") from None

    async def close(self) -> None:
        """See `Net.close`."""
        if self._session is not None:
            await self._session.close()
            self._session = None
        await settle(self._watches)

    def _routed(self, url: str, schemes: tuple[str, str]) -> str:
        """The URL to use, after routing, in printable ASCII."""
        parts = urlsplit(url)
        if parts.scheme not in schemes or not parts.hostname:
            raise Failed("protocol", f"{url} is no address that begins with {schemes[0]}:// or {schemes[1]}://")
        origin = f"{parts.scheme}://{parts.netloc}"
        other = self._routes.get(origin.lower())
        if other is None and self._only_routes:
            raise Failed("refused", f"{parts.netloc}: only simulated hosts may be asked here")
        return quote(url if other is None else other + url[len(origin) :], safe=PRINTABLE)

    def _certificates(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls

    # Streams.

    async def _open(self, url: str, max_size: int, headers: Mapping[str, str]) -> LiveSocket:
        host = urlsplit(url).netloc
        opened: list[socket.socket] = []

        async def connected(address: WSParsedURL) -> socket.socket:
            opened.append(await self._connected(address.host, address.port))
            return opened[0]

        def listener(request: picows.WSUpgradeRequest, response: picows.WSUpgradeResponse) -> LiveSocket:
            return LiveSocket(self._clock, max_size, self._max_waiting, self._max_waiting_bytes)

        try:
            transport, made = await picows.ws_connect(
                listener,
                url,
                ssl_context=self._certificates() if url.startswith("wss:") else None,
                websocket_handshake_timeout=None,
                logger_name=self._log,
                enable_auto_pong=False,
                max_frame_size=max_size,
                extra_headers={**self._headers, **headers},
                max_redirects=0,
                proxy=self._proxy(url),
                read_buffer_init_size=READ_BYTES,
                socket_factory=connected,
                # aiofastnet 1.2.0 holds back decrypted TLS data after a pause until more arrives.
                use_aiofastnet=False,
            )
        except BaseException as error:
            for each in opened:
                _drop(each)
            failed = failure_of(self._named(url), error)
            if failed is None:
                raise
            raise failed from error
        # picows returns no listener if the other side left before it answered the upgrade.
        if not isinstance(made, LiveSocket):
            raise Failed("reset", f"{host}: left before it answered")
        # How it ended is reported by the socket itself.
        spawn(self._watches, transport.wait_disconnected(), f"watch {host}", failed=passed_on)
        return made

    async def _connected(self, host: str, port: int) -> socket.socket:
        """A TCP connection to the address of `host` that answers first, IPv6 and IPv4 alternating."""
        addresses = await self._resolver.addresses(host, port)
        return await start_connection(addresses, happy_eyeballs_delay=NEXT_ADDRESS_S, interleave=1)

    def _proxy(self, url: str) -> str | None:
        if not self._proxies:
            return None
        if proxy_bypass(urlsplit(url).hostname or ""):
            return None
        return getproxies().get("https" if url.startswith(("wss:", "https:")) else "http")

    def _named(self, url: str) -> str:
        """The host for messages, with the proxy if there is one: it may be at fault. Never the proxy's password."""
        host, proxy = urlsplit(url).netloc, self._proxy(url)
        return host if proxy is None else f"{host} through the proxy {urlsplit(proxy).netloc.rpartition('@')[2]}"

    # Requests.

    def _requests(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=MAX_REQUESTS,
                    limit_per_host=MAX_REQUESTS_PER_HOST,
                    ssl=self._certificates(),
                    happy_eyeballs_delay=NEXT_ADDRESS_S,
                    resolver=self._resolver,
                ),
                timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=self._proxies,
                auto_decompress=False,
                max_headers=MAX_HEADERS,
                max_line_size=MAX_HEADER_BYTES,
                max_field_size=MAX_HEADER_BYTES,
                headers={**self._headers, "Accept-Encoding": "gzip, deflate"},
            )
        return self._session

    async def _fetch(self, url: str, host: str, headers: Mapping[str, str]) -> HttpAnswer:
        try:
            async with self._requests().get(URL(url, encoded=True), headers=headers, allow_redirects=False) as response:
                if response.status in REDIRECTS and "location" in response.headers:
                    where = response.headers["location"]
                    raise Failed("redirect", f"{host}: points to {where}, which is not followed")
                encoding = response.headers.get("content-encoding", "")
                body = await body_of(response.content.iter_any(), encoding, self._max_body_bytes, host)
                return HttpAnswer(response.status, lowered(response.headers), body)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            failed = failure_of(self._named(url), error)
            if failed is None:
                raise
            raise failed from error


def _drop(connected: socket.socket) -> None:
    """Close a connection whose opening was given up. Its transport, if it has one, reads the end and closes."""
    try:
        connected.shutdown(socket.SHUT_RDWR)
    except OSError:
        connected.close()


def _silent_logger() -> logging.Logger:
    """A logger that drops everything: picows also logs what it raises, which must not be printed over the console."""
    logger = logging.Logger("prism.streams", level=logging.CRITICAL + 1)
    logger.addHandler(logging.NullHandler())
    return logger


def _version() -> str:
    try:
        return version("prism-console")
    except PackageNotFoundError:
        return "0"
