"""``RunContext``: what a running pipeline does becomes events, whatever ends it."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pytest

from ledger import EventLog, RecordedEvent, RunContext, current_run, current_stage
from ledger.errors import (
    EventTooLarge,
    IllegalTransition,
    InvalidEvent,
    LockTimeout,
    SequenceConflict,
)
from ledger.events import (
    RunAnnotated,
    RunEnded,
    RunStarted,
    StageCompleted,
    StageFailed,
    StageStopped,
)
from ledger.writers.machine import this_writer
from ledger.writers.writer_lock import WriterLock, is_writer_gone, take_over
from tests.ledger.interleaving import in_fork
from tests.ledger.processes import PATIENCE, running, say_of
from tests.ledger.witness import assert_whole


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Name a data folder that is not there yet."""
    return tmp_path / "runs"


@pytest.fixture
def log(folder: Path) -> Iterator[EventLog]:
    """Open a new log; at the end its chain is checked."""
    with EventLog.open(folder) as opened:
        yield opened
    assert_whole(folder)


class Broken(Exception):
    """What stages raise here."""


def told(log: EventLog, run_id: str | None = None) -> list[tuple[str, Any]]:
    """Tell a run: each event's type, with its stage and attempt or its result."""
    story: list[tuple[str, Any]] = []
    for event in log.read(1) if run_id is None else log.read_run(run_id):
        data = event.data
        stage = getattr(data, "stage", None)
        detail = f"{stage} {getattr(data, 'attempt', '')}".strip() if stage else None
        story.append((event.type, detail or getattr(data, "result", None)))
    return story


def last(log: EventLog) -> RecordedEvent:
    """Give the newest event."""
    *_, event = log.read()
    return event


def test_a_run_that_goes_well(log: EventLog) -> None:
    """Start, stages and end are recorded in order, with what was given."""
    with RunContext.start(
        log,
        pipeline="nightly",
        run_id="run-1",
        stages=["load", "report"],
        parameters={"day": "2026-01-15"},
        metadata={"team": "data"},
        trigger="cron",
        rerun_of="run-0",
        code_version="abc123",
    ) as run:
        assert run.parameters == {"day": "2026-01-15"}
        with run.stage("load") as stage:
            assert (stage.name, stage.attempt, stage.parameters) == ("load", 1, run.parameters)
            stage.metric("rows", 7)
            stage.output("7 rows\n")
        with run.stage("report"):
            pass

    assert told(log) == [
        ("run_started", None),
        ("stage_started", "load 1"),
        ("stage_completed", "load 1"),
        ("stage_started", "report 1"),
        ("stage_completed", "report 1"),
        ("run_ended", "success"),
    ]
    events = list(log.read_run("run-1"))
    started, completed, ended = events[0].data, events[2].data, events[-1].data
    assert isinstance(started, RunStarted)
    assert started.stages == ("load", "report")
    assert (started.trigger, started.rerun_of, started.code_version) == ("cron", "run-0", "abc123")
    assert started.metadata == {"team": "data"}
    assert started.writer == this_writer()
    assert isinstance(completed, StageCompleted)
    assert (completed.metrics, completed.output_tail) == ({"rows": 7}, "7 rows\n")
    assert isinstance(ended, RunEnded)
    assert ended.failure_reason is None
    assert ended.elapsed_seconds >= completed.elapsed_seconds >= 0


def test_an_exception_is_recorded_and_goes_on(log: EventLog) -> None:
    """The stage has failed with type, message and traceback; the run says which stage it was."""
    with (
        pytest.raises(Broken, match="no rows"),
        RunContext.start(log, pipeline="nightly") as run,
        run.stage("load"),
    ):
        raise Broken("no rows\nat all")

    assert told(log)[-2:] == [("stage_failed", "load 1"), ("run_ended", "failed")]
    failed, ended = [event.data for event in log.read_run(run.run_id)][-2:]
    assert isinstance(failed, StageFailed)
    assert (failed.error.type, failed.error.message) == ("Broken", "no rows\nat all")
    assert failed.error.traceback is not None
    assert "test_run_context.py" in failed.error.traceback
    assert failed.will_retry is False
    assert isinstance(ended, RunEnded)
    assert ended.failure_reason == "Stage load failed: Broken: no rows at all"


def test_an_exception_outside_of_stages_fails_the_run(log: EventLog) -> None:
    """There is no stage to blame, so the reason is the exception alone."""
    with pytest.raises(KeyError), RunContext.start(log, pipeline="nightly"):
        raise KeyError("day")

    ended = last(log).data
    assert isinstance(ended, RunEnded)
    assert (ended.result, ended.failure_reason) == ("failed", "KeyError: 'day'")


