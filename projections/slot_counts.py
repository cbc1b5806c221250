"""What the slots of the statistics hold, added up to what was asked for."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from projections.queries import query
from projections.statistics_rows import WIDTHS
from projections.tallies import Number
from projections.time_buckets import Bounds, pieces_of, sums_of

__all__ = ["LONGEST", "Counts", "add_counts", "tallied", "text_of"]

Counts = dict[str, Number]
"""Numbers by their names, as ``statistics_rows.py`` gives them."""

LONGEST = "max_seconds"


class _Longest(msgspec.Struct, frozen=True):
    max_seconds: float = 0.0


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Counts).decode
_decode_longest = msgspec.json.Decoder(_Longest).decode


def text_of(value: object) -> str:
    """Give a list as a query takes it."""
    return _encode(value).decode()


def add_counts(held: Counts, more: Mapping[str, Number], sign: int = 1) -> None:
    """Add up what two slots hold; or, with -1, take off all but the longest duration."""
    longest = max(held.get(LONGEST, 0.0), more.get(LONGEST, 0.0))
    before = held.get
    if sign > 0:
        for name, number in more.items():
            held[name] = before(name, 0) + number
    else:
        for name, number in more.items():
            held[name] = before(name, 0) - number
    held[LONGEST] = longest


def tallied(
    connection: sqlite3.Connection, names: Sequence[str], times: Sequence[Bounds]
) -> dict[str, dict[str, dict[int, Counts]]]:
    """Add up what ended in some times.

    Args:
        connection: to the read model.
        names: of the pipelines.
        times: when each begins and ends, on quarters of an hour.

    Returns:
        Counts by pipeline, stage, and place of the time; only where something ended.
    """
    sums = [
        (at, *piece) for at, time in enumerate(times) for piece in sums_of(*time, widths=WIDTHS)
    ]
    found: dict[str, dict[str, dict[int, Counts]]] = {}
    for at, name, stage, sign, counts in _rows(connection, names, sums):
        buckets = found.setdefault(name, {}).setdefault(stage, {})
        if at in buckets or sign < 0:
            add_counts(buckets.setdefault(at, {}), _decode(counts), sign)
        else:
            buckets[at] = _decode(counts)
    if all(sign > 0 for *_, sign in sums):
        return found
    return _mended(connection, names, times, found)


def _mended(
    connection: sqlite3.Connection,
    names: Sequence[str],
    times: Sequence[Bounds],
    found: Mapping[str, Mapping[str, Mapping[int, Counts]]],
) -> dict[str, dict[str, dict[int, Counts]]]:
    """Find the longest durations anew, which cannot be taken off, and let go of what is nothing."""
    pieces = [
        (at, *piece, 1) for at, time in enumerate(times) for piece in pieces_of(*time, WIDTHS)
    ]
    kept: dict[str, dict[str, dict[int, Counts]]] = {}
    for at, name, stage, _, counts in _rows(connection, names, pieces):
        buckets = kept.setdefault(name, {}).setdefault(stage, {})
        longest = _decode_longest(counts).max_seconds
        if at not in buckets:
            summed = found[name][stage][at]
            buckets[at] = {of: number for of, number in summed.items() if number}
            buckets[at][LONGEST] = longest
        elif longest > buckets[at][LONGEST]:
            buckets[at][LONGEST] = longest
    return kept


def _rows(
    connection: sqlite3.Connection, names: Sequence[str], pieces: Sequence[tuple[int, ...]]
) -> Iterable[tuple[int, str, str, int, str]]:
    asked_for = {"pieces": text_of(pieces), "pipelines": text_of(names)}
    return connection.execute(query("statistics_counts"), asked_for)
