"""A run that is recorded elsewhere never fails for it; nothing is lost, nothing taken twice."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from ledger import NewEvent, RunContext
from ledger.errors import AppendFailed, InvalidEvent, LockTimeout
from ledger.events import RunAnnotated
from ledger.remote.leftovers import send_leftovers
from ledger.remote.remote_log import RemoteLog, parse_url
from ledger.remote.spool import (
    Record,
    Spool,
    SpoolHead,
    left_spools,
    refused_events,
    spool_folder,
)
from tests.automation.waiting import wait_until
from tests.ledger.remote.small_ledger import SmallLedger, small_ledger

ONE_STAGE = ["run_started", "stage_started", "stage_completed", "run_ended"]


@pytest.fixture
def spools(tmp_path: Path) -> Path:
    """Give the folder of all spools."""
    return tmp_path / "spools"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SmallLedger]:
    """Serve an empty ledger."""
    with small_ledger(tmp_path / "runs") as ledger:
        yield ledger


@pytest.fixture
def away() -> str:
    """Give the address of a ledger where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def record(log: RemoteLog, run_id: str = "r", metadata: dict[str, str] | None = None) -> None:
    """Record a run of one stage."""
    run = RunContext.start(log, pipeline="nightly", run_id=run_id, metadata=metadata)
    with run, run.stage("load"):
        pass


def waiting(spools: Path) -> list[Path]:
    """Give the files in the spools."""
    return sorted(path for path in spools.rglob("*") if path.is_file())


def test_a_run_is_in_the_ledger_when_it_has_ended(ledger: SmallLedger, spools: Path) -> None:
    """In order, with its token and its lease; the spool is gone."""
    # With the line break of the file that it stood in.
    log = RemoteLog(ledger.url, token="secret\n", spool=spools)
    with RunContext.start(log, pipeline="nightly", run_id="r") as run, run.stage("load"):
        wait_until(lambda: ledger.leases, "the lease is kept")

    assert ledger.types("r") == ONE_STAGE
    assert [event.sequence for event in ledger.log.read_run("r")] == [1, 2, 3, 4]
    assert ledger.leases == ["r"]
    assert ledger.tokens == {"Bearer secret"}
    assert waiting(spools) == []


@pytest.mark.parametrize(
    "mishap", [503, 507, 500, 429, 401, 403, 404, 200, "lost", "unknown host", "proxy"]
)
def test_what_may_pass_is_tried_again(ledger: SmallLedger, spools: Path, mishap: int | str) -> None:
    """An answer that was lost too: the event is there already, and stays there once.

    And one of something else that answers there, and says that all is fine, or wrong; and one of a
    ledger that does not know its own name: it has not looked at the events.
    """
    ledger.mishaps = [mishap, mishap]

    record(RemoteLog(ledger.url, spool=spools))

    assert ledger.types("r") == ONE_STAGE
    assert ledger.mishaps == []
    assert waiting(spools) == []


def test_no_ledger_is_waited_for_longer_than_there_is(ledger: SmallLedger, spools: Path) -> None:
    """What a ledger, or a proxy before it, asks for may be more seconds than can be waited."""
    ledger.mishaps = [503]
    ledger.retry_after = "9" * 400
    with RunContext.start(
        RemoteLog(ledger.url, spool=spools), pipeline="nightly", run_id="r"
    ) as run:
        wait_until(lambda: not ledger.mishaps, "the mishap happened")
        with run.stage("load"):
            pass

    assert ledger.types("r") == ONE_STAGE


