"""Settings of every test run: the machine may be slow and shared, so no example is judged by its duration."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("everywhere", deadline=None)
# The same examples at every run of CI, so that what passed once does not fail by chance.
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "everywhere")
