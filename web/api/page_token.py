"""The token of a next page: where to go on, bound to what was asked for.

It is opaque to callers: the key of the last run in base64, and a check that the list is the same.
What is no token at all is a wrong parameter; one of another list is a conflict.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping

from ledger.errors import InvalidEvent
from projections.listing.run_order import RunKey
from web.problems import Failure, InvalidParameters, ParameterError, Refused

__all__ = ["NOT_OF_THIS_LIST", "next_token", "read_token"]

NOT_OF_THIS_LIST = Failure(409, "token-of-another-list", "The token is not of this list")

_CHECK = 6


def _check(asked: Mapping[str, object]) -> bytes:
    text = "\n".join(f"{name}={value!r}" for name, value in sorted(asked.items()))
    return hashlib.sha256(text.encode()).digest()[:_CHECK]


def next_token(key: RunKey, asked: Mapping[str, object]) -> str:
    """Make the token behind a key, in the list of what was asked for."""
    return base64.urlsafe_b64encode(_check(asked) + str(key).encode()).decode().rstrip("=")


def read_token(token: str, asked: Mapping[str, object]) -> RunKey:
    """Read the key from a token.

    Raises:
        InvalidParameters: it is none.
        Refused: it is one of another list.
    """
    try:
        data = base64.b64decode(token + "=" * (-len(token) % 4), b"-_", validate=True)
        key = RunKey.parse(data[_CHECK:].decode("ascii"))
    except (ValueError, binascii.Error, InvalidEvent):
        detail = "It is no token; take it from the page before, as it is"
        raise InvalidParameters([ParameterError("next", detail)]) from None
    if data[:_CHECK] != _check(asked):
        detail = (
            "It belongs to a list with other filters, or another order: leave it out, and begin"
            " that list anew"
        )
        errors = [{"parameter": "next", "detail": detail}]
        said = f"The token is not of this list. {detail}."
        raise Refused(NOT_OF_THIS_LIST.problem(said, errors=errors))
    return key
