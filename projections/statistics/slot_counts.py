"""What the slots of the statistics hold, added up to what was asked for."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from projections.engine.tallies import Number
from projections.read_model.queries import query
from projections.statistics.statistics_rows import WIDTHS
from projections.statistics.time_buckets import Bounds, pieces_of, sums_of

__all__ = ["LONGEST", "Counts", "add_counts", "tallied", "text_of"]

Counts = dict[str, Number]
"""Numbers by their names, as ``statistics_rows.py`` gives them."""

LONGEST = "max_seconds"


_Cell = tuple[str, str, int]
"""A pipeline, a stage, and the place of a time."""


class _Longest(msgspec.Struct, frozen=True):
    max_seconds: float = 0.0


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Counts).decode
_decode_longest = msgspec.json.Decoder(_Longest).decode


def text_of(value: object) -> str:
    """Give a list as a query takes it."""
    return _encode(value).decode()


def add_counts(held: Counts, more: Mapping[str, Number]) -> None:
    """Add up what two slots hold."""
    before = held.get
    longest = max(before(LONGEST, 0.0), more.get(LONGEST, 0.0))
    for name, number in more.items():
        held[name] = before(name, 0) + number
    held[LONGEST] = longest


def _take_off(held: Counts, less: Mapping[str, Number]) -> float:
    """Take off what a slot holds, but for the longest duration; give that of the slot."""
    before = held.get
    longest = before(LONGEST, 0.0)
    for name, number in less.items():
        held[name] = before(name, 0) - number
    held[LONGEST] = longest
    return less.get(LONGEST, 0.0)


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
    taken_off: dict[_Cell, float] = {}
    for at, name, stage, sign, text in _rows(connection, names, sums):
        buckets = found.setdefault(name, {}).setdefault(stage, {})
        counts = _decode(text)
        if sign < 0:
            longest = _take_off(buckets.setdefault(at, {}), counts)
            cell = name, stage, at
            taken_off[cell] = max(longest, taken_off.get(cell, 0.0))
        elif at in buckets:
            add_counts(buckets[at], counts)
        else:
            buckets[at] = counts
    _mend(connection, times, found, taken_off)
    kept = {
        name: {stage: buckets for stage, buckets in stages.items() if buckets}
        for name, stages in found.items()
    }
    return {name: stages for name, stages in kept.items() if stages}


def _mend(
    connection: sqlite3.Connection,
    times: Sequence[Bounds],
    found: Mapping[str, Mapping[str, dict[int, Counts]]],
    taken_off: Mapping[_Cell, float],
) -> None:
    """Let go of what is nothing, and find the longest durations that may have been taken off."""
    unsure: dict[_Cell, float] = {}
    for (name, stage, at), longest in taken_off.items():
        buckets = found[name][stage]
        left = {of: number for of, number in buckets[at].items() if number or of == LONGEST}
        if left.keys() <= {LONGEST}:
            del buckets[at]
            continue
        buckets[at] = left
        if longest >= left[LONGEST]:
            unsure[name, stage, at] = 0.0
    # The widest slots first: often one of them has the longest that there can be.
    for width in reversed(WIDTHS):
        _look_for_longest(connection, times, width, unsure)
        for cell, longest in list(unsure.items()):
            name, stage, at = cell
            if longest >= found[name][stage][at][LONGEST]:
                del unsure[cell]
    for (name, stage, at), longest in unsure.items():
        found[name][stage][at][LONGEST] = longest


def _look_for_longest(
    connection: sqlite3.Connection, times: Sequence[Bounds], width: int, unsure: dict[_Cell, float]
) -> None:
    """Take in what the slots of one width say of the longest durations in some times."""
    pieces = [
        (at, *piece, 1)
        for at in {at for _, _, at in unsure}
        for piece in pieces_of(*times[at], WIDTHS)
        if piece[0] == width
    ]
    names = list({name for name, _, _ in unsure})
    for at, name, stage, _, text in _rows(connection, names, pieces):
        cell = name, stage, at
        if cell in unsure:
            unsure[cell] = max(unsure[cell], _decode_longest(text).max_seconds)


def _rows(
    connection: sqlite3.Connection, names: Sequence[str], pieces: Sequence[tuple[int, ...]]
) -> Iterable[tuple[int, str, str, int, str]]:
    asked_for = {"pieces": text_of(pieces), "pipelines": text_of(names)}
    return connection.execute(query("statistics_counts"), asked_for)
