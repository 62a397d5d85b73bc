"""The server of `bench.streams`: a child process that sends prepared frames, so that sending costs it little.

Used only by `bench.streams`. It implements just the WebSocket parts that the clients need: upgrade, text frames, close.
"""

from __future__ import annotations

import base64
import hashlib
import json
import multiprocessing
import random
import re
import socket
import ssl
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

KEY: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
MIX: Final = 512
"""Number of different frames; they are repeated."""


@contextmanager
def serving(certificate: Path | None) -> Iterator[dict[str, int]]:
    """Run a server within the context; yields its ports on 127.0.0.1 for `tcp` and, with a certificate, `tls`."""
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, certificate), daemon=True)
    child.start()
    try:
        ports: dict[str, int] = ours.recv()
        yield ports
    finally:
        child.terminate()
        child.join()


def _serve(parent: Connection, certificate: Path | None) -> None:
    wires = {deflate: [_wire(text, deflate) for text in texts()] for deflate in (False, True)}
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    listeners = {"tcp": socket.create_server(("127.0.0.1", 0))}
    if context is not None:
        listeners["tls"] = socket.create_server(("127.0.0.1", 0))
    for name, listener in listeners.items():
        threading.Thread(target=_accept, args=(listener, context if name == "tls" else None, wires)).start()
    parent.send({name: listener.getsockname()[1] for name, listener in listeners.items()})


def texts() -> list[str]:
    """Book updates in the range of sizes that venues send: mostly small, a few large."""
    chance = random.Random(7)
    found = []
    for _ in range(MIX):
        levels = chance.choice((1, 1, 1, 1, 2, 3, 4, 6, 8, 12, 30, 80))
        side = [[f"{chance.uniform(1, 70_000):.2f}", f"{chance.uniform(0, 90):.3f}"] for _ in range(levels * 2)]
        found.append(
            json.dumps(
                {
                    "stream": f"coin{chance.randrange(600)}usdt@depth@100ms",
                    "data": {"e": "depthUpdate", "E": chance.randrange(10**12, 10**13), "u": chance.randrange(10**12),
                             "b": side[::2], "a": side[1::2], "pu": chance.randrange(10**12)},
                },
                separators=(",", ":"),
            )
        )  # fmt: skip
    return found


def _wire(text: str, deflate: bool) -> bytes:
    payload = text.encode()
    if deflate:
        packer = zlib.compressobj(wbits=-15)
        payload = (packer.compress(payload) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]
    first = 0xC1 if deflate else 0x81
    size = len(payload)
    return (bytes((first, size)) if size < 126 else struct.pack(">BBH", first, 126, size)) + payload


def _accept(listener: socket.socket, context: ssl.SSLContext | None, wires: dict[bool, list[bytes]]) -> None:
    while True:
        plain, _ = listener.accept()
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = context.wrap_socket(plain, server_side=True) if context else plain
        try:
            _push(connection, wires)
        except OSError:
            pass
        finally:
            connection.close()


def _push(connection: socket.socket, wires: dict[bool, list[bytes]]) -> None:
    asked = b""
    while b"\r\n\r\n" not in asked:
        asked += connection.recv(4096)
    key = re.search(rb"(?i)sec-websocket-key: (\S+)", asked)
    wanted = re.search(rb"GET /(\d+)/(\d+)/([01]) ", asked)
    assert key is not None
    assert wanted is not None
    rate, frames, deflate = (int(number) for number in wanted.groups())
    accept = base64.b64encode(hashlib.sha1(key[1] + KEY).digest())
    extension = b"Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n" if deflate else b""
    connection.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n" + extension + b"\r\n"
    )
    wire = wires[bool(deflate)]
    time.sleep(0.05)  # time for the client to see the upgrade and begin to measure
    sent, began = 0, time.monotonic()
    while sent < frames:
        due = min(frames, int((time.monotonic() - began) * rate)) if rate else min(frames, sent + 64)
        if due == sent:
            time.sleep(0.0005)
            continue
        connection.sendall(b"".join(wire[number % MIX] for number in range(sent, due)))
        sent = due
    connection.sendall(b"\x88\x02\x03\xe8")
    connection.settimeout(5.0)
    connection.recv(4096)
