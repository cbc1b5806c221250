"""``EventLog``: what an append promises, what a read promises, and what is refused."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import uuid
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import EventLog, LogReader, NewEvent, Receipt, RecordedEvent
from ledger.errors import (
    EventIdConflict,
    EventTooLarge,
    IllegalTransition,
    InvalidEvent,
    LedgerDamaged,
    LedgerNotFound,
    LedgerReplaced,
    LedgerUnwritable,
    LockTimeout,
    SequenceConflict,
)
from ledger.events import FailureAcknowledged, LedgerCreated, RunAnnotated, UnreadData
from ledger.line.codec import MAX_BATCH, encode_body, encode_line
from ledger.secrets.redaction import Redaction
from tests.ledger.examples import (
    acknowledgement,
    event_id,
    one_run,
    payload,
    run_abandoned,
    run_annotated,
    run_ended,
    run_started,
    stage_completed,
    stage_failed,
    stage_started,
)
from tests.ledger.processes import finish, running, say_of, start
from tests.ledger.strategies import valid_runs
from tests.ledger.witness import assert_whole, mark_of, raw_lines, segments_of, snapshot


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Name a data folder that is not there yet."""
    return tmp_path / "deep" / "runs"


@pytest.fixture
def log(folder: Path) -> Iterator[EventLog]:
    """Open a new log."""
    with EventLog.open(folder) as opened:
        yield opened


