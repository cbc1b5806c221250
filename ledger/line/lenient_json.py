"""JSON that lies in the log: read as it is, since whoever wrote it did not refuse it.

``strict_json.py`` reads what is to enter the log. One event must not end the reading of all.
"""

from __future__ import annotations

import json
import math
from typing import Any

from ledger.errors import BadLine

__all__ = ["read_leniently"]


def read_leniently(data: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Read JSON; a number that Python does not hold is given by its digits.

    Args:
        data: a line that passed the codec, or a payload.

    Raises:
        BadLine: it is nested deeper than Python reads, some 900 levels.
    """
    try:
        return json.loads(data, parse_float=_float_or_digits, parse_int=_int_or_digits)
    except RecursionError:
        raise BadLine("it is nested too deeply to be read") from None


def _float_or_digits(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits


def _int_or_digits(digits: str) -> int | str:
    try:
        return int(digits)
    except ValueError:
        # They are more than Python turns into an integer.
        return digits
