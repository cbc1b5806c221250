"""Keys, tree heads and consistency on the command line: what they print, and what they admit."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ledger import EventLog, LogReader
from ledger.disk.folder import LedgerFolder
from ledger.evidence.key_file import read_key_file
from ledger.evidence.merkle import verify_consistency
from ledger.evidence.tree_head import TreeHead, stored_tree_head
from tests.automation.commands.in_process import CommandLine
from tests.automation.commands.processes import runfold_each
from tests.ledger.damage import copy_of
from tests.ledger.examples import one_run
from tests.ledger.forging import forge, log_of_two_runs, put_lines
from tests.ledger.witness import raw_lines, snapshot


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a log with two runs, once; tests copy it."""
    return log_of_two_runs(tmp_path_factory.mktemp("log") / "log")


@pytest.fixture
def run(made: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    """Give the command line on a copy of the log."""
    return CommandLine(Path(shutil.copytree(made, tmp_path / "log")), capfd)


def test_a_key_is_made_once_and_shown(run: CommandLine) -> None:
    """The verifier key is the one line on stdout, the file is its owner's alone, and stays."""
    answer = run("key", "init", "--out", run.key_file)

    origin = f"runfold/{LogReader(run.folder).identity.ledger_id}"
    assert answer.code == 0
    assert answer.out.startswith(f"{origin}+")
    assert answer.out.count("\n") == 1
    assert str(run.key_file) in answer.err
    assert run.key_file.stat().st_mode & 0o777 == 0o600
    assert run("key", "show", "--key", run.key_file).out == answer.out
    shown = run("key", "show", "--key", run.key_file, "--json").json
    assert shown == {"verifier_key": answer.out.strip(), "key_file": str(run.key_file)}
    secret = run.key_file.read_text()
    assert secret.strip()[-20:] not in answer.out + answer.err

    again = run("key", "init", "--out", run.key_file)
    assert (again.code, again.out) == (2, "")
    assert "never overwritten" in again.err
    assert run.key_file.read_text() == secret


def test_a_key_never_lies_beside_the_log(run: CommandLine) -> None:
    """A path in the data folder is refused, and nothing is made there."""
    before = snapshot(run.folder)

    answer = run("key", "init", "--out", run.folder / "own.key")

    assert answer.code == 2
    assert "data folder" in answer.err
    assert snapshot(run.folder) == before


def test_the_default_key_and_the_variable_are_found(made: Path, tmp_path: Path) -> None:
    """Without --out a key goes to the configuration folder; RUNFOLD_KEY names another place."""
    folder = shutil.copytree(made, tmp_path / "log")
    config = {"XDG_CONFIG_HOME": str(tmp_path / "config")}

    def said(*commands: str, **more: str) -> list[str]:
        each = [[*command.split(), "--dir", folder] for command in commands]
        return [out.strip() for _, out, _ in runfold_each(*each, cwd=tmp_path, **config, **more)]

    default, head = said("key init", "tree-head --sign")
    ledger_id = LogReader(folder).identity.ledger_id
    own = tmp_path / "config" / "runfold" / f"{ledger_id}.key"
    assert str(read_key_file(own).verifier_key) == default
    assert head.startswith(f"runfold/{ledger_id}\n")
    named, shown = said("key init", "key show", RUNFOLD_KEY=str(tmp_path / "named"))
    assert shown == named != default


def test_without_a_key_heads_are_unsigned_and_say_so(run: CommandLine) -> None:
    """Text, JSON and stderr all say it; signing asks for a key, exit 3."""
    answer = run("tree-head")

    assert answer.code == 0
    head = TreeHead.parse(answer.out.encode())
    assert (head.size, head.signed) == (LogReader(run.folder).position, False)
    assert "unsigned" in answer.err
    value = run("tree-head", "--json").json
    assert (value["signed"], value["size"], value["note"]) == (False, head.size, answer.out)
    assert value["root"] == head.root.hex()
    missing = run("tree-head", "--sign", "--key", run.key_file)
    assert (missing.code, missing.out) == (3, "")
    assert "key init" in missing.err


def test_a_signed_head_is_printed_and_kept(run: CommandLine) -> None:
    """What --sign prints is the file, and stays the answer as long as nothing is appended."""
    run.verifier_key()

    signed = run("tree-head", "--sign", "--key", run.key_file)

    assert (signed.code, signed.err) == (0, "")
    stored = stored_tree_head(LedgerFolder(run.folder))
    assert stored is not None
    assert signed.out.encode() == stored.encode()
    assert run("tree-head").out == signed.out
    assert run("tree-head", "--json").json["signed"] is True
    with EventLog.open(run.folder) as log:
        log.append_batch(one_run("run-3"))
    later = run("tree-head")
    assert TreeHead.parse(later.out.encode()).size == stored.size + 4
    assert "unsigned" in later.err


def test_a_log_that_goes_on_extends_its_heads(run: CommandLine) -> None:
    """Consistency exits with 0, and its JSON holds a proof that others can check."""
    verifier_key = run.verifier_key()
    kept = run.sign()
    with EventLog.open(run.folder) as log:
        log.append_batch(one_run("run-3"))

    answer = run("consistency", kept, "--key", verifier_key)

    assert answer.code == 0
    assert answer.out.startswith("The log extends the tree head: its first ")
    assert answer.err == ""
    assert "was not checked" in run("consistency", kept).err
    quick = run("consistency", kept, "--key", verifier_key, "--quick")
    assert (quick.code, "runfold verify" in quick.err) == (0, True)
    value = run("consistency", kept, "--key", verifier_key, "--json").json
    assert (value["extends"], value["signature"]) == (True, "verified")
    old, new = value["old"], value["new"]
    assert verify_consistency(
        old["size"],
        new["size"],
        old_root=bytes.fromhex(old["root"]),
        new_root=bytes.fromhex(new["root"]),
        proof=[bytes.fromhex(step) for step in value["proof"]],
    )


def test_a_rollback_and_a_rewritten_past_are_caught(run: CommandLine) -> None:
    """Whoever kept a head sees it: exit 1, and signing stops as well, exit 4."""
    verifier_key = run.verifier_key()
    kept = run.sign()
    lines = raw_lines(run.folder)
    other = copy_of(run.folder, "other")
    forge(other, 7)
    for spoilt, reason in ((lines[:-1], "cut or rolled back"), (raw_lines(other), "rewritten")):
        put_lines(run.folder, spoilt)
        answer = run("consistency", kept, "--key", verifier_key)
        assert (answer.code, answer.out) == (1, "")
        assert reason in answer.err
        value = run("consistency", kept, "--quick", "--json")
        assert (value.code, value.json["extends"]) == (1, False)
        signing = run("tree-head", "--sign", "--key", run.key_file)
        assert (signing.code, "nothing was signed" in signing.err) == (4, True)


def test_a_head_that_was_swapped_is_caught(run: CommandLine) -> None:
    """A head of today under the name of the old one does not pass for what the key signed."""
    verifier_key = run.verifier_key()
    kept = run.sign()
    forge(run.folder, 7)
    kept.write_text(run("tree-head").out)

    answer = run("consistency", kept, "--key", verifier_key)

    assert (answer.code, "unsigned" in answer.err) == (1, True)


def test_signing_after_a_power_cut_counts_what_was_synced(run: CommandLine) -> None:
    """A mark that fell back behind the signed head is moved forward first, and signing goes on."""
    run.verifier_key()
    run.sign()
    size = LogReader(run.folder).position
    lock = run.folder / "lock"
    mark = lock.read_bytes()
    with EventLog.open(run.folder) as log:
        log.append_batch(one_run("run-3"))
    run.sign()
    lock.write_bytes(mark)

    answer = run("tree-head", "--sign", "--key", run.key_file)

    assert answer.code == 0
    assert TreeHead.parse(answer.out.encode()).size == size + 4
