"""The one call of the contract kit: every law, on a log that is given or on sample logs."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ledger.disk.folder import LedgerFolder
from projections.projection import Projection, check_parts
from projections.testing.fold_laws import check_fold
from projections.testing.kept_rows import KeptRows
from projections.testing.model_laws import check_another_process, check_model, runs_of
from projections.testing.sample_logs import sample_logs
from projections.testing.scratch_log import ScratchLog

__all__ = ["check_projection"]

_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of a random name is made in it
_SMALL = 1 << 20


def check_projection(
    projection: Projection[Any],
    log: Path | str | Sequence[bytes] | None = None,
    *,
    moving: Collection[str] = (),
) -> None:
    """Check that a projection keeps every law of ``LAWS``.

    Args:
        projection: an instance, as it would be registered.
        log: a data folder, which is only read; or the lines of a log, without their newlines. None
            takes the sample logs, and another process, too.
        moving: columns that say where a run stands and so move with any event, known or not: as
            ``table.column``, or ``table.column.key`` for a key of a JSON object in a column.

    Raises:
        ContractBroken: it breaks a law; names the law, the run, the position and the difference.
        ProjectionInvalid: it is none, or its name or its tables are not right.
        LedgerDamaged: the log is not one.
        ValueError: ``moving`` names a column that is not there.
    """
    rows = KeptRows(check_parts(_name_of(projection), projection), moving)
    for number, lines in enumerate(sample_logs() if log is None else [log]):
        with TemporaryDirectory(prefix="runfold-contract-", dir=_place_for(lines)) as place:
            scratch = ScratchLog(Path(place), lines, rows)
            for run_id, events in runs_of(scratch.events).items():
                check_fold(rows, run_id, events)
            check_model(rows, scratch, seed=number)
            if log is None and number == 0:
                check_another_process(rows, scratch)


def _name_of(given: object) -> str:
    return getattr(given, "__qualname__", type(given).__qualname__)


def _place_for(log: Path | str | Sequence[bytes]) -> Path | None:
    """Choose where a scratch log goes: a short one into memory, as its models are synced a lot."""
    if isinstance(log, Path | str):
        size = sum(path.stat().st_size for path in LedgerFolder(Path(log)).events.glob("*"))
    else:
        size = sum(map(len, log))
    return _MEMORY if size < _SMALL and os.access(_MEMORY, os.W_OK) else None
