"""The page of the ledger: checks on demand, and what it says of signatures, views and damage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from markupsafe import escape
from playwright.sync_api import Browser, expect
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app import create_app
from automation.access.tokens import Scope
from ledger import EventLog, LogReader, RunContext
from ledger.evidence.signed_note import SigningKey
from ledger.evidence.tree_head import current_tree_head, origin_of
from ledger.evidence.tree_head_signing import sign_tree_head
from projections import RunHistory
from tests.web.pages.browsing import violations, window
from tests.web.safety.signing_in import HOST, Guarded
from tests.web.serving import EVERYBODY, GENEROUS, eventually, record_elsewhere, serving
from web.audit import Audit
from web.pages import PAGES
from web.pages.ledger import signed_head
from web.pages.page import Changes, page_routes
from web.verifying import Verifying


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Record one run in a ledger of the test's own."""
    folder = tmp_path / "runs"
    with (
        EventLog.open(folder) as log,
        RunContext.start(log, pipeline="nightly") as run,
        run.stage("load"),
    ):
        pass
    return folder


@pytest.fixture
def client(folder: Path) -> Iterator[TestClient]:
    """Ask the application itself, which lets everybody do everything."""
    with TestClient(create_app(folder, admission=EVERYBODY)) as client:
        yield client


def damage(folder: Path) -> None:
    """Change a word of a stage in the log."""
    (segment,) = (folder / "events").iterdir()
    segment.write_bytes(segment.read_bytes().replace(b'"stage":"load"', b'"stage":"lost"', 1))


def checked(client: TestClient) -> str:
    """Ask for a check, and give the page once that has come to its end."""
    answer = client.post("/ledger/verify")
    assert answer.url.path == "/ledger"
    return eventually(
        lambda: text if "Checking every line" not in (text := client.get("/ledger").text) else ""
    )


def test_a_check_is_made_when_somebody_asks(client: TestClient, folder: Path) -> None:
    """Its verdict stands on the page from then on, with how much has come since."""
    assert "Not checked since this server was started" in client.get("/ledger").text
    text = checked(client)
    assert "Sound up to position 5" in text
    assert "5 events of 1 run in 1 segment" in text
    head = current_tree_head(LogReader(folder))
    for root in (head.root.hex(), head.text.splitlines()[2]):
        assert f"<code>{escape(root)}</code>" in text
    assert "No event has come since." in text
    with EventLog.open(folder) as log:
        RunContext.start(log, pipeline="nightly").end("success")
    text = client.get("/ledger").text
    assert "Sound up to position 5" in text
    assert "2 events have come since" in text


def test_damage_is_named(client: TestClient, folder: Path) -> None:
    """Each finding stands there with its place, and what was expected."""
    client.get("/ledger")
    damage(folder)
    text = checked(client)
    assert "Damaged: 1 finding" in text
    assert "00000000000000000001.jsonl, line 3" in text
    assert "crc" in text


def test_a_check_that_cannot_be_made_says_so(folder: Path) -> None:
    """Where the log to check is not there, there is no verdict, and the reason instead."""
    verifying = Verifying(folder / "nothing")
    with RunHistory(folder) as history:
        audit = Audit(verifying, None, may_verify=True)
        client = TestClient(
            Starlette(routes=page_routes(PAGES, history, audit, lambda _: Changes.TAKEN))
        )
        verifying.start()
        assert verifying.wait(GENEROUS)
        text = client.get("/ledger").text
    assert "The check came to no end" in text
    assert "nothing" in text.partition("came to no end")[2][:400]


def test_a_check_needs_the_scope_admin(tmp_path: Path) -> None:
    """Nobody else may ask for one; where nobody may, the command stands there instead."""
    guarded = Guarded(tmp_path / "runs")
    with TestClient(guarded.app(), base_url=f"http://{HOST}") as client:
        refused = client.post("/ledger/verify", headers=guarded.bearer(Scope.APPEND))
        assert refused.status_code == 403
        assert "Check every line" in client.get("/ledger", headers=guarded.bearer(Scope.ADMIN)).text
        reading = client.get("/ledger", headers=guarded.bearer(Scope.READ)).text
        assert "Check every line" not in reading
        assert "takes a sign-in with the scope admin" in reading
    with TestClient(guarded.app(authenticated=False), base_url=f"http://{HOST}") as client:
        assert client.post("/ledger/verify").status_code == 403
        text = client.get("/ledger").text
        assert "<form" not in text.partition('id="check"')[2].partition("</section>")[0]
        assert "runfold verify --dir" in text


def test_the_level_of_assurance_is_not_overstated(folder: Path) -> None:
    """Level 1 is claimed of what a key signed that is at hand, and of nothing else."""
    key = SigningKey.generate(origin_of(LogReader(folder).identity))
    other = SigningKey.generate(key.name)

    def said(key: SigningKey | None) -> str:
        with TestClient(create_app(folder, key=key, upkeep_interval=3600)) as client:
            return client.get("/ledger").text

    assert "none. Everything is at level 0." in said(None)
    sign_tree_head(LogReader(folder), key)
    unchecked = said(None)
    assert "Its signature is not checked here" in unchecked
    assert "as seen from here, up to" not in unchecked
    verified = said(key)
    assert "the key of this server signed it" in verified
    assert "as seen from here, up to position 5" in verified
    assert str(key.verifier_key) in verified
    refused = signed_head(LogReader(folder), 5, other.verifier_key)
    assert (refused.level, refused.state) == (0, "refused")
    assert "it bears no signature of that key" in refused.problem
    assert signed_head(LogReader(folder), 3, key.verifier_key).state == "beyond"
    (folder / "tree-head").write_text("nonsense")
    assert "not good" in said(None)
    for text in (unchecked, verified):
        assert "tamper-proof" not in text


def test_projections_and_quarantine_are_shown(client: TestClient, folder: Path) -> None:
    """How far each projection is, and what recovery has cut off."""
    with (folder / "events" / "00000000000000000001.jsonl").open("ab") as segment:
        segment.write(b'{"position":6,"torn')
    assert "19 bytes <small>on its way, or torn" in client.get("/ledger").text
    EventLog.open(folder).close()
    text = client.get("/ledger").text
    assert "up to date" in text
    assert "00000000000000000001-" in text
    assert ">19 bytes<" in text


def test_the_page_shows_a_check_as_it_goes(browser: Browser, folder: Path) -> None:
    """A button starts it, and the verdict comes without a reload; axe finds nothing in it."""
    with serving(folder) as server, window(browser) as opened:
        page = opened.open(f"{server.url}/ledger")
        page.get_by_role("button", name="Check every line").click()
        expect(page.locator("#check-title")).to_contain_text("Sound up to position 5")
        expect(page.locator("#connection")).to_have_text("Live")
        record_elsewhere(folder)
        expect(page.locator("#check")).to_contain_text("4 events have come since")
        damage(folder)
        page.get_by_role("button", name="Check it again").click()
        expect(page.locator("#check-title")).to_contain_text("Damaged: 1 finding")
        assert violations(page) == []
        page.emulate_media(color_scheme="dark")
        assert violations(page, "color-contrast") == []
        opened.check(server.url)