@pytest.fixture(scope="module")
def long_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a log of a hundred events in several segments, to be read."""
    folder = tmp_path_factory.mktemp("long")
    with EventLog.open(folder, segment_bytes=4096) as opened:
        for number in range(24):
            opened.append_batch(one_run(f"run-{number % 12}-{number // 12}"))
        for _ in range(3):
            opened.append(acknowledgement())
    assert len(segments_of(folder)) > 5
    return folder


def test_a_receipt_says_where_the_event_lies(log: EventLog, folder: Path) -> None:
    """Position, sequence and leaf hash are those of the line on disk, and it is durable."""
    event = run_started("run-1")

    receipt = log.append(event)

    leaf = hashlib.sha256(b"\x00" + raw_lines(folder)[1]).hexdigest()
    assert receipt == Receipt(event.event_id, "run-1", 2, 1, leaf, durable=True)


def test_sequences_count_within_a_run_and_positions_in_the_log(log: EventLog) -> None:
    """Two runs interleaved each count from 1, and an event of no run has sequence 0."""
    events = [run_started("a"), run_started("b"), stage_started("a"), acknowledgement()]

    receipts = [log.append(event) for event in events]

    assert [receipt.position for receipt in receipts] == [2, 3, 4, 5]
    assert [receipt.sequence for receipt in receipts] == [1, 1, 2, 0]


def test_the_lines_of_a_batch_count_down(log: EventLog, folder: Path) -> None:
    """``rest`` says how many lines follow; the last of a batch, and a single line, have 0."""
    receipts = log.append_batch(one_run("run-1"))
    log.append(acknowledgement())

    assert [receipt.position for receipt in receipts] == [2, 3, 4, 5]
    assert [line["rest"] for line in assert_whole(folder)] == [0, 3, 2, 1, 0, 0]


def test_an_empty_batch_writes_nothing(log: EventLog, folder: Path) -> None:
    """No events, no receipts, no line."""
    assert log.append_batch([]) == []
    assert len(raw_lines(folder)) == 1


def test_a_batch_is_refused_whole(log: EventLog, folder: Path) -> None:
    """One illegal event at its end, and nothing of the batch is written."""
    before = snapshot(folder)

    with pytest.raises(IllegalTransition):
        log.append_batch([*one_run("run-1"), stage_started("run-1")])

    assert snapshot(folder) == before
    assert log.append(run_started("run-1")).sequence == 1


def test_a_refused_batch_moves_no_state(log: EventLog) -> None:
    """After a refusal the run stands where it stood, for sequences and for the lifecycle."""
    log.append(run_started("run-1"))
    with pytest.raises(IllegalTransition):
        log.append_batch([stage_started("run-1"), run_ended("run-1"), run_ended("run-1")])

    receipts = log.append_batch([stage_started("run-1"), run_ended("run-1")])

    assert [receipt.sequence for receipt in receipts] == [2, 3]


def test_a_batch_over_the_limit_is_refused(log: EventLog, folder: Path) -> None:
    """A batch takes at most 4 MiB; the error carries both sizes."""
    before = snapshot(folder)
    large = [NewEvent(RunAnnotated(metadata={"x": "x" * 60_000}, actor="a"), "r")] * 1
    batch = [run_started("r")] + [NewEvent(large[0].data, "r") for _ in range(75)]

    with pytest.raises(EventTooLarge) as caught:
        log.append_batch(batch)

    assert caught.value.size > caught.value.limit == MAX_BATCH
    assert snapshot(folder) == before


def test_one_id_twice_in_a_batch_is_refused(log: EventLog) -> None:
    """Two events cannot share an id, so a batch that says so is a mistake."""
    event = acknowledgement()

    with pytest.raises(InvalidEvent, match="twice in the batch"):
        log.append_batch([event, event])


def test_the_mark_is_at_the_end_after_each_append(log: EventLog, folder: Path) -> None:
    """When an append returns, the durable mark says the last position and byte."""
    for number in range(5):
        receipt = log.append_batch([acknowledgement(), acknowledgement(f"{number}")])[-1]

        (segment,) = segments_of(folder)
        assert mark_of(folder) == (1, segment.stat().st_size, receipt.position)
        assert log.position == receipt.position


def test_expected_sequence_lets_one_of_two_writers_through(folder: Path) -> None:
    """The writer who saw less is told where the run stands."""
    with EventLog.open(folder) as first, EventLog.open(folder) as second:
        first.append(run_started("run-1"), expected_sequence=0)
        second.append(stage_started("run-1"), expected_sequence=1)

        with pytest.raises(SequenceConflict) as caught:
            first.append(stage_started("run-1", "other"), expected_sequence=1)

        error = caught.value
        assert (error.run_id, error.expected, error.actual) == ("run-1", 1, 2)
        assert first.append(stage_started("run-1", "other"), expected_sequence=2).sequence == 3


def test_sequence_zero_means_no_run_yet(log: EventLog) -> None:
    """A run that lies in the log is not started again; one that does not has sequence 0."""
    log.append(run_started("run-1"))

    with pytest.raises(SequenceConflict) as caught:
        log.append(run_started("run-1"), expected_sequence=0)
    assert caught.value.actual == 1
    with pytest.raises(SequenceConflict) as caught:
        log.append(run_started("run-2"), expected_sequence=1)
    assert caught.value.actual == 0


def test_the_same_event_again_gives_the_first_receipt(log: EventLog, folder: Path) -> None:
    """The second append writes nothing and is marked duplicate."""
    event = run_started("run-1")
    first = log.append(event)
    before = snapshot(folder)

    again = log.append(event, expected_sequence=0)

    assert again == Receipt(
        first.event_id, "run-1", first.position, 1, first.leaf, durable=True, duplicate=True
    )
    assert snapshot(folder) == before


def test_an_event_is_known_again_after_reopening(folder: Path) -> None:
    """There is no window of time: the id is looked for in the log itself."""
    events = [*one_run("run-1"), acknowledgement()]
    with EventLog.open(folder, segment_bytes=1024) as log:
        first = [log.append(event) for event in events]
    with EventLog.open(folder, segment_bytes=1024) as log:
        again = [log.append(event) for event in events]

    assert [receipt.position for receipt in again] == [receipt.position for receipt in first]
    assert all(receipt.duplicate for receipt in again)


def test_an_event_is_known_again_in_another_process(log: EventLog, folder: Path) -> None:
    """What this process appended, another one finds; what that one appended, this one finds."""
    mine = log.append(NewEvent(acknowledgement("same").data, None, event_id(1)))

    (theirs,) = finish(start("append_given", folder, event_id(1), "same"))
    assert f"position={mine.position}," in theirs
    assert "duplicate=True" in theirs
    finish(start("append_given", folder, event_id(2), "other"))

    again = log.append(NewEvent(acknowledgement("other").data, None, event_id(2)))
    assert again.duplicate
    assert len(assert_whole(folder)) == 3


def test_another_body_under_a_known_id_is_a_conflict(log: EventLog, folder: Path) -> None:
    """The error names the run, the id and where the first one lies."""
    log.append(run_started("run-1"))
    log.append(NewEvent(run_annotated("run-1", "one").data, "run-1", event_id(1)))

    with pytest.raises(EventIdConflict) as caught:
        log.append(NewEvent(run_annotated("run-1", "two").data, "run-1", event_id(1)))

    error = caught.value
    assert (error.run_id, error.event_id, error.position) == ("run-1", event_id(1), 3)
    log.append(NewEvent(acknowledgement("a").data, None, event_id(5)))
    assert finish(start("append_given", folder, event_id(5), "b")) == ["EventIdConflict"]


def test_one_id_may_stand_in_two_runs(log: EventLog) -> None:
    """An id counts within its run."""
    for run_id in ("a", "b"):
        receipt = log.append(NewEvent(run_started(run_id).data, run_id, event_id(1)))
        assert not receipt.duplicate


def test_a_batch_that_was_cut_off_is_finished(log: EventLog, folder: Path) -> None:
    """Where a part of a batch lies in the log already, only the others are written."""
    events = one_run("run-1")
    log.append_batch(events[:2])

    receipts = log.append_batch(events)

    assert [receipt.duplicate for receipt in receipts] == [True, True, False, False]
    assert [receipt.sequence for receipt in receipts] == [1, 2, 3, 4]
    assert [line["rest"] for line in assert_whole(folder)] == [0, 1, 0, 1, 0]


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([stage_started("r")], id="stage before start"),
        pytest.param([run_ended("r")], id="end before start"),
        pytest.param([run_started("r"), run_started("r")], id="second start"),
        pytest.param([run_started("r"), stage_completed("r")], id="no attempt"),
        pytest.param(
            [run_started("r"), stage_started("r"), stage_started("r", attempt=2)], id="two open"
        ),
        pytest.param(
            [run_started("r"), stage_started("r"), stage_completed("r", attempt=2)],
            id="another attempt",
        ),
        pytest.param(
            [
                run_started("r"),
                stage_started("r"),
                stage_failed("r"),
                stage_started("r", attempt=3),
            ],
            id="gap",
        ),
        pytest.param([run_started("r"), run_ended("r"), stage_started("r")], id="stage after end"),
        pytest.param([run_started("r"), run_ended("r"), run_ended("r", "failed")], id="second end"),
        pytest.param([run_started("r"), run_ended("r"), run_abandoned("r")], id="gone after end"),
        pytest.param([run_started("r"), run_abandoned("r"), run_abandoned("r")], id="gone twice"),
    ],
)
def test_what_breaks_the_lifecycle_is_not_written(folder: Path, events: list[NewEvent]) -> None:
    """A writer refuses it, whether it wrote the run itself or finds it in the log."""
    *before, refused = events
    with EventLog.open(folder) as log, EventLog.open(folder) as other:
        log.append_batch(before)
        for writer in (log, other):
            with pytest.raises(IllegalTransition) as caught:
                writer.append(refused)
            assert (caught.value.run_id, caught.value.event_type) == ("r", refused.data.type)

    assert len(assert_whole(folder)) == 1 + len(before)


def test_a_remark_after_the_end_is_welcome(log: EventLog) -> None:
    """An annotation is a new fact about a run of any age."""
    log.append_batch(one_run("run-1"))

    assert log.append(run_annotated("run-1")).sequence == 5


def test_a_history_that_breaks_the_tables_can_be_read_and_continued(folder: Path) -> None:
    """Somebody else's illegal line stays readable, and moves the run nowhere."""
    EventLog.open(folder).close()
    wrong = [run_started("r"), run_ended("r"), run_ended("r", "failed")]
    _append_by_hand(folder, wrong)

    with EventLog.open(folder) as log:
        assert [event.type for event in log.read_run("r")] == [event.data.type for event in wrong]
        assert log.append(run_annotated("r")).sequence == 4
        with pytest.raises(IllegalTransition):
            log.append(stage_started("r"))