def test_a_ledger_that_is_away_fails_no_run(
    away: str, spools: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The events wait on disk, readable by their owner alone, and the log says where."""
    record(RemoteLog(away, spool=spools, patience=0.05))

    [spool] = waiting(spools)
    assert len(spool.read_bytes().split()) == 10
    assert spool.stat().st_mode & 0o77 == 0
    assert str(spool) in caplog.text
    assert caplog.text.count("has not taken all") == 1
    with small_ledger(tmp_path / "later", port=parse_url(away).port or 0) as ledger:
        assert send_until_free(spools) == [("r", None)]
        assert ledger.types("r") == ONE_STAGE
    assert waiting(spools) == []


def send_until_free(spools: Path) -> list[tuple[str, str | None]]:
    """Send what is left, once the thread of the run that left it has let go."""
    [path] = waiting(spools)
    wait_until(lambda: is_free(path), "the writer lets go of its spool")
    return [(one.run_id, one.problem) for one in send_leftovers(spools)]


def is_free(path: Path) -> bool:
    """Tell whether the writer of a spool has let go of it."""
    spool = Spool.take_over(path)
    if spool is not None:
        spool.close()
    return spool is not None


def run_program(
    code: str, *arguments: object, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, with none of our variables but those given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RUNFOLD_")}
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=Path(__file__).parents[3],
        env={**kept, **environment},
        check=False,
        text=True,
        capture_output=True,
        timeout=60,
    )


def test_the_next_run_sends_what_another_left(away: str, spools: Path, tmp_path: Path) -> None:
    """Its own events come first; what the dead left follows, each run in its order."""
    for name in ("a", "b"):
        record(RemoteLog(away, spool=spools, patience=0.02), name)
    with small_ledger(tmp_path / "later", port=parse_url(away).port or 0) as ledger:
        while waiting(spools):
            record(RemoteLog(away, spool=spools), f"c{len(ledger.leases)}")
        assert ledger.types("a") == ledger.types("b") == ledger.types("c0") == ONE_STAGE


def test_what_others_left_is_not_what_a_run_waits_for(
    ledger: SmallLedger, spools: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A run whose events were all taken does not warn of them, though those of others wait on."""
    other = Spool.create(spool_folder(spools, ledger.url), SpoolHead(ledger.url, "other"))
    event = {"run_id": "other", "type": "run_annotated", "data": {"actor": "me"}}
    other.append(Record(msgspec.Raw(json.dumps(event).encode())))
    other.close()
    ledger.busy_for = {"other"}
    record(RemoteLog(ledger.url, spool=spools))

    assert ledger.types("r") == ONE_STAGE
    assert waiting(spools) == [other.path]
    assert "has not taken all" not in caplog.text


def test_a_killed_writer_loses_nothing(away: str, spools: Path, tmp_path: Path) -> None:
    """Whatever it was told to be kept is sent by whoever comes later."""
    code = """
import os, sys
from ledger import RunContext
from ledger.remote.remote_log import RemoteLog
run = RunContext.start(RemoteLog(sys.argv[1], spool=sys.argv[2]), pipeline="p", run_id="killed")
run.stage("load").__enter__()
os.kill(os.getpid(), 9)
"""
    run_program(code, away, spools)

    with small_ledger(tmp_path / "later", port=parse_url(away).port or 0) as ledger:
        assert [one.problem for one in send_leftovers(spools)] == [None]
        assert ledger.types("killed") == ["run_started", "stage_started"]


def test_a_refused_event_is_set_aside_and_the_rest_goes_on(
    ledger: SmallLedger, spools: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With the reason, beside the spool: it must not block what comes after it."""
    with RunContext.start(
        RemoteLog(ledger.url, spool=spools), pipeline="nightly", run_id="r"
    ) as run:
        wait_until(lambda: ledger.batches, "the start was sent")
        ledger.mishaps = [422]
        run.annotate("refused")
        wait_until(lambda: not ledger.mishaps, "the mishaps happened")
        run.annotate("taken")

    [aside] = waiting(spools)
    refused = [json.loads(line) for line in aside.read_bytes().splitlines()]
    assert ledger.types("r") == ["run_started", "run_annotated", "run_ended"]
    assert [one["event"]["data"]["note"] for one in refused] == ["refused"]
    assert refused[0]["reason"] == "422: a mishap"
    assert str(aside) in caplog.text


def test_what_is_kept_while_others_are_looked_for_is_sent(
    ledger: SmallLedger, spools: Path
) -> None:
    """A run that ends before its sender has looked through a full folder loses nothing."""
    folder = spool_folder(spools, ledger.url)
    folder.mkdir(parents=True)
    for number in range(3_000):
        (folder / f"{number}.jsonl").touch()
    record(RemoteLog(ledger.url, spool=spools))

    assert ledger.types("r") == ONE_STAGE


def test_a_child_appends_whatever_the_sender_held_at_the_fork(away: str, spools: Path) -> None:
    """The lock by which the sender is woken is free in a child, where no sender would free it."""
    log = RemoteLog(away, spool=spools, patience=0.02)
    run = RunContext.start(log, pipeline="nightly", run_id="r")
    with vars(log._runs["r"]._wake)["_cond"]:
        child = os.fork()
        if child == 0:
            # Ends it if it waits for ever.
            signal.alarm(30)
            run.annotate("of the child")
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    run.end("success")


def test_a_run_that_is_recorded_here_is_not_begun_again(ledger: SmallLedger, spools: Path) -> None:
    """As in a folder: its later events would go along with the other start, and be refused."""
    log = RemoteLog(ledger.url, spool=spools)
    with RunContext.start(log, pipeline="nightly", run_id="r") as run:
        with pytest.raises(LockTimeout):
            RunContext.start(log, pipeline="nightly", run_id="r")
        with run.stage("load"):
            pass

    assert ledger.types("r") == ONE_STAGE
    assert waiting(spools) == []


def test_a_ledger_that_lost_what_it_took_is_given_it_again(spools: Path, tmp_path: Path) -> None:
    """One that was restored from a backup, or begun anew: the run is whole there in the end."""
    with small_ledger(tmp_path / "lost") as lost:
        run = RunContext.start(RemoteLog(lost.url, spool=spools), pipeline="nightly", run_id="r")
        with run.stage("load"):
            pass
        wait_until(lambda: sum(lost.batches) == 3, "all was taken")
    with small_ledger(tmp_path / "anew", port=parse_url(lost.url).port or 0) as anew:
        run.end("success")

        assert anew.types("r") == ONE_STAGE
        assert waiting(spools) == []


def test_without_its_start_no_event_of_a_run_is_sent(ledger: SmallLedger, spools: Path) -> None:
    """Another run has that id: its story is not to be mixed with this one's."""
    record(RemoteLog(ledger.url, spool=spools / "first"))
    record(RemoteLog(ledger.url, spool=spools / "second"))

    [aside] = waiting(spools)
    assert ledger.types("r") == ONE_STAGE
    assert len(aside.read_bytes().splitlines()) == 4


def test_without_its_start_no_lease_of_a_run_is_kept(ledger: SmallLedger, spools: Path) -> None:
    """It would be that of another run, which could never be seen to be abandoned."""
    record(RemoteLog(ledger.url, spool=spools / "first"))
    ledger.leases.clear()
    second = RemoteLog(ledger.url, spool=spools / "second")
    with RunContext.start(second, pipeline="nightly", run_id="r") as run:
        [spool] = left_spools(spool_folder(spools / "second", ledger.url))
        wait_until(lambda: refused_events(spool) == 1, "the start was refused")
        run.annotate("later")
        wait_until(lambda: refused_events(spool) == 2, "the rest is set aside")

    assert ledger.leases == []


def test_one_bad_event_of_a_batch_takes_no_other_with_it(
    away: str, spools: Path, tmp_path: Path
) -> None:
    """A batch that is refused whole is sent again one by one."""
    record(RemoteLog(away, spool=spools, patience=0.02))

    with small_ledger(tmp_path / "later", port=parse_url(away).port or 0) as ledger:
        # The start is taken, the batch of the rest refused, and then the second of its events.
        ledger.mishaps = [None, 422, None, 422]
        assert send_until_free(spools) == [("r", None)]
        assert ledger.types("r") == ["run_started", "stage_started", "run_ended"]
        assert ledger.batches == [1, 1, 1]
    [aside] = waiting(spools)
    assert refused_events(aside.with_name(aside.name.replace(".refused", ""))) == 1


def test_a_line_that_was_not_finished_is_no_event(away: str, spools: Path, tmp_path: Path) -> None:
    """Nobody was told that it was kept; what stands around it is sent."""
    record(RemoteLog(away, spool=spools, patience=0.02))
    [path] = waiting(spools)
    wait_until(lambda: is_free(path), "the writer lets go of its spool")
    lines = path.read_bytes().replace(b"\n\n", b"\n").splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], lines[3][:40], b"\n", *lines[4:]]))

    with small_ledger(tmp_path / "later", port=parse_url(away).port or 0) as ledger:
        ledger.mishaps = [503]
        assert [one.problem for one in send_leftovers(spools)] == ["503: a mishap"]
        assert [one.problem for one in send_leftovers(spools)] == [None]
        assert ledger.types("r") == ["run_started", "stage_started", "run_ended"]