def test_a_failure_that_was_caught_is_not_the_runs(log: EventLog) -> None:
    """A stage may fail and the run go well; a later exception is not blamed on that stage."""

    def work(run: RunContext) -> None:
        with suppress(Broken), run.stage("optional"):
            raise Broken

    with RunContext.start(log, pipeline="nightly") as run:
        work(run)
    assert told(log)[-2:] == [("stage_failed", "optional 1"), ("run_ended", "success")]

    def work_then_fail() -> None:
        with RunContext.start(log, pipeline="nightly") as run:
            work(run)
            raise KeyError("later")

    with pytest.raises(KeyError):
        work_then_fail()
    ended = last(log).data
    assert isinstance(ended, RunEnded)
    assert ended.failure_reason == "KeyError: 'later'"


def test_attempts_are_counted_and_retries_named(log: EventLog) -> None:
    """Each try of a stage is an attempt of its own; the reason says how many retries there were."""

    def work(run: RunContext) -> None:
        for retries_left in (2, 1):
            with suppress(Broken), run.stage("load", retries_left=retries_left):
                raise Broken("early")
        with run.stage("load") as stage:
            assert stage.attempt == 3
            raise Broken("at last")

    with pytest.raises(Broken), RunContext.start(log, pipeline="nightly") as run:
        work(run)

    failures = [
        event.data for event in log.read_run(run.run_id) if isinstance(event.data, StageFailed)
    ]
    assert [(failure.attempt, failure.will_retry) for failure in failures] == [
        (1, True),
        (2, True),
        (3, False),
    ]
    ended = last(log).data
    assert isinstance(ended, RunEnded)
    assert ended.failure_reason == "Stage load failed after 2 retries: Broken: at last"


def test_one_retry_is_named_in_the_singular(log: EventLog) -> None:
    """After one retry there is no s."""

    def work(run: RunContext) -> None:
        with suppress(Broken), run.stage("load"):
            raise Broken
        with run.stage("load"):
            raise Broken

    with pytest.raises(Broken), RunContext.start(log, pipeline="nightly") as run:
        work(run)

    ended = last(log).data
    assert isinstance(ended, RunEnded)
    assert ended.failure_reason == "Stage load failed after 1 retry: Broken"


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_end_from_outside_stops_the_run(log: EventLog, stop: type[BaseException]) -> None:
    """An interrupt is no failure: the attempt and the run are stopped, and it goes on."""
    with (
        pytest.raises(stop),
        RunContext.start(log, pipeline="nightly") as run,
        run.stage("load"),
    ):
        raise stop

    assert told(log)[-2:] == [("stage_stopped", "load 1"), ("run_ended", "stopped")]
    stopped, ended = [event.data for event in log.read_run(run.run_id)][-2:]
    assert isinstance(stopped, StageStopped)
    assert isinstance(ended, RunEnded)
    assert ended.failure_reason is None


@pytest.mark.parametrize(
    ("raised", "result"),
    [
        ([KeyboardInterrupt(), SystemExit()], "stopped"),
        ([BaseExceptionGroup("inner", [KeyboardInterrupt()])], "stopped"),
        ([KeyboardInterrupt(), Broken()], "failed"),
    ],
)
def test_a_group_is_an_end_from_outside_where_all_of_it_is(
    log: EventLog, raised: list[BaseException], result: str
) -> None:
    """As task groups raise it; one failure among them makes it a failure."""
    with pytest.raises(BaseExceptionGroup), RunContext.start(log, pipeline="nightly"):
        raise BaseExceptionGroup("of the tasks", raised)

    assert told(log)[-1] == ("run_ended", result)


def test_an_exit_with_an_error_code_is_a_failure(log: EventLog) -> None:
    """``sys.exit("message")`` in a stage says that it went wrong."""
    with (
        pytest.raises(SystemExit),
        RunContext.start(log, pipeline="nightly") as run,
        run.stage("load"),
    ):
        raise SystemExit("no input")

    ended = last(log).data
    assert isinstance(ended, RunEnded)
    assert ended.failure_reason == "Stage load failed: SystemExit: no input"


@pytest.mark.parametrize("program", ["record", "record_async"])
def test_sigterm_stops_a_real_process(folder: Path, program: str) -> None:
    """The stage and the run say that they were stopped, and the process ends with 143."""
    with running(program, folder, "r") as process:
        assert say_of(process) == "ready"
        process.terminate()
        _, complaints = process.communicate(timeout=PATIENCE)

    assert process.returncode == 128 + signal.SIGTERM, complaints
    with EventLog.open(folder) as log:
        assert told(log)[-2:] == [("stage_stopped", "wait 1"), ("run_ended", "stopped")]
        assert not list((folder / "writers").iterdir())


