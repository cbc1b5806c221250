"""``[redact]`` in runfold.toml: whatever a command appends, it appends without these texts."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger import LogReader
from tests.automation.commands.in_process import CommandLine
from tests.automation.commands.test_serve_command import serving
from tests.automation.test_settings import environment
from tests.web.posting import EVENTS, sent_start

SECRET = "DE02120300000000202051"
SETTINGS = '[ledger]\ndir = "runs"\n[redact]\nkeys = ["iban", "customer number"]\n'
PIPELINE = f"""
[parameters]
iban = "{SECRET}"
[[stage]]
name = "fails"
run = "echo customer_number={SECRET}; exit 1"
"""
IMPORTED: dict[str, object] = {
    "run_id": "old",
    "started_at": "2026-01-15T10:00:00Z",
    "ended_at": "2026-01-15T10:00:01Z",
    "result": "success",
    "stages_executed": [],
    "stages_failed": [],
    "failure_reason": None,
    "retry_count": 0,
    "metadata": {"iban": SECRET},
}


@pytest.fixture
def command_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[CommandLine]:
    """Give the command line, where the settings name two keys, and the environment a third."""
    (tmp_path / "runfold.toml").write_text(SETTINGS)
    with environment(RUNFOLD_CONFIG=str(tmp_path / "runfold.toml"), RUNFOLD_REDACT="pin"):
        yield CommandLine(tmp_path / "runs", capfd)


def lines(folder: Path) -> bytes:
    """Give the log as it lies there."""
    return b"".join(event.line for event in LogReader(folder).read())


def test_every_command_that_appends_keeps_them_out(
    command_line: CommandLine, tmp_path: Path
) -> None:
    """Those of the file and those of the environment together."""
    (tmp_path / "p.toml").write_text(PIPELINE)
    (tmp_path / "old.jsonl").write_text(json.dumps(IMPORTED) + "\n")

    assert command_line("run", tmp_path / "p.toml", "--run-id", "r", "--quiet").code == 1
    assert command_line("import", tmp_path / "old.jsonl").code == 0
    assert command_line("annotate", "r", f"iban={SECRET}", f"pin={SECRET}").code == 0
    fingerprint = command_line("failures", "--json").json["groups"][0]["fingerprint"]
    note = f"--note=iban: {SECRET}"
    assert command_line("ack", fingerprint, note).code == 0
    words = ("exec", "--pipeline", "p", "--", "echo", f"--iban={SECRET}")
    assert command_line(*words, on_folder=False).code == 0

    found = lines(tmp_path / "runs")
    assert SECRET.encode() not in found
    assert found.count(b"[redacted]") >= 7


def test_a_server_keeps_them_out(command_line: CommandLine, tmp_path: Path) -> None:
    """Of what it is sent; the settings are those of where it was started."""
    command_line("exec", "--pipeline", "p", "--", "true", on_folder=False)
    tokens = tmp_path / "tokens"
    token = command_line("token", "create", "--scope", "append", "--tokens", tokens).out.strip()
    event = sent_start("r")
    event["data"]["parameters"] = {"iban": SECRET}
    with serving(command_line.folder, tmp_path, "--tokens", str(tokens)) as (_, address):
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        request = urllib.request.Request(
            f"{address}{EVENTS}", data=json.dumps(event).encode(), headers=headers
        )
        urllib.request.urlopen(request, timeout=60).close()

    found = lines(command_line.folder)
    assert SECRET.encode() not in found
    assert b'"iban":"[redacted]"' in found


def test_a_rule_that_is_none_stops_what_would_record(
    command_line: CommandLine, tmp_path: Path
) -> None:
    """Before the log is made: it cannot forget."""
    (tmp_path / "runfold.toml").write_text('[redact]\nkeys = ["iban", "--"]\n')

    answer = command_line("exec", "--pipeline", "p", "--", "true", on_folder=False)

    assert answer.code == 2
    assert "redact.keys.1: a rule needs a word of letters or digits" in answer.err
    assert not (tmp_path / "runs").exists()
