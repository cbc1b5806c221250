"""Which rows of a run belong together in two models, and which columns both have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from operator import itemgetter

import msgspec

from projections.checking.json_difference import shown
from projections.checking.model_scan import Table, Values

__all__ = ["ComparedColumns", "Pairing"]

_encode = msgspec.msgpack.Encoder().encode


class ComparedColumns:
    """Which columns of which tables both models have, and where they stand in the rows of each."""

    def __init__(self, old: Sequence[Table], new: Sequence[Table]) -> None:
        here, there = ({table.name: table for table in side} for side in (old, new))
        self.shape = tuple(_shape(here, there))
        self.tables = {
            name: Pairing(here[name], there[name]) for name in sorted(here.keys() & there.keys())
        }


def _shape(old: Mapping[str, Table], new: Mapping[str, Table]) -> Iterator[str]:
    for name in sorted(old.keys() | new.keys()):
        if name not in old or name not in new:
            yield f"{'new' if name not in old else 'removed'} table {name}"
            continue
        before, after = old[name].columns, new[name].columns
        yield from (f"new column {name}.{column}" for column in after if column not in before)
        yield from (f"removed column {name}.{column}" for column in before if column not in after)


class Pairing:
    """Pairs the rows that a run has in one table of both models.

    By their key where both have the same one. Else rows that are equal belong together, and what is
    left in order.
    """

    def __init__(self, old: Table, new: Table) -> None:
        shared = [name for name in new.columns if name in old.columns]
        self.name = old.name
        self.columns = [(name, old.columns.index(name), new.columns.index(name)) for name in shared]
        self._keys = (
            [tuple(map(table.columns.index, table.key)) for table in (old, new)]
            if old.key and old.key == new.key
            else None
        )

    def pairs(
        self, old: Sequence[Values], new: Sequence[Values]
    ) -> Iterator[tuple[str, Values | None, Values | None]]:
        """Yield the rows that belong together, and how a person finds them."""
        if self._keys is None:
            yield from self._leftover(old, new)
            return
        mine, theirs = (
            {tuple(row[at] for at in key): row for row in rows}
            for key, rows in zip(self._keys, (old, new), strict=True)
        )
        for key in mine | theirs:
            yield f"[{', '.join(map(shown, key))}]", mine.get(key), theirs.get(key)

    def _leftover(
        self, old: Sequence[Values], new: Sequence[Values]
    ) -> Iterator[tuple[str, Values | None, Values | None]]:
        several = max(len(old), len(new)) > 1
        mine = _coded(old, [at for _, at, _ in self.columns])
        theirs = _coded(new, [at for _, _, at in self.columns])
        equal = Counter(code for code, _ in mine) & Counter(code for code, _ in theirs)
        left = zip_longest(_without(mine, equal), _without(theirs, equal))
        for at, (here, there) in enumerate(left):
            yield (f"[{at}]" if several else ""), here, there


def _coded(rows: Sequence[Values], places: Sequence[int]) -> list[tuple[bytes, Values]]:
    """Put rows in the order of the values at some places, encoded, and give those with them."""
    coded = [(_encode([row[at] for at in places]), row) for row in rows]
    return sorted(coded, key=itemgetter(0))


def _without(rows: Sequence[tuple[bytes, Values]], equal: Counter[bytes]) -> Iterator[Values]:
    """Leave out the rows that have their equal on the other side."""
    left_out = equal.copy()
    for code, row in rows:
        if left_out[code]:
            left_out[code] -= 1
        else:
            yield row
