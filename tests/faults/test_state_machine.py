"""Random operations against a model in memory: model, log and fold agree after every step."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ledger import EventLog, LogReader, NewEvent
from ledger.errors import EventIdConflict, IllegalTransition, SequenceConflict
from ledger.evidence.tree import LedgerTree
from ledger.integrity.verify import verify
from projections import RunHistory
from tests.ledger.examples import (
    acknowledgement,
    run_annotated,
    run_ended,
    run_started,
    stage_completed,
    stage_failed,
    stage_started,
)
from tests.ledger.witness import assert_whole, mark_of, segments_of

NAMES = ("a", "b", "c", "d")
SEGMENT_BYTES = 3000
DONE: Counter[str] = Counter()


class Story:
    """What the model knows of one run: its events, and what may come next."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.events: list[NewEvent] = []
        self.attempt = 0
        self.is_open = False
        self.result: str | None = None

    def follow(self, choice: int) -> NewEvent:
        """Give a legal next event."""
        if not self.events:
            return run_started(self.run_id)
        if self.result is not None:
            return run_annotated(self.run_id, f"note {choice}")
        if self.is_open:
            make = stage_completed if choice % 2 else stage_failed
            return make(self.run_id, "load", self.attempt)
        if choice % 4 == 3:
            return run_ended(self.run_id, "success" if choice % 8 == 3 else "failed")
        return stage_started(self.run_id, "load", self.attempt + 1)

    def take(self, event: NewEvent) -> None:
        """Take an event that was acknowledged."""
        self.events.append(event)
        kind = event.data.type
        if kind == "stage_started":
            self.attempt, self.is_open = self.attempt + 1, True
        elif kind in ("stage_completed", "stage_failed"):
            self.is_open = False
        elif kind == "run_ended":
            self.result = getattr(event.data, "result", None)


