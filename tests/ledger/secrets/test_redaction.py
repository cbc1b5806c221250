"""Secrets are taken out before an event is appended, and nothing else is."""

from __future__ import annotations

import re
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ledger import EventLog, NewEvent, RunContext
from ledger.errors import InvalidEvent
from ledger.events import EVENT_TYPES, ImportedRun, RunAnnotated, RunImported, StageFailed, build
from ledger.secrets.redaction import JSON_FIELDS, REDACTED, TEXT_FIELDS, Redaction
from tests.ledger.examples import run_started, stage_started

RULES = Redaction(["iban", "customer number"])
SECRET = (
    st.text(string.ascii_letters + string.digits + "!$%^*_-+~#", min_size=9, max_size=30)
    .map(lambda text: f"{text}0Z")
    # The name of a variable is shown: it tells where the secret is, and is none.
    .filter(lambda text: re.fullmatch(r"\$[A-Za-z_]\w*", text) is None)
    # So is an option, which follows one that takes no value.
    .filter(lambda text: re.match(r"--[A-Za-z]", text) is None)
)
SECRET_KEYS = (
    "password",
    "DB_PASSWORD",
    "dbPassword",
    "dbpassword",
    "api-key",
    "X-API-Key",
    "apikey",
    "clientSecret",
    "clientsecret",
    "access_token",
    "refreshTokens",
    "spring.datasource.password",
    "AWS_SECRET_ACCESS_KEY",
    "private_key",
    "Authorization",
    "cookie",
    "credentials",
    "iban",
    "customer_number",
)
OPEN_KEYS = ("day", "max_tokens_limit", "password_file", "token_type", "secretName", "keyboard")

# Fields of text that are names or hashes, or that only the ledger itself writes.
NAMES = {
    "writer.host",
    "writer.machine_id",
    "writer.boot_id",
    "error.type",
    "summary.stages_executed",
    "summary.stages_failed",
    "fingerprint",
    "detected_by",
    "host",
}


def _paths(model: Any, before: str = "") -> dict[str, Any]:
    """Give the type of each field of a model, those of models within it too."""
    found: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if hasattr(field.annotation, "model_fields"):
            found |= _paths(field.annotation, f"{before}{name}.")
        else:
            found[before + name] = model.__annotations__[name]
    return found


def test_every_field_of_free_text_is_looked_at() -> None:
    """A new event with a text of any kind must say whether it is redacted."""
    for model in EVENT_TYPES.values():
        if model.type.startswith("ledger_"):
            continue
        for path, kind in _paths(model).items():
            if "Text" in str(kind) or "JsonObject" in str(kind):
                assert path in {*JSON_FIELDS, *TEXT_FIELDS, *NAMES}, f"{model.type}: {path}"


@pytest.mark.parametrize("key", SECRET_KEYS)
@given(secret=SECRET)
@settings(max_examples=5)
def test_a_text_under_a_key_that_names_a_secret_is_hidden(key: str, secret: str) -> None:
    """At any depth, in lists too, and by the rules of a user."""
    value = {"a": [{key: secret}], key: {"deep": [secret, 7, None]}, "b": secret}

    redacted = {"a": [{key: REDACTED}], key: {"deep": [REDACTED, 7, None]}, "b": secret}
    assert RULES.value(value) == redacted


@pytest.mark.parametrize("key", OPEN_KEYS)
def test_a_key_that_names_no_secret_keeps_its_value(key: str) -> None:
    """What is about a secret, or only sounds like one, stays."""
    assert RULES.value({key: "value 1"}) == {key: "value 1"}


@given(number=st.one_of(st.integers(), st.floats(allow_nan=False), st.booleans(), st.none()))
@settings(max_examples=20)
def test_numbers_stay(number: object) -> None:
    """``max_tokens=4096`` is no secret, not even as text."""
    value = {"max_tokens": number, "password": number, "token": number, "tokens": "4096"}

    assert RULES.value(value) == value