def test_an_unknown_type_in_a_run_can_be_read_and_continued(folder: Path) -> None:
    """A line of a newer version counts in its run and is shown as it is."""
    EventLog.open(folder).close()
    _append_by_hand(folder, [run_started("r")])
    line = _line(folder, run_annotated("r"), sequence=2)
    head = line.rpartition(b',"crc"')[0].replace(b"run_annotated", b"run_teleported")
    _write(folder, b'%b,"crc":"%08x"}\n' % (head, zlib.crc32(head)))

    with EventLog.open(folder) as log:
        assert log.append(run_ended("r")).sequence == 3
        assert isinstance(list(log.read_run("r"))[1].data, UnreadData)


def _line(folder: Path, event: NewEvent, sequence: int, recorded_at: str = "") -> bytes:
    lines = raw_lines(folder)
    return encode_line(
        encode_body(event),
        position=len(lines) + 1,
        prev=hashlib.sha256(b"\x00" + lines[-1]).hexdigest(),
        sequence=sequence,
        rest=0,
        recorded_at=recorded_at or json.loads(lines[-1])["recorded_at"],
    )


def _write(folder: Path, line: bytes) -> None:
    with segments_of(folder)[-1].open("ab") as segment:
        segment.write(line)


def _append_by_hand(folder: Path, events: list[NewEvent]) -> None:
    for sequence, event in enumerate(events, start=1):
        _write(folder, _line(folder, event, sequence))


