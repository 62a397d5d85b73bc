"""A documentation page with a generated part between two markers.

Used by `engine.config.reference` and `tui.reference`, which generate such parts.
"""

from __future__ import annotations


def with_part(page: str, begin: str, end: str, part: str) -> str:
    """`page` with `part` between its markers; raises ValueError if it lacks them."""
    before, begins, rest = page.partition(begin)
    _old, ends, after = rest.partition(end)
    if not begins or not ends:
        raise ValueError(f"expected the lines {begin} and {end}")
    return f"{before}{begin}\n\n{part}\n{end}{after}"