@pytest.mark.parametrize(
    "template",
    [
        "{key}={secret}",
        "export {key}={secret}",
        "x: {key}: {secret}, and more",
        "--{key} {secret} --verbose",
        "['tool', '--{key}', '{secret}']",
        '{{"{key}": "{secret}", "rows": 7}}',
        "{{'{key}': '{secret}'}}",
        '{{\\"{key}\\": \\"{secret}\\"}}',
        '{key} = "{secret}"',
        "{key}='{secret} with spaces {secret}'",
        '{key}="{secret} that never ends',
        "Client({key}={secret})",
        "https://example.org/?{key}={secret}&page=2",
    ],
)
@given(secret=SECRET, key=st.sampled_from(SECRET_KEYS))
@settings(max_examples=15)
@example(secret="-000000000Z", key="password")
@example(secret="--00000000Z", key="password")
def test_no_secret_survives_in_a_text(template: str, secret: str, key: str) -> None:
    """However a program prints it; and what is around it stays."""
    text = template.format(key=key, secret=secret)

    redacted = RULES.text(f"before 1\n{text}\nafter=2")

    assert secret not in redacted
    assert redacted.startswith("before 1\n")
    assert redacted.endswith("\nafter=2")
    assert RULES.text(redacted) == redacted


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("postgres://u:p@ss@db/x", "postgres://u:[redacted]@db/x"),
        ("https://abc123@example.org/x", "https://[redacted]@example.org/x"),
        ("ssh://git@example.org/x", "ssh://git@example.org/x"),
        ("https://token:abc@example.org", "https://token:[redacted]@example.org"),
        ("Authorization: Digest a, b=c\nHost: x", "Authorization: [redacted]\nHost: x"),
        ("curl -H 'Authorization: Bearer abc1' u", "curl -H 'Authorization: [redacted]' u"),
        ("sent Bearer abc.def-1234 to", "sent Bearer [redacted] to"),
        ("id AKIAIOSFODNN7EXAMPLE.", "id [redacted]."),
        (f"x ghp_{'a1' * 18} y", "x [redacted] y"),
        ("j eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_9 k", "j [redacted] k"),
        ("password: $000000000Z, and more", "password: [redacted], and more"),
        ("Uid=a;Pwd=b;Database=c", "Uid=a;Pwd=[redacted];Database=c"),
        (
            "a\n-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\nb",
            "a\n[redacted]\nb",
        ),
        ("a\n-----BEGIN PRIVATE KEY-----\nMIIEvQ", "a\n[redacted]"),
        ("a b\nMIIEvQ\nAAAA==\n-----END PRIVATE KEY-----\nc", "a b\n[redacted]\nc"),
    ],
)
def test_what_gives_itself_away_is_hidden(text: str, redacted: str) -> None:
    """Passwords in addresses, headers, and tokens that are known by their looks."""
    assert RULES.text(text) == redacted
    assert RULES.text(redacted) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "max_tokens=4096, total_tokens: 17",
        "PWD=/home/me",
        "Password: ",
        "unexpected token: }",
        "    token = get_token(name)",
        "def connect(password: str, token: str = None) -> None:",
        "std::token::parse",
        "Bearer authentication required",
        "see https://example.org/a@b and me@example.org",
        "password=$DB_PASSWORD",
        "password=[redacted]",
    ],
)
def test_what_only_sounds_like_a_secret_stays(text: str) -> None:
    """Counts, prompts, and lines of source code, which a traceback quotes, keep their words."""
    redacted = RULES.text(text)

    assert redacted in (text, text.replace("$DB_PASSWORD", REDACTED))


@given(st.text(alphabet=string.ascii_letters + " \n.,=:'\"[]-_/@", max_size=200))
@settings(max_examples=60)
def test_a_second_pass_changes_nothing(text: str) -> None:
    """Who sends an event on, redacts it once more."""
    once = RULES.text(f"password: {text} token={text}")

    assert RULES.text(once) == once


