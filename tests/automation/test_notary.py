"""When a server signs: at each rotation, and once an interval if the log has grown."""

from __future__ import annotations

from pathlib import Path

import pytest

from automation.notary import Notary
from ledger import EventLog, LogReader
from ledger.errors import LedgerReplaced
from ledger.evidence.signed_note import SigningKey
from ledger.evidence.tree_head import origin_of, stored_tree_head
from tests.ledger.examples import acknowledgement


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    """Open a log whose segments hold a few events each."""
    return EventLog.open(tmp_path / "log", segment_bytes=2_000)


def notary_of(log: EventLog, interval: float) -> tuple[Notary, LogReader]:
    """Give a notary of the log with a key of its own."""
    reader = LogReader(log.folder.path)
    key = SigningKey.generate(origin_of(reader.identity))
    return Notary(reader, key, interval=interval), reader


def test_what_grew_is_signed_once(log: EventLog) -> None:
    """The head reaches the durable position; with nothing new, nothing is signed again."""
    notary, reader = notary_of(log, 0.0)
    log.append(acknowledgement())

    head = notary.sign_if_due()

    assert head is not None
    assert head.size == log.position
    assert stored_tree_head(reader.folder) == head
    assert notary.sign_if_due() is None
    log.append(acknowledgement())
    again = notary.sign_if_due()
    assert again is not None
    assert again.size == head.size + 1


def test_within_an_interval_only_a_rotation_is_signed(log: EventLog) -> None:
    """A few appends wait for the minute; a new segment does not."""
    notary, reader = notary_of(log, 3_600.0)
    assert notary.sign_if_due() is not None
    log.append(acknowledgement())
    assert notary.sign_if_due() is None

    while len(reader.folder.segments()) == 1:
        log.append(acknowledgement())

    head = notary.sign_if_due()
    assert head is not None
    assert head.size == log.position


def test_a_log_that_lost_what_was_signed_is_not_signed(log: EventLog, tmp_path: Path) -> None:
    """A rollback to an older copy is an error, and the head that tells of it stays."""
    log.append(acknowledgement())
    segment = log.folder.segment(1)
    older, older_lock = segment.read_bytes(), log.folder.lock.read_bytes()
    log.append(acknowledgement())
    notary, reader = notary_of(log, 0.0)
    head = notary.sign_if_due()
    log.close()
    segment.write_bytes(older)
    (tmp_path / "log" / "lock").write_bytes(older_lock)

    with pytest.raises(LedgerReplaced):
        notary.sign_if_due()

    assert stored_tree_head(reader.folder) == head