def test_many_events_go_in_few_batches(away: str, spools: Path, tmp_path: Path) -> None:
    """What has waited is sent compressed, hundreds at a time, the start alone."""
    log = RemoteLog(away, spool=spools, patience=0.02)
    with RunContext.start(log, pipeline="nightly", run_id="r") as run:
        for number in range(250):
            run.annotate(f"note {number}", text="x" * 100)

    with small_ledger(tmp_path / "later", port=parse_url(away).port or 0) as ledger:
        send_until_free(spools)
        assert ledger.batches == [1, 200, 51]
        notes = [getattr(event.data, "note", "") for event in ledger.log.read_run("r")]
    assert notes[1:-1] == [f"note {number}" for number in range(250)]


def test_secrets_never_reach_the_spool(away: str, spools: Path) -> None:
    """They are taken out before anything is written or sent."""
    log = RemoteLog(away, spool=spools, patience=0.02, redact=["iban"])
    record(log, metadata={"password": "hunter2", "iban": "hunter2"})

    [spool] = waiting(spools)
    assert b"hunter2" not in spool.read_bytes()


def test_a_forked_child_may_go_on_recording(ledger: SmallLedger, spools: Path) -> None:
    """What a child of the run appends is sent by its parent."""
    with RunContext.start(
        RemoteLog(ledger.url, spool=spools), pipeline="nightly", run_id="r"
    ) as run:
        child = os.fork()
        if child == 0:
            try:
                run.annotate("from the child")
            finally:
                os._exit(0)
        assert os.waitpid(child, 0)[1] == 0

    assert ledger.types("r") == ["run_started", "run_annotated", "run_ended"]