@pytest.mark.parametrize(
    "text",
    [
        *("a", "a.b-", "password", "password=", "://", "http://a:", "eyJ", '"\\', " ", "a='"),
        *("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----\n", "Bearer ", "sk-", "A\n"),
    ],
)
def test_any_text_is_read_in_linear_time(text: str) -> None:
    """Ends at once where a careless pattern would need hours: 60 kB of what tempts it most."""
    long = text * (60_000 // len(text))

    RULES.text(f"{long}-----END PRIVATE KEY-----")
    RULES.text(f"password='{long}")


@given(st.dictionaries(st.sampled_from(["day", *SECRET_KEYS]), st.text(max_size=20), max_size=3))
@settings(max_examples=60)
def test_the_quick_look_misses_nothing(metadata: dict[str, str]) -> None:
    """What would be changed is never passed over; the payload is small, the look is cheap."""
    event = NewEvent(RunAnnotated(metadata=metadata, actor="me"), "r")
    encoded = event.data.as_json()

    assert RULES.may_apply(event, encoded) or RULES.redact(event) is event


def test_events_without_text_are_not_even_looked_at() -> None:
    """The events there are most of cost nothing."""
    assert not RULES.may_apply(stage_started("r"), b'{"password":"x"}')


def test_a_rule_needs_a_word() -> None:
    """An empty rule would find every key."""
    with pytest.raises(InvalidEvent, match="redact"):
        Redaction(["--"])


def test_the_log_never_holds_what_a_run_was_told(tmp_path: Path) -> None:
    """Parameters, metadata, tails, tracebacks and reasons; by rules that ship and those given."""
    with EventLog.open(tmp_path, redact=["iban"]) as log:
        with (  # noqa: PT012 - the block is a run that fails
            pytest.raises(ValueError, match="hunter2"),
            RunContext.start(
                log,
                pipeline="nightly",
                parameters={"url": "db://u:hunter2@db", "max_tokens": 4096},
                metadata={"IBAN": "hunter2", "day": "2026-01-15"},
            ) as run,
            run.stage("load") as stage,
        ):
            stage.output("export API_KEY=hunter2\nrows: 7\n")
            raise ValueError("password=hunter2 refused")
        run_id = run.run_id
        lines = [event.line for event in log.read_run(run_id)]

    assert not any(b"hunter2" in line for line in lines)
    assert b'"url":"db://u:[redacted]@db","max_tokens":4096' in lines[0]
    assert b'{"IBAN":"[redacted]","day":"2026-01-15"}' in lines[0]
    assert b'"output_tail":"export API_KEY=[redacted]\\nrows: 7\\n"' in lines[2]
    assert b"password=[redacted] refused" in lines[3]


def test_a_secret_is_gone_before_its_text_is_shortened(tmp_path: Path) -> None:
    """The cut through the middle of a long text cannot part a password from its key."""
    long = "x" * 40_000 + " password='" + "hunter2 " * 4_000 + "'"
    error = {"type": "E", "message": "m", "traceback": long}
    failed = build(StageFailed, stage="a", attempt=1, error=error, elapsed_seconds=0)
    with EventLog.open(tmp_path) as log:
        log.append_batch([run_started("r"), stage_started("r", "a")])
        receipt = log.append(NewEvent(failed, "r"))
        (event,) = log.read(receipt.position - 1)

    assert b"hunter2" not in event.line


def test_an_imported_run_is_redacted_too(tmp_path: Path) -> None:
    """A summary from elsewhere is no way around the rules."""
    summary = ImportedRun(
        run_id="r",
        started_at="2026-01-15T10:00:00Z",  # type: ignore[arg-type] # pydantic reads it
        ended_at=None,
        result="failed",
        failure_reason="token: abcdef1",
        stages_executed=(),
        stages_failed=(),
        retry_count=0,
        metadata={"secret": "abcdef1"},
    )
    with EventLog.open(tmp_path) as log:
        log.append(NewEvent(RunImported(summary=summary, source="runs.jsonl"), "r"))
        (event,) = log.read_run("r")

    assert b"abcdef1" not in event.line
    assert b'"failure_reason":"token: [redacted]"' in event.line
