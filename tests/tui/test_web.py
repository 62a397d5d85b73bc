"""The console in a browser, seen from outside: what is answered to whom, and what becomes of a console."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pyte
import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, WSServerHandshakeError, web

from engine.errors import ConfigError
from tui import cli
from tui.commands import COMMANDS
from tui.web import command
from tui.web.access import Access, hosts_of
from tui.web.server import MESSAGE_BYTES, Site

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "0123456789abcdefghijklmnopqrstuv"
FIRST_PICTURE_S = 60.0


class Served:
    """A site on a port of its own."""

    def __init__(self, site: Site, port: int, session: ClientSession) -> None:
        self.site, self.port, self.session = site, port, session
        self.told: list[str] = []

    def url(self, path: str = "", token: str = TOKEN) -> str:
        return f"http://127.0.0.1:{self.port}/{token}/{path}"

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def open(self, size: str = "?width=80&height=24") -> ClientWebSocketResponse:
        return await self.session.ws_connect(self.url("ws") + size, headers={"Origin": self.origin})


@contextlib.asynccontextmanager
async def served(words: list[str], pages: int = 1) -> AsyncIterator[Served]:
    """`words`: what a page runs."""
    told: list[str] = []
    async with ClientSession() as session:
        # The port is in the Host header that is checked, so it must be known before the site is made.
        listener = socket.create_server(("127.0.0.1", 0))
        port = int(listener.getsockname()[1])
        site = Site(Access(TOKEN, hosts_of("127.0.0.1", port)), words, pages, told.append)
        runner = web.AppRunner(site.application(), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        made = Served(site, port, session)
        made.told = told
        try:
            yield made
        finally:
            await runner.cleanup()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def busy(folder: Path) -> list[str]:
    """A console on a fake engine."""
    return [sys.executable, "-m", "tests.tui.console_process", str(folder), "page"]


class Seen:
    """What the page's terminal shows."""

    def __init__(self, width: int = 80, height: int = 24) -> None:
        self.screen = pyte.Screen(width, height)
        self._stream = pyte.ByteStream(self.screen)

    async def until(self, socket: ClientWebSocketResponse, holds: Callable[[str], bool]) -> None:
        end = time.monotonic() + FIRST_PICTURE_S
        while not holds("\n".join(self.screen.display)):
            assert time.monotonic() < end, "\n".join(self.screen.display)
            message = await socket.receive(timeout=FIRST_PICTURE_S)
            assert message.type is WSMsgType.BINARY, message
            # pyte takes the request for a synchronised paint for text.
            self._stream.feed(message.data.replace(b"\x1b[?2026$p", b""))


async def closed(socket: ClientWebSocketResponse) -> int | None:
    """Read on until it is closed; the code."""
    async for _ in socket:
        pass
    return socket.close_code


async def soon(holds: Callable[[], object]) -> None:
    """Wait until it holds."""
    for _ in range(400):
        if holds():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("not within 20 s")


async def gone(folder: Path) -> None:
    """Until the console of a page has closed its engine."""
    await soon((folder / "closed").exists)


# What is answered to whom


async def test_the_address_without_its_last_slash_leads_to_the_page() -> None:
    async with served(["false"]) as at:
        async with at.session.get(at.url().rstrip("/")) as answer:
            assert (answer.status, str(answer.url)) == (200, at.url())
            assert b"textual-terminal" in await answer.read()
        async with at.session.get(at.url(token="x" * 32).rstrip("/"), allow_redirects=False) as answer:
            assert answer.status == 404
            assert TOKEN not in str(answer.headers)


async def test_the_page_and_its_files() -> None:
    async with served(["false"]) as at:
        for path, kind, holds in (
            ("", "text/html", b"textual-terminal"),
            ("page.js", "text/javascript", b"sessionWebsocketUrl"),
            ("page.css", "text/css", b"Roboto Mono"),
            ("static/js/textual.js", "text/javascript", b"sessionWebsocketUrl"),
            ("static/css/xterm.css", "text/css", b"xterm"),
        ):
            async with at.session.get(at.url(path)) as answer:
                assert answer.status == 200
                assert answer.content_type == kind
                assert holds in await answer.read()
                assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
                assert answer.headers["Referrer-Policy"] == "no-referrer"
                assert answer.headers["Cache-Control"] == "no-store"
    page = (ROOT / "tui" / "web" / "page.html").read_text()
    assert "//" not in page.replace("<!DOCTYPE html>", ""), "the page loads nothing from elsewhere"