def test_a_spool_that_cannot_be_written_fails_the_run(spools: Path, away: str) -> None:
    """Nothing runs unrecorded: where not even this disk takes an event, it raises."""
    spools.write_bytes(b"")

    with pytest.raises(AppendFailed, match="spool"):
        record(RemoteLog(away, spool=spools))


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8000",
        "ftp://a",
        "http://",
        "http://a:b",
        "http://u:p@a",
        "http://a?b",
        "http://a:0",
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """Before anything is written; a password does not belong in it."""
    with pytest.raises(InvalidEvent, match="url"):
        RemoteLog(url)


def test_only_runs_that_are_recorded_here_are_taken(ledger: SmallLedger, spools: Path) -> None:
    """A log elsewhere is no place to append to the runs of others."""
    log = RemoteLog(ledger.url, spool=spools)

    with pytest.raises(InvalidEvent, match="run_id"):
        log.append(NewEvent(RunAnnotated(actor="me"), "other"))
    with pytest.raises(InvalidEvent, match="run_id"):
        log.hold_run("../r")


def test_the_environment_says_where_runs_go(
    ledger: SmallLedger, spools: Path, tmp_path: Path
) -> None:
    """The same code records here or elsewhere; what is left is sent and told by a command."""
    code = """
from ledger import RunContext
with RunContext.start(pipeline="p", run_id="r") as run, run.stage("load"):
    pass
"""
    elsewhere = {"RUNFOLD_URL": ledger.url, "RUNFOLD_SPOOL": str(spools), "RUNFOLD_TOKEN": "t"}
    assert run_program(code, **elsewhere).returncode == 0
    assert run_program(code, RUNFOLD_DIR=str(tmp_path / "here")).returncode == 0
    assert "is not like https://" in run_program(code, RUNFOLD_URL="localhost:8000").stderr

    assert ledger.types("r") == ONE_STAGE
    assert ledger.tokens == {"Bearer t"}
    assert (tmp_path / "here" / "ledger.json").exists()
    told = run_program(
        "from ledger.remote.__main__ import main; raise SystemExit(main())", **elsewhere
    )
    assert (told.returncode, told.stdout) == (0, "")
