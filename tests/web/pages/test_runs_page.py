"""The list of runs: its conditions, its pages, its keys and its chart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from starlette.testclient import TestClient

from app import create_app
from ledger import EventLog
from ledger.recording.run_context import RunContext
from tests.web.pages.browsing import window
from tests.web.serving import Server


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    """Ask the application itself."""
    with TestClient(create_app(folder)) as client:
        yield client


def listed(text: str) -> list[str]:
    """Give the ids of the runs on a page, in order."""
    return re.findall(r'id="run-([^"]+)" class', text)


@pytest.mark.parametrize(
    ("query", "runs"),
    [
        ("result=stopped", ["run-stopped"]),
        ("result=running", ["run-running"]),
        ("pipeline=hourly&result=success&sort=shortest&stage_executed=merge", ["run-overlapping"]),
        ("q=INDEX+out", ["run-failed"]),
        ("q=index", ["run-failed"]),
        ("q=run-flak", []),
        ("metadata=ticket%3DPRICES-112&metadata=team%3Dprices", ["run-failed"]),
        ("stage_failed=translate", ["run-failed"]),
        ("started_before=2000-01-01T00:00", []),
        ("started_after=2000-01-01T00:00&result=stopped", ["run-stopped"]),
        ("duration_above=4m&duration_below=1h", ["run-imported"]),
        ("fingerprint=0000000000000000", []),
    ],
)
def test_conditions_hold_together(client: TestClient, query: str, runs: list[str]) -> None:
    """The list has the runs that meet each of them, and says which conditions it has."""
    assert listed(client.get(f"/runs?{query}").text) == runs


def test_a_condition_can_be_taken_away(client: TestClient) -> None:
    """Each is a link to the list without it; the others stay."""
    text = client.get("/runs?pipeline=nightly&metadata=a%3D1&metadata=b%3D2&q=x").text
    addresses = re.findall(r'<li><a href="\./runs\?([^"]*)"><bdi>', text)
    assert [address.replace("&amp;", "&") for address in addresses] == [
        "q=x&metadata=a%3D1&metadata=b%3D2",
        "pipeline=nightly&metadata=a%3D1&metadata=b%3D2",
        "pipeline=nightly&q=x&metadata=b%3D2",
        "pipeline=nightly&q=x&metadata=a%3D1",
    ]


def test_a_run_is_found_by_the_beginning_of_its_id(client: TestClient) -> None:
    """What is searched for is taken for an id too."""
    assert 'href="./runs/run-flaky"' in client.get("/runs?q=run-flak").text


def test_the_list_can_be_seen_as_it_was(client: TestClient) -> None:
    """As of a position or a time: who ended later goes on, and each link leads to the run then."""
    now = client.get("/runs?pipeline=nightly").text
    last = int(client.get("/runs").headers["x-ledger-position"])
    for as_of in ("3", "2999-01-01T00:00:00Z"):
        text = client.get(f"/runs?as_of={as_of}&sort=oldest").text
        assert "Back to now" in text
        assert "data-past" in text
        assert "Runs begun per" not in text
    assert "Back to now" not in now
    early = client.get("/runs?as_of=3").text
    assert len(listed(early)) == 1
    assert f'href="./runs/{listed(early)[0]}?as_of=3"' in early
    assert ">running<" in early.partition("<tbody")[2]
    assert "data-since" not in early
    assert client.get(f"/runs?as_of={last + 10**6}").status_code in (404, 409)
    assert client.get("/runs?as_of=soon").status_code == 422


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("result=nope", ["result"]),
        ("metadata=x", ["metadata"]),
        ("started_after=soon&duration_above=-1", ["started_after", "duration_above"]),
        ("after=x", ["after"]),
        ("after=duration/1.0/1", ["after"]),
        ("q=" + "x" * 1001, ["q"]),
        ("q=a&q=b", ["q"]),
        ("colour=red", ["colour"]),
        ("reason=%00", ["reason"]),
        ("duration_above=5m&duration_below=90s", ["duration_above", "duration_below"]),
        (
            "started_after=2026-01-16T10:00&started_before=2026-01-15T10:00",
            ["started_after", "started_before"],
        ),
    ],
)
def test_a_wrong_query_names_each_wrong_parameter(
    client: TestClient, query: str, names: list[str]
) -> None:
    """The page that says so is a 422."""
    answer = client.get(f"/runs?{query}", headers={"accept": "text/html"})
    assert answer.status_code == 422
    for name in names:
        assert f"<code>{name}</code>" in answer.text
    assert not re.search("Input should|Value error|String should", answer.text)


def test_pages_follow_each_other_without_gap_or_repetition(tmp_path: Path) -> None:
    """By the link to the next page, all runs come once, in order."""
    folder = tmp_path / "runs"
    with EventLog.open(folder, durability="process") as log:
        for number in range(120):
            RunContext.start(log, pipeline="nightly", run_id=f"{number:03}").end("success")
    with TestClient(create_app(folder)) as client:
        address, seen = "/runs?sort=oldest", []
        while address:
            text = client.get(address).text
            seen += listed(text)
            found = re.search(r'rel="next" href="\.(/runs[^"]*)"', text)
            address = found[1].replace("&amp;", "&") if found else ""
    assert seen == [f"{number:03}" for number in range(120)]


def test_everything_is_there_by_keyboard(browser: Browser, server: Server) -> None:
    """Rows, search, help, comparison and pages are reached by single keys."""
    with window(browser) as opened:
        page = opened.open(f"{server.url}/runs")
        page.keyboard.press("?")
        expect(page.locator("#help")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#help")).to_be_hidden()
        page.keyboard.press("/")
        page.keyboard.type("j")
        expect(page.locator("[data-search]")).to_have_value("j")
        page.keyboard.press("Escape")
        page.keyboard.press("j")
        page.keyboard.press("x")
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("x")
        page.keyboard.press("k")
        second = page.locator("[data-row] [data-open]").nth(1)
        expect(second).to_be_focused()
        rows = page.locator("[data-chosen]:checked")
        expect(rows).to_have_count(2)
        chosen = [rows.nth(number).get_attribute("value") for number in range(2)]
        page.keyboard.press("c")
        # Until it has come: Chromium may hang where a page is closed on its way to another.
        expect(page).to_have_url(f"{server.url}/compare?a={chosen[0]}&b={chosen[1]}")


def test_enter_opens_a_run_and_g_r_goes_back(browser: Browser, server: Server) -> None:
    """The row in focus opens, and a key behind another leads to a page."""
    with window(browser) as opened:
        page = opened.open(f"{server.url}/runs?q=index")
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{server.url}/runs/run-failed")
        expect(page.locator("#connection")).to_have_text("Live")
        page.keyboard.press("g")
        page.keyboard.press("r")
        expect(page).to_have_url(f"{server.url}/runs")
        opened.check(server.url)


def test_a_bar_selects_its_time(browser: Browser, server: Server) -> None:
    """A click on the activity lists the runs that began then; a link leads back to all."""
    with window(browser) as opened:
        page = opened.open(f"{server.url}/runs")
        page.locator(".activity .slots a").first.click()
        expect(page).to_have_url(re.compile("started_after="))
        expect(page.locator("[data-row]")).to_have_count(1)
        expect(page.locator(".chips li")).to_have_count(2)
        page.get_by_text("all of the time").click()
        expect(page).to_have_url(f"{server.url}/runs")
        opened.check(server.url)
