"""What holds for each page: it works for everybody, asks nobody else, and nothing breaks it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.web.pages.browsing import AXE, WIDTHS, Window, violations, window
from tests.web.pages.every_page import ADDRESSES, ONE_OF_EACH
from tests.web.serving import Server
from web.navigation import NAVIGATION
from web.pages import PAGES

MOST_BYTES = 80_000
RELOAD = "Reload to see what is new"


@pytest.fixture(scope="module")
def opened(browser: Browser) -> Iterator[Window]:
    """Open one window for all pages in turn, as a reader has."""
    with window(browser) as opened:
        # Once for all of them: it takes as long to put in as to ask.
        opened.page.add_init_script(path=AXE)
        yield opened


@pytest.fixture(scope="module")
def scriptless(browser: Browser) -> Iterator[Window]:
    """Open one window that runs no scripts."""
    with window(browser, java_script_enabled=False) as opened:
        yield opened


def size(server: Server, file: str) -> int:
    """Give how many bytes of a file go over the line to a browser."""
    answer = server.get(f"/{file}", headers={"Accept-Encoding": "gzip"})
    return answer.num_bytes_downloaded


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_works_for_everybody(opened: Window, server: Server, address: str) -> None:
    """In both themes and at both widths: axe finds nothing, and nothing is wider than the page.

    No text of a run is taken for markup or code, no script fails, and nobody else is asked.
    """
    opened.forget()
    page = opened.open(server.url + address)
    page.emulate_media(color_scheme="light")
    assert violations(page) == []
    page.emulate_media(color_scheme="dark")
    assert violations(page, "color-contrast") == []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") == width
    assert "taken over" not in page.title()
    assert page.locator("main script, main img[src=x]").count() == 0
    opened.check(server.url)


@pytest.mark.parametrize("address", ONE_OF_EACH)
def test_a_page_can_be_read_without_scripts(
    scriptless: Window, server: Server, address: str
) -> None:
    """All that a page says is in what the server sends, and so is how to see what is new."""
    scriptless.forget()
    scriptless.page.goto(server.url + address)
    expect(scriptless.page.locator("h1, h2").first).to_be_visible()
    expect(scriptless.page.locator("#connection")).to_have_text(RELOAD)
    scriptless.check(server.url)


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_is_light_and_stands_anywhere(server: Server, address: str) -> None:
    """What an open page asks for again is what stands in the whole one, and is never kept.

    Who runs no scripts is told how to see what is new. Compressed, its scripts and styles are less
    than 80 kB. No address on it begins at the root of the host, so that a proxy may add a prefix.
    """
    plain = server.get(address, headers={"Accept-Encoding": "identity"})
    whole = server.get(address)
    part = server.get(address, headers={"HX-Request": "true"})
    assert "content-encoding" not in plain.headers
    assert plain.text.partition('id="live"')[0] == whole.text.partition('id="live"')[0]
    assert (whole.status_code, part.status_code) == (200, 200)
    assert "<!doctype html>" in whole.text
    assert "<html" not in part.text
    assert "<h1" in whole.text
    assert RELOAD in whole.text
    assert part.headers["cache-control"] == "no-store"
    assert whole.headers["vary"] == part.headers["vary"] == "HX-Request, Accept-Encoding"
    assert whole.headers["content-encoding"] == part.headers["content-encoding"] == "gzip"
    assert whole.num_bytes_downloaded < len(whole.content) / 3
    files = set(re.findall(r'"[./]*/(static/[^"]+)"', whole.text))
    assert {Path(file).name for file in files} >= {"pages.css", "pages.js", "theme.js"}
    assert sum(size(server, file) for file in files) < MOST_BYTES
    for attribute in ("href", "src", "action", "hx-get"):
        assert f'{attribute}="/' not in whole.text, attribute


@pytest.mark.parametrize("address", ["/nope", "/runs?colour=red"])
def test_a_page_about_a_problem_works_for_everybody(
    browser: Browser, server: Server, address: str
) -> None:
    """It has nothing to keep live, but the same top, colours and widths as any page."""
    with window(browser, color_scheme="light") as opened:
        page = opened.page
        page.goto(server.url + address)
        assert violations(page) == []
        page.locator("#theme").click()
        page.locator("#theme").click()
        expect(page.locator("#theme")).to_have_text("dark")
        assert violations(page, "color-contrast") == []
        page.set_viewport_size({"width": 390, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        page.get_by_role("link", name="Failures").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Failures")


def test_the_navigation_leads_to_pages() -> None:
    """Each by a key of its own."""
    assert {each.path for each in NAVIGATION} <= {page.path for page in PAGES}
    assert len({each.key for each in NAVIGATION}) == len(NAVIGATION)


def test_every_page_is_gone_over() -> None:
    """A page that is made must come into the checks of this module."""
    parts = [address.partition("?")[0].split("/") for address in ADDRESSES]
    for page in PAGES:
        path = page.path.split("/")
        assert any(
            len(path) == len(one)
            and all(a == b or "{" in a for a, b in zip(path, one, strict=True))
            for one in parts
        ), page.path


def test_a_chosen_theme_survives(browser: Browser, server: Server) -> None:
    """The colours that a reader chose are those of the next page too, before anything is drawn."""
    with window(browser, color_scheme="light") as opened:
        page = opened.open(f"{server.url}/runs")
        theme = page.locator("#theme")
        theme.click()
        theme.click()
        expect(theme).to_have_text("dark")
        opened.open(f"{server.url}/runs/run-failed")
        assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
        opened.check(server.url)