def test_recorded_at_never_runs_backwards(folder: Path) -> None:
    """After a line from the future the clock of the log stands, and occurred_at goes on."""
    EventLog.open(folder).close()
    future = "2099-01-01T00:00:00.000000Z"
    _write(folder, _line(folder, acknowledgement(), 0, future))

    with EventLog.open(folder) as log:
        log.append(acknowledgement())
        *_, last = log.read()

    assert last.recorded_at == datetime(2099, 1, 1, tzinfo=UTC)
    assert last.occurred_at < last.recorded_at
    assert_whole(folder)


def test_occurred_at_is_the_producers(log: EventLog) -> None:
    """The producer's time is kept as it is, even where it lies before the line above."""
    moment = datetime(2020, 2, 29, 12, 0, 0, 1, tzinfo=UTC)
    log.append(NewEvent(acknowledgement().data, None, event_id(1), moment))

    *_, last = log.read()

    assert last.occurred_at == moment
    assert last.recorded_at > moment


def test_a_new_log_begins_with_its_identity(log: EventLog, folder: Path) -> None:
    """Position 1 is ``ledger_created`` with the id that ``ledger.json`` has."""
    (first,) = log.read()
    identity = json.loads((folder / "ledger.json").read_text())

    assert (first.position, first.sequence, first.run_id, first.prev) == (1, 0, None, "0" * 64)
    assert isinstance(first.data, LedgerCreated)
    assert first.data.ledger_id == identity["ledger_id"] == log.reader.identity.ledger_id
    assert str(uuid.UUID(identity["ledger_id"])) == identity["ledger_id"]
    assert first.data.format == identity["format"] == 1


