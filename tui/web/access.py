"""Access control of the console in a browser: the token in the address, the Host header and the Origin header.

`tui.web.server` checks every request with it before anything else. No I/O here except reading the user's token file.
The token keeps out other programs and users of the machine. The Host check keeps out sites that point a name of their
own at this machine (DNS rebinding). The Origin check keeps out pages of other sites in the user's own browser.
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
"""Random bytes in a token made here: 192 bits."""
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{22,200}")
"""At least 128 bits if random, which nobody can guess, in characters that need no escaping in an address."""
_NAME: Final = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*(:[0-9]{1,5})?")
_LOOPBACK_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")


def new_token() -> str:
    """A new random token."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def token_of(path: Path) -> str:
    """The token in the user's file. Raises ConfigError if it is not a valid token or if other users may read it."""
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
    """Whether an address to listen on can be reached only from this machine."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Access:
    """What a request must contain."""

    token: str
    hosts: frozenset[str]
    """The Host headers of this server, lower case."""

    def knows(self, token: str) -> bool:
        """Whether this is the token; compared in constant time."""
        return hmac.compare_digest(token.encode(), self.token.encode())

    def serves(self, host: str | None) -> bool:
        """Whether a Host header names this server."""
        return host is not None and host.lower() in self.hosts

    def is_own_page(self, origin: str | None, host: str | None) -> bool:
        """Whether a request with this Origin header comes from a page of this server."""
        if origin is None or not self.serves(host) or host is None:
            return False
        return origin.lower() in (f"http://{host.lower()}", f"https://{host.lower()}")


def hosts_of(address: str, port: int, names: tuple[str, ...] = ()) -> frozenset[str]:
    """The Host headers by which a server on `address` and `port` is reached; `names` are further ones from the user.

    Raises ConfigError for an invalid name, and if the address means every address and no name was given.
    """
    own: list[str] = []
    if is_loopback(address):
        own += _LOOPBACK_NAMES
    elif not _is_any(address):
        own.append(f"[{address}]" if ":" in address else address)
    elif not names:
        raise ConfigError(f"--host {clean(address)} means every address; give the name that browsers use with --name")
    found = {f"{one.lower()}:{port}" for one in own}
    if port == 80:
        found |= {one.lower() for one in own}
    for name in names:
        if not _NAME.fullmatch(name):
            raise ConfigError(f"--name {clean(name)}: expected a host name, with the port if it is another one")
        # A proxy in front has its own port, which is left out if it is the default one.
        found |= {name.lower()} if ":" in name else {name.lower(), f"{name.lower()}:{port}"}
    return frozenset(found)


def _is_any(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_unspecified
    except ValueError:
        return False