async def test_nothing_without_the_token() -> None:
    async with served(["false"]) as at:
        for url in (
            f"{at.origin}/",
            at.url(token="0" * 32),
            at.url(token=TOKEN[:-1]),
            at.url("static/js/textual.js", token="x"),
            f"{at.origin}/static/js/textual.js",
            f"{at.origin}/ws",
        ):
            async with at.session.get(url) as answer:
                assert answer.status == 404, url
                assert TOKEN not in await answer.text()
        with pytest.raises(WSServerHandshakeError) as refused:
            await at.session.ws_connect(at.url("ws", token="x" * 32), headers={"Origin": at.origin})
        assert refused.value.status == 404
        assert at.site.open_pages == 0


@pytest.mark.parametrize("path", ["../access.py", "access.py", "static/", "static/js/../../page.py", "..%2faccess.py"])
async def test_no_other_file_is_served(path: str) -> None:
    async with served(["false"]) as at, at.session.get(at.url(path)) as answer:
        assert answer.status == 404


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "localhost:1", "127.0.0.1.evil.example"])
async def test_no_other_name_is_answered(host: str) -> None:
    async with served(["false"]) as at:
        async with at.session.get(at.url(), headers={"Host": host}) as answer:
            assert answer.status == 421
        with pytest.raises(WSServerHandshakeError) as refused:
            await at.session.ws_connect(at.url("ws"), headers={"Host": host, "Origin": f"http://{host}"})
        assert refused.value.status == 421
        assert at.site.open_pages == 0


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", "http://127.0.0.1:1", "file://"])
async def test_no_page_of_another_site_is_let_in(origin: str | None) -> None:
    async with served(["false"]) as at:
        headers = {} if origin is None else {"Origin": origin}
        with pytest.raises(WSServerHandshakeError) as refused:
            await at.session.ws_connect(at.url("ws"), headers=headers)
        assert refused.value.status == 403
        async with at.session.get(at.url("page.js"), headers=headers) as answer:
            assert answer.status == (200 if origin is None else 403)
        assert at.site.open_pages == 0


async def test_other_methods_and_large_bodies_are_refused() -> None:
    async with served(["false"]) as at, at.session.post(at.url(), data=b"x" * 100_000) as answer:
        assert answer.status in (404, 405, 413)


# What becomes of a console


async def test_a_console_is_shown_keyed_resized_and_ended_with_its_page(tmp_path: Path) -> None:
    async with served(busy(tmp_path)) as at:
        socket, seen = await at.open(), Seen()
        await seen.until(socket, lambda text: "candidates" in text)
        await socket.send_json(["focus"])
        await socket.send_json(["stdin", "?"])
        await seen.until(socket, lambda text: "help" in text.lower())
        wide = Seen(140, 30)
        await socket.send_json(["stdin", "\x1b"])
        await socket.send_json(["resize", {"width": 140, "height": 30}])
        await wide.until(socket, lambda text: "FUND/8H" in text)
        await socket.send_json(["ping", "12"])
        message = await socket.receive(timeout=60)
        while message.type is WSMsgType.BINARY:
            message = await socket.receive(timeout=60)
        assert message.json() == ["pong", "12"]
        assert at.site.open_pages == 1
        await socket.close()
        await gone(tmp_path)
        await soon(lambda: not at.site.open_pages)


async def test_quitting_closes_the_page(tmp_path: Path) -> None:
    async with served(busy(tmp_path)) as at:
        socket, seen = await at.open(), Seen()
        await seen.until(socket, lambda text: "candidates" in text)
        await socket.send_json(["stdin", "\x11"])
        assert await closed(socket) == 1000
        await gone(tmp_path)
        assert at.told == []


