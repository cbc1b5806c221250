"""Evidence files: a run's events are shown to be in the log, and nothing else passes for that."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ledger import EventLog, LogReader
from ledger.disk.folder import LedgerFolder
from ledger.errors import LedgerReplaced, NotProven
from ledger.evidence.evidence_check import SignatureState, check_evidence
from ledger.evidence.evidence_file import make_evidence
from ledger.evidence.merkle import hash_leaf
from ledger.evidence.signed_note import SigningKey
from ledger.evidence.tree import LedgerTree
from ledger.evidence.tree_head import TreeHead, origin_of, stored_tree_head
from ledger.evidence.tree_head_signing import sign_tree_head
from tests.ledger.damage import flip
from tests.ledger.evidence.whole_tree import root_of
from tests.ledger.examples import one_run, run_started
from tests.ledger.forging import forge, log_of_two_runs
from tests.ledger.witness import raw_lines


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a log with two runs in each other's way, once; tests copy it."""
    return log_of_two_runs(tmp_path_factory.mktemp("log") / "log")


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """Copy the log."""
    return Path(shutil.copytree(made, tmp_path / "log"))


@pytest.fixture(scope="module")
def key(made: Path) -> SigningKey:
    """Make the key of the log."""
    return SigningKey.generate(origin_of(LogReader(made).identity))


@pytest.fixture(scope="module")
def evidence(made: Path, key: SigningKey) -> bytes:
    """Make signed evidence of a run, once."""
    data = make_evidence(LogReader(made), "run-1", key=key)
    assert data is not None
    return data


def test_evidence_shows_a_run_without_the_log(evidence: bytes, key: SigningKey, made: Path) -> None:
    """From the file and the verifier key alone: which events, where, in which log, who signed."""
    checked = check_evidence(evidence, key.verifier_key)

    assert (checked.run_id, checked.events, checked.level) == ("run-1", 6, 1)
    assert (checked.first_position, checked.last_position) == (301, 314)
    assert checked.last_type == "run_annotated"
    assert checked.signature is SignatureState.VERIFIED
    assert checked.head.root == root_of([hash_leaf(line) for line in raw_lines(made)])
    assert "signed that tree head" in checked.shown[-1]
    assert not any("Who made it" in sentence for sentence in checked.not_shown)


def test_evidence_holds_the_lines_as_they_lie_in_the_log(evidence: bytes, made: Path) -> None:
    """Each line is there byte for byte, at its leaf index, in the order of the run."""
    events = json.loads(evidence)["events"]
    lines = raw_lines(made)

    assert [event["line"].encode() for event in events] == [
        line for line in lines if b'"run_id":"run-1"' in line
    ]
    assert all(lines[event["leaf_index"]] == event["line"].encode() for event in events)


def test_a_signature_that_nobody_checks_shows_nothing(evidence: bytes) -> None:
    """Without a key the answer says that anyone can have made the file."""
    checked = check_evidence(evidence)

    assert (checked.signature, checked.level) == (SignatureState.UNCHECKED, 0)
    assert "not checked" in checked.not_shown[0]
    assert not any("signed" in sentence for sentence in checked.shown)


def test_evidence_without_a_signature_says_so(folder: Path, key: SigningKey) -> None:
    """Where no head was signed the file is unsigned in so many words, and no key is content."""
    (folder / "tree-head").unlink(missing_ok=True)
    data = make_evidence(LogReader(folder), "run-2")
    assert data is not None

    assert json.loads(data)["signed"] is False
    checked = check_evidence(data)
    assert (checked.signature, checked.level) == (SignatureState.UNSIGNED, 0)
    assert "unsigned" in checked.not_shown[0]
    with pytest.raises(NotProven, match="unsigned"):
        check_evidence(data, key.verifier_key)


def test_the_signed_head_is_used_as_long_as_it_covers_the_run(
    folder: Path, key: SigningKey
) -> None:
    """An older signed head serves an older run; a newer run needs a new one, or goes unsigned."""
    head = sign_tree_head(LogReader(folder), key)
    with EventLog.open(folder) as log:
        log.append_batch(one_run("run-3"))
    reader = LogReader(folder)

    for run, used in (("run-1", head.size), ("run-3", head.size + 4)):
        data = make_evidence(reader, run)
        assert data is not None
        assert TreeHead.parse(json.loads(data)["tree_head"].encode()).size == used
        assert json.loads(data)["signed"] is (run == "run-1")
    signed = make_evidence(reader, "run-3", key=key)
    assert signed is not None
    assert check_evidence(signed, key.verifier_key).level == 1
    stored = stored_tree_head(LedgerFolder(folder))
    assert stored is not None
    assert stored.size == head.size + 4


def test_a_run_that_is_not_there_has_no_evidence(made: Path) -> None:
    """An unknown run gives nothing, and no error."""
    assert make_evidence(LogReader(made), "run-9") is None


def test_evidence_is_right_with_a_damaged_tree_file(folder: Path, key: SigningKey) -> None:
    """Proofs come out right though a record is damaged, or was made to look sound."""
    sign_tree_head(LogReader(folder), key)
    flip(folder / "tree", 3)
    assert _proven(folder, key)
    other = Path(shutil.copytree(folder, folder.with_name("other")))
    forge(other, 100)
    (other / "tree").unlink()
    LedgerTree(LogReader(other)).extend()
    sound = (folder / "tree").read_bytes()
    (folder / "tree").write_bytes((other / "tree").read_bytes()[:74] + sound[74:])
    assert _proven(folder, key)


def _proven(folder: Path, key: SigningKey) -> bool:
    data = make_evidence(LogReader(folder), "run-1")
    assert data is not None
    return check_evidence(data, key.verifier_key).level == 1


def test_no_evidence_is_made_of_a_log_that_was_rewritten(folder: Path, key: SigningKey) -> None:
    """A log that contradicts its signed head gives no evidence of anything."""
    sign_tree_head(LogReader(folder), key)
    forge(folder, 301)

    with pytest.raises(LedgerReplaced, match="not what was signed"):
        make_evidence(LogReader(folder), "run-1")


def test_a_forged_log_makes_no_evidence_that_the_key_accepts(folder: Path, key: SigningKey) -> None:
    """Whoever rewrites a run and chains it anew can sign it with a key of their own only."""
    (folder / "tree-head").unlink(missing_ok=True)
    forge(folder, 301)
    own = SigningKey.generate(key.name)
    data = make_evidence(LogReader(folder), "run-1", key=own)
    assert data is not None

    assert check_evidence(data, own.verifier_key).level == 1
    with pytest.raises(NotProven, match="no signature of that key"):
        check_evidence(data, key.verifier_key)


def test_a_run_that_begins_in_a_batch_is_proven(tmp_path: Path) -> None:
    """A run of one event, right after the first line of a log, has its evidence."""
    with EventLog.open(tmp_path / "log") as log:
        log.append(run_started("only"))
        data = make_evidence(log.reader, "only")

    assert data is not None
    assert check_evidence(data).events == 1
