"""The real client's requests, its routes and its TLS, against real servers on loopback."""

from __future__ import annotations

import asyncio
import datetime
import gzip
import ipaddress
import socket
import ssl
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from engine.clock import SystemClock
from engine.transport.live_net import LiveNet
from engine.transport.net import Failed, HttpAnswer
from tests.engine.transport.live_servers import (
    Peer,
    Script,
    Server,
    close_frame,
    frame,
    http_answer,
    on_both_loops,
    serving,
)
from tests.engine.transport.stepped_clock import SteppedClock

LIMIT_S = 60


@asynccontextmanager
async def asking(script: Script, max_body_bytes: int = 1 << 20) -> AsyncIterator[tuple[LiveNet, Server]]:
    net = LiveNet(SystemClock(), max_body_bytes=max_body_bytes)
    async with asyncio.timeout(LIMIT_S), serving(script) as server:
        try:
            yield net, server
        finally:
            await net.close()


async def answered_with(wire: bytes, **options: int) -> HttpAnswer:
    async def script(peer: Peer) -> None:
        await peer.write(wire)
        await peer.until_left()

    async with asking(script, **options) as (net, server):
        return await net.get(server.http + "/x", timeout_s=LIMIT_S)


async def failed_with(wire: bytes, **options: int) -> Failed:
    with pytest.raises(Failed) as failed:
        await answered_with(wire, **options)
    return failed.value


@on_both_loops
async def test_an_answer_has_its_status_its_headers_and_its_body() -> None:
    async def script(peer: Peer) -> None:
        await peer.write(http_answer(b'{"a":1}', "429 Too Many", X_MBX_USED_WEIGHT_1M="17", Retry_After="3"))
        await peer.until_left()

    async with asking(script) as (net, server):
        answer = await net.get(server.http + "/api?symbols=%5B%22BTC%22%5D&q=a,b", timeout_s=LIMIT_S)

        assert (answer.status, answer.body) == (429, b'{"a":1}')
        assert answer.headers["x-mbx-used-weight-1m"] == "17"
        assert answer.headers["retry-after"] == "3"
        request = server.peers[0].request
        assert request.startswith("GET /api?symbols=%5B%22BTC%22%5D&q=a,b HTTP/1.1\r\n")
        assert "\r\nUser-Agent: prism/" in request
        assert "\r\nAccept-Encoding: gzip, deflate\r\n" in request
        assert "cookie" not in request.lower()


@on_both_loops
async def test_a_server_of_aiohttp_is_understood_and_its_connection_kept() -> None:
    ports: set[object] = set()

    async def handle(request: web.BaseRequest) -> web.Response:
        assert request.transport is not None
        ports.add(request.transport.get_extra_info("peername"))
        response = web.json_response({"path": request.path_qs})
        response.enable_compression(web.ContentCoding.gzip)
        response.set_cookie("track", "me")
        assert not request.cookies
        return response

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    net = LiveNet(SystemClock())
    host, port = runner.addresses[0][:2]
    async with asyncio.timeout(LIMIT_S):
        for number in range(3):
            answer = await net.get(f"http://{host}:{port}/x?n={number}", timeout_s=LIMIT_S)
            assert answer.body == b'{"path": "/x?n=%d"}' % number
    await net.close()
    await runner.cleanup()

    assert len(ports) == 1


@on_both_loops
@pytest.mark.parametrize(
    "wire",
    [
        http_answer(gzip.compress(b"x" * 5000), Content_Encoding="gzip"),
        http_answer(gzip.compress(b"x" * 2000) + gzip.compress(b"x" * 3000), Content_Encoding="gzip"),
        http_answer(zlib.compress(b"x" * 5000), Content_Encoding="deflate"),
        http_answer(zlib.compress(b"x" * 5000)[2:-4], Content_Encoding="deflate"),
        http_answer(b"x" * 5000),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1388\r\n" + b"x" * 5000 + b"\r\n0\r\n\r\n",
    ],
    ids=["gzip", "gzip in two members", "zlib", "bare deflate", "plain", "chunked"],
)
async def test_bodies_are_inflated(wire: bytes) -> None:
    assert (await answered_with(wire)).body == b"x" * 5000


