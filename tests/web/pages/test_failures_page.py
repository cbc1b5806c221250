"""The list of failures, and what is said of one by its form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from starlette.testclient import TestClient

from app import create_app
from automation.access.server_access import ServerAccess
from automation.access.token_store import TokenStore
from automation.access.tokens import Kind, Scope
from ledger import LogReader
from projections import RunHistory
from projections.failures.by_fingerprint import list_failures
from tests.web.pages.browsing import window
from tests.web.sample_runs import record_sample
from tests.web.serving import EVERYBODY, serving
from web.safety.admission import Admission

FORM = {"note": "T-17: a short line", "actor": "anna"}


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    """Ask an application that changes nothing."""
    with TestClient(create_app(folder)) as client:
        yield client


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Record a ledger of the test's own."""
    record_sample(tmp_path / "runs", successes=0)
    return tmp_path / "runs"


def open_failure(folder: Path) -> str:
    """Give the fingerprint of the last one that is open."""
    with RunHistory(folder) as history:
        return list_failures(history).groups[0].fingerprint


def last_event(folder: Path) -> tuple[str, object]:
    """Give the type and the data of the last event."""
    *_, event = LogReader(folder).read()
    return event.type, event.data


def test_each_kind_of_failure_is_told_once(client: TestClient) -> None:
    """With its stage, pipelines, counts, the last one's traceback, and a link to its runs."""
    text = client.get("/failures?state=all").text
    kind = re.search(r'<li id="failure-(\w+)"(?:(?!</li>).)*IndexError.*?</li>', text, re.DOTALL)
    assert kind
    assert "list index out of range" in kind[0]
    assert "Decimal(line.split" in kind[0]
    assert f'href="./runs?fingerprint={kind[1]}"' in kind[0]
    assert 'href="./pipelines/nightly"' in kind[0]
    assert ">new<" in kind[0]
    assert 'href="./runs/run-failed#traceback-' in kind[0]
    assert client.get(f"/runs?fingerprint={kind[1]}").text.count('id="run-') == 1


def test_failures_can_be_narrowed(client: TestClient) -> None:
    """By state, pipeline, time and version; each is in the address."""
    assert 'class="kind flaky"' in client.get("/failures?state=flaky").text
    assert 'class="kind open"' not in client.get("/failures?state=flaky").text
    for query in ("pipeline=hourly", "since=2999-01-01", "new_since=2999-01-01", "new_version=no"):
        assert "No such failures" in client.get(f"/failures?{query}").text
    assert "Show more" in client.get("/failures?limit=1").text
    assert client.get("/failures?state=nope&limit=0").status_code == 422


def test_a_server_that_changes_nothing_shows_the_command(client: TestClient) -> None:
    """There is no form that would only be refused."""
    text = client.get("/failures").text
    assert "runfold ack" in text
    assert "<form" not in text.partition('id="live"')[2].partition('id="help"')[0]
    address = "/failures/0123456789abcdef/acknowledge"
    assert client.post(address, data=FORM).status_code == 403


def test_who_may_only_read_sees_no_form(own: Path, tmp_path: Path) -> None:
    """A form that would be refused is not shown, but why not; who may change gets it."""
    tokens = TokenStore(tmp_path / "tokens", data_folder=own)
    admit = Admission(access=ServerAccess(tokens), anonymous=frozenset())
    with TestClient(create_app(own, admission=admit)) as client:
        for scope in (Scope.READ, Scope.ADMIN):
            _, secret = tokens.create(Kind.TOKEN, scope, now=datetime.now(UTC))
            headers = {"Authorization": f"Bearer {secret}"}
            text = client.get("/failures", headers=headers).text
            is_admin = scope is Scope.ADMIN
            assert ("Record it" in text) is is_admin
            assert ("You are signed in to read" in text) is not is_admin


def test_nothing_that_fails_is_said(tmp_path: Path) -> None:
    """And there is nothing to be acknowledged."""
    record_sample(tmp_path / "runs", successes=0)
    with TestClient(create_app(tmp_path / "runs", admission=EVERYBODY)) as client:
        client.post(f"/failures/{open_failure(tmp_path / 'runs')}/acknowledge", data=FORM)
        assert "Nothing fails" in client.get("/failures").text


