"""The first page: how pipelines stand, what fails now, and what runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from starlette.testclient import TestClient

from app import create_app
from ledger import EventLog, RunContext
from tests.web.pages.browsing import window
from tests.web.serving import Server, new_ledger, serving


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    """Ask the application itself."""
    with TestClient(create_app(folder)) as client:
        yield client


def row_of(text: str, pipeline: str) -> str:
    """Give the row of a pipeline as text, without markup."""
    found = re.search(rf'id="pipeline-{pipeline}".*?</tr>', text, re.DOTALL)
    assert found
    return " ".join(re.sub(r"<[^>]*>", " ", found[0]).split())


def test_a_pipeline_is_told_in_one_row(client: TestClient) -> None:
    """How it stands, its last runs in words, what they come to, and why the last one failed."""
    text = client.get("/").text
    nightly, hourly = row_of(text, "nightly"), row_of(text, "hourly")
    assert "failing" in nightly
    assert "Of the last 10 runs: 6 failed, 3 success, 1 presumed dead" in nightly
    assert "Failed 6 times in a row" in nightly
    assert "stopped Of the last 4 runs: 1 stopped, 3 success" in hourly
    assert "75%" in hourly
    assert "without a pipeline" in row_of(text, "")


def test_a_run_that_goes_on_shows_how_far_it_is(client: TestClient) -> None:
    """Stages that are done of those that are planned, the one that runs, and the usual duration."""
    text = client.get("/").text
    card = re.search(r'id="running-run-running".*?</li>', text, re.DOTALL)
    assert card
    words = " ".join(re.sub(r"<[^>]*>", " ", card[0]).split())
    assert "1 of 4 stages done, translate" in words
    assert "live" in words
    assert "usually" in words
    assert "data-running" in text


def test_pipelines_can_be_narrowed_to_how_they_stand(client: TestClient) -> None:
    """The address says which; a way that none stands in says so."""
    text = client.get("/?show=failing").text
    assert 'id="pipeline-nightly"' in text
    assert 'id="pipeline-hourly"' not in text
    assert "No such pipelines" in client.get("/?show=running").text
    assert client.get("/?show=nope").status_code == 422


def test_the_first_page_tells_how_to_begin(tmp_path: Path) -> None:
    """Where nothing was recorded."""
    with TestClient(create_app(new_ledger(tmp_path / "runs"))) as client:
        assert "No runs yet" in client.get("/").text


def test_a_bar_opens_its_run(browser: Browser, server: Server) -> None:
    """By a click; by keys the row opens its pipeline."""
    with window(browser) as opened:
        page = opened.open(server.url)
        page.locator("#pipeline-nightly .strip a").last.click()
        expect(page).to_have_url(f"{server.url}/runs/hostile-4")
        expect(page.locator("#connection[data-state]")).to_be_visible()
        page.keyboard.press("g")
        page.keyboard.press("o")
        expect(page).to_have_url(f"{server.url}/")
        expect(page.locator("#connection[data-state]")).to_be_visible()
        page.locator("#pipeline-backfill-prices [data-open]").focus()
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{server.url}/pipelines/hourly")
        opened.check(server.url)


def test_an_open_page_follows_a_run(browser: Browser, tmp_path: Path) -> None:
    """It appears while it runs, and becomes a bar when it has ended."""
    folder = new_ledger(tmp_path / "runs")
    with serving(folder) as server, window(browser) as opened:
        page = opened.open(server.url)
        expect(page.locator("#connection")).to_have_text("Live")
        with EventLog.open(folder) as log:
            run = RunContext.start(log, pipeline="nightly", stages=["load", "merge"])
            expect(page.locator(".card .progress")).to_contain_text("0 of 2 stages done")
            with run.stage("load"):
                pass
            expect(page.locator(".card .progress")).to_contain_text("1 of 2 stages done")
            run.end("failed", "no rows")
        expect(page.locator(".card")).to_have_count(0)
        expect(page.locator("#pipeline-nightly .why")).to_contain_text("Failed once")
        expect(page.locator("#pipeline-nightly .run-bar.failed")).to_have_count(1)
        opened.check(server.url)


def test_rows_keep_their_places_under_the_pointer(browser: Browser, tmp_path: Path) -> None:
    """A pipeline that begins to fail, or runs above the list, moves no row that is pointed at.

    Once the pointer is elsewhere, what fails comes first.
    """
    folder = new_ledger(tmp_path / "runs")
    with serving(folder) as server, window(browser) as opened, EventLog.open(folder) as log:
        for name in ("first", "second"):
            RunContext.start(log, pipeline=name).end("success")
        page = opened.open(server.url)
        page.set_viewport_size({"width": 1440, "height": 320})
        names = page.locator(".pipelines tbody .name")
        expect(names).to_have_count(2)
        before = names.all_text_contents()
        row = page.locator(".pipelines tbody tr").last
        row.hover()
        top = "document.querySelector('.pipelines tbody').getBoundingClientRect().top"
        place = page.evaluate(top)
        going_on = RunContext.start(log, pipeline=before[0])
        RunContext.start(log, pipeline=before[1]).end("failed", "no rows")
        expect(row.locator(".state")).to_have_text("failing")
        assert names.all_text_contents() == before
        assert page.evaluate(top) == pytest.approx(place, abs=1)
        page.mouse.move(0, 0)
        going_on.end("success")
        expect(names).to_have_text(list(reversed(before)))
        opened.check(server.url)
