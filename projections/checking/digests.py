"""The canonical digest of a projection: equal rows give equal digests, and no others do.

It is the same in every generation, however the rows came about: by one rebuild, by catching up in
any steps, by any version of SQLite. The definition, for whoever computes it again:

- The digest of a run is the SHA-256 of the MessagePack of ``[[table, [row, ...]], ...]``: the
  tables that hold rows of the run in the order of their names, the rows of each in the order of
  their own MessagePack. A row is the array of its values after ``run``, as SQLite gives them.
- The digest of the projection is the SHA-256 of the MessagePack of ``[run_id, digest]``, one after
  the other, for all runs of the model in the order of ``run``; and behind them, for each of its
  tables of tallies in the order of their names, of ``[table, row]`` for all rows in the order of
  their keys.

Name, version and position are not part of it; they are shown beside it.
"""

from __future__ import annotations

import sqlite3
from hashlib import sha256

import msgspec

from projections.checking.model_scan import ScannedRun, Values, scan, tables_of, tallies_of

__all__ = ["ProjectionDigest", "RunningDigest", "digest_of", "run_digest"]

_encode = msgspec.msgpack.Encoder().encode


class ProjectionDigest(msgspec.Struct, frozen=True):
    """What all rows of a projection come to: 64 hex digits, and how many runs and rows they are."""

    digest: str
    runs: int
    rows: int


def run_digest(run: ScannedRun) -> bytes:
    """Give the digest of the rows of one run, 32 bytes."""
    tables = [
        (name, sorted(rows, key=_encode) if len(rows) > 1 else rows)
        for name, rows in sorted(run.tables.items())
    ]
    return sha256(_encode(tables)).digest()


class RunningDigest:
    """Takes runs one after the other; memory does not grow with them."""

    def __init__(self) -> None:
        self._hash = sha256()
        self._runs = 0
        self._rows = 0

    def take(self, run: ScannedRun) -> bytes:
        """Take the next run, and give its own digest."""
        digest = run_digest(run)
        self._hash.update(_encode((run.run_id, digest)))
        self._runs += 1
        self._rows += sum(map(len, run.tables.values()))
        return digest

    def take_tally(self, table: str, row: Values) -> None:
        """Take the next row of the tallies, behind all runs."""
        self._hash.update(_encode((table, row)))
        self._rows += 1

    def result(self) -> ProjectionDigest:
        """Give what all that was taken comes to."""
        return ProjectionDigest(self._hash.hexdigest(), self._runs, self._rows)


def digest_of(connection: sqlite3.Connection, projection: str) -> ProjectionDigest:
    """Read all rows of a projection; the caller holds a transaction.

    Raises:
        sqlite3.DatabaseError: the model cannot be read.
    """
    digest = RunningDigest()
    for run in scan(connection, tables_of(connection, projection)):
        digest.take(run)
    for table, row in tallies_of(connection, projection):
        digest.take_tally(table, row)
    return digest.result()
