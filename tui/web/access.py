"""Who may see the console in a browser: the token of the address, the Host and the Origin that a request names.

Used by `tui.web.server` for every request before anything else is looked at. Decides only; does no I/O but reading the
user's token file. The token keeps other programs and users of the machine out, the Host check other sites that point a
name of theirs at this machine, the Origin check pages of other sites in the user's own browser.
"""

from __future__ import annotations

import hmac
import ipaddress
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.errors import ConfigError
from engine.text import clean

TOKEN_BYTES: Final = 24
"""Of chance in a token made here: 192 bits."""
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{22,200}")
"""At least the 128 bits that nobody guesses, in characters that stand in an address as they are."""
_NAME: Final = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*(:[0-9]{1,5})?")
_LOOPBACK_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")


def new_token() -> str:
    """One that was never used before."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def token_of(path: Path) -> str:
    """The token in a file of the user's. Raises ConfigError where it is none, or where others may read it too."""
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8", errors="replace")[:400].strip()
    except OSError as error:
        raise ConfigError(f"token file {clean(str(path))}: {error.strerror}") from None
    if os.name == "posix" and mode & 0o077:
        raise ConfigError(f"token file {clean(str(path))} can be read by others; `chmod 600` it")
    if not _TOKEN.fullmatch(text):
        raise ConfigError(
            f"token file {clean(str(path))}: expected 22 to 200 letters, digits, `-` and `_`, such as"
            " `openssl rand -hex 24` prints"
        )
    return text


def is_loopback(address: str) -> bool:
    """Whether an address to listen on is reached from this machine only."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Access:
    """What a request must show."""

    token: str
    hosts: frozenset[str]
    """Values of the Host header that are this server's, lower case."""

    def knows(self, token: str) -> bool:
        """Whether it is the token; takes as long for a wrong one."""
        return hmac.compare_digest(token.encode(), self.token.encode())

    def serves(self, host: str | None) -> bool:
        """Whether a Host header names this server."""
        return host is not None and host.lower() in self.hosts

    def is_own_page(self, origin: str | None, host: str | None) -> bool:
        """Whether a request with this Origin header comes from a page that this server sent."""
        if origin is None or not self.serves(host) or host is None:
            return False
        return origin.lower() in (f"http://{host.lower()}", f"https://{host.lower()}")


def hosts_of(address: str, port: int, names: tuple[str, ...] = ()) -> frozenset[str]:
    """The Host headers under which a server on `address` and `port` is reached; `names` are others that users gave.

    Raises ConfigError for a name that is none, and where the address says nothing and no name was given.
    """
    own: list[str] = []
    if is_loopback(address):
        own += _LOOPBACK_NAMES
    elif not _is_any(address):
        own.append(f"[{address}]" if ":" in address else address)
    elif not names:
        raise ConfigError(f"--host {clean(address)} is every address; say with --name by which name browsers reach it")
    found = {f"{one.lower()}:{port}" for one in own}
    if port == 80:
        found |= {one.lower() for one in own}
    for name in names:
        if not _NAME.fullmatch(name):
            raise ConfigError(f"--name {clean(name)}: expected a host name, with a port where it is another one")
        # A proxy in front of it has a port of its own and leaves it out where it is the usual one.
        found |= {name.lower()} if ":" in name else {name.lower(), f"{name.lower()}:{port}"}
    return frozenset(found)


def _is_any(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_unspecified
    except ValueError:
        return False
