"""What names a run, a pipeline, a stage or an event. None becomes a path without being checked."""

from __future__ import annotations

import os
import re
from functools import lru_cache

__all__ = [
    "EVENT_ID",
    "IDENTIFIER",
    "NAME_RULE",
    "RUN_ID",
    "STAGE_NAME",
    "is_run_id",
    "random_uuid",
]

IDENTIFIER = r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}"
"""The pattern of a run id or the name of a pipeline: never ``.`` or ``..``, and without a ``/``."""

STAGE_NAME = f"{IDENTIFIER}(/{IDENTIFIER})*"
"""The pattern of the name of a stage: identifiers joined by ``/``."""

NAME_RULE = "letters, digits and ._:- (at most 128), beginning with a letter or a digit"
"""That of identifiers in words, for whoever gave another."""

RUN_ID = re.compile(IDENTIFIER)
"""What a run id fully matches."""

EVENT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""What an event id fully matches: a UUID in lower case."""


# A writer asks this of the same few ids again and again.
@lru_cache(maxsize=1024)
def is_run_id(text: str) -> bool:
    """Tell whether a text may name a run."""
    return RUN_ID.fullmatch(text) is not None


def random_uuid() -> str:
    """Make a random UUID as ``uuid4`` does, in half of the time: each event needs one."""
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
