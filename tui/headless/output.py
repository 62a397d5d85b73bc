"""Everything that headless commands write to stdout.

Used by the headless commands. A document is one line of JSON. A table is built of Rich `Text`, never of markup, so that
nothing from outside is interpreted. Messages beside the result must go through `tui.headless.diagnostics`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType


def write_document(document: Any) -> None:
    """One JSON document and a newline, UTF-8 whatever the locale; NaN becomes null, floats are shortest round-trip."""
    import msgspec

    write_bytes(msgspec.json.encode(document) + b"\n")


def write_bytes(data: bytes) -> None:
    """Write bytes unchanged."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def write_table(*renderables: RenderableType) -> None:
    """Write tables and text for people. Characters that the terminal's encoding lacks become question marks."""
    from rich.console import Console

    from tui.headless.tables import width

    # Nothing is interpreted: no markup, no emoji codes, no highlighting.
    console = Console(file=sys.stdout, markup=False, emoji=False, highlight=False, width=width())
    with console.capture() as captured:
        for renderable in renderables:
            console.print(renderable)
    write_bytes(captured.get().encode(sys.stdout.encoding or "utf-8", "replace"))
