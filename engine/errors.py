"""Every error prism raises on purpose.

    PrismError
    ├── ConfigError      the user's file, flag or expression; exit code 2
    ├── CaptureError     a recording that cannot be read at all
    ├── StoreUnusable    a file kept between runs cannot be used; the program runs on without it
    └── VenueError       a request to an exchange failed
        ├── Transient    try again later: timeouts, resets, 5xx, a stated ban
        │   └── RegionRefused  every host refuses this region or network for now
        ├── Fatal        trying again cannot help: unknown symbol, malformed request
        └── Protocol     the answer is not what the venue's documentation says

Each carries a short `message` for the screen, which names the file, key, symbol or venue, what was expected and what to
do, and an optional longer `detail` for the log.
"""

from __future__ import annotations


class PrismError(Exception):
    """Base of the errors below; never raised directly."""

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail


class ConfigError(PrismError):
    """A setting is unknown, of the wrong type or out of range; `problems` lists all of them."""

    def __init__(self, message: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message, "\n".join(problems))
        self.problems = problems or (message,)


class CaptureError(PrismError):
    """A recording cannot be opened: absent, empty, not a capture, or of another version."""


class StoreUnusable(PrismError):
    """A database cannot be used now; `message` says why and what happened to it."""


class VenueError(PrismError):
    """An exchange refused, failed or sent an invalid answer."""

    def __init__(self, venue: str, message: str, detail: str = "") -> None:
        super().__init__(f"{venue}: {message}", detail)
        self.venue = venue


class Transient(VenueError):
    """The same request may succeed later."""


class RegionRefused(Transient):
    """Every host of the venue refuses this region or network; none is asked within `left_s`. A firewall may refuse for
    an hour what it lets through afterwards, and so may the exit of a VPN."""

    def __init__(self, venue: str, message: str, left_s: float) -> None:
        super().__init__(venue, message)
        self.left_s = left_s


class Fatal(VenueError):
    """The same request will fail again."""


class Protocol(VenueError):
    """The answer is not what the venue's documentation promises."""
