"""Where something else lies in the place of a file of the log, nobody waits for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import EventLog, LogReader
from ledger.errors import LedgerDamaged, LedgerError
from ledger.integrity.backup import back_up
from ledger.integrity.verify import verify
from tests.ledger.damage import copy_of, put_instead
from tests.ledger.examples import run_started

LAST = "00000000000000000003.jsonl"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Record a log of three segments."""
    folder = tmp_path_factory.mktemp("other-kinds") / "runs"
    with EventLog.open(folder, segment_bytes=1) as log:
        for run_id in ("a", "b"):
            log.append(run_started(run_id))
    return folder


@pytest.mark.parametrize("kind", ["folder", "pipe", "symlink"])
@pytest.mark.parametrize("name", ["lock", "ledger.json", f"events/{LAST}"])
def test_each_names_the_file_and_what_lies_there(sound: Path, name: str, kind: str) -> None:
    """Verifying tells of it as of other damage; reading, writing and a backup are refused."""
    folder = copy_of(sound, "harmed")
    put_instead(folder / name, kind)

    found = verify(folder).findings
    with pytest.raises(LedgerDamaged, match=f"a {kind}") as unread:
        list(LogReader(folder).read())
    with pytest.raises(LedgerDamaged, match=f"a {kind}"):
        back_up(folder, folder.with_name("copy"))
    with pytest.raises(LedgerError, match=Path(name).name):
        EventLog.open(folder)

    assert Path(name).name in {finding.segment for finding in found}
    assert f"a {kind}" in " ".join(finding.found for finding in found)
    assert unread.value.segment == Path(name).name


@pytest.mark.parametrize("kind", ["folder", "pipe", "symlink"])
def test_what_is_derived_is_done_without(sound: Path, kind: str) -> None:
    """An index, the tree or a lease that is no file is as good as none."""
    folder = copy_of(sound, "harmed")
    for name in ("index/00000000000000000001.index", "tree"):
        (folder / name).touch()
        put_instead(folder / name, kind)

    assert verify(folder).sound
    assert [event.run_id for event in LogReader(folder).read_run("a")] == ["a"]
