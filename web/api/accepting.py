"""What a caller takes: which media type of those there are, and whether compressed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

__all__ = ["preferred", "takes_gzip"]

_GZIP = re.compile(rb"(?:^|,)\s*(gzip|\*)\s*(?:;\s*q=([0-9.]+)\s*)?(?=,|$)", re.IGNORECASE)
_WEIGHT = re.compile(r";\s*q=([0-9.]+)")


@lru_cache(maxsize=256)
def takes_gzip(accept_encoding: bytes) -> bool:
    """Tell whether ``Accept-Encoding`` allows gzip."""
    weights = {name.lower(): weight for name, weight in _GZIP.findall(accept_encoding)}
    # What is said of gzip itself goes before what is said of all others.
    weight = weights.get(b"gzip", weights.get(b"*"))
    return weight is not None and (not weight or weight.strip(b"0.") != b"")


def preferred(offers: Sequence[str], accept: str) -> str:
    """Give the offer that ``Accept`` weighs most; the first where it says nothing of any."""
    weights: dict[str, float] = {}
    for asked in accept.lower().split(","):
        weight = _WEIGHT.search(asked)
        weights[asked.partition(";")[0].strip()] = _number(weight[1]) if weight else 1.0
    return max(offers, key=lambda offer: _weight(offer.partition(";")[0], weights))


def _weight(offer: str, weights: Mapping[str, float]) -> float:
    """Give what an offer weighs: the narrowest range that it is in says so."""
    ranges = (offer, f"{offer.partition('/')[0]}/*", "*/*")
    return next((weights[name] for name in ranges if name in weights), 0.0)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
