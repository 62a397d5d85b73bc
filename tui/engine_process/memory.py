"""Memory settings for numpy and the C library in the engine's process, so that it holds little more than its data.

They are environment variables, because both libraries read them before any line of prism runs. Set by
`tui.engine_process.remote`, and by the benchmarks that measure the engine as users run it. Systems other than Linux
with glibc ignore them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SPARING: Final[Mapping[str, str]] = {
    # By default numpy asks Linux for 2 MiB pages for large arrays. The market's columns are large and sparse (spare
    # rows for growth, seconds without trades), and with such pages took a sixth more memory than their data.
    "NUMPY_MADVISE_HUGEPAGE": "0",
    # Arrays from this size on get pages of their own, which start untouched and return to the system when freed. By
    # default glibc raises this threshold to the largest array ever freed, up to 32 MiB: then sparse columns are cut
    # from memory that was in use before and must be zeroed, and gaps between them stay allocated. The temporary arrays
    # of a scan (500 bars of 1,000 rows) are smaller than 4 MiB: at a threshold of 2 MiB a scan of all bars took twice
    # as long, at 4 no longer than without.
    "MALLOC_MMAP_THRESHOLD_": str(4 * 2**20),
    # Up to this much free memory at the end of the heap is kept for the next scan; 128 KiB if only the above is set.
    "MALLOC_TRIM_THRESHOLD_": str(8 * 2**20),
}
"""Names and values."""


def sparing(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with these variables added, unless it sets them already."""
    return {**SPARING, **environment}
