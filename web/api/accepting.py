"""What a caller takes: which media type of those there are, and whether compressed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

__all__ = ["preferred", "takes_gzip"]

_GZIP = re.compile(rb"(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q=([0-9.]+)\s*)?(?:,|$)", re.IGNORECASE)
_WEIGHT = re.compile(r";\s*q=([0-9.]+)")


@lru_cache(maxsize=256)
def takes_gzip(accept_encoding: bytes) -> bool:
    """Tell whether ``Accept-Encoding`` allows gzip."""
    found = _GZIP.search(accept_encoding)
    return found is not None and (found[1] is None or found[1].strip(b"0.") != b"")


def preferred(offers: Sequence[str], accept: str) -> str:
    """Give the offer that ``Accept`` weighs most; the first where it says nothing of any."""
    weights = dict.fromkeys(offers, 0.0)
    for asked in accept.lower().split(","):
        name = asked.partition(";")[0].strip()
        weight = _WEIGHT.search(asked)
        for offer in offers:
            plain = offer.partition(";")[0]
            if name in (plain, f"{plain.partition('/')[0]}/*", "*/*"):
                weights[offer] = max(weights[offer], _number(weight[1]) if weight else 1.0)
    return max(offers, key=weights.__getitem__)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
