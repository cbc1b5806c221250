"""Two failures that a person calls the same have one fingerprint, and others have others."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.line.shortening import shorten_text
from ledger.payloads.derived import ErrorInfo
from ledger.recording.described_error import describe_error
from projections.failures.fingerprint import DIGITS, fingerprint_of
from tests.projections.ways_to_fail import WAYS


def failed(name: str, word: str) -> ErrorInfo:
    """Fail in one of the ways, and give what the log would hold of it."""
    try:
        WAYS[name](word)
    except Exception as error:  # noqa: BLE001 - whatever the libraries raise
        return describe_error(error)
    raise AssertionError(name)


def fingerprint(error: ErrorInfo, stage: str = "load") -> str:
    """Give the fingerprint of an error, in a stage."""
    return fingerprint_of(stage, error.type, error.message, error.traceback)


@pytest.mark.parametrize("name", WAYS)
def test_the_same_failure_of_a_library_has_one_fingerprint(name: str) -> None:
    """What is looked for, how much, where and when makes no difference."""
    first, second = failed(name, "day17"), failed(name, "b6f3a1d2 x of 2026-01-15")

    assert first.traceback
    assert fingerprint(first) == fingerprint(second)


def test_other_failures_of_libraries_have_others() -> None:
    """No two of these are the same to a person, but for one that only has another thread."""
    names = WAYS.keys() - {"in_thread"}
    found = {fingerprint(failed(name, "day17")): name for name in names}

    assert sorted(found.values()) == sorted(names)


MESSAGES_OF_ONE_KIND = {
    "count": ("row 7 of 120 has no day", "row 91 of 7 has no day"),
    "number of things": ("timed out after 1 second", "timed out after 30.5 seconds"),
    "day": ("no file for 2026-01-15", "no file for 2026-12-31"),
    "path": ("cannot read /srv/a/b.csv", "cannot read ./c.csv"),
    "request": ("request 4bf92f3577b34da6 refused", "request 00f067aa0ba902b7 refused"),
    "quoted": ("no customer 'Ann'", "no customer 'Bob\\'s'"),
    "address": ("10.0.0.7:5432 is closed", "10.0.1.12:5433 is closed"),
    "key": ("Key (email)=(Ann Lee) already exists.", "Key (email)=(a@b.de) already exists."),
    "two keys": (
        "Key (shop, day)=(acme (west), 2026-01-15) is not present in table.",
        "Key (shop, day)=(beta corp, 2026-02-15) is not present in table.",
    ),
    "size": (
        "Unable to allocate 7.45 GiB for an array with shape (1000000000,)",
        "Unable to allocate 512. MiB for an array with shape (8192, 8192)",
    ),
    "span": ("took 2m30s, limit 60s", "took 0.5s, limit 400ms"),
    "cloud resource": (
        "User: arn:aws:iam::123456789012:user/etl is not authorized to write",
        "User: arn:aws:sts::999456789012:assumed-role/etl/i-0abc123def is not authorized to write",
    ),
    "page of a service": (
        "HTTPSConnectionPool(host='a.de', port=443): Max retries exceeded with url: /v1?page=2",
        "HTTPSConnectionPool(host='b.de', port=80): Max retries exceeded with url: /v1?page=13&q=x",
    ),
    "task": (
        "Task <Task pending name='Task-12' coro=<fetch() running at /srv/x.py:12>> got a Future",
        "Task <Task pending name='Task-7' coro=<fetch() running at /opt/x.py:14>> got a Future",
    ),
    "exit status": ("exit status 1: no space left", "exit status 28: no space left"),
}
MESSAGES_OF_TWO_KINDS = {
    "what is missing": ("row 7 has no day", "row 7 has no price"),
    "table": ("no such table: orders", "no such table: customers"),
    "what happened": ("connection refused", "connection reset"),
    "type": ("Expected `int`, got `str`", "Expected `int`, got `null`"),
    "status of a service": (
        "503 Server Error: Service Unavailable for url: https://a.de/x",
        "404 Client Error: Not Found for url: https://a.de/x",
    ),
    "call of a service": (
        "An error occurred (NoSuchKey) when calling the GetObject operation: none",
        "An error occurred (NoSuchKey) when calling the HeadObject operation: none",
    ),
    "field": ("Order\nprice\n  Field required", "Order\nday\n  Field required"),
    "key that is used": (
        "Key (id)=(7) already exists.",
        "Key (id)=(7) is still referenced from table.",
    ),
    "signal": ("died with <Signals.SIGKILL: 9>", "died with <Signals.SIGTERM: 15>"),
    "dimensions": ("Expected 2D array, got 1D array", "Expected 2D array, got scalar array"),
    "more": ("timed out", "timed out after 3 s"),
}


@pytest.mark.parametrize("pair", MESSAGES_OF_ONE_KIND.values(), ids=MESSAGES_OF_ONE_KIND)
def test_messages_of_one_kind(pair: tuple[str, str]) -> None:
    """They differ in a value only."""
    assert fingerprint_of("load", "E", pair[0]) == fingerprint_of("load", "E", pair[1])


@pytest.mark.parametrize("pair", MESSAGES_OF_TWO_KINDS.values(), ids=MESSAGES_OF_TWO_KINDS)
def test_messages_of_two_kinds(pair: tuple[str, str]) -> None:
    """They say another thing."""
    assert fingerprint_of("load", "E", pair[0]) != fingerprint_of("load", "E", pair[1])


def test_stage_and_class_and_place_count() -> None:
    """The same words elsewhere are another failure."""
    error = failed("json_value", "a")
    other = failed("in_thread", "a")

    assert (error.type, error.message) == (other.type, other.message)
    assert fingerprint(error) == fingerprint(other)
    found = {
        fingerprint(error),
        fingerprint(error, "merge"),
        fingerprint_of(None, error.type, error.message, error.traceback),
        fingerprint_of("load", "Other", error.message, error.traceback),
        fingerprint_of("load", error.type, error.message),
    }
    assert len(found) == 5


TRACE = """Traceback (most recent call last):
  File "{folder}/nightly.py", line {line}, in main
    load(day)
  File "{folder}/orders/load.py", line {line}, in {function}
    return client.get(day)
           ^^^^^^^^^^^^^^^
{library}ValueError: no day
"""
IN_LIBRARY = "".join(
    f'  File "{{packages}}/client/_{name}.py", line {{line}}, in {name}\n    go()\n'
    for name in ("get", "send", "connect", "open")
)


def trace(
    *,
    folder: str = "/srv/app",
    line: int = 7,
    function: str = "load",
    packages: str = "/venv/lib/python3.11/site-packages",
    in_library: bool = True,
) -> str:
    """Print a traceback through a library."""
    library = IN_LIBRARY.format(packages=packages, line=line) if in_library else ""
    return TRACE.format(folder=folder, line=line, function=function, library=library)


def of_trace(text: str) -> str:
    """Give the fingerprint of a failure with this traceback."""
    return fingerprint_of("load", "ValueError", "no day", text)


def test_where_a_program_lies_makes_no_difference() -> None:
    """Folders of the program and of its packages, lines, and the version of Python."""
    elsewhere = trace(
        folder="/home/ann/work", line=8, packages="/opt/x/lib/python3.13/site-packages"
    )

    assert of_trace(trace()) == of_trace(elsewhere)


def test_the_caller_of_a_library_counts() -> None:
    """Deep in a library the innermost frames are alike whoever called it, so one more is told."""
    assert of_trace(trace()) != of_trace(trace(function="count"))
    assert of_trace(trace(in_library=False)) != of_trace(trace(function="count", in_library=False))


def test_a_traceback_that_was_cut_is_the_same_failure() -> None:
    """The log cuts the middle out of one that is too long; both its ends are kept."""
    error = failed("chained", "a" * 40)
    assert error.traceback is not None
    short = shorten_text(error.traceback, 4_000)

    assert len(short) < len(error.traceback)
    assert of_trace(short) == of_trace(error.traceback)


def test_a_fingerprint_is_kept_for_good() -> None:
    """Acknowledgements in logs that exist name fingerprints, so these never change."""
    assert fingerprint_of("load", "ValueError", "no day", trace()) == "ef662e618fda1532"
    assert fingerprint_of("load", "CommandFailed", "exit status 3: no 'x'") == "929ef3fae5127d03"
    assert fingerprint_of(None, "", "ValueError: row 7") == "fddfb41f3d2761a4"


@given(st.text() | st.none(), st.text(), st.text(), st.text() | st.none())
def test_any_failure_has_one(
    stage: str | None, error_type: str, message: str, text: str | None
) -> None:
    """It is hex digits, so many, whatever the texts are; and the same each time."""
    found = fingerprint_of(stage, error_type, message, text)

    assert re.fullmatch(f"[0-9a-f]{{{DIGITS}}}", found)
    assert fingerprint_of.__wrapped__(stage, error_type, message, text) == found


lines = st.integers(min_value=1, max_value=10**6)
folders = st.lists(st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True), max_size=4).map(
    lambda parts: "".join(f"/{part}" for part in parts)
)


@given(lines, folders, folders)
def test_only_lines_and_folders_differ(line: int, folder: str, packages: str) -> None:
    """Wherever the code lies, and however it moves within its file."""
    moved = trace(line=line, folder=folder, packages=f"{packages}/lib/python3.12/site-packages")

    assert of_trace(moved) == of_trace(trace())
