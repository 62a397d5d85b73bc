"""A venue's disagreement with the median of its peers as a sentence, in the units of the rest of the screen.

Called by the explanation. The engine compares figures in its own units (rates per hour, logarithms); they are converted
here.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp
from typing import Final

from engine.prism.across import Compared, Voice
from tui.presenters.format import percent_text, usd_text
from tui.presenters.view import count_text, venue_title, words

_SAID: Final[dict[str, tuple[str, Callable[[float], str]]]] = {
    "price": ("the price", lambda value: f"{value:.6g}"),
    "funding_per_hour": ("funding per 8 h", lambda value: percent_text(value * 8.0, 4, 9)),
    "accounts": ("long accounts per short", lambda value: f"{value:.2f}"),
    "top_traders_lead": ("top traders' longs per short", lambda value: f"{exp(value):.2f} times all accounts'"),
    "open_interest": ("open interest", usd_text),
    "oi_change_1h": ("open interest in 1 h", lambda value: percent_text(value, 1, 9)),
    "volume_24h": ("volume of 24 h", usd_text),
}


def disagreement(one: Compared, voice: Voice) -> str:
    """`OKX disagrees on funding per 8 h: +0.0140% against a median of +0.0100% of 4 venues.`"""
    title, write = _SAID.get(one.name, (words(one.name), lambda value: f"{value:.4g}"))
    return (
        f"{venue_title(voice.venue)} disagrees on {title}: {write(voice.value)} against a median of "
        f"{write(one.median)} of {count_text(len(one.voices), 'venue')}."
    )
