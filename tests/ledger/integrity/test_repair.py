"""``repair``: a damaged log goes on, no sound line is lost, and the log says what it lacks."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ledger import EventLog, LogReader, RecordedEvent
from ledger.errors import LedgerDamaged, LedgerNotFound, RepairRefused
from ledger.events import LedgerRepaired
from ledger.integrity.repair import Repair, plan_repair, repair
from ledger.integrity.verify import verify
from tests.ledger.damage import copy_of, cut, flip, last_segment, lose_lock, set_mark
from tests.ledger.damaged_logs import Damage, DamagedLog, damages, forge, make_log, positions_in
from tests.ledger.examples import acknowledgement, one_run
from tests.ledger.interleaving import in_fork, just_before
from tests.ledger.witness import mark_of, segments_of, snapshot


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a log of six segments."""
    return make_log(tmp_path_factory.mktemp("repair") / "whole")


def mend(folder: Path) -> Repair:
    """Repair a log, as a person would."""
    return repair(folder, actor="anna", reason="the disk lost a block")


def sound_lines(folder: Path) -> dict[int, bytes]:
    """Give the lines that can be read, damage or not."""
    items = LogReader(folder).read_sound()
    return {item.position: item.line for item in items if isinstance(item, RecordedEvent)}


def go_on(folder: Path) -> None:
    """Append to a repaired log; it must open, be sound, and read like any other."""
    with EventLog.open(folder) as log:
        log.append(acknowledgement("after"))
        log.append_batch(one_run("new"))
    found = verify(folder)
    assert found.findings == ()
    assert not plan_repair(folder).needed
    reader = LogReader(folder)
    assert positions_in(reader.read_sound()) == list(range(1, reader.position + 1))
    for run_id in ["new", *(f"run-{number}" for number in range(8))]:
        list(reader.read_run(run_id))


def keep(_folder: Path, _number: int) -> None:
    """Do nothing more."""


def lose_mark(folder: Path, _number: int) -> None:
    """Lose the durable mark."""
    lose_lock(folder)


def cut_end(folder: Path, number: int) -> None:
    """Cut the active segment anywhere."""
    cut(folder, number % (last_segment(folder).stat().st_size + 1))


def cut_any(folder: Path, number: int) -> None:
    """Cut any segment anywhere."""
    segments = segments_of(folder)
    path = segments[number % len(segments)]
    path.write_bytes(path.read_bytes()[: number * 7 % (path.stat().st_size + 1)])


def remove(folder: Path, number: int) -> None:
    """Remove any segment."""
    segments = segments_of(folder)
    segments[number % len(segments)].unlink()


def spoil_end(folder: Path, number: int) -> None:
    """Flip a bit of the last line."""
    path = last_segment(folder)
    data = path.read_bytes()
    begin = data.rstrip(b"\n").rfind(b"\n") + 1
    if begin < len(data):
        flip(path, begin + number % (len(data) - begin))


@settings(max_examples=30)
@given(
    damages,
    st.sampled_from([keep, lose_mark, cut_end, cut_any, remove, spoil_end]),
    st.integers(0, 1_000_000),
)
def test_whatever_the_damage_the_log_goes_on_and_loses_no_sound_line(
    whole: Path,
    several: Sequence[Damage],
    further: Callable[[Path, int], None],
    number: int,
) -> None:
    """After a repair it opens, appends, verifies, and gives each line that could be read before."""
    with tempfile.TemporaryDirectory() as scratch:
        damaged = DamagedLog.of(whole).suffer(several)
        folder = damaged.write_to(Path(scratch) / "damaged")
        further(folder, number)
        # Of two lines that claim a position, what is found later may tell the other one.
        lines = sound_lines(folder).items()
        before = {at: line for at, line in lines if at not in damaged.claimed}
        was_sound = verify(folder).sound

        done = mend(folder)

        assert not done.left
        assert was_sound <= (not done.needed)
        assert verify(folder).findings == ()
        go_on(folder)
        after = {event.position: event.line for event in LogReader(folder).read()}
        assert before.items() <= after.items()


def test_a_lost_mark_before_a_segment_without_a_whole_batch(whole: Path, tmp_path: Path) -> None:
    """A newer segment shows that the one before it was whole: its sound lines stay."""
    damaged = DamagedLog.of(whole).suffer(
        [("double", 0, 0), ("drop block", 245, 0), ("drop block", 200, 3)]
    )
    folder = damaged.write_to(tmp_path / "damaged")
    lose_lock(folder)
    assert max(sound_lines(folder)) == 34

    mend(folder)

    assert verify(folder).findings == ()
    go_on(folder)
    assert [event.position for event in LogReader(folder).read(30, 34)] == [31, 32, 33, 34]


