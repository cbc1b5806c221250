"""Compare what two read models hold of one projection, run by run and field by field.

Plan. Both are read in the order of ``run``, in step, and their digests computed on the way: only
the rows of runs whose digests differ are looked at. Memory is bounded by the rows of one run, and
by the samples, of which a few are kept for each field; all differences are counted.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping

import msgspec

from projections.checking.digests import ProjectionDigest, RunningDigest
from projections.checking.json_difference import mismatches, shown
from projections.checking.model_scan import ScannedRun, Values, scan, tables_of, tallies_of
from projections.checking.row_pairing import ComparedColumns, Pairing
from projections.read_model.row_store import projected

__all__ = ["SAMPLES", "Comparison", "Difference", "Side", "compare"]

SAMPLES = 10
"""How many differences of each field are shown unless said."""

_MOST_FIELDS = 500
_RUN = "run"


class Side(msgspec.Struct, frozen=True):
    """A projection as one of two models holds it."""

    version: int
    content: ProjectionDigest


class Difference(msgspec.Struct, frozen=True):
    """One place in which a run differs.

    Attributes:
        run: the position of the run's first event.
        run_id: the run; empty where rows belong to no run that has an id.
        field: the table, the column and, where that holds JSON, the path in it; ``run`` where one
            model does not have the run at all. What is counted.
        place: the same, with what tells the rows of a run and the elements of a list apart.
        old: the value in the first model, as JSON, shortened; None where it has none.
        new: likewise in the second.
    """

    run: int
    run_id: str
    field: str
    place: str
    old: str | None
    new: str | None


class Comparison(msgspec.Struct, frozen=True):
    """How a projection differs between two models.

    Attributes:
        projection: its name.
        old: what the first model holds of it; None where it is not in there.
        new: likewise for the second.
        differing: how many runs differ, those that only one model has included.
        only_old: runs that only the first model has.
        only_new: runs that only the second model has.
        shape: tables and columns that only one of them has, which are not compared.
        fields: how many runs differ in each field.
        samples: the first differences of each field.
    """

    projection: str
    old: Side | None
    new: Side | None
    differing: int = 0
    only_old: int = 0
    only_new: int = 0
    shape: tuple[str, ...] = ()
    fields: Mapping[str, int] = {}
    samples: tuple[Difference, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether both hold the same, whatever version they call it."""
        return bool(self.old and self.new and not self.differing and not self.shape)

    @property
    def same_digest(self) -> bool:
        """Whether both have it, with the same digest."""
        return bool(self.old and self.new and self.old.content == self.new.content)


def compare(
    old: sqlite3.Connection,
    new: sqlite3.Connection,
    projection: str,
    *,
    samples: int | None = SAMPLES,
) -> Comparison:
    """Compare a projection in two models; the caller holds a transaction in each.

    Args:
        old: the first model.
        new: the second.
        projection: its name; a model that does not have it is said to lack it, not compared.
        samples: how many differences of each field to keep; None is all.

    Raises:
        sqlite3.DatabaseError: a model cannot be read.
    """
    tally = _Tally(samples)
    tables = [tables_of(connection, projection) for connection in (old, new)]
    digests = RunningDigest(), RunningDigest()
    columns = ComparedColumns(*tables)
    for here, there in _in_step(scan(old, tables[0]), scan(new, tables[1])):
        mine = here and digests[0].take(here)
        theirs = there and digests[1].take(there)
        if mine != theirs or columns.shape or (here and here.run_id) != (there and there.run_id):
            tally.take(here, there, columns)
    for connection, digest in zip((old, new), digests, strict=True):
        for table, row in tallies_of(connection, projection):
            digest.take_tally(table, row)
    sides = [
        Side(version, digest.result()) if version else None
        for version, digest in zip(
            (projected(old).get(projection), projected(new).get(projection)), digests, strict=True
        )
    ]
    return tally.result(projection, (sides[0], sides[1]), columns.shape)


def _in_step(
    old: Iterator[ScannedRun], new: Iterator[ScannedRun]
) -> Iterator[tuple[ScannedRun | None, ScannedRun | None]]:
    here, there = next(old, None), next(new, None)
    while here is not None or there is not None:
        if there is None or (here is not None and here.run < there.run):
            yield here, None
            here = next(old, None)
        elif here is None or there.run < here.run:
            yield None, there
            there = next(new, None)
        else:
            yield here, there
            here, there = next(old, None), next(new, None)


class _Tally:
    """Counts differences, and keeps the first of each field."""

    def __init__(self, samples: int | None) -> None:
        self._most = samples
        self._fields: Counter[str] = Counter()
        self._kept: Counter[str] = Counter()
        self._samples: list[Difference] = []
        self._differing = self._only_old = self._only_new = 0

    def take(
        self, old: ScannedRun | None, new: ScannedRun | None, columns: ComparedColumns
    ) -> None:
        """Count in which fields a run differs, if it does."""
        self._only_old += new is None
        self._only_new += old is None
        fields: set[str] = set()
        for difference in _differences(old, new, columns):
            field = self._counted(difference.field, fields)
            fields.add(field)
            if self._most is None or self._kept[field] < self._most:
                self._kept[field] += 1
                self._samples.append(difference)
        self._fields.update(fields)
        self._differing += bool(fields)

    def _counted(self, field: str, others: set[str]) -> str:
        """Give what a field is counted as: keys of JSON can be any number of names.

        Beyond a number of fields, a column stands for all that is in it.
        """
        known = field in self._fields or field in others
        room = len(self._fields) + len(others) < _MOST_FIELDS
        return field if known or room else ".".join(re.split(r"[.\[]", field)[:2])

    def result(
        self, projection: str, sides: tuple[Side | None, Side | None], shape: tuple[str, ...]
    ) -> Comparison:
        """Give what all that was taken comes to."""
        return Comparison(
            projection,
            *sides,
            self._differing,
            self._only_old,
            self._only_new,
            shape,
            dict(sorted(self._fields.items())),
            tuple(self._samples),
        )


def _differences(
    old: ScannedRun | None, new: ScannedRun | None, columns: ComparedColumns
) -> Iterator[Difference]:
    """Yield each place in which a run differs."""
    run = new or old
    if run is None:
        return
    if old is None or new is None:
        texts = [None if side is None else _row_count(side) for side in (old, new)]
        yield Difference(run.run, run.run_id, _RUN, _RUN, *texts)
        return
    if old.run_id != new.run_id:
        yield Difference(
            run.run, run.run_id, "run_id", "run_id", shown(old.run_id), shown(new.run_id)
        )
    for name, pairing in columns.tables.items():
        for key, here, there in pairing.pairs(old.tables.get(name, ()), new.tables.get(name, ())):
            for field, place, before, after in _in_rows(pairing, key, here, there):
                yield Difference(run.run, run.run_id, field, place, before, after)


def _row_count(run: ScannedRun) -> str:
    count = sum(map(len, run.tables.values()))
    return f"{count} row{'' if count == 1 else 's'}"


def _in_rows(
    pairing: Pairing, key: str, old: Values | None, new: Values | None
) -> Iterator[tuple[str, str, str | None, str | None]]:
    table = pairing.name
    if old is None or new is None:
        texts = [None if row is None else shown(list(row)) for row in (old, new)]
        yield table, f"{table}{key}", texts[0], texts[1]
        return
    for column, at, to in pairing.columns:
        for path, field, before, after in mismatches(old[at], new[to]):
            yield f"{table}.{column}{field}", f"{table}{key}.{column}{path}", before, after