def test_reopening_changes_nothing(folder: Path) -> None:
    """Opening a sound log writes no line and keeps its identity."""
    with EventLog.open(folder) as log:
        log.append_batch(one_run("run-1"))
    before = snapshot(folder)

    EventLog.open(folder).close()

    assert snapshot(folder) == before


def test_a_newer_format_is_not_written(folder: Path) -> None:
    """A ledger of a later version is refused before anything is written."""
    EventLog.open(folder).close()
    identity = json.loads((folder / "ledger.json").read_text())
    (folder / "ledger.json").write_text(json.dumps(identity | {"format": 2}))
    before = snapshot(folder)

    with pytest.raises(LedgerUnwritable, match="format is 2"):
        EventLog.open(folder)

    assert snapshot(folder) == before


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"ledger_id": "a"}', '{"ledger_id":"a b","format":1,"created_at":""}'],
)
def test_a_damaged_identity_is_named(folder: Path, text: str) -> None:
    """A ``ledger.json`` that is not what was written once is damage, to readers and writers."""
    EventLog.open(folder).close()
    (folder / "ledger.json").write_text(text)

    for opening in (LogReader, EventLog.open):
        with pytest.raises(LedgerDamaged, match=r"ledger\.json"):
            opening(folder)


def test_reading_creates_nothing(tmp_path: Path) -> None:
    """A folder that is not there is an error with its absolute path, and stays away."""
    missing = tmp_path / "none" / "runs"

    with pytest.raises(LedgerNotFound, match=re.escape(str(missing.absolute()))):
        LogReader(missing)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("inside", ["", "runs"])
def test_a_file_is_no_folder(tmp_path: Path, inside: str) -> None:
    """A file in the place of the folder, or of one above it, is refused by name."""
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / inside

    with pytest.raises(LedgerNotFound):
        LogReader(path)
    with pytest.raises(LedgerUnwritable, match="a file, not a folder"):
        EventLog.open(path)


def test_reading_writes_nothing(long_log: Path) -> None:
    """No byte of the folder changes however much is read."""
    before = snapshot(long_log)
    reader = LogReader(long_log)

    assert len(list(reader.read())) == reader.position
    assert list(reader.read_run("run-3-0"))
    assert list(reader.follow(reader.position - 1, timeout=0))

    assert snapshot(long_log) == before


@settings(max_examples=200)
@given(after=st.integers(0, 110), until=st.none() | st.integers(0, 110))
def test_reading_after_any_position(long_log: Path, after: int, until: int | None) -> None:
    """What is read are the raw lines after a position, in order, up to another one."""
    lines = raw_lines(long_log)

    events = list(LogReader(long_log).read(after, until))

    assert [event.line for event in events] == lines[after:until]
    assert [event.position for event in events] == list(
        range(after + 1, min(len(lines), len(lines) if until is None else until) + 1)
    )


@given(number=st.integers(0, 11), until=st.none() | st.integers(0, 110))
def test_reading_one_run(long_log: Path, number: int, until: int | None) -> None:
    """A run's events are its lines of the log, in order, whatever lies between."""
    run_id = f"run-{number}-1"
    lines = [line for line in raw_lines(long_log)[:until] if json.loads(line)["run_id"] == run_id]

    events = list(LogReader(long_log).read_run(run_id, until))

    assert [event.line for event in events] == lines
    assert [event.sequence for event in events] == list(range(1, len(lines) + 1))


def test_a_run_id_that_only_stands_in_a_payload_is_not_that_run(log: EventLog) -> None:
    """Text inside a payload that looks like the key does not make an event one of the run."""
    log.append(run_started("r"))
    note = RunAnnotated(metadata={"run_id": "other", 'x","run_id":"other",': 1}, actor="a")
    log.append(NewEvent(note, "r"))

    assert list(log.read_run("other")) == []
    assert len(list(log.read_run("r"))) == 2


def test_an_unknown_run_has_no_events(log: EventLog) -> None:
    """Nothing is found, and nothing raised, even for what is no identifier."""
    for run_id in ("none", "", ".", "../x", 'a"b', "\n"):
        assert list(log.read_run(run_id)) == []


