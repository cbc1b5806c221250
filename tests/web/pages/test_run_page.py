"""The page of a run: what it says of runs of every kind, now and in the past, however long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from starlette.testclient import TestClient

from app import create_app
from ledger import EventLog
from tests.web.pages.browsing import window
from tests.web.sample_runs import Story
from tests.web.serving import Server


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    """Ask the application itself."""
    with TestClient(create_app(folder)) as client:
        yield client


@pytest.mark.parametrize(
    ("address", "said", "unsaid"),
    [
        ("run-failed", ["nightly", "IndexError", "list index out of range", "Traceback"], []),
        ("run-failed", ["PRICES-112", "by maria", "The feed had a short line.", "4f1c2ab"], []),
        ("run-failed", ["skipped", "translate failed", "2 attempts that failed before"], []),
        ("run-failed?event=6", ["As it was at event 6 of 13", ">running<"], ["by maria"]),
        ("run-flaky", ["success", "1 attempt that failed"], ["Traceback"]),
        ("run-stopped", ["stopped", "Stopped by SIGINT"], []),
        ("run-crashed", ["Presumed dead", "unfinished", "waiting"], []),
        ("run-imported", ["A run", "Imported from", "exit code 3", "merge"], ["attempts, one"]),
        ("run-running", ["running", "so far", "data-grows", "data-running"], ["data-past"]),
        (
            "run-failed/explain",
            ["failure_reason", "the elapsed_seconds of the first run_ended"],
            [],
        ),
    ],
)
def test_a_run_says_what_happened(
    client: TestClient, address: str, said: list[str], unsaid: list[str]
) -> None:
    """Each kind of run shows what is to know of it, and nothing that is not so."""
    text = client.get(f"/runs/{address}").text
    for each in said:
        assert each in text
    for each in unsaid:
        assert each not in text


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("nope", 404),
        ("nope/explain", 404),
        ("run-failed?event=0", 200),
        ("run-failed?as_of=1", 404),
        ("run-failed?as_of=999999", 404),
        ("run-failed?as_of=2000-01-01T00:00", 404),
        ("run-failed?as_of=soon", 422),
        ("run-failed?event=-1", 422),
        ("run-failed?event=x", 422),
        ("run-failed?other=1", 422),
        ("run-failed?event=", 200),
    ],
)
def test_what_cannot_be_shown_is_a_page_that_says_so(
    client: TestClient, address: str, status: int
) -> None:
    """An unknown run, a time before it began, and a wrong query are answered as a page."""
    answer = client.get(f"/runs/{address}", headers={"accept": "text/html"})
    assert answer.status_code == status
    assert "<h1" in answer.text


def test_the_past_of_a_position_is_that_of_its_event(client: TestClient) -> None:
    """Asked for by the position of an event or by its number, a run is shown as it was then."""
    by_event = client.get("/runs/run-failed?event=4").text
    position = by_event.partition("position ")[2].partition(".")[0].replace(",", "")
    by_position = client.get(f"/runs/run-failed?as_of={position}").text
    for text in (by_event, by_position):
        assert f"event 4 of 13, position {position}" in text
    early = client.get("/runs/run-failed?as_of=2000-01-01").json()
    assert early["detail"].endswith("had not begun at 2000-01-01T00:00:00.000000Z.")
    assert "As it was at event" not in client.get("/runs/run-failed?as_of=2999-01-01").text


def test_a_run_of_very_many_attempts_and_events_is_shown_in_parts(tmp_path: Path) -> None:
    """Attempts and events come by the hundred, stages beyond a number share a row."""
    folder = tmp_path / "runs"
    with EventLog.open(folder, durability="process") as log:
        story = Story(log, "run-long", datetime.now(UTC))
        story.start("nightly")
        for number in range(300):
            story.stage(f"part-{number}", 0.1)
        story.end("success")
    with TestClient(create_app(folder)) as client:
        text = client.get("/runs/run-long").text
        later = client.get("/runs/run-long?events_after=600").text
        every = client.get("/runs/run-long?all=true").text
    assert text.count('<tr id="event-') == 100
    assert "241 more stages" in text
    assert "Show the other 200" in text
    assert 'id="event-602"' in later
    assert 'id="event-600"' not in later
    assert every.count("part-299") > 1
    assert len(text) < 250_000


def test_the_slider_goes_through_the_past(browser: Browser, server: Server) -> None:
    """By the keyboard: each step shows the run as it was, in the address too; the end is now."""
    with window(browser) as opened:
        page = opened.open(f"{server.url}/runs/run-failed")
        slider = page.locator("#as-of-event")
        slider.focus()
        page.keyboard.press("Home")
        expect(page.locator("[role=note]")).to_contain_text("event 1 of 13")
        page.keyboard.press("ArrowRight")
        expect(page.locator("[role=note]")).to_contain_text("event 2 of 13")
        assert page.url.endswith("?event=2")
        assert page.evaluate("document.activeElement.id") == "as-of-event"
        page.keyboard.press("End")
        expect(page.locator("[role=note]")).to_have_count(0)
        expect(page.locator("h1")).to_contain_text("failed")
        assert "event=" not in page.url
        opened.check(server.url)


def test_what_is_long_is_folded(browser: Browser, server: Server) -> None:
    """A traceback is there when it is asked for, and so is the raw line of an event."""
    with window(browser) as opened:
        page = opened.open(f"{server.url}/runs/run-failed")
        trace = page.get_by_text('File "/srv/prices/feed.py"').first
        expect(trace).to_be_hidden()
        page.get_by_text("Traceback", exact=True).first.click()
        expect(trace).to_be_visible()
        page.locator("#event-12 summary").click()
        expect(page.locator("#event-12 pre")).to_contain_text('"type":"run_ended"')
        opened.check(server.url)


def test_a_command_can_be_copied(browser: Browser, server: Server) -> None:
    """The button takes the text along; nothing else on the page moves."""
    with window(browser, permissions=["clipboard-read", "clipboard-write"]) as opened:
        page = opened.open(f"{server.url}/runs/run-failed")
        page.locator("button.copy").first.click()
        expect(page.locator("button.copy[data-done]")).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == "run-failed"
        opened.check(server.url)
