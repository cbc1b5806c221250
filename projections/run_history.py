"""``RunHistory``: the questions people ask of their runs, answered from the read model.

Every answer sees all that was acknowledged before it was asked: it catches up itself, or waits for
the process that is projecting.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ledger import LogReader
from ledger.errors import InvalidEvent
from ledger.events import Result, WriterIdentity
from ledger.fields import RUN_ID
from ledger.fork_safety import forget_in_children
from ledger.sound_reading import OutOfReach
from projections.errors import ProjectionBehind, ReadModelUnusable
from projections.liveness import judge_liveness
from projections.out_of_reach import ranges_of
from projections.projector import PATIENCE, Projector
from projections.queries import query
from projections.read_model import is_broken, read_checkpoint
from projections.run_summary import RunSummary

__all__ = ["RESULTS", "RunHistory", "RunsPage"]

RESULTS: tuple[Result, ...] = ("success", "failed", "stopped")
_UNKNOWN_LIVENESS = '"liveness":null}'
_AFTER_ALL_IDS = "\x7f"
_LOOKS = 5

# The name of a query and its values.
_Question = tuple[str, tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class RunsPage:
    """A list of runs as the JSON that is served, and the position it reflects."""

    items: Sequence[str]
    total: int
    position: int
    out_of_reach: Sequence[OutOfReach] = ()

    def encode(self) -> bytes:
        """Encode as ``{"runs": […], "total": N}``."""
        return f'{{"runs":[{",".join(self.items)}],"total":{self.total}}}'.encode()


class RunHistory:
    """The runs of one ledger. Safe to share between threads and with forked children."""

    def __init__(self, folder: Path | str, *, patience: float = PATIENCE) -> None:
        """Read the ledger in ``folder``.

        Args:
            folder: the data folder.
            patience: seconds to wait for another process that is projecting.

        Raises:
            LedgerNotFound: there is none; reading never creates one.
        """
        self.reader = LogReader(folder)
        self._projector = Projector(self.reader, patience=patience)
        self._guard = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._path: Path | None = None
        self._inode: tuple[int, int] | None = None
        self._inherited: sqlite3.Connection | None = None
        forget_in_children(self)

    def list_runs(self, *, limit: int = 100, result_filter: str | None = None) -> list[RunSummary]:
        """List runs, newest first.

        Args:
            limit: how many at most.
            result_filter: only runs with this result: ``success``, ``failed`` or ``stopped``.

        Raises:
            InvalidEvent: the limit or the result is not one; names the argument.
        """
        rows, *_ = self._newest(limit, result_filter)
        return [RunSummary.model_validate_json(self._detail(*row)) for row in rows]

    def runs_page(self, *, limit: int = 100, result_filter: str | None = None) -> RunsPage:
        """List runs as ``list_runs`` does, as encoded JSON without attempts, with a total."""
        rows, total, lost, position = self._newest(limit, result_filter)
        items = [self._judged(item) for item, _ in rows]
        return RunsPage(items, total, position, ranges_of(lost))

    def _newest(
        self, limit: int, result: str | None
    ) -> tuple[list[tuple[str, str]], int, list[Sequence[object]], int]:
        """Give the rows, how many runs match, what is out of reach, and the position of all."""
        if limit < 1:
            raise InvalidEvent("limit", f"{limit} is not a whole number from 1 up")
        limit = min(limit, sys.maxsize)
        newest: _Question = ("newest_runs", (limit,))
        if result is not None:
            newest = ("newest_runs_by_result", (result, limit))
        lost_too: _Question = ("out_of_reach", ())
        (rows, [(total,)], lost), position = self._ask(newest, _count(result), lost_too)
        return rows, total, lost, position

    def get_run(self, run_id: str) -> RunSummary | None:
        """Give one run; None when it is unknown."""
        detail = self.run_json(run_id)
        return None if detail is None else RunSummary.model_validate_json(detail)

    def run_json(self, run_id: str) -> str | None:
        """Give one run as the JSON that is served; None when it is unknown."""
        if not RUN_ID.fullmatch(run_id):
            return None
        (rows,), _ = self._ask(("one_run", (run_id,)))
        return self._detail(*rows[0]) if rows else None

    def get_run_count(self, *, result_filter: str | None = None) -> int:
        """Count the runs, or those with one result."""
        ([(total,)],), _ = self._ask(_count(result_filter))
        return int(total)

    def running_runs(self) -> list[RunSummary]:
        """List all runs that have no end yet, newest first."""
        (rows,), _ = self._ask(("running_runs", ()))
        return [RunSummary.model_validate_json(self._detail(*row)) for row in rows]

    def find_run_ids(self, prefix: str, *, limit: int = 10) -> list[str]:
        """Find the run ids that begin with ``prefix``."""
        if prefix and not RUN_ID.fullmatch(prefix):
            return []
        (rows,), _ = self._ask(("runs_by_prefix", (prefix, prefix + _AFTER_ALL_IDS, limit)))
        return [run_id for (run_id,) in rows]

    def out_of_reach(self) -> list[OutOfReach]:
        """List what a damaged log did not let be read; empty where the log is sound."""
        (rows,), _ = self._ask(("out_of_reach", ()))
        return ranges_of(rows)

    def standing(self) -> tuple[int, list[OutOfReach]]:
        """Give the position that answers reflect now, and what is out of reach up to there."""
        (rows,), position = self._ask(("out_of_reach", ()))
        return position, ranges_of(rows)

    def catch_up(self) -> int:
        """Bring the view to all that is durable now, and give the position it reflects."""
        _, position = self._ask()
        return position

    def dump(self) -> list[tuple[str, str, str]]:
        """Give every row (run id, list item, attempts) in order; equal views give equal dumps."""
        (rows,), _ = self._ask(("dump_runs", ()))
        return rows

    def _ask(self, *questions: _Question) -> tuple[list[list[Any]], int]:
        """Answer named queries from one state of the model, and give that state's position.

        A model that cannot be read is built anew, and asked once more.
        """
        with self._guard, _errors_of_ours(self._projector.models.path):
            try:
                return self._answer(questions)
            except BaseException as error:
                broken = self._path
                self._disconnect()
                if broken is None or not is_broken(error):
                    raise
            self._projector.replace_broken(broken)
            return self._answer(questions)

    def _answer(self, questions: Sequence[_Question]) -> tuple[list[list[Any]], int]:
        connection, position = self._begin()
        try:
            return [
                connection.execute(query(name), values).fetchall() for name, values in questions
            ], position
        finally:
            connection.rollback()

    def _begin(self) -> tuple[sqlite3.Connection, int]:
        """Begin to read one state of a model that has caught up, and give its position.

        One look is not always enough: another process may just have switched to a generation that
        is still behind, or somebody may have removed the file.
        """
        target = self.reader.position
        position = 0
        for _ in range(_LOOKS):
            connection = self._connect()
            if connection is not None:
                connection.execute("BEGIN")
                position = self._position(connection, target)
                if position >= target:
                    return connection, position
                connection.rollback()
            self._projector.catch_up(target)
        raise ProjectionBehind(position, target, None)

    def _connect(self) -> sqlite3.Connection | None:
        """Follow a switch of generation; give None where there is no model that can be used."""
        path = self._projector.models.current()
        inode = _inode_of(path)
        if inode != self._inode:
            self._disconnect()
        if self._connection is None and path is not None:
            self._connection = self._projector.open_to_read(path)
            self._path, self._inode = path, inode
        return self._connection

    def _position(self, connection: sqlite3.Connection, target: int) -> int:
        checkpoint = read_checkpoint(connection)
        if checkpoint is None or self._path is None:
            return 0
        if checkpoint.position > target:
            # The log has grown since it was asked for its position, or it was cut.
            self._projector.check_same_log(self._path, checkpoint)
        return checkpoint.position

    def _detail(self, item: str, attempts: str) -> str:
        """Put the detail together: the list item, to the byte, and the attempts."""
        return f'{self._judged(item)[:-1]},"attempts":{attempts}}}'

    def _judged(self, item: str) -> str:
        """Fill in the liveness of a run that has not ended, which depends on the clock."""
        run: dict[str, Any] = json.loads(item) if '"result":null' in item else {}
        if not run or run["result"] is not None:
            return item
        writer = run["writer"] and WriterIdentity.model_validate(run["writer"])
        last = run["last_event_at"] and datetime.fromisoformat(run["last_event_at"])
        liveness = judge_liveness(
            self.reader.folder, run["run_id"], writer, last, datetime.now(UTC)
        )
        return item.removesuffix(_UNKNOWN_LIVENESS) + f'"liveness":"{liveness}"}}'

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = self._path = self._inode = None

    def forget_in_child(self) -> None:
        """In a forked child: leave the parent's connection alone; the next question opens one."""
        self._inherited, self._connection = self._connection, None
        self._guard = threading.Lock()

    def close(self) -> None:
        """Let go of the connection. Closing twice does nothing."""
        with self._guard:
            self._disconnect()

    def __enter__(self) -> Self:
        """Give the history itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self.close()


@contextmanager
def _errors_of_ours(folder: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise ReadModelUnusable(folder, str(error)) from error


def _check_result(result: str | None) -> None:
    if result is not None and result not in RESULTS:
        raise InvalidEvent("result", f"{result!r} is not one of {', '.join(RESULTS)}")


def _count(result: str | None) -> _Question:
    _check_result(result)
    return ("count_all", ()) if result is None else ("count_by_result", (result,))


def _inode_of(path: Path | None) -> tuple[int, int] | None:
    """Tell a file from another one of the same name, made after it was removed."""
    if path is None:
        return None
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino
