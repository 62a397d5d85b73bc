"""Names for the types of numpy arrays. Functions that take or return one state its shape in their docstring.

Imported by every package that computes; it must import nothing from the engine.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
"""NaN for a missing value."""
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
