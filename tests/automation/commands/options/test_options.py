"""How the text of options is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from automation.commands.options.options import check_run_id, folder_of, parse_pairs
from automation.errors import BadArgument
from ledger.errors import InvalidEvent


def test_pairs_are_split_at_the_first_equals_sign() -> None:
    """A value may be empty, and may hold further signs."""
    assert parse_pairs("--param", ["a=1", "b=", "c=x=y"]) == {"a": "1", "b": "", "c": "x=y"}


@pytest.mark.parametrize(
    ("pairs", "reason"),
    [
        (["a"], "'a' is not name=value"),
        (["=1"], "'=1' is not name=value"),
        (["a=1", "a=2"], "a is given twice"),
    ],
)
def test_what_is_no_pair_is_refused(pairs: list[str], reason: str) -> None:
    """The error names the option."""
    with pytest.raises(BadArgument, match=f"^--param: {reason}"):
        parse_pairs("--param", pairs)


@pytest.mark.parametrize("run_id", ["", ".", "..", "a/b", "a\x1b", "a\n", "-x", "a" * 129])
def test_what_no_run_id_looks_like_is_refused(run_id: str) -> None:
    """It is never looked up, and never becomes a path."""
    with pytest.raises(InvalidEvent, match=r"^run id: .* is not one"):
        check_run_id(run_id)


def test_a_folder_is_absolute() -> None:
    """Whatever is said about it says where it is."""
    assert folder_of(None) == Path.cwd() / "automation/logs/runs"
    assert folder_of(Path("x")) == Path.cwd() / "x"