@settings(max_examples=12)
@given(damages)
@example([("drop block", 364, 6827), ("swap", 487, 3994), ("swap", 673, 33015)])
def test_no_byte_that_is_there_is_changed(whole: Path, several: Sequence[Damage]) -> None:
    """A repair adds: each segment begins with the bytes it had, and the damage is copied aside.

    One that holds no sound line, and whose name is that of a position to come, is put aside whole.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = DamagedLog.of(whole).suffer(several).write_to(Path(scratch) / "damaged")
        durable = {path.name: path.read_bytes() for path in segments_of(folder)}
        last = last_segment(folder).name
        durable[last] = durable[last][: mark_of(folder)[1]]

        done = mend(folder)

        for name, data in durable.items():
            path = folder / "events" / name
            if not path.exists():
                path = folder / "quarantine" / f"damaged-{name}"
            assert path.read_bytes().startswith(data)
        kept = {path.stat().st_size for path in (folder / "quarantine").glob("damaged-*")}
        assert {item.size for item in done.skipped} <= kept


def repaired_events(folder: Path) -> list[LedgerRepaired]:
    """Read what the log says of its repairs."""
    events = LogReader(folder).read()
    return [event.data for event in events if isinstance(event.data, LedgerRepaired)]


def test_a_sound_log_is_left_as_it_is(whole: Path) -> None:
    """Nothing is wrong, so nothing is written; a lost lock file is nothing to repair."""
    folder = copy_of(whole, "sound")
    (folder / "lock").unlink()
    before = snapshot(folder)

    assert not plan_repair(folder).needed
    assert mend(folder) == Repair()
    assert snapshot(folder) == before


def test_planning_writes_nothing(whole: Path) -> None:
    """It can be shown what a repair would do before anybody decides."""
    folder = copy_of(whole, "planned")
    flip(segments_of(folder)[1], 500)
    before = snapshot(folder)

    planned = plan_repair(folder)

    assert planned.needed
    assert snapshot(folder) == before


def test_the_log_says_who_repaired_what_and_why(whole: Path) -> None:
    """The event lists segment, bytes, positions and their digest, and readers pass over them."""
    folder = copy_of(whole, "told")
    flip(segments_of(folder)[1], 500)
    with pytest.raises(LedgerDamaged):
        list(LogReader(folder).read())

    done = mend(folder)

    (said,) = repaired_events(folder)
    (skipped,) = said.skipped
    assert (said.actor, said.reason) == ("anna", "the disk lost a block")
    assert skipped["segment"] == segments_of(folder)[1].name
    assert (skipped["first"], skipped["last"]) == (done.skipped[0].first, done.skipped[0].last)
    assert done.position == LogReader(folder).position
    missing = set(range(1, done.position + 1)) - {e.position for e in LogReader(folder).read()}
    assert missing == {skipped["first"]}
    assert [note.kind for note in verify(folder).notes] == ["repaired"]


def test_two_repairs_at_once_list_the_damage_once(whole: Path) -> None:
    """The other one is refused, and says why; the first goes on, and the log has one event."""
    folder = copy_of(whole, "two")
    flip(segments_of(folder)[1], 20)

    def repair_beside_another() -> None:
        refused: list[RepairRefused] = []

        def another() -> None:
            with pytest.raises(RepairRefused) as caught:
                mend(folder)
            refused.append(caught.value)

        # The damaged bytes are copied then: all is planned, and nothing told yet.
        just_before({"os.rename"}, another)
        mend(folder)
        assert "another repair of it is under way" in str(refused[0])

    assert in_fork(repair_beside_another) == 0
    assert len(repaired_events(folder)) == 1
    go_on(folder)


def test_new_damage_in_a_repaired_place_is_damage_again(whole: Path) -> None:
    """A repair covers the bytes that it saw, and no others."""
    folder = copy_of(whole, "again")
    flip(segments_of(folder)[1], 500)
    mend(folder)
    flip(segments_of(folder)[1], 510)

    assert not verify(folder).sound
    with pytest.raises(LedgerDamaged):
        list(LogReader(folder).read())
    mend(folder)
    go_on(folder)


def test_a_repair_is_known_without_the_quarantine(whole: Path) -> None:
    """The copies of damaged bytes are a hint where to look, and not what counts."""
    folder = copy_of(whole, "hintless")
    flip(segments_of(folder)[1], 500)
    mend(folder)
    shutil.rmtree(folder / "quarantine")

    assert verify(folder).sound
    assert len(list(LogReader(folder).read())) == LogReader(folder).position - 1


def test_a_forged_line_is_not_shown_after_a_repair(whole: Path) -> None:
    """What the next line disowned stays out of reach, plainly read, by run, and by position."""
    folder = copy_of(whole, "forged")
    log = DamagedLog.of(whole)
    lines, at = log.line(6)
    lines.insert(at, forge(lines[at].rstrip(b"\n"), b'"note":"note', b'"note":"liar') + b"\n")
    lines, at = log.line(20)
    lines[at] = forge(lines[at].rstrip(b"\n"), b'"data":{', b'"data":{"lie":1,') + b"\n"
    log.write_to(folder)

    mend(folder)

    shown = [event.line for event in LogReader(folder).read()]
    shown += [line.raw for line in LogReader(folder).run_lines(None)]
    assert not any(b"liar" in line or b'"lie":1' in line for line in shown)
    go_on(folder)


def test_positions_that_are_gone_are_given_out_again_and_named(whole: Path) -> None:
    """The log is shorter than its mark: the mark goes back, and the event says what was lost."""
    folder = copy_of(whole, "short")
    was = LogReader(folder).position
    last_segment(folder).unlink()
    first = int(segments_of(whole)[-1].stem)

    done = mend(folder)

    assert (done.first_again, done.last_again) == (first, was)
    assert (done.position, LogReader(folder).position) == (first, first)
    (said,) = repaired_events(folder)
    assert [(item["first"], item["last"]) for item in said.skipped] == [(first, was)]
    go_on(folder)


def test_positions_whose_bytes_are_there_stay_taken(whole: Path) -> None:
    """A damaged last line keeps its position; the chain goes on from its bytes as they lie."""
    folder = copy_of(whole, "spoilt")
    was = LogReader(folder).position
    flip(last_segment(folder), last_segment(folder).stat().st_size - 40)
    with pytest.raises(LedgerDamaged):
        EventLog.open(folder)

    done = mend(folder)

    assert (done.first_again, done.position) == (0, was + 1)
    go_on(folder)


def test_a_lost_identity_is_taken_from_line_one(whole: Path) -> None:
    """``ledger.json`` comes back with the same id; without line 1 too, it is refused."""
    folder = copy_of(whole, "nameless")
    known = LogReader(folder).identity.ledger_id
    (folder / "ledger.json").unlink()

    assert mend(folder).identity
    assert LogReader(folder).identity.ledger_id == known
    assert verify(folder).sound

    (folder / "ledger.json").write_text("{")
    flip(segments_of(folder)[0], 100)
    with pytest.raises(RepairRefused, match="line 1"):
        mend(folder)


def test_a_repair_that_got_as_far_as_its_event_is_finished(whole: Path) -> None:
    """The new segment is there and the mark is not moved: the next repair moves it."""
    folder = copy_of(whole, "half")
    flip(last_segment(folder), last_segment(folder).stat().st_size - 40)
    before = mark_of(folder)
    done = mend(folder)
    set_mark(folder, *before)

    again = mend(folder)

    assert (again.mark, again.skipped) == (True, ())
    assert mark_of(folder)[2] == done.position
    go_on(folder)


def test_a_very_damaged_log_takes_several_events(tmp_path: Path) -> None:
    """More ranges than a line can hold are listed in one batch."""
    folder = tmp_path / "runs"
    with EventLog.open(folder) as log:
        log.append_batch([acknowledgement(str(number)) for number in range(600)])
    path = last_segment(folder)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for at, line in enumerate(lines) if at % 2 == 0 or at > 590))

    done = mend(folder)

    events = repaired_events(folder)
    assert sum(len(event.skipped) for event in events) == len(done.skipped) > 290
    assert len(events) > 1
    assert verify(folder).sound


def test_the_ledger_must_be_there(tmp_path: Path) -> None:
    """A folder without one is not found, and none is made."""
    with pytest.raises(LedgerNotFound):
        mend(tmp_path / "nowhere")
    assert not any(tmp_path.iterdir())
