"""Who sends a spool may die at any step: who sends it again loses nothing, and doubles nothing."""

from __future__ import annotations

import json
import resource
import signal
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest

from ledger import LogReader, RunContext
from ledger.remote.leftovers import send_leftovers
from ledger.remote.remote_log import RemoteLog
from ledger.remote.sending import Refused, Sending
from ledger.remote.set_aside import SetAside
from ledger.remote.spool import (
    Record,
    Spool,
    SpoolHead,
    refused_events,
    refused_path,
    spool_folder,
)
from tests.automation.waiting import wait_until
from tests.ledger.interleaving import die, in_fork, just_before
from tests.ledger.remote.small_ledger import small_ledger


def leave_spool(root: Path, url: str, *, events: int) -> Path:
    """Leave a spool as a writer does that died, and give its path."""
    spool = Spool.create(spool_folder(root, url), SpoolHead(url, "r"))
    for number in range(events):
        event = {"event_id": f"e{number}", "run_id": "r", "type": "run_annotated", "data": {}}
        spool.append(Record(msgspec.Raw(msgspec.json.encode(event))))
    spool.close()
    return spool.path


def reasons(spool: Path) -> list[tuple[str, str]]:
    """Give the events that were set aside, each with its reason."""
    lines = [json.loads(line) for line in refused_path(spool).read_bytes().splitlines()]
    return [(line["event"]["event_id"], line["reason"]) for line in lines]


class Refuses:
    """A ledger that takes nothing for good."""

    def send(self, records: object) -> None:  # noqa: ARG002 - it looks at none
        """Refuse."""
        raise Refused("never")


@pytest.mark.parametrize("call", ["os.rename", "os.remove"])
def test_what_was_refused_is_set_aside_once(tmp_path: Path, call: str) -> None:
    """Though its sender dies before, or in the middle of, the removal of the spool."""
    with small_ledger(tmp_path / "runs") as ledger:
        path = leave_spool(tmp_path / "spools", ledger.url, events=2)

        def die_before_it_is_removed() -> None:
            just_before({call}, die)
            list(send_leftovers(tmp_path / "spools"))

        assert in_fork(die_before_it_is_removed) == -signal.SIGKILL
        assert refused_events(path) == 2
        (again,) = send_leftovers(tmp_path / "spools")

    assert (again.problem, again.refused) == (None, 2)
    assert [event_id for event_id, _ in reasons(path)] == ["e0", "e1"]
    assert list(path.parent.iterdir()) == [refused_path(path)]


def test_what_cannot_be_set_aside_is_not_given_up(tmp_path: Path) -> None:
    """On a full disk the spool stays as it is; what was written in part is not counted, or read."""
    path = leave_spool(tmp_path, "http://ledger.example", events=2)

    def send_without_space() -> None:
        spool = Spool.take_over(path)
        assert spool is not None
        resource.setrlimit(resource.RLIMIT_FSIZE, (150, resource.RLIM_INFINITY))
        sending = Sending(spool)
        assert sending.send_some(Refuses())
        assert sending.send_some(Refuses())
        with pytest.raises(OSError, match="too large"):
            sending.send_some(Refuses())
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        while sending.send_some(Refuses()) or not sending.finish():
            pass

    assert in_fork(send_without_space) == 0
    assert reasons(path) == [("e0", "never"), ("e1", "never")]


def test_what_another_hand_wrote_there_does_no_harm(tmp_path: Path) -> None:
    """A line that is none of ours stays; one that was not finished is cut."""
    aside = tmp_path / "r.refused.jsonl"
    aside.write_bytes(b'sent by hand\n{"reason":"unfinis')
    SetAside(aside).add([msgspec.Raw(b'{"event_id":"e"}')], "never")

    lines = aside.read_bytes().splitlines()
    assert lines == [b"sent by hand", b'{"reason":"never","event":{"event_id":"e"}}']


def test_a_start_that_the_ledger_has_in_other_words_keeps_back_no_event(tmp_path: Path) -> None:
    """It takes out more secrets by now than when it took the start; the run is the same one."""
    folder, spools = tmp_path / "runs", tmp_path / "spools"
    with small_ledger(folder) as ledger:
        # The start is taken, and nothing of what comes after it.
        ledger.mishaps = [None, *[503] * 99]

        def record_and_die() -> None:
            log = RemoteLog(ledger.url, spool=spools)
            run = RunContext.start(log, pipeline="p", run_id="r", parameters={"iban": "DE1"})
            run.annotate("later")
            wait_until(lambda: len([*LogReader(folder).read_run("r")]), "the start is taken")
            die()

        assert in_fork(record_and_die) == -signal.SIGKILL
    with small_ledger(folder, port=urlsplit(ledger.url).port or 0, redact=["iban"]) as again:
        (told,) = send_leftovers(spools)

    assert again.types("r") == ["run_started", "run_annotated"]
    assert (told.problem, told.refused) == (None, 1)


@pytest.mark.parametrize("host", ["ledger..example", f"{'x' * 64}.example"])
def test_a_host_that_no_name_can_be_keeps_back_no_other(tmp_path: Path, host: str) -> None:
    """What waits for it is told, and what is for other ledgers is sent."""
    with small_ledger(tmp_path / "runs") as ledger:
        urls = {f"http://{host}", ledger.url}
        for url in urls:
            leave_spool(tmp_path / "spools", url, events=1)
        told = {one.url: one.problem for one in send_leftovers(tmp_path / "spools")}

    assert told.keys() == urls
    assert told[ledger.url] is None
    assert told[f"http://{host}"] is not None


def test_a_full_disk_ends_no_sending_of_others(tmp_path: Path) -> None:
    """What cannot be set aside is told as what waits, and the next spool has its turn."""
    with small_ledger(tmp_path / "runs") as ledger:
        for _ in range(2):
            leave_spool(tmp_path / "spools", ledger.url, events=1)

        def send_without_space() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))
            problems = [one.problem for one in send_leftovers(tmp_path / "spools")]
            assert problems == ["File too large", "File too large"]

        assert in_fork(send_without_space) == 0
