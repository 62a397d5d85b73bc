"""What the commands leave on the disk: for nobody else to read, and without a secret, whatever went wrong."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tui.pseudo_terminal import PseudoTerminal

ROOT = Path(__file__).resolve().parents[2]
CANARY = "c4n4ry-0f-4-pr0xy"
TOKEN = "t0ken-0f-the-us3r-9f8e7d6c5b4a"


def surroundings(home: Path) -> dict[str, str]:
    folders = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("STATE", "CONFIG", "CACHE", "DATA")}
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    return {**kept, **folders, "HOME": str(home), "PYTHONPATH": str(ROOT)}


def prism(home: Path, *words: str, **more: str) -> str:
    """Run a command in a folder of its own, under the usual umask; what it told."""
    done = subprocess.run(
        [sys.executable, "-m", "tui", *words], cwd=home, capture_output=True, text=True, timeout=120,
        env={**surroundings(home), **more}, preexec_fn=lambda: os.umask(0o022) and None,
    )  # fmt: skip
    # A scan fails where no venue brought anything while it listened, which is not what is looked at here.
    assert done.returncode in ((0, 1) if words[0] == "scan" else (0,)), done.stderr
    assert "internal error" not in done.stderr
    return done.stdout + done.stderr


def made_in(home: Path) -> Iterator[Path]:
    yield from (path for path in sorted(home.rglob("*")) if not path.is_symlink())


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_every_file_and_folder_is_for_the_user_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "Documents").mkdir(parents=True)
    given = set(made_in(home))
    prism(home, "config", "init")
    prism(home, "record", "recordings", "--demo", "--rate", "200", "--for", "4s")
    prism(home, "scan", "--demo", "--rate", "200", "--for", "4")
    words = [sys.executable, "-m", "tui", "demo", "--rate", "200"]
    with PseudoTerminal(words, {**surroundings(home), "TERM": "xterm-256color"}, home) as terminal:
        terminal.until(lambda text: "● " in text and "─ candidates" in text)
        terminal.press("x")  # an export
        terminal.until(lambda text: "prism-candidates" in text)
        terminal.press("\x13")  # a picture
        terminal.until(lambda text: "prism-screen" in text)
        terminal.press("t")  # the state
        terminal.press("\x11")
        while terminal.process.poll() is None:
            terminal.read(0.1)
    made = [path for path in made_in(home) if path not in given]
    kinds = {path.name.partition("-")[0].partition(".")[0] for path in made if path.is_file()}
    assert kinds >= {"config", "capture", "prism", "console"}, kinds
    assert {path.suffix for path in made if path.is_file()} >= {".yaml", ".zst", ".log", ".json", ".csv", ".svg"}
    open_to_others = [
        f"{stat.S_IMODE(path.stat().st_mode):04o} {path.relative_to(home)}"
        for path in made
        if path.stat().st_mode & 0o077
    ]
    assert not open_to_others


def test_a_password_of_a_proxy_is_in_nothing_that_is_told_or_written(tmp_path: Path) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        proxy = f"http://user:{CANARY}@127.0.0.1:{unheard.getsockname()[1]}"
        proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy"), proxy)
        prism(tmp_path, "config", "init")
        config = tmp_path / "config" / "prism" / "config.yaml"
        config.write_text("venues:\n  proxies: true\n", encoding="utf-8")
        told = prism(tmp_path, "record", "recordings", "--for", "6s", "--debug", **proxies)
        told += prism(tmp_path, "scan", "--for", "5", "--debug", **proxies)
        told += prism(tmp_path, "config", "show", **proxies)
    written = "".join(path.read_bytes().decode("latin-1") for path in made_in(tmp_path) if path.is_file())
    assert "through the proxy 127.0.0.1" in told + written, "the proxy is named where it is at fault"
    assert CANARY not in told + written


def test_the_token_of_a_page_is_in_no_argument_environment_or_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    file.chmod(0o600)
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "tui", "web", "--demo", "--port", str(port), "--token-file", str(file)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=surroundings(tmp_path),
    )  # fmt: skip
    try:
        assert server.stdout is not None
        assert TOKEN in server.stdout.readline()
        for path in ("", "ws", "nothing"):
            with socket.create_connection(("127.0.0.1", port), 10) as visitor:
                visitor.sendall(f"GET /{TOKEN}/{path} HTTP/1.1\r\nHost: evil.example\r\n\r\n".encode())
                assert TOKEN.encode() not in visitor.recv(65_536)
        shown = Path(f"/proc/{server.pid}/cmdline")
        if shown.exists():
            assert TOKEN.encode() not in shown.read_bytes()
            assert TOKEN.encode() not in Path(f"/proc/{server.pid}/environ").read_bytes()
    finally:
        server.terminate()
        _, told = server.communicate(timeout=60)
    assert TOKEN not in told
    assert [path for path in made_in(tmp_path) if path.is_file() and TOKEN.encode() in path.read_bytes()] == [file]
