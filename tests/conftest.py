"""What all tests share."""

from __future__ import annotations

import os

from hypothesis import settings

# A check that others wait for says the same of the same code; new examples are found by people,
# whose runs are random.
settings.register_profile("ci", derandomize=True, print_blob=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
