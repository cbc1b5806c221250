"""The first page in a real browser, beside a real server and other processes that record runs."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from ledger import EventLog, RunContext
from tests.web.serving import GENEROUS, Server, dying_run, new_ledger, record_elsewhere, serving

OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# For each text that can be seen: its contrast with what lies behind it (WCAG 2.2, 1.4.3).
CONTRASTS = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgb = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b]
    .map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = rgb(getComputedStyle(each).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255];
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !element.checkVisibility()) continue;
    const pair = [light(rgb(getComputedStyle(element).color)), light(behind(element))].sort();
    found.push([(pair[1] + 0.05) / (pair[0] + 0.05), texts.currentNode.data.trim()]);
  }
  return found;
}"""
TOP = "document.activeElement.getBoundingClientRect().top"
HOSTILE = (
    "<script>document.title = 'taken over'</script><img src=x onerror=alert(1)>",
    "\x1b[31mred\x07 \u202edetrever\u202c " + "x" * 10_000,
    "Z\u0338\u0322\u031b" * 2_000,
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium; without one the tests are skipped, except where all of them must run."""
    path = shutil.which("chromium")
    if path is None:
        reason = "chromium is not installed, so the page was not tried in a browser"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make an empty ledger."""
    return new_ledger(tmp_path / "runs")


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    """Serve it."""
    with serving(folder) as server:
        yield server


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Open a window of its own."""
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        context.set_default_timeout(GENEROUS * 1000)
        expect.set_options(timeout=GENEROUS * 1000)
        yield context


@pytest.fixture
def page(context: BrowserContext, server: Server) -> Iterator[Page]:
    """Open the page; at the end check that it had no error and asked nobody but its server."""
    asked: list[str] = []
    errors: list[str] = []
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    page.on("dialog", lambda dialog: errors.append(dialog.message))
    page.goto(server.url)
    yield page
    assert errors == []
    assert asked
    assert all(url.startswith(f"{server.url}/") for url in asked)


def record(folder: Path, reason: str | None = None) -> None:
    """Record a run here, one that fails where there is a reason."""
    with EventLog.open(folder) as log:
        run = RunContext.start(log, pipeline="nightly", stages=["translator"])
        run.end("failed" if reason else "success", reason)


def test_a_run_of_another_process_appears_without_a_reload(page: Page, folder: Path) -> None:
    """An open page that told how to begin shows the first run, and says so to who cannot see."""
    expect(page.get_by_role("heading", name="No runs yet")).to_be_visible()
    expect(page.locator("#connection")).to_have_text("Live")
    page.evaluate("window.stayed = true")

    run_id = record_elsewhere(folder)

    row = page.get_by_role("row").filter(has_text=run_id)
    expect(row.get_by_role("cell").first).to_have_text("success")
    expect(row).to_contain_text("1 of 1")
    expect(page.locator("#announcement")).to_contain_text("1 run: ")
    assert page.evaluate("window.stayed")


def test_an_update_leaves_focus_and_scroll_alone(page: Page, folder: Path) -> None:
    """While new runs come in above, what a person looks at stays where it is."""
    page.set_viewport_size({"width": 1440, "height": 400})
    for _ in range(30):
        record(folder)
    link = page.locator("tbody tr a").last
    expect(page.locator("tbody tr")).to_have_count(30)
    link.focus()
    before = page.evaluate("document.activeElement.textContent")
    top = page.evaluate(TOP)

    record_elsewhere(folder)

    expect(page.locator("tbody tr")).to_have_count(31)
    assert page.evaluate("document.activeElement.textContent") == before
    assert page.evaluate(TOP) == pytest.approx(top, abs=1)


def test_a_running_run_shows_that_it_lives(page: Page, folder: Path) -> None:
    """It is listed as running and live, and as failed soon after its process was killed."""
    with dying_run(folder) as (run_id, writer):
        row = page.locator(f"#run-{run_id}")
        expect(row.locator(".result")).to_have_text("running live")
        expect(row.locator(".duration")).to_contain_text("so far")
        writer.kill()
        expect(row.locator(".result")).to_have_text("failed")
    expect(row.locator(".reason")).to_contain_text(f"process {writer.pid}")


def test_a_lost_connection_is_shown_and_mends_itself(context: BrowserContext, folder: Path) -> None:
    """When the server is back, the page is up to date again without anyone's doing."""
    page = context.new_page()
    with serving(folder) as server:
        page.goto(server.url)
        expect(page.locator("#connection")).to_have_text("Live")
        server.stop()
        expect(page.locator("#connection")).to_contain_text("Connection lost")
    run_id = record_elsewhere(folder)
    with serving(folder, port=int(server.url.rpartition(":")[2])):
        expect(page.locator(f"#run-{run_id}")).to_be_visible()
        expect(page.locator("#connection")).to_have_text("Connected again")


def test_the_page_can_be_read_without_javascript(
    browser: Browser, server: Server, folder: Path
) -> None:
    """All that is known is in the page itself, and so is how to see what is new."""
    record(folder, "no input")
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(server.url)
        expect(page.get_by_role("row")).to_have_count(2)
        expect(page.locator("tbody")).to_contain_text("no input")
        expect(page.locator("#connection")).to_contain_text("Reload")


def test_hostile_names_neither_run_nor_break_the_layout(page: Page, folder: Path) -> None:
    """Markup, controls and endless words are shown as text, within the width of the page."""
    for reason in HOSTILE:
        record(folder, reason)
    expect(page.locator("tbody tr")).to_have_count(len(HOSTILE))
    expect(page.locator("tbody")).to_contain_text("<script>document.title")
    assert page.title() == "Runs · Runfold"
    for width in (390, 1440):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") == width
        heights = page.evaluate("[...document.querySelectorAll('td')].map((td) => td.offsetHeight)")
        assert max(heights) < 100


def test_every_text_can_be_told_from_its_ground(page: Page, folder: Path) -> None:
    """In both colour schemes all text has the contrast that WCAG asks for at level AA."""
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for reason in (None, "no input"):
        record(folder, reason)
    with dying_run(folder) as (run_id, _):
        expect(page.locator(f"#run-{run_id}")).to_be_visible()
        for scheme, width in itertools.product(schemes, (390, 1440)):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.set_viewport_size({"width": width, "height": 800})
            contrasts = page.evaluate(CONTRASTS)
            assert len(contrasts) > 30
            assert [(ratio, text) for ratio, text in contrasts if ratio < 4.5] == []
