"""The console in a real browser, headless: it is drawn, answers keys, and lets no page of another site in."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, web

from tests.tui.test_web import Served, busy, gone, served, soon

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine (Debian: chromium)")


class Tab:
    """A tab of a browser, steered over its debugging protocol (https://chromedevtools.github.io/devtools-protocol/)."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket, self._number = socket, 0

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The answer to one command."""
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        while True:
            told = json.loads(await self._socket.receive_str(timeout=30))
            if told.get("id") == self._number:
                assert "error" not in told, told
                result: dict[str, Any] = told["result"]
                return result

    async def value(self, expression: str) -> Any:
        """What an expression is in the page; promises are waited for."""
        told = await self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        return told["result"].get("value")

    async def until(self, expression: str) -> None:
        for _ in range(300):
            if await self.value(expression):
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"not within 30 s: {expression}")

    async def open(self, url: str) -> Self:
        await self.call("Page.navigate", url=url)
        await self.until("document.readyState === 'complete'")
        return self

    async def key(self, text: str) -> None:
        for kind in ("keyDown", "keyUp"):
            await self.call("Input.dispatchKeyEvent", type=kind, key=text, text=text if kind == "keyDown" else "")


@contextlib.asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Tab]:
    """A tab of a new browser with a profile of its own."""
    assert BROWSER is not None
    words = [
        BROWSER, "--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-quic",
        "--disable-component-update", "--disable-sync", "--remote-debugging-port=0", f"--user-data-dir={folder}",
        "--window-size=1280,800", *(["--no-sandbox"] if os.geteuid() == 0 else []), "about:blank",
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(*words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        port_file = folder / "DevToolsActivePort"
        await soon(lambda: port_file.exists() and port_file.read_text().count("\n"))
        port = port_file.read_text().split()[0]
        async with ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                tabs = await answer.json()
            address = next(one["webSocketDebuggerUrl"] for one in tabs if one["type"] == "page")
            async with session.ws_connect(address, max_msg_size=64 << 20) as socket:
                yield Tab(socket)
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 60)


async def test_the_console_is_drawn_and_answers_keys(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    async with served(busy(home)) as at, browser(tmp_path / "profile") as tab:
        await tab.open(at.url())
        await tab.until("document.body.classList.contains('-first-byte')")
        assert await tab.value("getComputedStyle(document.querySelector('.opening')).display") == "none"
        cells = await tab.value("document.querySelectorAll('.xterm-screen canvas, .xterm-rows').length")
        assert cells, "the terminal draws somewhere"
        loaded = await tab.value("performance.getEntriesByType('resource').map(e => new URL(e.name, location).origin)")
        assert set(loaded) <= {at.origin, "null"}, "nothing comes from elsewhere"
        # Nobody has clicked anything: the page itself takes the keyboard.
        await tab.until("document.activeElement.className === 'xterm-helper-textarea'")
        await tab.key("t")
        state = home / "prism" / "console.json"
        await soon(lambda: state.exists() and json.loads(state.read_text())["theme"])
        # A reload is another page; the console of the one before ends.
        await tab.open(at.url())
        await gone(home)
        await tab.until("document.body.classList.contains('-first-byte')")
        assert at.site.open_pages == 1


async def test_quitting_says_so_in_the_page(tmp_path: Path) -> None:
    async with served(busy(tmp_path)) as at, browser(tmp_path / "profile") as tab:
        await tab.open(at.url())
        await tab.until("document.body.classList.contains('-first-byte')")
        await tab.until("document.activeElement.className === 'xterm-helper-textarea'")
        control = {"modifiers": 2, "key": "q", "code": "KeyQ", "windowsVirtualKeyCode": 81}
        await tab.call("Input.dispatchKeyEvent", type="rawKeyDown", **control)
        await tab.until("document.body.classList.contains('-closed')")
        assert await tab.value("getComputedStyle(document.querySelector('.closed')).display") == "flex"
        await tab.until("document.activeElement.id === 'again'")


NOTES = """
    window.rung = 0; window.notes = []; window.asked = 0;
    OscillatorNode.prototype.start = () => { window.rung += 1; };
    window.Notification = class {
        static permission = "default";
        static requestPermission() { window.asked += 1; this.permission = "granted"; }
        constructor(title, options) { window.notes.push(options.body); }
    };
"""
PAINTS = """
import sys
def write(data):
    sys.stdout.buffer.write(b"D" + len(data).to_bytes(4, "big") + data)
    sys.stdout.buffer.flush()
sys.stdout.buffer.write(b"__GANGLION__\\n")
write(b"some words on the screen")
while head := sys.stdin.buffer.read(5):
    typed = sys.stdin.buffer.read(int.from_bytes(head[1:], "big"))
    if head[:1] == b"D":
        told = {b"b": b"\\x07", b"n": b"\\x1b]9;prism: BTCUSDT passes\\x07"}
        write(told.get(typed, b"\\x1b]52;c;QQ==\\x07typed " + typed.hex().encode()))
"""
"""A console that rings at `b`, notifies at `n`, and writes what else is typed."""


async def test_alerts_ring_and_notify_in_the_page(tmp_path: Path) -> None:
    async with served([sys.executable, "-c", PAINTS]) as at, browser(tmp_path / "profile") as tab:
        await tab.call("Page.enable")
        await tab.call("Page.addScriptToEvaluateOnNewDocument", source=NOTES)
        await tab.open(at.url())
        await tab.until("document.activeElement.className === 'xterm-helper-textarea'")
        await tab.key("x")
        await tab.key("b")
        await tab.until("rung === 1")
        await tab.key("n")
        await tab.until("rung === 2")
        assert await tab.value("asked") == 0, "a page may ask only while a key is pressed"
        await tab.key("n")
        await tab.until("asked === 1 && notes.length === 1")
        assert await tab.value("notes") == ["BTCUSDT passes"]
        assert await tab.value("rung") == 2, "neither the other keys nor the end of a notification ring"


async def test_ctrl_c_copies_text_that_is_selected_and_is_a_key_otherwise(tmp_path: Path) -> None:
    async with served([sys.executable, "-c", PAINTS]) as at, browser(tmp_path / "profile") as tab:
        await tab.open(at.url())
        await tab.until("document.activeElement.className === 'xterm-helper-textarea'")
        await tab.call("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
        for count in (1, 2):  # a double click selects a word
            for kind in ("mousePressed", "mouseReleased"):
                await tab.call("Input.dispatchMouseEvent", type=kind, x=10, y=10, button="left", clickCount=count)
        control = {"modifiers": 2, "key": "c", "code": "KeyC", "windowsVirtualKeyCode": 67}
        await tab.call("Input.dispatchKeyEvent", type="rawKeyDown", **control)
        await tab.until("navigator.clipboard.readText().then(text => text === 'some')")
        for kind in ("mousePressed", "mouseReleased"):
            await tab.call("Input.dispatchMouseEvent", type=kind, x=400, y=300, button="left", clickCount=1)
        await tab.call("Input.dispatchKeyEvent", type="rawKeyDown", **control)
        await tab.until("navigator.clipboard.readText().then(text => text === 'A')")  # the console had the key


async def test_a_page_of_another_site_gets_nothing_even_with_the_address(tmp_path: Path) -> None:
    async def page(request: web.Request) -> web.Response:
        return web.Response(text="<p>another site</p>", content_type="text/html")

    async with served(["false"]) as at, browser(tmp_path / "profile") as tab:
        other = await _other_site(at, page)
        try:
            await tab.open(f"http://localhost:{other.addresses[0][1]}/")
            opened = await tab.value(
                "new Promise(done => { const s = new WebSocket("
                + json.dumps(at.url("ws").replace("http", "ws"))
                + "); s.onopen = () => done('open'); s.onerror = () => done('refused'); })"
            )
            assert opened == "refused"
            read = await tab.value(f"fetch({json.dumps(at.url())}).then(a => a.text()).catch(() => 'refused')")
            assert read == "refused"
            framed = await tab.value(
                "new Promise(done => { const f = document.createElement('iframe'); f.src = "
                + json.dumps(at.url())
                + "; f.onload = () => setTimeout(() => done(f.contentDocument === null), 300);"
                " document.body.append(f); })"
            )
            assert framed
            assert at.site.open_pages == 0
        finally:
            await other.cleanup()


async def _other_site(at: Served, page: Any) -> web.AppRunner:
    application = web.Application()
    application.router.add_get("/", page)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner
