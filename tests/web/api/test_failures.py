"""Failures over HTTP: what cannot be asked at once."""

from __future__ import annotations

from pathlib import Path

from starlette.testclient import TestClient

from app import create_app
from tests.web.recorded import record_each_result

FAILURES = "/api/pipeline/failures"


def test_new_is_since_a_time_or_a_version(tmp_path: Path) -> None:
    """Both at once are refused: none of the two is left out in silence."""
    folder = record_each_result(tmp_path / "runs")
    since, version = "new_since=2026-01-15T10:00:00Z", "new_version=v1"
    with TestClient(create_app(folder)) as client:
        for query in (since, version):
            assert client.get(f"{FAILURES}?{query}").status_code == 200
        both = client.get(f"{FAILURES}?{since}&{version}")
    assert both.status_code == 422
    assert [error["parameter"] for error in both.json()["errors"]] == ["new_version"]
