"""Maps exceptions of the network libraries to the errors of `engine.transport.net`.

Called only by `engine.transport.live_net`, which lets none of those exceptions out. Nothing may be opened or retried
here.
"""

from __future__ import annotations

import errno
import re
import socket
import ssl
from collections.abc import Mapping
from typing import Final

import aiohttp
import picows
from python_socks import ProxyError

from engine.transport.net import Failed, HttpAnswer

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
MAX_HEADERS: Final = 128
MAX_HEADER_BYTES: Final = 8_190
"""Most header lines of an answer, and bytes in one: aiohttp's defaults, set explicitly so that they stay in force."""
MAX_REFUSAL_BYTES: Final = 4096
"""How much of the body of a refused upgrade is kept."""


def failure_of(host: str, error: BaseException) -> Failed | None:
    """The failure that a library's exception stands for; None if it is not one of theirs."""
    match error:
        case Failed():
            return error
        case OSError(errno=errno.EMFILE | errno.ENFILE):
            return Failed("local", f"{host}: no connection: too many open files here (see `ulimit -n`)")
        case picows.WSHandshakeError():
            return _refused_upgrade(host, error)
        case ssl.SSLError() | aiohttp.ClientSSLError():
            return Failed("tls", f"{host}: TLS failed: {error}")
        case socket.gaierror() | aiohttp.ClientConnectorDNSError():
            return Failed("resolve", f"{host}: no address found")
        case aiohttp.ServerDisconnectedError() | ConnectionResetError() | BrokenPipeError() | EOFError():
            return Failed("reset", f"{host}: the connection broke")
        case aiohttp.ClientConnectorError():
            return Failed("refused", f"{host}: no connection: {error.os_error.strerror or error.os_error}")
        case ProxyError() | aiohttp.ClientHttpProxyError():
            return Failed("refused", f"{host}: the proxy refused: {error}")
        # aiohttp tells these header errors apart only by their message.
        case aiohttp.ClientResponseError(message=said) if said.startswith("Got more than "):
            return Failed(
                "oversize", f"{host}: a line of the head of its answer is longer than {MAX_HEADER_BYTES:,} bytes"
            )
        case aiohttp.ClientResponseError(message="Too many headers received"):
            return Failed("oversize", f"{host}: the head of its answer has more than {MAX_HEADERS} lines")
        case aiohttp.ClientPayloadError():
            return Failed("reset", f"{host}: the answer broke off")
        case OSError():
            return Failed("refused", f"{host}: no connection: {error.strerror or error}")
        case aiohttp.ClientError() | picows.WSError() | ValueError():
            return Failed("protocol", f"{host}: no proper answer: {error}")
    return None


def _refused_upgrade(host: str, error: picows.WSHandshakeError) -> Failed:
    found = re.match(rb"HTTP/1\.[01] (\d{3})", error.raw_header or b"")
    if found is None or found[1] == b"101":
        return Failed("protocol", f"{host}: no proper answer to the upgrade: {error}")
    status = int(found[1])
    if status in REDIRECTS:
        return Failed("redirect", f"{host}: points elsewhere ({status}), which is not followed")
    headers = lowered(error.response.headers) if error.response is not None else {}
    answer = HttpAnswer(status, headers, (error.raw_body or b"")[:MAX_REFUSAL_BYTES])
    return Failed("status", f"{host}: answered {status} instead of opening a stream", answer)


def lowered(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers by name in lower case; the last one of repeated headers."""
    return {name.lower(): value for name, value in headers.items()}
