"""Print the tracebacks of one program, as the Python that runs it prints them.

The files beside it were made by Python 3.11, 3.12 and 3.13 from a copy of this one in
``/srv/orders``, with the standard library in ``/usr/lib``.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def divided(row: Mapping[str, Any], total: int) -> float:
    """Fail within an expression, which carets point into."""
    share: float = row["amount"] / (total - total)
    return share


def plain() -> None:
    """Fail two calls down."""
    divided(
        {"amount": 3},
        total=7,
    )


def in_library() -> None:
    """Fail in the standard library."""
    json.loads('{"amount": }')


def in_comprehension() -> None:
    """Fail within a comprehension, which has a frame of its own in some versions."""
    rows: Sequence[dict[str, int]] = [{"amount": 3}, {}]
    sys.stderr.write(str([row["amount"] for row in rows]))


def caused() -> None:
    """Fail because of something else."""
    try:
        in_library()
    except ValueError as error:
        raise RuntimeError("the order cannot be read") from error


def while_handling() -> None:
    """Fail while something else is handled."""
    try:
        plain()
    except ZeroDivisionError as error:
        sys.stderr.write(error.filename)  # type: ignore[attr-defined] # which is what fails


def deep(levels: int) -> int:
    """Call itself more often than is shown."""
    return deep(levels - 1) + 1 if levels else int("none")


def recursive() -> None:
    """Fail deep in a recursion."""
    deep(40)


def grouped() -> None:
    """Fail in several ways at once."""
    found: list[Exception] = []
    for fail in (plain, in_library):
        try:
            fail()
        except (ValueError, ZeroDivisionError) as error:
            found.append(error)
    raise ExceptionGroup("several loads failed", found)


WAYS: Sequence[Callable[[], None]] = (
    plain,
    in_library,
    in_comprehension,
    caused,
    while_handling,
    recursive,
    grouped,
)


def main() -> None:
    """Print each traceback below its name."""
    for fail in WAYS:
        try:
            fail()
        except Exception:  # noqa: BLE001 - whatever it is, it is printed
            sys.stdout.write(f"=== {fail.__name__}\n{traceback.format_exc()}")


if __name__ == "__main__":
    main()
