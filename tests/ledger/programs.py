"""What child processes of the tests run: ``python -m tests.ledger.programs NAME ARGUMENTS``.

Each prints one line for each thing it has done, so that the test knows what was acknowledged
before the process was ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from ledger import EventLog, LedgerError, LogReader, NewEvent, RunContext
from ledger.disk.lock import FolderLock
from ledger.disk.mark import write_poison
from ledger.errors import DurabilityUnknown
from ledger.events import FailureAcknowledged
from ledger.line.codec import encode_body
from ledger.writers.machine import boot_id
from ledger.writing.appender import LOCK_TIMEOUT, Appender, Options
from ledger.writing.staging import Batch
from ledger.writing.sync_turn import SyncTurn
from tests.ledger.examples import acknowledgement, one_run, run_annotated
from tests.ledger.interleaving import at_call, interrupt

__all__ = ["main"]


def say(*words: object) -> None:
    """Print one line, at once."""
    # One write for one line: children of several processes may share the pipe.
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def append(folder: str, count: str, segment_bytes: str = "67108864") -> None:
    """Append events one by one; say each event_id once it is acknowledged."""
    with EventLog.open(folder, segment_bytes=int(segment_bytes)) as log:
        for number in range(int(count)):
            say(log.append(acknowledgement(f"note {number}")).event_id)


def append_batches(folder: str, count: str, segment_bytes: str = "67108864") -> None:
    """Append whole runs, each as one batch; say the run id once it is acknowledged."""
    with EventLog.open(folder, segment_bytes=int(segment_bytes)) as log:
        for number in range(int(count)):
            run_id = f"run-{os.getpid()}-{number}"
            log.append_batch(one_run(run_id))
            say(run_id)


def append_undurably(folder: str, count: str) -> None:
    """Append with ``durability="process"``; say what is durable; wait; leave without closing."""
    log = EventLog.open(folder, durability="process")
    for number in range(int(count)):
        receipt = log.append(acknowledgement(f"note {number}"))
        say(receipt.event_id, receipt.durable)
    sys.stdin.readline()
    os._exit(0)


def append_undurably_twice(folder: str) -> None:
    """Append with ``durability="process"``, wait for the sync, append again; wait, and close."""
    log = EventLog.open(folder, durability="process")
    first = log.append(acknowledgement("first"))
    for event in log.follow(0):
        if event.position == first.position:
            break
    log.append(acknowledgement("second"))
    say("appended")
    sys.stdin.readline()
    log.close()


def append_and_leave(folder: str, count: str) -> None:
    """Append with ``durability="process"`` and leave without closing anything."""
    log = EventLog.open(folder, durability="process")
    for number in range(int(count)):
        say(log.append(acknowledgement(f"note {number}")).event_id)
    os._exit(0)


def append_stubbornly(folder: str, count: str) -> None:
    """Try to append events; say what became of each."""
    log = EventLog.open(folder)
    for number in range(int(count)):
        try:
            log.append(acknowledgement(f"note {number}"))
        except LedgerError as error:
            say(type(error).__name__)
        else:
            say("acknowledged")
    os._exit(0)


def append_given(folder: str, event_id: str, note: str) -> None:
    """Append one event under an id of the caller's; say the receipt, or the error's name."""
    data = FailureAcknowledged(fingerprint="f00d", note=note, actor="anna")
    with EventLog.open(folder) as log:
        try:
            say(log.append(NewEvent(data, None, event_id)))
        except LedgerError as error:
            say(type(error).__name__)


def append_patiently(folder: str, count: str) -> None:
    """Append events; where one fails, say the error and append the same event again."""
    with EventLog.open(folder) as log:
        for number in range(int(count)):
            event = acknowledgement(f"note {number}")
            while True:
                try:
                    receipt = log.append(event)
                except LedgerError as error:
                    say("error", type(error).__name__, event.event_id)
                else:
                    say("receipt", receipt.event_id, receipt.position, receipt.duplicate)
                    break


def append_in_rooms(folder: str, segment_bytes: str) -> None:
    """Append until the second segment was made; where one fails, say it and try again."""
    with EventLog.open(folder, segment_bytes=int(segment_bytes)) as log:
        while len(log.folder.segments()) < 2:
            event = acknowledgement("x" * 200)
            with contextlib.suppress(LedgerError):
                say(log.append(event).event_id)


def append_interrupted(folder: str) -> None:
    """Append in threads and in the main thread, which is interrupted again and again."""
    log = EventLog.open(folder)
    enough = threading.Event()

    def go_on() -> None:
        while not enough.is_set():
            log.append(acknowledgement("thread"))

    threads = [threading.Thread(target=go_on) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(40):
        try:
            say("appending")
            while True:
                log.append(acknowledgement("main"))
        except KeyboardInterrupt:
            continue
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for _ in range(5):
        say("id", log.append(acknowledgement("main at last")).event_id)
    enough.set()
    for thread in threads:
        thread.join()
    log.close()


def append_after_interrupt(folder: str) -> None:
    """Wait for a lock that another process holds until interrupted; append; then go on living."""
    log = EventLog.open(folder, lock_timeout=60)
    say("opened")
    sys.stdin.readline()
    try:
        say("waiting")
        log.append(acknowledgement("interrupted"))
    except KeyboardInterrupt:
        say("interrupted")
    log.append(acknowledgement("appended"))
    say("appended")
    signal.pause()


def append_within(folder: str, limit: str) -> None:
    """Append under a file size limit until it is reached; then lift the limit and go on."""
    log = EventLog.open(folder)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
    try:
        while True:
            log.append_batch([acknowledgement("x" * 100) for _ in range(3)])
            say("appended")
    except LedgerError as error:
        say(type(error).__name__, error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    say(log.append(acknowledgement("after")).position)
    log.close()


def append_two_in_room_for_one(folder: str) -> None:
    """When told, append two batches as one group where the second does not fit; then again."""
    reader = LogReader(folder, keep_index=True)
    lock = FolderLock(reader.folder.lock, LOCK_TIMEOUT)
    appender = Appender(reader, lock, Options())
    appender.recover(None)
    say("opened")
    sys.stdin.readline()
    size = reader.folder.segment(1).stat().st_size + 1_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    events = [acknowledgement("x" * 300), acknowledgement("y" * 300)]
    group = [Batch((event,), (encode_body(event),)) for event in events]
    try:
        appender.commit(group)
    except LedgerError as error:
        say(type(error).__name__)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    for answer in appender.commit(group):
        assert isinstance(answer, list)
        say(answer[0].position, answer[0].duplicate)
    appender.close()


def append_without_files(folder: str, run_id: str) -> None:
    """Append to a run that must be looked up while no file can be opened; then when one can."""
    log = EventLog.open(folder)
    event = one_run(run_id)[-1]
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, most))
    try:
        log.append(event)
    except LedgerError as error:
        say(type(error).__name__)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    say(log.append(event).sequence)
    log.close()


def poison_then_append(folder: str) -> None:
    """Poison the active segment as a failed sync would, then append twice."""
    log = EventLog.open(folder)
    with Path(folder, "lock").open("r+b") as lock:
        write_poison(lock.fileno(), log.folder.segments()[-1], boot_id())
    say(log.append(acknowledgement("first")).position)
    say(log.append(acknowledgement("second")).position)
    log.close()


def hold_lock(folder: str) -> None:
    """Hold the folder's lock until the end of the process."""
    with Path(folder, "lock").open("r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        say("held")
        signal.pause()


def fork_writers(folder: str, children: str, count: str) -> None:
    """Fork children that go on with the parent's log; all of them append at once."""
    log = EventLog.open(folder)
    log.append(acknowledgement("parent before"))
    pids = []
    for child in range(int(children)):
        pid = os.fork()
        if pid == 0:
            for number in range(int(count)):
                say(log.append(acknowledgement(f"child {child} {number}")).event_id)
            log.close()
            os._exit(0)
        pids.append(pid)
    for number in range(int(count)):
        say(log.append(acknowledgement(f"parent {number}")).event_id)
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    log.close()
    say("codes", *codes)


def fork_twice(folder: str) -> None:
    """Fork a child of a child, as daemons do, with a file opened in between."""
    log = EventLog.open(folder)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        files = [os.open(os.devnull, os.O_RDONLY) for _ in range(8)]
        if os.fork() == 0:
            kept = sum(_is_open(fd) for fd in files)
            event_id = log.append(acknowledgement("grandchild")).event_id
            os.write(writing, f"{kept} {event_id}".encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as pipe:
        say(pipe.read())
    log.close()


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def fork_unsynced(folder: str) -> None:
    """Fork with unsynced events; the child syncs and closes, then the parent does."""
    log = EventLog.open(folder, durability="process")
    log.append(acknowledgement("unsynced"))
    child = os.fork()
    if child == 0:
        log.sync()
        log.append(acknowledgement("child"))
        log.close()
        os._exit(0)
    say("code", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    log.append(acknowledgement("parent"))
    log.close()


def fork_while_threads_append(folder: str) -> None:
    """Fork while other threads are in the middle of appends; the child appends too."""
    log = EventLog.open(folder)
    # What pydantic makes ready before the first use of a model is not to be cut short by a fork.
    say(log.append(acknowledgement("first")).event_id)
    enough = threading.Event()

    def go_on() -> None:
        while not enough.is_set():
            say(log.append(acknowledgement("thread")).event_id)

    threads = [threading.Thread(target=go_on) for _ in range(3)]
    for thread in threads:
        thread.start()
    codes = []
    for _ in range(5):
        child = os.fork()
        if child == 0:
            say(log.append(acknowledgement("child")).event_id)
            os._exit(0)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    enough.set()
    for thread in threads:
        thread.join()
    log.close()
    say("codes", *codes)


def record(folder: str, run_id: str) -> None:
    """Record a run whose stage lasts until a signal ends it."""
    with (
        EventLog.open(folder) as log,
        RunContext.start(log, pipeline="nightly", run_id=run_id) as run,
        run.stage("wait"),
    ):
        say("ready")
        signal.pause()


def record_async(folder: str, run_id: str) -> None:
    """Record a run whose stage awaits for ever, until a signal ends it."""

    async def wait() -> None:
        with EventLog.open(folder) as log:
            run = RunContext.start(log, pipeline="nightly", run_id=run_id)
            async with run, run.stage("wait"):
                say("ready")
                await asyncio.get_running_loop().create_future()

    asyncio.run(wait())


def record_with_child(folder: str, run_id: str) -> None:
    """Record a run that has forked a child; the child outlives the run's process."""
    log = EventLog.open(folder)
    with RunContext.start(log, pipeline="nightly", run_id=run_id) as run, run.stage("wait"):
        child = os.fork()
        if child == 0:
            signal.pause()
        say(child)
        signal.pause()


def start_interrupted(folder: str, run_id: str, moment: str) -> None:
    """Start a run, and be interrupted before it is written, or before it is synced."""
    moments: dict[str, Callable[..., object]] = {
        "unwritten": Appender.commit,
        "unsynced": SyncTurn.make_durable,
    }
    with EventLog.open(folder) as log:
        at_call(moments[moment], interrupt)
        try:
            RunContext.start(log, pipeline="nightly", run_id=run_id)
        except KeyboardInterrupt:
            say("interrupted")


def start_without_sync(folder: str, run_id: str) -> None:
    """Start a run whose line is written, and cannot be synced."""

    def put_a_pipe_in_its_place() -> None:
        _, pipe = os.pipe()
        for number in list(Path("/proc/self/fd").iterdir()):
            if number.is_symlink() and number.readlink().suffix == ".jsonl":
                os.dup2(pipe, int(number.name))

    with EventLog.open(folder) as log:
        at_call(SyncTurn.make_durable, put_a_pipe_in_its_place)
        try:
            RunContext.start(log, pipeline="nightly", run_id=run_id)
        except DurabilityUnknown:
            say("unknown")


def live_with_few_descriptors(folder: str, run_id: str, limit: str) -> None:
    """Read a run and append to it, in turns, with a limit of open files; say how many it read."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (int(limit), most))
    with EventLog.open(folder, segment_bytes=1500) as log:
        for number in range(3):
            say(len(list(log.reader.read_run(run_id))))
            log.append(run_annotated(run_id, f"looked at {number}"))
            # Of a run that is not there, every segment says so.
            assert not list(log.reader.read_run("nobody"))


def main(name: str, *arguments: str) -> None:
    """Run the program of this name."""
    program: Callable[..., None] = globals()[name]
    program(*arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
