"""What lies in the log is read as it is; strict_json.py refuses what is to enter."""

from __future__ import annotations

import pytest

from ledger.errors import BadLine
from ledger.line.lenient_json import read_leniently


def test_what_python_holds_is_read_as_any_json() -> None:
    """Of keys that stand twice the last counts."""
    assert read_leniently(b'{"a":[1,-2.5,"x",null,true],"a":{"b":1e3}}') == {"a": {"b": 1000.0}}


def test_what_is_nested_too_deeply_is_told_of() -> None:
    """As a line that is not what it should be, not as a fault of the program."""
    with pytest.raises(BadLine, match="nested too deeply"):
        read_leniently(b"[" * 5_000 + b"]" * 5_000)