def test_an_acknowledgement_is_an_event(own: Path) -> None:
    """It leads back to the list that it was sent from, which says that it was recorded."""
    fingerprint = open_failure(own)
    with TestClient(create_app(own, admission=EVERYBODY), follow_redirects=False) as client:
        form = {**FORM, "back": "pipeline=nightly"}
        answer = client.post(f"/failures/{fingerprint}/acknowledge", data=form)
        assert answer.status_code == 303
        address = f"../../failures?pipeline=nightly&acknowledged={fingerprint}"
        assert answer.headers["location"] == address
        kind, data = last_event(own)
        assert kind == "failure_acknowledged"
        assert vars(data) == {"fingerprint": fingerprint, **FORM}
        text = client.get(f"/failures?state=acknowledged&acknowledged={fingerprint}").text
        assert "T-17: a short line" in text
        assert "Recorded" in text


@pytest.mark.parametrize(
    ("form", "named"),
    [
        ({"note": " ", "actor": "anna"}, ["note"]),
        ({"back": ""}, ["note", "actor"]),
        ({**FORM, "actor": "x" * 201}, ["actor"]),
        ({**FORM, "colour": "red"}, ["colour"]),
        ({**FORM, "note": "\ud800".encode("utf-8", "surrogatepass")}, []),
    ],
)
def test_a_form_that_lacks_something_records_nothing(
    own: Path, form: dict[str, str], named: list[str]
) -> None:
    """Each wrong field is named; bytes that are no text are taken for what they show as."""
    fingerprint = open_failure(own)
    before = LogReader(own).position
    with TestClient(create_app(own, admission=EVERYBODY), follow_redirects=False) as client:
        answer = client.post(
            f"/failures/{fingerprint}/acknowledge", data=form, headers={"accept": "text/html"}
        )
    if named:
        assert answer.status_code == 422
        assert LogReader(own).position == before
        assert all(f"<code>{name}</code>" in answer.text for name in named)
    else:
        assert answer.status_code == 303


def test_what_cannot_be_acknowledged_is_refused(own: Path) -> None:
    """A failure that is not known whole, a wrong body, a long one, a page of another site."""
    address = f"/failures/{open_failure(own)}/acknowledge"
    before = LogReader(own).position
    with TestClient(create_app(own, admission=EVERYBODY), follow_redirects=False) as client:
        for unknown in ("0000", open_failure(own)[:6]):
            answer = client.post(f"/failures/{unknown}/acknowledge", data=FORM)
            assert answer.status_code == 404
        assert client.post(address, json=FORM).status_code == 415
        assert client.post(address, data={**FORM, "back": "x" * 70_000}).status_code == 413
        foreign = {"Sec-Fetch-Site": "cross-site"}
        assert client.post(address, data=FORM, headers=foreign).status_code == 403
        assert client.get(address).status_code == 405
        back = client.post(address, data={**FORM, "back": "https://other.example/?a=b"})
        assert back.headers["location"].startswith("../../failures?acknowledged=")
    assert LogReader(own).position == before + 1


@pytest.mark.parametrize("scripts", [True, False])
def test_a_person_acknowledges_a_failure(browser: Browser, own: Path, *, scripts: bool) -> None:
    """With scripts and without: by the form below it, and it is no longer among what is open."""
    fingerprint = open_failure(own)
    with serving(own) as server, window(browser, java_script_enabled=scripts) as opened:
        page = opened.page
        page.goto(f"{server.url}/failures")
        kind = page.locator(f"#failure-{fingerprint}")
        kind.get_by_text("Acknowledge", exact=True).click()
        kind.get_by_label("What is known of it").fill(FORM["note"])
        kind.get_by_label("Who says so").fill(FORM["actor"])
        kind.get_by_role("button", name="Record it").click()
        expect(page.locator(".said")).to_contain_text(fingerprint)
        expect(kind).to_have_count(0)
        page.get_by_role("link", name="acknowledged").click()
        expect(kind).to_contain_text("T-17: a short line")
        expect(kind).to_contain_text("anna")
        opened.check(server.url)
