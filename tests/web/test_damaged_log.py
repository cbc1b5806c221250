"""A damaged log is served as far as it is sound, and each answer says what it lacks."""

from __future__ import annotations

from pathlib import Path

from starlette.testclient import TestClient

from app import create_app
from tests.ledger.damage import flip
from tests.ledger.damaged_logs import make_log
from tests.ledger.witness import segments_of

ADDRESSES = ("/api/pipeline/runs", "/api/pipeline/runs/run-5", "/runs")


def test_a_damaged_log_is_served_and_says_so(tmp_path: Path) -> None:
    """The answers are those of what is sound, with the positions out of reach in a header."""
    folder = make_log(tmp_path / "runs")
    segment = segments_of(folder)[1]
    flip(segment, 500)
    client = TestClient(create_app(folder))

    for address in ADDRESSES:
        answer = client.get(address)
        assert answer.status_code == 200
        assert answer.headers["X-Ledger-Damaged"] == str(int(segment.stem))
        assert "run-5" in answer.text


OF_THE_VIEW = (
    *("runs", "runs/run-5", "runs/run-5/explain", "stats", "stats/flaky", "stats/regressions"),
    *("failures", "compare?a=run-5&b=run-6", "export", "export?what=stages"),
    *("pipelines", "projections"),
)


def test_every_answer_of_the_view_says_what_it_lacks(tmp_path: Path) -> None:
    """Whichever way the runs are asked about, who asks is told of the positions out of reach."""
    folder = make_log(tmp_path / "runs")
    flip(segments_of(folder)[1], 500)
    client = TestClient(create_app(folder))
    answers = {path: client.get(f"/api/pipeline/{path}") for path in OF_THE_VIEW}
    said = {path: answer.headers.get("X-Ledger-Damaged") for path, answer in answers.items()}

    assert {answer.status_code for answer in answers.values()} == {200}
    assert said == dict.fromkeys(OF_THE_VIEW, str(int(segments_of(folder)[1].stem)))


def test_a_view_that_cannot_be_used_says_why(tmp_path: Path) -> None:
    """As on a full disk: what is wrong is in the answer, and the log itself is served."""
    folder = make_log(tmp_path / "runs")
    (folder / "read-models").rmdir()
    (folder / "read-models").touch()
    client = TestClient(create_app(folder))

    answer = client.get("/api/pipeline/runs")
    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:runfold:problem:view-unusable"
    assert "File exists" in answer.json()["detail"]
    assert client.get("/api/pipeline/events").status_code == 200


def test_a_sound_log_has_no_such_header(tmp_path: Path) -> None:
    """The header is there only where something is out of reach."""
    client = TestClient(create_app(make_log(tmp_path / "runs")))

    for address in ADDRESSES:
        assert "X-Ledger-Damaged" not in client.get(address).headers