@pytest.mark.parametrize("program", ["record", "record_async"])
def test_ctrl_c_stops_a_real_process(folder: Path, program: str) -> None:
    """SIGINT does the same, and the process ends as an interrupted Python does."""
    with running(program, folder, "r") as process:
        assert say_of(process) == "ready"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)

    assert process.returncode == -signal.SIGINT
    with EventLog.open(folder) as log:
        assert told(log)[-2:] == [("stage_stopped", "wait 1"), ("run_ended", "stopped")]


def test_sigterm_is_handled_as_before_afterwards(log: EventLog) -> None:
    """A run borrows the signal while it lives, also where runs are inside runs."""
    before = signal.getsignal(signal.SIGTERM)

    with RunContext.start(log, pipeline="outer"):
        inside = signal.getsignal(signal.SIGTERM)
        with RunContext.start(log, pipeline="inner"):
            pass
        assert signal.getsignal(signal.SIGTERM) is inside

    assert inside is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_handler_of_the_program_stays(log: EventLog) -> None:
    """Where the program handles SIGTERM itself, the run leaves it alone."""
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with RunContext.start(log, pipeline="nightly"):
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_async_stages(log: EventLog) -> None:
    """``async with`` works as ``with`` does, and stages of several tasks run at once."""

    async def load(run: RunContext, name: str) -> None:
        async with run.stage(f"load/{name}") as stage:
            await asyncio.sleep(0)
            assert current_stage() is stage

    async def main() -> str:
        async with RunContext.start(log, pipeline="nightly") as run:
            await asyncio.gather(*(load(run, name) for name in ("a", "b", "c")))
            assert current_stage() is None
            assert current_run() is run
        assert current_run() is None
        return run.run_id

    run_id = asyncio.run(main())

    story = told(log, run_id)
    assert story[0] == ("run_started", None)
    assert story[-1] == ("run_ended", "success")
    assert sorted(story[1:-1]) == sorted(
        (event_type, f"load/{name} 1")
        for event_type in ("stage_started", "stage_completed")
        for name in ("a", "b", "c")
    )


def test_a_cancelled_task_is_stopped(log: EventLog) -> None:
    """Cancellation ends the attempt as stopped, and goes on."""

    async def work() -> None:
        async with RunContext.start(log, pipeline="nightly") as run, run.stage("wait"):
            await asyncio.get_running_loop().create_future()

    async def main() -> None:
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())

    assert told(log)[-2:] == [("stage_stopped", "wait 1"), ("run_ended", "stopped")]


def test_stages_in_threads(log: EventLog) -> None:
    """Stages of different names run at once in threads, each with its own metrics."""
    gate = threading.Barrier(4)

    with RunContext.start(log, pipeline="nightly") as run:

        def load(number: int) -> None:
            with run.stage(f"load/{number}") as stage:
                gate.wait()
                assert current_stage() is stage
                stage.metric("number", number)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(load, range(4)))
        assert current_stage() is None

    completed = [
        event.data for event in log.read_run(run.run_id) if isinstance(event.data, StageCompleted)
    ]
    assert sorted((data.stage, data.metrics["number"]) for data in completed) == [
        (f"load/{number}", number) for number in range(4)
    ]
    assert told(log)[-1] == ("run_ended", "success")


def test_a_failure_in_a_thread_names_its_stage(log: EventLog) -> None:
    """Of several stages that fail at once, the run names the one whose exception ended it."""
    gate = threading.Barrier(3)

    def load_all(run: RunContext) -> None:
        def load(number: int) -> None:
            with run.stage(f"load/{number}"):
                gate.wait()
                raise Broken(f"number {number}")

        with ThreadPoolExecutor(3) as pool:
            list(pool.map(load, range(3)))

    with pytest.raises(Broken), RunContext.start(log, pipeline="nightly") as run:
        load_all(run)

    ended = last(log).data
    assert isinstance(ended, RunEnded)
    assert ended.failure_reason == "Stage load/0 failed: Broken: number 0"


def test_one_stage_twice_at_once_is_refused(log: EventLog) -> None:
    """Parallel parts of one name could not be told apart, so the second is an error."""
    with RunContext.start(log, pipeline="nightly") as run:
        with run.stage("load"), pytest.raises(IllegalTransition, match="load is running"):
            run.stage("load").__enter__()
        with run.stage("load") as stage:
            assert stage.attempt == 2

    assert told(log)[-1] == ("run_ended", "success")