@on_both_loops
@pytest.mark.parametrize(
    ("wire", "kind"),
    [
        (http_answer(gzip.compress(b"x" * 5000)[:-20], Content_Encoding="gzip"), "reset"),
        (http_answer(b"no gzip at all", Content_Encoding="gzip"), "protocol"),
        (http_answer(b"x", Content_Encoding="br"), "protocol"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nx" * 2, "reset"),
        (b"\x16\x03\x01\x02 what is this\r\n\r\n", "protocol"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n", "oversize"),
        (http_answer(b"x" * 70_000), "oversize"),
        (http_answer(gzip.compress(b"x" * 70_000), Content_Encoding="gzip"), "oversize"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"2710\r\n" + b"x" * 10_000 + b"\r\n", "reset"),
        (http_answer(b"", "302 Found", Location="https://elsewhere.example/\x1b[2J"), "redirect"),
        (http_answer(b"", "308 Moved", Location="/here"), "redirect"),
        (b"", "reset"),
    ],
    ids=[
        "gzip cut", "no gzip", "encoding not asked for", "cut body", "no HTTP", "endless header", "oversize",
        "oversize once inflated", "chunks cut", "redirect", "redirect to itself", "nothing",
    ],
)  # fmt: skip
async def test_answers_that_are_none_fail_with_their_kind(wire: bytes, kind: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.write(wire)

    async with asking(script, max_body_bytes=65_536) as (net, server):
        with pytest.raises(Failed) as failed:
            await net.get(server.http + "/x", timeout_s=LIMIT_S)

    assert failed.value.kind == kind, failed.value.message
    assert "127.0.0.1" in failed.value.message
    assert "\x1b" not in failed.value.message


async def test_a_bomb_is_given_up_at_the_bound_and_not_after_it_went_off() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(256)) + packer.flush()
    assert len(bomb) < 300_000
    wire = http_answer(bomb, Content_Encoding="gzip")
    tracemalloc.start()
    failed = await failed_with(wire, max_body_bytes=1 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert failed.kind == "oversize"
    assert "1,048,576" in failed.message
    assert peak < 16 << 20


@on_both_loops
async def test_a_page_that_drips_is_given_up_at_the_deadline_for_all_of_it() -> None:
    left = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx")
        await peer.until_left()
        left.set()

    clock = SteppedClock()
    net = LiveNet(clock)
    async with asyncio.timeout(LIMIT_S), serving(script) as server:
        asked = asyncio.create_task(net.get(server.http, timeout_s=5))
        await server.met.wait()
        await clock.advance(4.9)
        assert not asked.done()
        await clock.advance(0.2)
        with pytest.raises(Failed, match="no answer within 5 s") as failed:
            await asked
        assert failed.value.kind == "timeout"
        await left.wait()
        await net.close()


async def test_nobody_listens_and_nobody_is_there() -> None:
    async def script(peer: Peer) -> None:
        return

    async with serving(script) as server:
        url = server.http
    net = LiveNet(SystemClock())
    for bad, kind in ((url, "refused"), ("ftp://127.0.0.1/x", "protocol"), ("http://", "protocol")):
        with pytest.raises(Failed) as failed:
            await net.get(bad, timeout_s=LIMIT_S)
        assert failed.value.kind == kind
    await net.close()


# Routes.


async def test_routes_lead_to_other_origins_and_nothing_else_is_asked() -> None:
    async def script(peer: Peer) -> None:
        if "upgrade" in peer.request.lower():
            await peer.upgrade()
            await peer.write(frame("streamed"), close_frame(1000))
            await peer.until_left()
        else:
            await peer.write(http_answer(b"routed"))

    async with asyncio.timeout(LIMIT_S), serving(script) as server:
        routes = {"https://fapi.binance.com": server.http + "/usdm/", "wss://fstream.binance.com": server.ws}
        net = LiveNet(SystemClock(), routes, only_routes=True)
        assert (await net.get("https://fapi.binance.com/fapi/v1/time?a=1", timeout_s=LIMIT_S)).body == b"routed"
        socket = await net.connect("wss://fstream.binance.com/ws")
        assert [arrival.text for arrival in await socket.recv()] == ["streamed"]
        await socket.close()
        assert [peer.request.split(" ")[1] for peer in server.peers] == ["/usdm/fapi/v1/time?a=1", "/ws"]

        for other in (
            "https://api.binance.com/x",
            "http://fapi.binance.com/x",
            "https://fapi.binance.com:444/x",
            "https://fapi.binance.com.evil.example/x",
            "https://a@fapi.binance.com/x",
            server.http,
        ):
            with pytest.raises(Failed, match="only simulated hosts") as failed:
                await net.get(other, timeout_s=LIMIT_S)
            assert failed.value.kind == "refused"
        with pytest.raises(Failed, match="only simulated hosts"):
            await net.connect("wss://stream.binance.com/ws")
        assert len(server.peers) == 2
        await net.close()


async def test_without_routes_only_routes_asks_nobody() -> None:
    net = LiveNet(SystemClock(), only_routes=True)
    with pytest.raises(Failed, match="only simulated hosts"):
        await net.get("https://api.binance.com/x", timeout_s=LIMIT_S)
    with pytest.raises(ValueError, match="proxies"):
        LiveNet(SystemClock(), only_routes=True, proxies=True)
    await net.close()


async def test_symbols_that_are_no_ascii_are_escaped_and_cannot_break_the_request() -> None:
    async def script(peer: Peer) -> None:
        await peer.write(http_answer(b""))

    async with asking(script) as (net, server):
        await net.get(server.http + "/x?symbol=币安人生USDT", timeout_s=LIMIT_S)
        await net.get(server.http + "/x?a b\r\nevil: 1", timeout_s=LIMIT_S)

        lines = [peer.request.split("\r\n")[0] for peer in server.peers]
        assert lines == [
            "GET /x?symbol=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT HTTP/1.1",
            "GET /x?a%20b%0D%0Aevil:%201 HTTP/1.1",
        ]
        assert all("\r\nevil" not in peer.request for peer in server.peers)


@on_both_loops
async def test_proxies_of_the_environment_are_left_alone_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def script(peer: Peer) -> None:
        await peer.write(http_answer(b"direct"))

    async def proxied(peer: Peer) -> None:
        await peer.write(http_answer(b"by proxy", "418 Proxy"))

    async with asyncio.timeout(LIMIT_S), serving(script) as server, serving(proxied) as proxy:
        for name in ("http_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, proxy.http)
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        plain, asked = LiveNet(SystemClock()), LiveNet(SystemClock(), proxies=True)
        assert (await plain.get(server.http, timeout_s=LIMIT_S)).body == b"direct"
        assert (await asked.get(server.http, timeout_s=LIMIT_S)).body == b"by proxy"
        with pytest.raises(Failed, match="the proxy refused"):
            await asked.connect(server.ws)
        assert proxy.peers[-1].request.startswith("CONNECT 127.0.0.1")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert (await asked.get(server.http, timeout_s=LIMIT_S)).body == b"direct"
        assert len(server.peers) == 2
        await plain.close()
        await asked.close()


@on_both_loops
async def test_a_dead_proxy_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        port = unheard.getsockname()[1]
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://somebody:s3cret@127.0.0.1:{port}")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        net = LiveNet(SystemClock(), proxies=True)
        async with asyncio.timeout(LIMIT_S):
            for asked in (
                net.get("https://venue.example/x", timeout_s=LIMIT_S),
                net.get("http://venue.example/x", timeout_s=LIMIT_S),
                net.connect("wss://venue.example/ws"),
                net.connect("ws://venue.example/ws"),
            ):
                with pytest.raises(Failed) as failed:
                    await asked
                assert failed.value.kind == "refused"
                told = f"venue.example through the proxy 127.0.0.1:{port}: no connection"
                assert failed.value.message.startswith(told), failed.value.message
                assert "s3cret" not in failed.value.message
        await net.close()


# TLS.


def certificate(folder: Path, name: str) -> Path:
    """A certificate for `name`, signed by itself, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(name))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def served_by(path: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@on_both_loops
async def test_tls_is_verified_for_streams_and_requests(tmp_path: Path) -> None:
    async def script(peer: Peer) -> None:
        if "upgrade" in peer.request.lower():
            await peer.upgrade()
            await peer.write(frame("x" * 100_000), close_frame(1000))
            await peer.until_left()
        else:
            await peer.write(http_answer(b"secret"))

    right, wrong = certificate(tmp_path, "127.0.0.1"), certificate(tmp_path, "127.0.0.2")
    clock = SystemClock()
    async with (
        asyncio.timeout(LIMIT_S),
        serving(script, served_by(right)) as server,
        serving(script, served_by(wrong)) as other,
    ):
        trusting = LiveNet(clock, tls=ssl.create_default_context(cafile=str(right)))
        assert (await trusting.get(f"https://127.0.0.1:{server.port}/", timeout_s=LIMIT_S)).body == b"secret"
        socket = await trusting.connect(f"wss://127.0.0.1:{server.port}/")
        assert [len(arrival.text) for arrival in await socket.recv()] == [100_000]
        await socket.close()

        believing_both = ssl.create_default_context(cafile=str(wrong))
        for net, port in ((LiveNet(clock), server.port), (LiveNet(clock, tls=believing_both), other.port)):
            with pytest.raises(Failed) as failed:
                await net.get(f"https://127.0.0.1:{port}/", timeout_s=LIMIT_S)
            assert failed.value.kind == "tls"
            with pytest.raises(Failed) as failed:
                await net.connect(f"wss://127.0.0.1:{port}/")
            assert failed.value.kind == "tls"
            await net.close()
        await trusting.close()


@on_both_loops
@pytest.mark.parametrize(("size", "total"), [(300, 700), (2000, 100)])
async def test_too_much_waiting_over_tls_loses_nothing(tmp_path: Path, size: int, total: int) -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await peer.write(*(frame(f"{number:>{size}}") for number in range(total)))
        await peer.until_left()

    trusted = certificate(tmp_path, "127.0.0.1")
    net = LiveNet(SystemClock(), tls=ssl.create_default_context(cafile=str(trusted)), max_waiting=1)
    async with asyncio.timeout(LIMIT_S), serving(script, served_by(trusted)) as server:
        socket = await net.connect(f"wss://127.0.0.1:{server.port}/")
        received: list[str] = []
        while len(received) < total:
            received += [arrival.text for arrival in await socket.recv()]
        assert [int(text) for text in received] == list(range(total))
        assert socket.intake.pauses > 0
        await socket.close()
        await net.close()


@on_both_loops
async def test_tls_asked_of_a_server_that_has_none(tmp_path: Path) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    net = LiveNet(SystemClock())
    async with asyncio.timeout(LIMIT_S):
        with pytest.raises(Failed) as failed:
            await net.get(f"https://127.0.0.1:{port}/", timeout_s=LIMIT_S)
        assert failed.value.kind in ("tls", "reset")
        with pytest.raises(Failed) as failed:
            await net.connect(f"wss://127.0.0.1:{port}/")
        assert failed.value.kind in ("tls", "reset")
    server.close()
    await net.close()
