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


def test_a_sound_log_has_no_such_header(tmp_path: Path) -> None:
    """The header is there only where something is out of reach."""
    client = TestClient(create_app(make_log(tmp_path / "runs")))

    for address in ADDRESSES:
        assert "X-Ledger-Damaged" not in client.get(address).headers