@settings(max_examples=25)
@given(events=valid_runs())
def test_any_legal_history_can_be_appended_and_read_back(
    tmp_path_factory: pytest.TempPathFactory, events: list[NewEvent]
) -> None:
    """Whatever legal story is told, the log takes it and gives all back but its secrets."""
    folder = tmp_path_factory.mktemp("story")
    with EventLog.open(folder, segment_bytes=2048) as log:
        half = len(events) // 2
        log.append_batch(events[:half])
        for event in events[half:]:
            log.append(event)
        recorded = list(log.read(1))

    # Keys that are drawn may name a secret, such as "encryptionkey".
    kept = [Redaction().redact(event) for event in events]
    told = [(event.event_id, event.run_id, event.occurred_at, event.data) for event in kept]
    assert [(e.event_id, e.run_id, e.occurred_at, e.data) for e in recorded] == told
    assert_whole(folder)
    shutil.rmtree(folder)


def test_following_sees_what_another_process_appends(log: EventLog, folder: Path) -> None:
    """A follower gets every event, in order, once, while somebody else appends them."""
    with running("append", folder, 40):
        followed: list[RecordedEvent] = []
        for event in log.follow(1, timeout=30):
            followed.append(event)
            if len(followed) == 40:
                break

    assert [event.position for event in followed] == list(range(2, 42))


def test_following_ends_when_nothing_comes(log: EventLog) -> None:
    """With a time-out the follower gives what is there and ends."""
    log.append(acknowledgement())

    assert [event.position for event in log.follow(timeout=0)] == [1, 2]


def test_following_from_where_the_log_never_was_is_refused(log: EventLog) -> None:
    """A position that is not there means that another log was followed before."""
    with pytest.raises(LedgerReplaced):
        list(log.follow(7, timeout=0))


def test_a_log_that_is_being_moved_away_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    """Between the moves of two folders there is nothing: no damage, but another log, or none."""
    folder = tmp_path / "runs"
    EventLog.open(folder).close()
    reader = LogReader(folder)
    (segment,) = (folder / "events").iterdir()
    # As in between: the name was listed, and cannot be opened.
    segment.unlink()
    segment.symlink_to(tmp_path / "nowhere")
    (folder / "lock").unlink()

    with pytest.raises(LedgerDamaged):
        next(reader.follow(0))
    (folder / "ledger.json").unlink()
    with pytest.raises(LedgerReplaced, match="gone"):
        next(reader.follow(0))


def test_following_notices_another_log(tmp_path: Path) -> None:
    """When the folder is swapped for that of another ledger, the follower says so."""
    for name in ("one", "two"):
        with EventLog.open(tmp_path / name) as log:
            log.append(acknowledgement(name))
    follower = LogReader(tmp_path / "one").follow(0, timeout=30)
    next(follower)

    shutil.rmtree(tmp_path / "one")
    (tmp_path / "two").rename(tmp_path / "one")
    with EventLog.open(tmp_path / "one") as log:
        log.append(acknowledgement("later"))

    with pytest.raises(LedgerReplaced):
        list(follower)


def test_a_reader_sees_a_log_that_shrank(log: EventLog, folder: Path) -> None:
    """Bytes that were durable and are gone raise an error, never silence."""
    log.append_batch(one_run("r"))
    (segment,) = segments_of(folder)
    with segment.open("r+b") as file:
        file.truncate(segment.stat().st_size - 1)

    with pytest.raises(LedgerReplaced, match="were durable"):
        list(LogReader(folder).read())


def test_a_writer_sees_that_its_log_shrank_or_went(log: EventLog, folder: Path) -> None:
    """A live writer neither appends behind a hole nor into a file nobody sees."""
    log.append_batch(one_run("r"))
    (segment,) = segments_of(folder)
    whole = segment.read_bytes()
    with segment.open("r+b") as file:
        file.truncate(len(whole) - 1)
    with pytest.raises(LedgerReplaced):
        log.append(acknowledgement())

    segment.write_bytes(whole)
    log.append(acknowledgement())
    segment.unlink()
    with pytest.raises(LedgerReplaced):
        log.append(acknowledgement())