class LedgerMachine(RuleBasedStateMachine):
    """Two handles of one log, a read model, and somebody who deletes what is derived."""

    def __init__(self) -> None:
        super().__init__()
        memory = Path("/dev/shm")
        where = memory if memory.is_dir() else None
        self.scratch = Path(tempfile.mkdtemp(prefix="runfold-machine-", dir=where))
        self.folder = self.scratch / "log"
        self.stories = {name: Story(f"run-{name}") for name in NAMES}
        self.order: list[str] = []
        self.logs: list[EventLog] = []
        self.history: RunHistory | None = None
        self.noted = 0

    @initialize()
    def begin(self) -> None:
        """Open two handles."""
        self.logs = [self._open(), self._open()]
        self.order = [line["event_id"] for line in assert_whole(self.folder)]

    def _open(self) -> EventLog:
        return EventLog.open(self.folder, segment_bytes=SEGMENT_BYTES)

    def teardown(self) -> None:
        """Let go of everything."""
        if self.history is not None:
            self.history.close()
        for log in self.logs:
            log.close()
        shutil.rmtree(self.scratch)

    @rule(
        who=st.integers(0, 1),
        name=st.sampled_from(NAMES),
        choices=st.lists(st.integers(0, 7), min_size=1, max_size=4),
    )
    def append(self, who: int, name: str, choices: list[int]) -> None:
        """Append one event or a batch; the receipts say where they lie."""
        story = self.stories[name]
        begun = len(story.events)
        batch = []
        draft = Story(story.run_id)
        for event in story.events:
            draft.take(event)
        for choice in choices:
            batch.append(draft.follow(choice))
            draft.take(batch[-1])
        receipts = self.logs[who].append_batch(batch, expected_sequence=begun)
        positions = [receipt.position for receipt in receipts]
        assert positions == [len(self.order) + 1 + at for at in range(len(batch))]
        assert [receipt.sequence for receipt in receipts] == [
            begun + 1 + at for at in range(len(batch))
        ]
        assert all(receipt.durable and not receipt.duplicate for receipt in receipts)
        for event in batch:
            story.take(event)
            self.order.append(event.event_id)

    @rule(who=st.integers(0, 1))
    def append_of_no_run(self, who: int) -> None:
        """Append an event of no run."""
        event = acknowledgement()
        assert self.logs[who].append(event).position == len(self.order) + 1
        self.order.append(event.event_id)

    @rule(who=st.integers(0, 1), name=st.sampled_from(NAMES), at=st.integers(0, 50))
    def append_again(self, who: int, name: str, at: int) -> None:
        """Append an event that is there: the first receipt; with another body: a conflict."""
        story = self.stories[name]
        if not story.events:
            return
        at %= len(story.events)
        event = story.events[at]
        receipt = self.logs[who].append(event)
        assert receipt.duplicate
        assert receipt.sequence == at + 1
        assert receipt.position == self.order.index(event.event_id) + 1
        other = NewEvent(run_annotated("x", "other").data, story.run_id, event.event_id)
        with pytest.raises(EventIdConflict):
            self.logs[who].append(other)

    @rule(who=st.integers(0, 1), name=st.sampled_from(NAMES), wrong=st.integers(1, 5))
    def append_with_a_wrong_sequence(self, who: int, name: str, wrong: int) -> None:
        """Expect another sequence: the caller is told the right one, and nothing is written."""
        story = self.stories[name]
        with pytest.raises(SequenceConflict) as caught:
            self.logs[who].append(story.follow(0), expected_sequence=len(story.events) + wrong)
        assert caught.value.actual == len(story.events)

    @rule(who=st.integers(0, 1), name=st.sampled_from(NAMES))
    def append_what_is_illegal(self, who: int, name: str) -> None:
        """Append what the lifecycle forbids, alone and at the end of a batch: it is refused."""
        story = self.stories[name]
        wrong = stage_completed(story.run_id, "load", story.attempt + 7)
        for batch in ([wrong], [acknowledgement(), wrong]):
            with pytest.raises(IllegalTransition):
                self.logs[who].append_batch(batch)

    @rule(who=st.integers(0, 1))
    def reopen(self, who: int) -> None:
        """Close a handle and open another."""
        self.logs[who].close()
        self.logs[who] = self._open()

    @rule(parts=st.integers(1, 3), share=st.floats(0, 0.99))
    def crash(self, parts: int, share: float) -> None:
        """Let a third writer die half-way: a part of its batch lies above the mark, and is cut."""
        offset = mark_of(self.folder)[1]
        path = segments_of(self.folder)[-1]
        assert path.stat().st_size == offset
        copy = Path(shutil.copytree(self.folder, self.scratch / "dying"))
        batch = [acknowledgement("never acknowledged") for _ in range(parts)]
        with EventLog.open(copy) as log:
            log.append_batch(batch)
        torn = (copy / "events" / path.name).read_bytes()[offset:]
        shutil.rmtree(copy)
        with path.open("ab") as file:
            file.write(torn[: int(len(torn) * share)])
        self.noted += int(len(torn) * share) > 0
        DONE["torn tails"] += int(len(torn) * share) > 0
        self.reopen(0)
        self.append_recovery()

    def append_recovery(self) -> None:
        """Take the note of a recovery into the model, the only line that it does not write."""
        lines = assert_whole(self.folder)
        added = lines[len(self.order) :]
        assert all(line["type"] == "ledger_recovered" for line in added)
        self.order += [line["event_id"] for line in added]
        assert sum(line["type"] == "ledger_recovered" for line in lines) == self.noted

    @rule(what=st.sampled_from(["index", "tree", "read-models"]))
    def delete_derived(self, what: str) -> None:
        """Somebody deletes what can be derived."""
        if what == "tree":
            (self.folder / what).unlink(missing_ok=True)
            return
        if what == "read-models" and self.history is not None:
            self.history.close()
            self.history = None
        for path in (self.folder / what).iterdir():
            if path.is_file():
                path.unlink()

    @rule()
    def extend_the_tree(self) -> None:
        """Extend the tree: it counts every line."""
        assert LedgerTree(LogReader(self.folder)).extend() == len(self.order)

    @precondition(lambda self: self.order)
    @rule()
    def fold(self) -> None:
        """Ask the read model: it shows every run as the model has it."""
        if self.history is None:
            self.history = RunHistory(self.folder)
        shown = {run.run_id: run for run in self.history.list_runs()}
        begun = {story.run_id: story for story in self.stories.values() if story.events}
        assert set(shown) == set(begun)
        for run_id, story in begun.items():
            summary: Any = shown[run_id]
            assert summary.result == story.result
            assert not summary.anomalies

    @invariant()
    def log_and_model_agree(self) -> None:
        """Check that a stranger, a reader and the model see the same events in the same order."""
        if not self.logs:
            return
        lines = assert_whole(self.folder)
        assert [line["event_id"] for line in lines] == self.order
        reader = LogReader(self.folder)
        assert [event.event_id for event in reader.read()] == self.order
        DONE["steps"] += 1
        for story in self.stories.values():
            found = [event.event_id for event in reader.read_run(story.run_id)]
            assert found == [event.event_id for event in story.events]
        assert verify(self.folder, jobs=1).sound


def run_machine(examples: int, steps: int) -> Counter[str]:
    """Run the machine with as many examples; a failure prints the steps that lead to it."""
    DONE.clear()
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    return DONE


def test_random_operations(tally: Counter[str]) -> None:
    """Whatever is done to a log in whatever order, model, log and fold agree."""
    done = run_machine(12, 25)
    assert done["steps"] > 100
    assert done["torn tails"] > 0
    tally["steps of the state machine"] += done["steps"]


@pytest.mark.faults
def test_many_random_operations(tally: Counter[str]) -> None:
    """In thousands of random operations model, log and fold never disagree."""
    done = run_machine(120, 40)
    assert done["steps"] > 2000
    assert done["torn tails"] > 100
    tally["steps of the state machine"] += done["steps"]
