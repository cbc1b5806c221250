"""prove and check-proof: what they print, what they exit with, and what they admit."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.automation.commands.in_process import CommandLine
from tests.automation.commands.processes import RUNFOLD
from tests.ledger.forging import log_of_two_runs


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a log with two runs, once; tests copy it."""
    return log_of_two_runs(tmp_path_factory.mktemp("log") / "log")


@pytest.fixture
def run(made: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    """Give the command line on a copy of the log."""
    return CommandLine(Path(shutil.copytree(made, tmp_path / "log")), capfd)


def test_a_run_is_proven_to_whoever_has_the_key(run: CommandLine, tmp_path: Path) -> None:
    """Prove writes a file that check-proof accepts with no ledger: exit 0, and what was shown."""
    verifier_key = run.verifier_key()
    run.sign()
    file = tmp_path / "evidence.json"

    proven = run("prove", "run-1", "-o", file, "--json")

    assert proven.code == 0
    assert proven.json["events"] == 6
    assert proven.json["signed"] is True
    assert file.read_text() == run("prove", "run-1").out
    assert run("prove", "run").code == 2, "the beginning of several ids is refused"
    shutil.rmtree(run.folder)
    checked = run("check-proof", file, "--key", verifier_key, on_folder=False)
    assert checked.code == 0
    assert checked.out.startswith("Proven, and signed by that key (assurance level 1).")
    assert "Not shown:\n  - That the run has no further events" in checked.out
    value = run("check-proof", file, "--key", verifier_key, "--json", on_folder=False).json
    assert (value["proven"], value["level"], value["signature"]) == (True, 1, "verified")
    assert (value["run_id"], value["events"], value["last_type"]) == ("run-1", 6, "run_annotated")
    root, note = value["tree_head"]["root"], value["tree_head"]["note"].splitlines()
    assert f"the root {root}, in a tree head {note[2]}." in checked.out


def test_unsigned_and_unchecked_proofs_admit_it(run: CommandLine, tmp_path: Path) -> None:
    """Without a signature, or without a key, the answer is level 0 and says why."""
    file = tmp_path / "evidence.json"
    unsigned = run("prove", "run-1", "-o", file)
    assert "unsigned" in unsigned.err
    checked = run("check-proof", file, on_folder=False)
    assert checked.code == 0
    assert "the tree head is unsigned (level 0)" in checked.out
    verifier_key = run.verifier_key()
    refused = run("check-proof", file, "--key", verifier_key, on_folder=False)
    assert (refused.code, refused.out) == (1, "")
    assert "unsigned" in refused.err

    run("prove", "run-1", "-o", file, "--key", run.key_file)
    unchecked = run("check-proof", file, on_folder=False)
    assert (unchecked.code, "was not checked (level 0)" in unchecked.out) == (0, True)
    assert run("check-proof", file, "--json", on_folder=False).json["signature"] == "unchecked"
    assert run("check-proof", file, "--key", verifier_key, on_folder=False).code == 0


def test_a_proof_that_does_not_hold_exits_with_1(run: CommandLine, tmp_path: Path) -> None:
    """A changed event is refused, as one line on stderr or as JSON."""
    file = tmp_path / "evidence.json"
    run("prove", "run-1", "-o", file)
    value = json.loads(file.read_text())
    value["events"][0]["leaf_index"] = 3
    file.write_text(json.dumps(value))

    refused = run("check-proof", file, on_folder=False)

    assert (refused.code, refused.out, refused.err.count("\n")) == (1, "", 1)
    answer = run("check-proof", file, "--json", on_folder=False)
    assert (answer.code, answer.json["proven"]) == (1, False)
    assert "leaf index" in answer.json["reason"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["prove", "run-9"], 3),
        (["prove", "../run"], 2),
        (["prove", "run-1", "-o", "/"], 2),
        (["prove", "run-1", "--key", "no-such-key"], 3),
        (["check-proof", "no-such-file"], 2),
        (["check-proof", "ledger.json"], 2),
        (["check-proof", "ledger.json", "--key", "no-key"], 2),
        (["consistency", "no-such-file"], 2),
        (["consistency", "ledger.json"], 2),
        (["key"], 2),
    ],
)
def test_what_cannot_be_done_has_its_exit_code(
    run: CommandLine, words: list[str], code: int
) -> None:
    """Usage and malformed files exit with 2, an unknown run or key with 3; stdout stays empty."""
    named = [str(run.folder / word) if word.endswith(".json") else word for word in words]

    answer = run(*named, on_folder=words[0] in ("prove", "consistency"))

    assert (answer.code, answer.out) == (code, "")
    assert answer.err.startswith("runfold: ")


def test_a_folder_that_is_not_there_exits_with_3(run: CommandLine, tmp_path: Path) -> None:
    """Each command that needs a ledger names the folder it looked in, and makes none."""
    kept = tmp_path / "head"
    kept.write_text(run("tree-head").out)
    run.folder = tmp_path / "nowhere"

    for words in (["tree-head"], ["prove", "r"], ["consistency", kept], ["key", "init"]):
        answer = run(*words)
        assert (answer.code, answer.out) == (3, "")
        assert str(run.folder) in answer.err
    assert not run.folder.exists()


def test_what_comes_from_stdin_is_read(run: CommandLine) -> None:
    """A dash stands for stdin."""
    evidence = run("prove", "run-1").out

    subprocess.run(
        [RUNFOLD, "check-proof", "-"],
        input=evidence.encode(),
        stdout=subprocess.DEVNULL,
        check=True,
    )
