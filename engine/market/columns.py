"""Growing columns with room for rows to come: memory that was never written to costs nothing.

Used by the stores of `engine.market`. The operating system backs a page of memory when it is first written, so a column
may have room for four times its rows, as long as that room is not filled with blanks in advance: each row is blanked
when it is added.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Column = TypeVar("Column", bound=NDArray[np.generic])


def roomier(column: Column, capacity: int, used: int, axis: int = 0) -> Column:
    """A copy of the column with room for `capacity` rows along `axis`. The first `used` rows are kept; the rest are
    uninitialised.
    """
    shape = list(column.shape)
    shape[axis] = capacity
    made: Column = np.empty_like(column, shape=shape)
    held = (slice(None),) * axis + (slice(0, used),)
    made[held] = column[held]
    return made
