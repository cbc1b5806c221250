"""Tree heads and proofs over HTTP show what those of the command line show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app import create_app
from ledger.evidence.evidence_check import check_evidence
from ledger.evidence.merkle import verify_consistency
from ledger.evidence.tree_head import TreeHead
from tests.web.recorded import record_each_result, record_run

HEAD, CONSISTENCY = "/api/pipeline/tree-head", "/api/pipeline/consistency"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Record a run of each result, and one that goes on."""
    return record_each_result(tmp_path / "runs")


@pytest.fixture
def client(folder: Path) -> Iterator[TestClient]:
    """Serve them."""
    with TestClient(create_app(folder)) as client:
        yield client


def test_a_kept_head_is_shown_to_be_extended(client: TestClient, folder: Path) -> None:
    """The proof leads from the head that was kept to that of now, as RFC 6962 has it."""
    old = client.get(HEAD).json()
    assert TreeHead.parse(old["note"].encode()).root.hex() == old["root"]
    record_run(folder, "run-5")
    by_note = client.get(CONSISTENCY, params={"from": old["note"]}).json()
    by_size = client.get(CONSISTENCY, params={"from": str(old["size"])}).json()
    assert by_note == by_size
    new = by_note["new"]
    assert new == client.get(HEAD).json()
    assert verify_consistency(
        old["size"],
        new["size"],
        old_root=bytes.fromhex(by_note["old"]["root"]),
        new_root=bytes.fromhex(new["root"]),
        proof=[bytes.fromhex(step) for step in by_note["proof"]],
    )


def test_a_head_of_another_past_is_not_extended(client: TestClient) -> None:
    """A root that the log never had is a conflict, a size that it has not is not found."""
    note = client.get(HEAD).json()["note"]
    origin, size, root, _ = note.split("\n")
    other = "\n".join((origin, size, "A" + root[1:] if root[0] != "A" else "B" + root[1:], ""))
    assert client.get(CONSISTENCY, params={"from": other}).status_code == 409
    assert client.get(CONSISTENCY, params={"from": "999"}).status_code == 404
    for wrong in ("", "no head", "-1", "1.5"):
        answer = client.get(CONSISTENCY, params={"from": wrong})
        assert answer.status_code == 422
        assert {each["parameter"] for each in answer.json()["errors"]} == {"from"}


def test_an_evidence_file_proves_a_run(client: TestClient) -> None:
    """What is downloaded passes the check that needs no ledger."""
    answer = client.get("/api/pipeline/runs/run-2/proof")
    checked = check_evidence(answer.content)
    assert (checked.run_id, checked.events) == ("run-2", 4)
    assert 'filename="run-2.evidence.json"' in answer.headers["content-disposition"]
    assert client.get("/api/pipeline/runs/nobody/proof").status_code == 404
    assert client.get("/api/pipeline/runs/%00/proof").status_code == 404
