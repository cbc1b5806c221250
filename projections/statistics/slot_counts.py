"""What the slots of the statistics hold, added up to what was asked for.

All counts of a slot are one number here, with 64 bits for each name that a count has. So slots are
added and taken off in one step each, however many counts they hold.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from struct import pack, unpack

import msgspec

from projections.engine.tallies import Number
from projections.read_model.queries import query
from projections.statistics.statistics_rows import WIDTHS
from projections.statistics.time_buckets import Bounds, pieces_of, sums_of

__all__ = ["WORDS", "StageSums", "tallied", "text_of"]

WORDS = ("success", "failed", "stopped", "retries", "flaky")
"""The names of counts that are not of durations."""

_LONGEST = "max_seconds"
_FORMAT, _BYTES = "<%dQ", 8

_Slots = tuple[int, int, int]
"""Slots that follow each other: how long each is, and from when to when they go."""

_Uses = Sequence[tuple[int, int]]
"""To which times slots are added, or from which they are taken off: places, with 1 or -1."""

_Counts = dict[str, Number]
"""Numbers by their names, as ``statistics_rows.py`` gives them."""


class _Longest(msgspec.Struct, frozen=True):
    max_seconds: float = 0.0


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Counts).decode
_decode_longest = msgspec.json.Decoder(_Longest).decode


def text_of(value: object) -> str:
    """Give a list as a query takes it."""
    return _encode(value).decode()


class StageSums:
    """What ended of one stage of a pipeline, or of its runs, in some times.

    Attributes:
        sums: of the counts, by the place of the time; only where something ended.
        longest: durations in seconds, likewise.
        buckets: of the histogram, in order, into which any of the durations fell.
    """

    __slots__ = ("_nothing", "_places", "_taken_off", "buckets", "longest", "sums")

    def __init__(self) -> None:
        self.buckets: Sequence[str] = ()
        self.sums: dict[int, int] = {}
        self.longest: dict[int, float] = {}
        self._taken_off: dict[int, float] = {}
        self._nothing: _Counts = dict.fromkeys(WORDS, 0)
        self._places: Sequence[int] = ()

    def put(self, text: str, uses: _Uses) -> None:
        """Add what a slot holds to some times, and take it off others."""
        counts = _decode(text)
        longest = counts.pop(_LONGEST, 0.0)
        # In the order in which names first came: what was put together before stays as it is.
        counts = self._nothing | counts
        if len(counts) > len(self._nothing):
            self._nothing = dict.fromkeys(counts, 0)
        number = int.from_bytes(pack(_FORMAT % len(counts), *counts.values()), "little")
        sums = self.sums
        for at, sign in uses:
            if sign > 0:
                sums[at] = sums.get(at, 0) + number
                durations = self.longest
            else:
                sums[at] = sums.get(at, 0) - number
                durations = self._taken_off
            if longest > durations.get(at, -1.0):
                durations[at] = longest

    def settle(self) -> set[int]:
        """Let go of where nothing is left; tell where the longest may be one that was taken off."""
        names = list(self._nothing)
        self._places = sorted(range(len(WORDS), len(names)), key=names.__getitem__)
        self.buckets = [names[place] for place in self._places]
        self.sums = {at: number for at, number in self.sums.items() if number}
        taken_off = self._taken_off.items()
        return {at for at, off in taken_off if at in self.sums and off >= self.longest[at]}

    def apart(self, number: int) -> tuple[Sequence[int], Sequence[int]]:
        """Give the counts in a sum, or in several together: of ``WORDS``, and of ``buckets``."""
        size = len(self._nothing)
        counts = unpack(_FORMAT % size, number.to_bytes(_BYTES * size, "little"))
        return counts[: len(WORDS)], list(map(counts.__getitem__, self._places))


def tallied(
    connection: sqlite3.Connection, names: Sequence[str], times: Sequence[Bounds]
) -> Iterator[tuple[str, Mapping[str, StageSums]]]:
    """Add up what ended in some times.

    Args:
        connection: to the read model.
        names: of the pipelines.
        times: when each begins and ends, on quarters of an hour.

    Yields:
        The name of a pipeline in which something ended, and its sums by stage.
    """
    # An hour that is taken off one day is often added to the next: it is read once.
    uses: dict[_Slots, list[tuple[int, int]]] = {}
    for at, (begin, end) in enumerate(times):
        for width, first, last, sign in sums_of(begin, end, WIDTHS):
            uses.setdefault((width, first, last), []).append((at, sign))
    by_place = list(uses.values())
    rows = _rows(connection, names, list(uses))
    for name, of_pipeline in groupby(rows, key=itemgetter(1)):
        sums: defaultdict[str, StageSums] = defaultdict(StageSums)
        for place, _, stage, text in of_pipeline:
            sums[stage].put(text, by_place[place])
        _settle(connection, name, sums, times)
        ended = {stage: one for stage, one in sums.items() if one.sums}
        if ended:
            yield name, ended


def _settle(
    connection: sqlite3.Connection,
    name: str,
    sums: Mapping[str, StageSums],
    times: Sequence[Bounds],
) -> None:
    """Find the longest durations where they may have been taken off."""
    unsure = {(stage, at): 0.0 for stage, one in sums.items() for at in one.settle()}
    # The widest slots first, of which one often has the longest that there can be.
    slots = {at: _slots_of(times[at]) for at in {at for _, at in unsure}}
    for some in (slice(1), slice(1, None)):
        looked_at = [(at, slot) for at in {at for _, at in unsure} for slot in slots[at][some]]
        for place, _, stage, text in _rows(connection, [name], [slot for _, slot in looked_at]):
            cell = stage, looked_at[place][0]
            if cell in unsure:
                unsure[cell] = max(unsure[cell], _decode_longest(text).max_seconds)
        for (stage, at), longest in list(unsure.items()):
            if longest >= sums[stage].longest[at]:
                del unsure[stage, at]
    for (stage, at), longest in unsure.items():
        sums[stage].longest[at] = longest


def _slots_of(time: Bounds) -> list[_Slots]:
    """Cut a time into single slots, the widest first."""
    return [
        (width, slot, slot + width)
        for width, first, last in sorted(pieces_of(*time, WIDTHS), reverse=True)
        for slot in range(first, last, width)
    ]


def _rows(
    connection: sqlite3.Connection, names: Sequence[str], slots: Sequence[_Slots]
) -> Iterable[tuple[int, str, str, str]]:
    """Read what slots hold, by pipeline, each with the place of the slots among those asked for."""
    asked_for = {"slots": text_of(slots), "pipelines": text_of(names)}
    return connection.execute(query("statistics_counts"), asked_for)
