"""The page of raw events: its conditions, its pages by position, and what comes meanwhile."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from starlette.testclient import TestClient

from app import create_app
from ledger import EventLog, LogReader
from ledger.recording.run_context import RunContext
from projections import RunHistory
from tests.web.pages.browsing import window
from tests.web.serving import Server, new_ledger, record_elsewhere, serving
from web.pages.log_page import EventFilter, Gap, read_log_page


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    """Ask the application itself."""
    with TestClient(create_app(folder)) as client:
        yield client


def listed(text: str) -> list[int]:
    """Give the positions of the events on a page, in order."""
    return [int(found) for found in re.findall(r'<tr id="(\d+)"', text)]


def test_all_events_come_page_by_page(client: TestClient, folder: Path) -> None:
    """The pages that go on behind each other hold each position once, the newest first."""
    address, found = "./events", []
    while address:
        text = client.get(address).text
        found += listed(text)
        following = re.search(r'rel="next" href="([^"]*)"', text)
        address = following[1] if following else ""
    assert found == list(range(LogReader(folder).position, 0, -1))


@pytest.mark.parametrize(
    ("query", "conditions"),
    [
        ("type=stage_failed", {"type": "stage_failed"}),
        ("run=run-failed", {"run_id": "run-failed"}),
        ("run=run-failed&type=stage_failed", {"type": "stage_failed", "run_id": "run-failed"}),
        ("type=ledger_created", {"type": "ledger_created"}),
        ("run=nope", {"run_id": "nope"}),
        ("run=no%20run%20at%20all", {"run_id": "no run at all"}),
        ("type=unheard_of", {"type": "unheard_of"}),
    ],
)
def test_conditions_hold_together(
    client: TestClient, folder: Path, query: str, conditions: dict[str, str]
) -> None:
    """The page has the events that meet each of them, as reading the whole log finds them."""
    wanted = [
        event.position
        for event in LogReader(folder).read()
        if all(getattr(event, name) == value for name, value in conditions.items())
    ]
    assert listed(client.get(f"/events?{query}").text) == wanted[::-1]


def test_a_pipeline_is_that_of_the_runs(client: TestClient, folder: Path) -> None:
    """By pipeline there are the events of its runs, alone and together with a run or a type."""
    runs = {"run-overlapping", "run-stopped"}
    found = listed(client.get("/events?pipeline=hourly&type=run_ended").text)
    ended = [one for one in LogReader(folder).read() if one.position in found]
    assert runs <= {one.run_id for one in ended}
    assert {one.type for one in ended} == {"run_ended"}
    assert listed(client.get("/events?pipeline=hourly&run=run-stopped").text)
    assert not listed(client.get("/events?pipeline=nightly&run=run-stopped").text)
    assert not listed(client.get("/events?pipeline=nightly&type=ledger_created").text)


def test_each_position_has_a_link(client: TestClient) -> None:
    """Behind it the event is open, in the middle of those around it."""
    text = client.get("/events?at=70").text
    assert listed(text) == list(range(95, 45, -1))
    assert '<tr id="70" class="at"' in text
    assert text.count("<details open>") == 1
    assert "data-past" in text
    assert listed(client.get("/events?at=2").text) == list(range(50, 0, -1))


@pytest.mark.parametrize(
    ("query", "status"),
    [("at=0", 422), ("at=99999999", 404), ("before=x", 422), ("follow=maybe", 422), ("at=", 200)],
)
def test_what_cannot_be_shown_is_a_page_that_says_so(
    client: TestClient, query: str, status: int
) -> None:
    """A position beyond the end and a wrong query are answered as a page."""
    answer = client.get(f"/events?{query}", headers={"accept": "text/html"})
    assert answer.status_code == status
    assert "<h1" in answer.text


def test_a_rare_type_is_looked_for_so_far_and_no_further(tmp_path: Path) -> None:
    """One page looks at a bounded number of lines; the next goes on where it stopped."""
    folder = tmp_path / "runs"
    with EventLog.open(folder, durability="process") as log:
        run = RunContext.start(log, pipeline="nightly", run_id="long")
        for _ in range(2_100):
            with run.stage("load"):
                pass
        run.end("success")
    with RunHistory(folder) as history:
        last = history.reader.position
        rare = EventFilter(type="run_started")
        first = read_log_page(history, rare, before=last + 1, limit=10)
        assert (len(first.rows), first.looked_at) == (0, 3_000)
        assert first.before is not None
        second = read_log_page(history, rare, before=first.before, limit=10)
        assert [row.position for row in second.rows] == [2]
        assert second.before is None


def test_damage_has_its_place_in_the_list(tmp_path: Path) -> None:
    """What cannot be read stands between its neighbours, which are shown."""
    folder = new_ledger(tmp_path / "runs")
    with EventLog.open(folder) as log:
        run = RunContext.start(log, pipeline="nightly")
        with run.stage("load"):
            pass
        run.end("success")
    (segment,) = (folder / "events").iterdir()
    lines = segment.read_bytes().split(b"\n")
    lines[2] = lines[2].replace(b"load", b"lost")
    segment.write_bytes(b"\n".join(lines))
    with RunHistory(folder) as history:
        page = read_log_page(history, EventFilter(), before=6, limit=10)
        of_run = read_log_page(history, EventFilter(run=run.run_id), before=6, limit=10)
    assert [row.position for row in page.rows] == [5, 4, 3, 2, 1]
    assert isinstance(page.rows[2], Gap)
    assert [row.position for row in of_run.rows] == [5, 4, 3, 2]
    assert isinstance(of_run.rows[2], Gap)


def test_new_events_wait_until_they_are_let_in(browser: Browser, tmp_path: Path) -> None:
    """A button says how many there are; while the page is followed, they come in by themselves."""
    folder = new_ledger(tmp_path / "runs")
    with serving(folder) as server, window(browser) as opened:
        page = opened.open(f"{server.url}/events")
        expect(page.locator("#connection")).to_have_text("Live")
        expect(page.locator("[data-row]")).to_have_count(1)
        record_elsewhere(folder)
        button = page.locator("#new-rows")
        expect(button).to_have_text("4 new events")
        expect(page.locator("[data-row]")).to_have_count(1)
        button.click()
        expect(page.locator("[data-row]")).to_have_count(5)
        page.get_by_role("link", name="Follow").click()
        expect(page.get_by_role("link", name="Pause")).to_be_visible()
        expect(page.locator("#connection")).to_have_text("Live")
        record_elsewhere(folder)
        expect(page.locator("[data-row]")).to_have_count(9)
        expect(button).to_be_hidden()
        opened.check(server.url)


def test_a_line_can_be_opened_and_taken_along(browser: Browser, server: Server) -> None:
    """By the keyboard: a row opens its position, where the raw line can be copied as it lies."""
    with window(browser, permissions=["clipboard-read", "clipboard-write"]) as opened:
        page = opened.open(f"{server.url}/events?run=run-failed")
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        row = page.locator("tr.at")
        expect(row.locator("pre")).to_be_visible()
        row.locator(".raw button.copy").click()
        expect(row.locator(".raw button.copy[data-done]")).to_be_visible()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied == row.locator("pre").text_content()
        assert '"type":"run_ended"' in copied
        opened.check(server.url)
