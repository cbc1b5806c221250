"""While a projection could not take every event, each answer and the page say so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from starlette.testclient import TestClient

from app import create_app
from tests.automation.commands.installed import install
from tests.projections.costs import record

ADDRESSES = ("/api/pipeline/runs", "/api/pipeline/runs/run-001", "/api/pipeline/runs/no", "/runs")
ROOT = Path(__file__).parents[2]
# In a process of its own, as what is installed is looked up once in each.
PROGRAM = f"""
import sys
from pathlib import Path
from starlette.testclient import TestClient
from app import create_app
from tests.projections.costs import record

folder = Path(sys.argv[1])
client = TestClient(create_app(record(folder, [0])))
client.get("/")
record(folder, [1], failing=[1])
for address in {ADDRESSES!r}:
    answer = client.get(address)
    shown = "The projection costs could not take 1 event, the first at position 13." in answer.text
    print(answer.headers.get("X-Ledger-Degraded"), shown)
"""


def test_every_surface_says_what_is_degraded(tmp_path: Path) -> None:
    """A header on each answer about runs, and a banner on the page."""
    environment = install(tmp_path / "site", "costs", "tests.projections.costs:FaultyCosts")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "runs")],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.stderr == ""
    assert done.stdout.splitlines() == ["costs False", "costs False", "costs False", "costs True"]


def test_where_all_is_well_nothing_is_said(tmp_path: Path) -> None:
    """The header is there only where a projection is degraded."""
    client = TestClient(create_app(record(tmp_path / "runs", [0, 1], failing=[1])))

    for address in ADDRESSES:
        answer = client.get(address)
        assert "X-Ledger-Degraded" not in answer.headers
        assert 'class="warning"' not in answer.text