def test_a_folder_that_went_away_is_an_error_of_ours(log: EventLog, folder: Path) -> None:
    """Where somebody deletes the folder under a writer, the append fails and nothing is made."""
    shutil.rmtree(folder)

    with pytest.raises((LedgerReplaced, LedgerUnwritable)):
        log.append(acknowledgement())

    assert not (folder / "events").exists()


def test_closing_twice_does_nothing(folder: Path) -> None:
    """After the first close appends are refused; what was written can still be read."""
    log = EventLog.open(folder)
    log.append(acknowledgement())
    log.close()
    log.close()

    with pytest.raises(LedgerUnwritable, match="closed"):
        log.append(acknowledgement())
    assert len(list(log.read())) == 2


def test_a_lock_held_by_a_stopped_process_times_out(log: EventLog, folder: Path) -> None:
    """The error names the process, nothing was written, and appends work again afterwards."""
    with (
        EventLog.open(folder, lock_timeout=0.1) as impatient,
        running("hold_lock", folder) as holder,
    ):
        assert say_of(holder) == "held"
        with pytest.raises(LockTimeout, match=f"process {holder.pid}: gave up after 0.1 s") as got:
            impatient.append(acknowledgement("lost"))
        with pytest.raises(LockTimeout):
            EventLog.open(folder, lock_timeout=0.1)
        assert got.value.pid == holder.pid

    assert log.append(acknowledgement("kept")).position == 2


def test_an_unknown_durability_is_refused(folder: Path) -> None:
    """The word is checked, and nothing is made."""
    with pytest.raises(InvalidEvent, match="durability"):
        EventLog.open(folder, durability="never")  # type: ignore[arg-type]
    assert not folder.exists()


def test_a_failing_open_leaves_no_descriptor(folder: Path) -> None:
    """Opening a log that cannot be opened may be tried again and again."""
    EventLog.open(folder).close()
    (folder / "events" / "00000000000000000001.jsonl").write_bytes(b"")
    before = len(list(Path("/proc/self/fd").iterdir()))

    for _ in range(5):
        with pytest.raises(LedgerDamaged):
            EventLog.open(folder)

    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_every_run_state_is_found_again_among_many(log: EventLog) -> None:
    """A writer that touches more runs than it keeps in memory still knows each of them."""
    runs = [f"run-{number}" for number in range(1100)]
    for start_of in range(0, 1100, 100):
        log.append_batch([run_started(run_id) for run_id in runs[start_of : start_of + 100]])

    for run_id in (runs[0], runs[600], runs[-1]):
        assert log.append(stage_started(run_id), expected_sequence=1).sequence == 2
        with pytest.raises(IllegalTransition):
            log.append(stage_started(run_id))


def test_a_payload_of_every_kind_of_a_run_is_legal_somewhere(log: EventLog) -> None:
    """The states a writer keeps follow stages of every outcome, by the events' own fields."""
    log.append(run_started("r"))
    for outcome in ("stage_completed", "stage_failed", "stage_stopped"):
        log.append(stage_started("r", outcome.replace("stage_", "")))
        log.append(NewEvent(payload(outcome, outcome.replace("stage_", "")), "r"))
    log.append(NewEvent(payload("stage_skipped", "late"), "r"))
    assert log.append(run_ended("r")).sequence == 9


def test_an_acknowledgement_has_no_lifecycle(log: EventLog) -> None:
    """An event of no run may come at any time, as often as people say it."""
    data = FailureAcknowledged(fingerprint="f", note="n", actor="a")

    assert [log.append(NewEvent(data)).sequence for _ in range(3)] == [0, 0, 0]
