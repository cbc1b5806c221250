"""``runfold serve`` in a real process."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from automation.commands import main
from ledger import EventLog, RunContext
from tests.automation.commands.processes import start


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Give a log with one run."""
    folder = tmp_path / "runs"
    with EventLog.open(folder) as log:
        RunContext.start(log, pipeline="p", run_id="r").end("success")
    return folder


@contextmanager
def serving(
    folder: Path, cwd: Path, *options: str
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Serve on a free port; give the process and the address that it tells."""
    process = start("serve", "--dir", folder, "--port", 0, *options, cwd=cwd)
    try:
        assert process.stderr is not None
        told = f"serving {folder} at http://127.0.0.1:".encode()
        # Other remarks may come first; where the address never comes, there is no line.
        line = next(line for line in process.stderr if line.startswith(told))
        yield process, line.decode().split()[-1]
    finally:
        process.kill()
        process.communicate()


def fetch(address: str, **headers: str) -> bytes:
    """Give what an address answers; the socket is there before the server is."""
    request = urllib.request.Request(address, headers=headers)
    with urllib.request.urlopen(request, timeout=60) as response:
        body: bytes = response.read()
        return body


def test_the_runs_are_served(ledger: Path, tmp_path: Path) -> None:
    """The address that is told on stderr answers, with the app of this project and no other."""
    (tmp_path / "app.py").write_text("raise RuntimeError('not this one')\n")

    with serving(ledger, tmp_path, "--no-auth") as (_, address):
        body = json.loads(fetch(f"{address}/api/pipeline/runs"))

    assert [run["run_id"] for run in body["runs"]] == ["r"]


def test_a_token_and_a_printed_link_let_in(
    ledger: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Without either there is 401; the link signs a browser in, and is made for this server."""
    tokens = tmp_path / "tokens"
    create = ("token", "create", "--scope", "read", "--tokens", str(tokens), "--dir", str(ledger))
    assert main(create) == 0
    token = capfd.readouterr().out.strip()
    with serving(ledger, tmp_path, "--tokens", str(tokens)) as (process, address):
        runs = f"{address}/api/pipeline/runs"
        with pytest.raises(urllib.error.HTTPError, match="401"):
            fetch(runs)
        assert b'"r"' in fetch(runs, Authorization=f"Bearer {token}")
        assert process.stderr is not None
        line = next(line for line in process.stderr if b"sign-in" in line)
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with browser.open(line.decode().split()[-1], timeout=60) as page:
            assert page.url.startswith(f"{address}/")
            assert b"Runfold" in page.read()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "example.org"])  # noqa: S104 - it is refused
def test_without_authentication_only_this_machine_is_served(
    ledger: Path, capfd: pytest.CaptureFixture[str], host: str
) -> None:
    """Everybody who reaches the machine could read otherwise."""
    assert main(["serve", "--dir", str(ledger), "--no-auth", "--host", host]) == 2
    assert "--no-auth" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)]
)
def test_a_signal_ends_it(ledger: Path, tmp_path: Path, number: signal.Signals, code: int) -> None:
    """It ends by itself, without a traceback, and nothing is on stdout."""
    with serving(ledger, tmp_path) as (process, address):
        fetch(f"{address}/healthz")
        process.send_signal(number)
        out, err = process.communicate(timeout=30)

    assert process.returncode == code
    assert out == b""
    assert b"Traceback" not in err


def test_a_port_that_is_taken_is_told(ledger: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The error names the address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", "--dir", str(ledger), "--port", str(port)]) == 1

    told = f"runfold: cannot listen on 127.0.0.1, port {port}: Address already in use"
    assert capfd.readouterr().err.splitlines()[-1] == told
