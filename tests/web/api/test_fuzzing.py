"""Questions made up from the document, and all that schemathesis knows to check of the answers."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from automation.access.token_store import TokenStore
from automation.access.tokens import Kind, Scope
from tests.web.recorded import record_each_result
from tests.web.serving import serving

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
EXAMPLES = "6"
# Its phase "coverage", a thousand questions more, is for whoever changes the parameters.
PHASES = "fuzzing"


def test_nothing_is_found(tmp_path: Path) -> None:
    """No answer departs from the document, and no question that it allows is refused."""
    folder, tokens = record_each_result(tmp_path / "runs"), tmp_path / "tokens"
    store = TokenStore(tokens, data_folder=folder)
    _, token = store.create(Kind.TOKEN, Scope.ADMIN, now=datetime.now(UTC))
    with serving(folder, tokens=tokens) as server:
        # Without --checks all are made, but for those that the configuration turns off.
        command = [
            str(Path(sys.executable).with_name("schemathesis")),
            f"--config-file={CONFIGURATION}",
            "run",
            f"{server.url}/openapi.json",
            f"--url={server.url}",
            f"--header=Authorization: Bearer {token}",
            f"--phases={PHASES}",
            f"--max-examples={EXAMPLES}",
            "--exclude-path=/api/pipeline/stream",
            "--request-timeout=60",
            "--seed=1",
            "--no-color",
        ]
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=240
        )
        assert done.returncode == 0, done.stdout
        assert server.said().replace("WARNING:  Invalid HTTP request received.\n", "") == ""
