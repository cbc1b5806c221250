"""What an error of a view says: what happened, where, and what to do."""

from __future__ import annotations

from pathlib import Path

from ledger import LedgerError
from projections.errors import ProjectionBehind, ReadModelOfAnotherLog


def test_who_waited_in_vain_learns_for_whom() -> None:
    """The positions tell how far behind it is, the pid which process to look at."""
    assert str(ProjectionBehind(7, 9, 4711)) == (
        "the read model is at position 7, the log at 9;"
        " process 4711 is projecting and did not finish in time"
    )
    assert "; another process is projecting" in str(ProjectionBehind(7, 9, None))


def test_the_alarm_names_the_model_the_place_and_a_way_out() -> None:
    """A person decides which of the two is wrong; a model that is can be removed."""
    error = ReadModelOfAnotherLog(Path("runs/read-models/000001.sqlite"), 7, "it is shorter")

    assert str(error) == (
        "runs/read-models/000001.sqlite does not belong to this log at position 7: it is shorter;"
        " find out whether the log was cut or replaced,"
        " and if it is right, remove runs/read-models"
    )


def test_an_error_of_a_view_is_one_of_the_ledger() -> None:
    """Whoever catches LedgerError catches everything."""
    assert issubclass(ProjectionBehind, LedgerError)
    assert issubclass(ReadModelOfAnotherLog, LedgerError)
