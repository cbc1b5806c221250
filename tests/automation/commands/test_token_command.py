"""``runfold token``: what is printed, and what is kept."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from automation.access.token_store import TokenStore
from automation.access.tokens import Kind, Scope
from ledger import EventLog
from tests.automation.commands.in_process import CommandLine


@pytest.fixture
def command_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    """Give the command line on an empty ledger."""
    EventLog.open(tmp_path / "runs").close()
    return CommandLine(tmp_path / "runs", capfd)


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    """Name the file of the tokens."""
    return tmp_path / "tokens"


def test_a_token_is_data_and_the_advice_is_not(command_line: CommandLine, tokens: Path) -> None:
    """The text alone is on stdout, and it is good for the scope that was asked for."""
    answer = command_line("token", "create", "--scope", "append", "--tokens", tokens)

    assert answer.code == 0
    assert "shown only now" in answer.err
    store = TokenStore(tokens, data_folder=command_line.folder)
    found = store.find(answer.out.strip(), Kind.TOKEN, now=datetime.now(UTC))
    assert found is not None
    assert (found.scope, found.expires_at) == (Scope.APPEND, None)


def test_what_is_listed_can_be_revoked(command_line: CommandLine, tokens: Path) -> None:
    """A list shows ids and notes, made printable, and never a text."""
    made = command_line(
        "token",
        "create",
        "--scope=read",
        "--note=ci \x1b[31m",
        "--expires=1d",
        "--tokens",
        tokens,
        "--json",
    ).json

    (listed,) = command_line("token", "list", "--tokens", tokens, "--json").json
    assert listed == {name: made[name] for name in made if name != "token"}
    table = command_line("token", "list", "--tokens", tokens).out
    assert listed["id"] in table
    assert "\x1b" not in table
    assert command_line("token", "revoke", listed["id"], "--tokens", tokens).code == 0
    assert "no tokens" in command_line("token", "list", "--tokens", tokens).out
    again = command_line("token", "revoke", listed["id"], "--tokens", tokens)
    assert (again.code, listed["id"] in again.err) == (3, True)


def test_a_link_names_the_server(command_line: CommandLine, tokens: Path) -> None:
    """It is under the address that was given, and works once."""
    url = "https://ledger.example.org/runs/"
    answer = command_line("token", "link", "--url", url, "--tokens", tokens)
    address, _, text = answer.out.strip().partition("?link=")
    assert address == "https://ledger.example.org/runs/sign-in"
    store = TokenStore(tokens, data_folder=command_line.folder)
    assert store.redeem(text, now=datetime.now(UTC))


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("create", "--scope", "all"), 2, "scope"),
        (("create",), 2, "scope"),
        (("create", "--scope", "read", "--expires", "soon"), 2, "--expires"),
    ],
)
def test_bad_arguments_are_named(
    command_line: CommandLine, words: tuple[str, ...], code: int, said: str
) -> None:
    """Nothing is made then."""
    answer = command_line("token", *words)
    assert answer.code == code
    assert said in answer.err.lower()
