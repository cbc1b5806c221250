"""Open pages beside a real server, while others record runs: what changes, and what stays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from automation.access.token_store import TokenStore
from automation.access.tokens import Kind, Scope
from ledger import EventLog, RunContext
from tests.web.pages.browsing import Window, window
from tests.web.serving import Server, dying_run, new_ledger, record_elsewhere, serving

TOP = "document.activeElement.getBoundingClientRect().top"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make an empty ledger of the test's own."""
    return new_ledger(tmp_path / "runs")


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    """Serve it."""
    with serving(folder) as server:
        yield server


@pytest.fixture
def opened(browser: Browser, server: Server) -> Iterator[Window]:
    """Open a window; at the end check that nothing went wrong in it."""
    with window(browser) as opened:
        yield opened
        opened.check(server.url)


@pytest.fixture
def page(opened: Window, server: Server) -> Page:
    """Open the list of runs."""
    return opened.open(f"{server.url}/runs")


def record(folder: Path, number: int, reason: str | None = None) -> None:
    """Record runs here, which fail where there is a reason."""
    with EventLog.open(folder, durability="process") as log:
        for _ in range(number):
            run = RunContext.start(log, pipeline="nightly", stages=["translator"])
            run.end("failed" if reason else "success", reason)


def test_a_run_of_another_process_appears_without_a_reload(page: Page, folder: Path) -> None:
    """An open page that told how to begin shows the first run, and says so to who cannot see."""
    expect(page.get_by_role("heading", name="No runs yet")).to_be_visible()
    expect(page.locator("#connection")).to_have_text("Live")
    page.evaluate("window.stayed = true")

    run_id = record_elsewhere(folder)

    row = page.get_by_role("row").filter(has_text=run_id)
    expect(row.locator(".result")).to_have_text("success")
    expect(row).to_contain_text("1 of 1")
    expect(page.locator("#announcement")).to_contain_text("1 success")
    assert page.evaluate("window.stayed")


def test_new_runs_wait_while_the_list_is_looked_at(page: Page, folder: Path) -> None:
    """With the focus in the list nothing moves; a button says how many wait, and lets them in."""
    record(folder, 2)
    link = page.locator("[data-row] a").last
    link.focus()
    text, top = link.text_content(), page.evaluate(TOP)
    page.locator("tbody input").last.check()
    link.focus()

    record_elsewhere(folder)

    button = page.locator("#new-rows")
    expect(button).to_have_text("1 new run")
    assert page.evaluate("document.activeElement.textContent") == text
    assert page.evaluate(TOP) == pytest.approx(top, abs=4)
    expect(page.locator("[data-row]")).to_have_count(2)
    button.click()
    expect(page.locator("[data-row]")).to_have_count(3)
    expect(button).to_be_hidden()
    expect(page.locator("tbody input").last).to_be_checked()


def test_what_a_reader_unfolded_stays_unfolded(
    opened: Window, server: Server, folder: Path
) -> None:
    """While a run goes on, its page grows; the focus, and what was unfolded, stay as they were."""
    with EventLog.open(folder) as log:
        run = RunContext.start(log, pipeline="nightly", stages=["load", "merge"])
        with run.stage("load"):
            pass
        page = opened.open(f"{server.url}/runs/{run.run_id}")
        expect(page.locator("#connection")).to_have_text("Live")
        page.locator("#event-2 summary").click()
        with run.stage("merge"):
            expect(page.locator("#event-4")).to_be_visible()
            row = page.locator(".gantt tbody tr").last
            expect(row.locator(".state")).to_have_text("running")
            wide = float(row.locator(".bar").get_attribute("width").rstrip("%"))  # type: ignore[union-attr] # it has one
            expect(row.locator(".bar")).not_to_have_attribute("width", f"{wide}%")
        run.end("success")
        expect(page.locator("h1")).to_contain_text("success")
        expect(page.locator("#event-2 pre")).to_be_visible()
        assert page.evaluate("document.activeElement.closest('tr').id") == "event-2"


def test_a_running_run_shows_that_it_lives(page: Page, folder: Path) -> None:
    """It is listed as running and live, and as failed soon after its process was killed."""
    with dying_run(folder) as (run_id, writer):
        row = page.locator(f"#run-{run_id}")
        expect(row.locator(".result")).to_have_text("running live")
        expect(row.locator(".duration")).to_contain_text("so far")
        writer.kill()
        expect(row.locator(".result")).to_have_text("failed")
    expect(row.locator(".reason")).to_contain_text(f"process {writer.pid}")


def test_a_lost_connection_is_shown_and_mends_itself(browser: Browser, folder: Path) -> None:
    """When the server is back, the page is up to date again without anyone's doing."""
    with window(browser) as opened:
        with serving(folder) as server:
            page = opened.open(f"{server.url}/runs")
            expect(page.locator("#connection")).to_have_text("Live")
            server.stop()
            expect(page.locator("#connection")).to_contain_text("Connection lost")
        run_id = record_elsewhere(folder)
        with serving(folder, port=int(server.url.rpartition(":")[2])):
            expect(page.locator(f"#run-{run_id}")).to_be_visible()
            expect(page.locator("#connection")).to_have_text("Connected again")


def test_who_was_signed_out_is_told_and_shown_the_way_back(browser: Browser, folder: Path) -> None:
    """The page asks no more when its session is over, and links to where another begins."""
    tokens = folder.parent / "tokens"
    store = TokenStore(tokens, data_folder=folder)
    _, link = store.create(Kind.LINK, Scope.READ, now=datetime.now(UTC))
    with serving(folder, tokens=tokens) as server, window(browser) as opened:
        page = opened.open(f"{server.url}/sign-in?link={link}")
        expect(page.locator("#connection")).to_have_text("Live")
        (session,) = store.tokens(now=datetime.now(UTC))
        store.revoke(session.id, now=datetime.now(UTC))
        record(folder, 1)
        expect(page.locator("#connection")).to_have_text("You are signed out. Sign in")
        page.locator("#connection a").click()
        expect(page.get_by_label("Or paste a token")).to_be_visible()
