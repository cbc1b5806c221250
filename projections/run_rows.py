"""The projection of the run summaries: the fold of ``run_fold.py``, kept as rows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from projections.projection import Row
from projections.queries import sql_file
from projections.run_fold import evolve, initial, list_values
from projections.run_state import RunState

__all__ = ["NO_START", "RunRows", "metadata_text", "micros"]

NO_START = -(2**63)
"""Sorts a run of which no start is known behind all others."""

_encode = msgspec.json.Encoder().encode


class RunRows:
    """One row a run in ``runs``, and one a key of its metadata in ``runs_metadata``."""

    name = "runs"
    version = 1
    state_type = RunState
    tables = sql_file("runs.sql")
    indexes = sql_file("runs_indexes.sql")

    # The fold itself, not a method around it: it is called for every event there is.
    initial = staticmethod(initial)
    evolve = staticmethod(evolve)

    def rows(self, state: RunState) -> Iterable[Row]:
        """Give the run's row, and those of its metadata."""
        yield "runs", _run_row(state)
        for key, value in state.metadata.items():
            yield "runs_metadata", (key, metadata_text(value))


def _run_row(state: RunState) -> tuple[object, ...]:
    values = list_values(state)
    first = state.first_position
    return (
        NO_START if state.started_at is None else micros(state.started_at),
        None if state.ended_at is None else micros(state.ended_at),
        state.duration_seconds,
        state.result,
        state.pipeline,
        _encode((values["stages_executed"], values["stages_failed"])).decode(),
        state.failure_reason,
        state.last_position,
        (state.last_position - first).bit_length(),
        int(state.is_ahead),
        _encode(values).decode(),
        _encode(state.attempts).decode(),
    )


def micros(text: str) -> int:
    """Turn a time of the log into microseconds since 1970."""
    whole, micro = datetime.fromisoformat(text).timestamp().__floor__(), int(text[20:26])
    return whole * 1_000_000 + micro


def metadata_text(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Give a value of the metadata as it is looked for: text as it is, the rest as its JSON."""
    return value if isinstance(value, str) else _encode(value).decode()