def test_a_stage_that_could_not_start_does_not_count(log: EventLog) -> None:
    """A name that is refused leaves no attempt behind."""
    with RunContext.start(log, pipeline="nightly") as run:
        for name in ("", "../x", "a//b", "a\n"):
            with pytest.raises(InvalidEvent):
                run.stage(name).__enter__()
        with run.stage("load") as stage:
            assert stage.attempt == 1


def test_the_current_run_and_stage_follow_the_context(log: EventLog) -> None:
    """Code deep below finds them without being handed them; outside there are none."""
    assert (current_run(), current_stage()) == (None, None)
    with RunContext.start(log, pipeline="outer") as outer:
        with outer.stage("a") as stage:
            assert (current_run(), current_stage()) == (outer, stage)
            with RunContext.start(log, pipeline="inner") as inner:
                assert current_run() is inner
            assert current_run() is outer
            found: list[object] = []
            context = copy_context()
            thread = threading.Thread(target=lambda: found.append(context.run(current_stage)))
            thread.start()
            thread.join()
            assert found == [stage]
        assert current_stage() is None
    assert (current_run(), current_stage()) == (None, None)


def test_metrics_and_metadata_of_any_kind(log: EventLog) -> None:
    """NaN, infinities, paths, huge numbers and half characters fail no stage."""
    with RunContext.start(
        log, pipeline="nightly", parameters={"file": Path("/in.csv")}, metadata={"n": 2**80}
    ) as run:
        with run.stage("load") as stage:
            stage.metric("loss", math.nan)
            stage.metric("best", -math.inf)
            stage.metric("half \ud800", "\ud800")
            deep: object = 1
            for _ in range(100):
                deep = [deep]
            stage.metric("deep", deep)
            stage.output("half \ud800")
        run.annotate("half \ud800", cost=math.inf)
        run.skip("late", "half \ud800")

    started, _, completed, annotated, *_ = [event.data for event in log.read_run(run.run_id)]
    assert isinstance(started, RunStarted)
    assert started.parameters == {"file": "/in.csv"}
    assert started.metadata == {"n": str(2**80)}
    assert isinstance(completed, StageCompleted)
    assert completed.metrics["loss"] == "NaN"
    assert completed.metrics["best"] == "-Infinity"
    assert completed.metrics["half \\ud800"] == "\\ud800"
    assert completed.output_tail == "half \\ud800"
    assert isinstance(annotated, RunAnnotated)
    assert (annotated.note, annotated.metadata) == ("half \\ud800", {"cost": "Infinity"})


class Speechless(Exception):
    """An exception that cannot even say what it is."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


def test_an_exception_that_cannot_be_printed_is_still_recorded(log: EventLog) -> None:
    """The failure of the stage is on record, and the exception that goes on is the stage's own."""
    with (
        pytest.raises(Speechless),
        RunContext.start(log, pipeline="nightly") as run,
        run.stage("load"),
    ):
        raise Speechless

    assert told(log)[-2:] == [("stage_failed", "load 1"), ("run_ended", "failed")]


def test_a_stage_whose_figures_are_too_large_has_failed(log: EventLog) -> None:
    """The attempt is not left open: it ends with what the log has to say of its figures."""
    with (
        pytest.raises(EventTooLarge),
        RunContext.start(log, pipeline="p", run_id="r") as run,
        run.stage("load") as stage,
    ):
        stage.metric("rows", list(range(100_000)))

    *_, failed, ended = (event.data for event in log.read_run("r"))
    assert isinstance(failed, StageFailed)
    assert isinstance(ended, RunEnded)
    assert failed.error.type == "EventTooLarge"
    assert ended.failure_reason == f"Stage load failed: EventTooLarge: {failed.error.message}"


def test_a_long_traceback_is_shortened_in_the_middle(log: EventLog) -> None:
    """The line holds both ends of every long text, and says how much was cut between."""

    def load(run: RunContext) -> None:
        with run.stage("load") as stage:
            stage.output("first line\n" + "é\x01" * 100_000 + "\nlast line")
            raise Broken("begin " + "x" * 500_000 + " end")

    with pytest.raises(Broken), RunContext.start(log, pipeline="nightly") as run:
        load(run)

    failed, ended = [event.data for event in log.read_run(run.run_id)][-2:]
    assert isinstance(failed, StageFailed)
    assert failed.output_tail is not None
    assert failed.error.traceback is not None
    for text in (failed.output_tail, failed.error.traceback, failed.error.message):
        assert "characters cut" in text
    assert failed.output_tail.startswith("first line\n")
    assert failed.output_tail.endswith("\nlast line")
    assert failed.error.traceback.startswith("Traceback")
    assert failed.error.message.startswith("begin x")
    assert failed.error.message.endswith("x end")
    assert isinstance(ended, RunEnded)
    assert ended.failure_reason is not None
    assert ended.failure_reason.startswith("Stage load failed: Broken: begin")


