"""Whether the view is up to date and whole, as it is: asking does not catch it up."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from ledger import LogReader
from projections.engine.projector import Projector
from projections.read_model.current_model import reading_current
from projections.read_model.degraded import degraded_of
from projections.read_model.out_of_reach import ranges_of
from projections.read_model.queries import query

__all__ = ["Readiness", "readiness"]

_MOST_LAG = 10_000


class Readiness(BaseModel):
    """What keeps answers from being whole and up to date: all is well where each is 0.

    Attributes:
        position: the last durable one.
        lag_events: how many events the view lacks.
        parked_events: how many events a projection could not take.
        damaged_positions: how many positions of the log cannot be read.
    """

    model_config = ConfigDict(frozen=True)

    position: int
    lag_events: int
    parked_events: int
    damaged_positions: int

    @property
    def reasons(self) -> list[str]:
        """Say why answers are not whole or not up to date; nothing where they are."""
        said = {
            f"the view lacks {self.lag_events} events": self.lag_events > _MOST_LAG,
            f"{self.parked_events} events could not be taken (runfold projections --parked)": bool(
                self.parked_events
            ),
            f"{self.damaged_positions} positions cannot be read (runfold verify)": bool(
                self.damaged_positions
            ),
        }
        return [reason for reason, holds in said.items() if holds]


def readiness(reader: LogReader) -> Readiness:
    """Tell how far the view is, and what it lacks.

    Raises:
        ReadModelOfAnotherLog: the log is not the one that the view was built from.
        ReadModelUnusable: the view cannot be read.
    """
    position = reader.position
    with reading_current(reader, Projector(reader)) as current:
        if current is None:
            return Readiness(
                position=position, lag_events=position, parked_events=0, damaged_positions=0
            )
        connection = current.connection
        degraded = degraded_of(connection.execute(query("degraded")))
        lost = ranges_of(connection.execute(query("out_of_reach")))
        return Readiness(
            position=position,
            lag_events=max(position - current.checkpoint.position, 0),
            parked_events=sum(one.count for one in degraded),
            damaged_positions=sum(one.count for one in lost),
        )
