"""The projection of the run summaries: the fold of ``run_fold.py``, kept as rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from projections.projection import Row
from projections.read_model.queries import sql_file
from projections.runs.run_fold import evolve, initial, list_item
from projections.runs.run_state import ListItem, RunState

__all__ = ["NO_START", "RunRows", "encode_run", "metadata_text", "micros", "searched_text"]

NO_START = -(2**63)
"""Sorts a run of which no start is known behind all others."""

_encode = msgspec.json.Encoder().encode


class RunRows:
    """What is asked for of a run in ``runs`` and its kin, what is served in ``runs_details``."""

    name = "runs"
    version = 2
    state_type = RunState
    tables = sql_file("runs/runs.sql")
    indexes = sql_file("runs/runs_indexes.sql")

    # The fold itself, not a method around it: it is called for every event there is.
    initial = staticmethod(initial)
    evolve = staticmethod(evolve)

    def rows(self, state: RunState) -> Sequence[Row]:
        """Give the run's rows, and those of its metadata."""
        item = list_item(state)
        rows: list[Row] = [
            ("runs", _run_row(state, item)),
            ("runs_details", encode_run(state, item)),
        ]
        if state.failure_reason is not None:
            rows.append(("runs_reasons", (searched_text(state.failure_reason),)))
        for key, value in state.metadata.items():
            rows.append(("runs_metadata", (key, metadata_text(value))))
        return rows


def _run_row(state: RunState, item: ListItem) -> tuple[object, ...]:
    started, ended = state.started_at, state.ended_at
    return (
        NO_START if started is None else micros(started),
        None if ended is None else micros(ended),
        state.duration_seconds,
        state.result,
        state.pipeline,
        _stages_text(item.stages_executed, item.stages_failed),
        state.last_position,
        (state.last_position - state.first_position).bit_length(),
        int(state.is_ahead or (started is not None and ended is not None and started > ended)),
    )


def encode_run(state: RunState, item: ListItem | None = None) -> tuple[str, str]:
    """Give the list item and the attempts as they are served."""
    return _encode(item or list_item(state)).decode(), _encode(state.attempts.all()).decode()


@lru_cache(maxsize=4096)
def _stages_text(executed: Sequence[str], failed: Sequence[str]) -> str:
    return _encode((executed, failed)).decode()


def micros(text: str) -> int:
    """Turn a time of the log, 27 characters, into microseconds since 1970."""
    return _second(text[:19]) + int(text[20:26])


# Runs that follow each other share their seconds.
@lru_cache(maxsize=4096)
def _second(text: str) -> int:
    return round(datetime.fromisoformat(f"{text}Z").timestamp()) * 1_000_000


def metadata_text(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Give a value of the metadata as it is looked for: text as it is, the rest as its JSON."""
    return value if type(value) is str else _encode(value).decode()


def searched_text(text: str) -> str:
    """Give text as it is looked for: folded, and without NUL, where searches end."""
    return text.casefold().replace("\0", " ")