def test_ending_by_hand(log: EventLog) -> None:
    """A run that was ended inside its block keeps that end."""
    with RunContext.start(log, pipeline="nightly") as run:
        run.end("stopped")
        run.end("failed", "never said")

    assert told(log)[-1] == ("run_ended", "stopped")
    assert len(told(log)) == 2


def test_run_ids_are_made_up_or_given(log: EventLog, folder: Path) -> None:
    """Ids that are made up differ; a given one is used once, and must be an identifier."""
    ids = set()
    for _ in range(20):
        with RunContext.start(log, pipeline="nightly") as run:
            ids.add(run.run_id)
    assert len(ids) == 20

    with RunContext.start(log, pipeline="nightly", run_id="mine"):
        pass
    with pytest.raises(SequenceConflict):
        RunContext.start(log, pipeline="nightly", run_id="mine")
    for run_id in (".", "..", "../x", "a/b", "a\n", "\x00"):
        with pytest.raises(InvalidEvent):
            RunContext.start(log, pipeline="nightly", run_id=run_id)
    with pytest.raises(InvalidEvent):
        RunContext.start(log, pipeline="a/b")
    assert not list((folder / "writers").iterdir())


def test_the_writer_lock_tells_who_lives(log: EventLog, folder: Path) -> None:
    """While a process records a run its lock is held; killed, the lock is free at once."""
    with running("record", folder, "r") as process:
        assert say_of(process) == "ready"
        assert not is_writer_gone(log.folder, "r", pid=process.pid, same_boot=True)
        with pytest.raises(LockTimeout) as caught:
            RunContext.start(log, pipeline="nightly", run_id="r")
        assert caught.value.pid == process.pid
        process.kill()
        process.wait()

    assert is_writer_gone(log.folder, "r", pid=process.pid, same_boot=True)
    taken = take_over(log.folder, "r")
    assert taken is not None
    taken.release()
    assert told(log, "r")[-1] == ("stage_started", "wait 1")


def test_a_childs_life_is_not_its_parents(log: EventLog, folder: Path) -> None:
    """A forked child holds no lock of the run: with the recording process killed, it is free."""
    with running("record_with_child", folder, "r") as process:
        child = int(say_of(process))
        try:
            process.kill()
            process.wait()
            # The child lets go when it first runs, which may be after its parent is gone.
            deadline = time.monotonic() + 30
            while not is_writer_gone(log.folder, "r", pid=process.pid, same_boot=True):
                assert time.monotonic() < deadline
                time.sleep(0.01)
        finally:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)


def test_a_lock_file_somebody_removed(log: EventLog, folder: Path) -> None:
    """Without the file only a process that cannot live any more counts as gone."""
    with RunContext.start(log, pipeline="nightly", run_id="r"):
        (folder / "writers" / "r").unlink()
        me = this_writer().pid
        assert not is_writer_gone(log.folder, "r", pid=me, same_boot=True)
        assert is_writer_gone(log.folder, "r", pid=me, same_boot=False)
        assert is_writer_gone(log.folder, "r", pid=2**22 + 1, same_boot=True)


def test_a_child_opens_stages_while_a_thread_of_its_parent_does(log: EventLog) -> None:
    """That thread would never free the run's lock in the child."""
    with RunContext.start(log, pipeline="nightly", run_id="r") as run:

        def record() -> None:
            with run.stage("of-the-child"):
                pass

        with run._guard:
            assert in_fork(record) == 0
    assert [event.type for event in log.read_run("r")][1:3] == ["stage_started", "stage_completed"]


def test_a_writer_lock_is_let_go_of_once(log: EventLog) -> None:
    """Releasing twice does nothing, and the file is gone."""
    lock = WriterLock(log.folder, "r")
    lock.release()
    lock.release()

    assert not (log.folder.writers / "r").exists()
    WriterLock(log.folder, "r").release()


def test_a_run_whose_log_cannot_take_its_start_holds_nothing(log: EventLog, folder: Path) -> None:
    """Where the start is refused, the writer lock is free again."""
    log.close()

    with pytest.raises(Exception, match="closed"):
        RunContext.start(log, pipeline="nightly", run_id="r")

    assert not list((folder / "writers").iterdir())