async def test_one_page_more_ends_the_oldest(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    async with served(busy(tmp_path / "one")) as at:
        first = await at.open()
        await Seen().until(first, lambda text: "candidates" in text)
        second = await at.open()
        await gone(tmp_path / "one")
        ended = await first.receive()
        while ended.type is WSMsgType.BINARY:
            ended = await first.receive()
        assert (ended.type, ended.extra) == (WSMsgType.CLOSE, "another page was opened, and --pages allows 1")
        await Seen().until(second, lambda text: "candidates" in text)
        assert at.site.open_pages == 1
        assert at.told == [], "it did not end by itself"
        await second.close()


@pytest.mark.parametrize(
    "text",
    ["rubbish", "{}", "[]", "[1]", '["stdin"]', '["stdin",5]', '["resize",{"width":"a"}]', '["resize",5]',
     '["deliver_chunk_request"]', '["quit"]', pytest.param("[" * 5_000, id="deep")],
)  # fmt: skip
async def test_what_no_page_of_ours_sends_closes_it(text: str) -> None:
    async with served([sys.executable, "-c", "import sys; sys.stdin.read()"]) as at:
        socket = await at.open()
        await socket.send_str(text)
        assert await closed(socket) == 1008


async def test_a_message_too_large_closes_it() -> None:
    async with served([sys.executable, "-c", "import sys; sys.stdin.read()"]) as at:
        socket = await at.open()
        await socket.send_json(["stdin", "x" * MESSAGE_BYTES])
        assert await closed(socket) == 1009


async def test_sizes_are_held_to_limits(tmp_path: Path) -> None:
    script = "import os, sys; open(sys.argv[1], 'w').write(os.environ['COLUMNS'] + ' ' + os.environ['ROWS'])"
    for query, size in (
        ("?width=99999&height=0", "80 24"),
        ("?width=9999&height=0", "500 1"),
        ("?width=-5&height=x", "80 24"),
        ("", "80 24"),
        ("?width=120&height=40", "120 40"),
    ):
        async with served([sys.executable, "-c", script, str(tmp_path / "size")]) as at:
            await closed(await at.open(query))
        assert (tmp_path / "size").read_text() == size


async def test_a_console_that_cannot_start_says_why() -> None:
    script = "import sys; sys.exit('the \\x1b[31mengine is away')"
    async with served([sys.executable, "-c", script]) as at:
        await closed(await at.open())
        await soon(lambda: at.told)
    assert "ended with 1" in at.told[0]
    assert "engine is away" in at.told[0]
    assert "\x1b" not in at.told[0]


async def test_a_console_that_does_not_end_is_ended(tmp_path: Path) -> None:
    script = (
        "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "open(sys.argv[1], 'w').write(str(__import__('os').getpid()));"
        "sys.stdout.buffer.write(b'__GANGLION__\\n'); sys.stdout.flush(); time.sleep(120)"
    )
    async with served([sys.executable, "-c", script, str(tmp_path / "pid")]) as at:
        await at.open()
        await soon((tmp_path / "pid").exists)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


# The command


def arguments(*words: str) -> argparse.Namespace:
    return cli.build_parser(COMMANDS).parse_args(["web", *words])


def test_what_a_page_runs() -> None:
    head = [sys.executable, "-m", "tui.web.console"]
    assert command.console_command(arguments()) == [*head, "live"]
    assert command.console_command(arguments("--demo", "--seed", "7")) == [*head, "demo", "--seed", "7"]
    shown = command.console_command(arguments("--replay", "a b.jsonl", "--config", "c.yaml"))
    assert shown == [*head, "replay", "a b.jsonl", "--config", "c.yaml"]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "desk.example"])
def test_other_machines_are_let_in_with_a_chosen_token_only(host: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--token-file"):
        command._access(arguments("--host", host, "--name", "desk.example"))
    file = tmp_path / "token"
    file.write_text(TOKEN)
    file.chmod(0o600)
    access = command._access(arguments("--host", host, "--name", "desk.example", "--token-file", str(file)))
    assert access.knows(TOKEN)
    assert access.serves("desk.example:7447")


def test_the_command_prints_its_address_and_ends_when_told(tmp_path: Path) -> None:
    port = _free_port()
    started = subprocess.Popen(
        [sys.executable, "-m", "tui", "web", "--demo", "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)},
    )
    assert started.stdout is not None
    address = started.stdout.readline().strip()
    assert address.startswith(f"http://127.0.0.1:{port}/")
    assert len(address.rstrip("/").rpartition("/")[2]) >= 32
    taken = subprocess.run(
        [sys.executable, "-m", "tui", "web", "--port", str(port)],
        capture_output=True, text=True, cwd=ROOT, check=False, timeout=60,
    )  # fmt: skip
    assert taken.returncode == 1
    assert "choose another port with --port" in taken.stderr
    started.send_signal(signal.SIGTERM)
    _, told = started.communicate(timeout=60)
    assert started.returncode == 0
    assert "Traceback" not in told
