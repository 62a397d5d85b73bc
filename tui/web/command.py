"""`prism web`: serves the console to browsers on this machine.

Run by the command line. It listens on the loopback unless `--host` says otherwise, and prints the only address that it
answers, which contains a token: new for every run, or the user's own. Every page runs a console of its own
(`tui.web.console`).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import sys
from pathlib import Path

from aiohttp import web

from engine.ending import on_told_to_end
from engine.errors import ConfigError
from engine.text import clean
from tui.headless import diagnostics
from tui.headless.settings import settings
from tui.web.access import Access, hosts_of, is_loopback, new_token, token_of
from tui.web.server import Site


def run(args: argparse.Namespace) -> int:
    """Serve until the user ends it; return the exit code. Raises ConfigError for what it cannot serve safely."""
    settings(args)  # report configuration errors here, in the terminal, not in a page that fails
    access = _access(args)
    # A malformed request is not an error of this program, and its text does not belong on the user's terminal.
    for name in ("aiohttp", "asyncio"):
        logging.getLogger(name).addHandler(logging.NullHandler())
        logging.getLogger(name).propagate = False
    return asyncio.run(_serve(args, access))


def _access(args: argparse.Namespace) -> Access:
    host: str = args.host
    hosts = hosts_of(host, args.port, tuple(args.names))
    if args.token_file is None and not is_loopback(host):
        raise ConfigError(
            f"--host {clean(host)} can be reached from other machines: give a token of your own with --token-file"
        )
    token = new_token() if args.token_file is None else token_of(Path(args.token_file))
    return Access(token, hosts)


def console_command(args: argparse.Namespace) -> list[str]:
    """The command that a page runs: the console on the source that the user chose."""
    words = [sys.executable, "-m", "tui.web.console"]
    if args.replay is not None:
        words += ["replay", args.replay]
    elif args.demo:
        words += ["demo", "--seed", str(args.seed), *(["--rate", str(args.rate)] if args.rate is not None else [])]
    else:
        words += ["live"]
    return words + (["--config", args.config_file] if args.config_file is not None else [])


async def _serve(args: argparse.Namespace, access: Access) -> int:
    site = Site(access, console_command(args), args.pages, diagnostics.notice)
    # No access log: it would contain the token.
    runner = web.AppRunner(site.application(), access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    ended = asyncio.Event()
    on_told_to_end(asyncio.get_running_loop(), ended.set)
    try:
        try:
            await web.TCPSite(runner, args.host, args.port, backlog=16).start()
        except OSError as error:
            diagnostics.notice(
                f"cannot listen on {clean(args.host)} port {args.port} ({error.strerror});"
                " another program may use it; choose another port with --port"
            )
            return diagnostics.FAILED
        _say(args, access)
        await ended.wait()
    finally:
        await runner.cleanup()
    return diagnostics.DONE


def _say(args: argparse.Namespace, access: Access) -> None:
    named = f"{args.names[0]}" if args.names else f"[{args.host}]" if ":" in args.host else args.host
    shown = named if ":" in named.rpartition("]")[2] else f"{named}:{args.port}"
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(f"http://{shown}/{access.token}/\n")
        sys.stdout.flush()
    diagnostics.notice("open this address in a browser; anyone who has it can use the console; ctrl+c ends it")
    if not is_loopback(args.host):
        diagnostics.notice("network traffic is not encrypted; put a TLS proxy in front of it")
