"""The page of a pipeline: its runs by stages, its durations over time, what is wrong with it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from starlette.testclient import TestClient

from app import create_app
from ledger import EventLog
from tests.web.pages.browsing import window
from tests.web.sample_runs import Story
from tests.web.serving import Server, new_ledger, record_elsewhere, serving


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    """Ask the application itself."""
    with TestClient(create_app(folder)) as client:
        yield client


def row_of(text: str, stage: str) -> list[str]:
    """Give what the cells of a stage say, the oldest run first; a blank one nothing."""
    found = re.search(rf'<tr data-row>\s*<th scope="row" title="{stage}">.*?</tr>', text, re.DOTALL)
    assert found
    told: list[str] = []
    for wide, cell in re.findall(r'<td(?: colspan="(\d+)")?>(.*?)</td>', found[0]):
        told += [re.sub(r'.*aria-label="(.*?)".*', r"\1", cell)] * int(wide or 1)
    return told


def test_each_stage_is_told_for_each_run(client: TestClient) -> None:
    """In the order of the log: how it went, how long it took, and whether it was tried again."""
    told = row_of(client.get("/pipelines/nightly").text, "translate")
    assert told[2:5] == ["cut off", "completed in 20.0 s", "failed in 1 m 02 s, 3 attempts"]
    assert told[5:] == [""] * 5
    fetch = row_of(client.get("/pipelines/nightly").text, "fetch")
    assert fetch[3] == "completed in 27.5 s, 2 attempts"


def test_the_runs_have_dates(client: TestClient) -> None:
    """Every fifth says when it began, and each run is below a date."""
    text = client.get("/pipelines/nightly").text
    dated = re.search(r'<tr class="dates".*?</tr>', text)
    assert dated
    dates = re.findall(r'<td colspan="(\d+)">(.*?)</td>', dated[0])
    runs = len(row_of(text, "translate"))
    assert sum(int(wide) for wide, _ in dates) == runs
    assert [int(wide) for wide, _ in dates[:-1]] == [5] * (runs // 5 - 1)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", date) for _, date in dates)


def test_durations_are_told_over_time(client: TestClient) -> None:
    """Those of a stage where one is chosen; the table says what is drawn, and what is flaky."""
    text = client.get("/pipelines/nightly?stage=fetch").text
    given = re.search(r'data-trend="([^"]*)"', text)
    assert given
    data = json.loads(unescape(given[1]))
    assert set(data) == {"at", "p50", "p90", "p99"}
    assert len(data["at"]) == len(data["p50"]) > 0
    assert "stage <b><bdi>fetch</bdi></b>" in text
    assert "1 of 5" in text
    assert "Nothing of stage no-such ended" in client.get("/pipelines/nightly?stage=no-such").text


def test_what_is_wrong_stands_above(client: TestClient) -> None:
    """Why the last runs failed."""
    text = client.get("/pipelines/nightly").text
    assert "The last 6 runs failed" in text
    assert 'href="../runs?pipeline=nightly&amp;result=failed"' in text
    assert 'href="../failures?pipeline=nightly"' in text


def test_what_is_slower_than_usual_is_marked(tmp_path: Path) -> None:
    """The run in the grid, and the newest success above it, with what of it was slow."""
    folder = new_ledger(tmp_path / "runs")
    began = datetime.now(UTC) - timedelta(hours=8)
    with EventLog.open(folder, durability="process") as log:
        for number in range(7):
            story = Story(log, f"run-{number}", began + timedelta(hours=number))
            story.start("nightly", "load").stage("load", 30.0 if number == 6 else 5.0).end(
                "success"
            )
    with TestClient(create_app(folder)) as client:
        text = client.get("/pipelines/nightly").text
    assert text.count("slower than usual: the run, load") == 2  # to look at, and to listen to
    assert "was slower than usual: needed for stage load 30.0 s, usually 5.00 s" in text


def test_older_runs_are_a_link_away(tmp_path: Path) -> None:
    """More runs than columns are told in several pages, each with an address of its own."""
    folder = new_ledger(tmp_path / "runs")
    with EventLog.open(folder, durability="process") as log:
        for number in range(45):
            story = Story(log, f"run-{number:02}", datetime.now(UTC))
            story.start("nightly", "load").stage("load", 1.0).end("success")
    with TestClient(create_app(folder)) as client:
        text = client.get("/pipelines/nightly").text
        older = re.search(r'href="\.\.(/pipelines/nightly\?before=\d+)"', text)
        assert older
        assert len(row_of(text, "load")) == 40
        text = client.get(older[1]).text
        assert len(row_of(text, "load")) == 5
        assert "Newest runs" in text
        assert "Older runs" not in text


@pytest.mark.parametrize("name", ["no-such", "%3Cscript%3E", "x" * 500])
def test_an_unknown_pipeline_is_a_404(client: TestClient, name: str) -> None:
    """Which says its name, however hostile."""
    answer = client.get(f"/pipelines/{name}", headers={"accept": "text/html"})
    assert answer.status_code == 404
    assert "Unknown pipeline" in answer.text
    assert "<script>" not in answer.text


def test_durations_are_drawn_and_stay_when_the_page_is_brought_up_to_date(
    browser: Browser, tmp_path: Path
) -> None:
    """A chart by uPlot, which the policy of the page allows, and which follows the log."""
    folder = new_ledger(tmp_path / "runs")
    first = record_elsewhere(folder)
    with serving(folder) as server, window(browser) as opened:
        page = opened.open(f"{server.url}/pipelines/nightly")
        expect(page.locator("#connection")).to_have_text("Live")
        chart = page.locator("#trend canvas")
        expect(chart).to_be_visible()
        record_elsewhere(folder)
        expect(page.locator(".grid thead a")).to_have_count(2)
        expect(chart).to_have_count(1)
        page.locator(".grid td a").first.click()
        expect(page).to_have_url(f"{server.url}/runs/{first}")
        opened.check(server.url)


def test_one_run_of_many_stages_leaves_room_for_those_of_most_runs(
    browser: Browser, tmp_path: Path
) -> None:
    """The grid keeps a stage that more runs know; what is drawn below is drawn when it is near."""
    folder = new_ledger(tmp_path / "runs")
    with EventLog.open(folder, durability="process") as log:
        for number in range(3):
            story = Story(log, f"run-{number}", datetime.now(UTC))
            story.start("nightly", "load").stage("load", 1.0).end("success")
        story = Story(log, "many", datetime.now(UTC)).start("nightly")
        for number in range(70):
            story.stage(f"part-{number}", 1.0)
        story.end("success")
    with serving(folder) as server, window(browser) as opened:
        page = opened.open(f"{server.url}/pipelines/nightly")
        expect(page.locator(".grid tbody tr")).to_have_count(60)
        expect(page.locator(".grid tbody tr").last.locator("td")).to_have_count(4)
        expect(page.locator(".grid tbody th").last).to_have_text("load")
        expect(page.locator(".part .foot").first).to_contain_text("11 more stages")
        expect(page.locator("#trend canvas")).to_have_count(0)
        page.locator(".trend-figure").scroll_into_view_if_needed()
        expect(page.locator("#trend canvas")).to_be_visible()
        opened.check(server.url)


def test_another_time_is_an_address(browser: Browser, server: Server) -> None:
    """The links to other spans keep what else was asked for; keys go from stage to stage."""
    with window(browser) as opened:
        page = opened.open(f"{server.url}/pipelines/nightly?stage=fetch")
        for place in range(2):
            page.keyboard.press("j")
            expect(page.locator(".grid tbody [data-open]").nth(place)).to_be_focused()
        page.get_by_role("link", name="7 days", exact=True).click()
        expect(page).to_have_url(re.compile(r"stage=fetch"))
        expect(page).to_have_url(re.compile(r"days=7"))
        opened.check(server.url)
