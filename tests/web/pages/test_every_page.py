"""What holds for each page: it works for everybody, asks nobody else, and nothing breaks it."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.web.pages.browsing import WIDTHS, Window, violations, window
from tests.web.pages.every_page import ADDRESSES
from tests.web.serving import Server
from web.pages import PAGES

MOST_BYTES = 80_000


@pytest.fixture(scope="module")
def opened(browser: Browser) -> Iterator[Window]:
    """Open one window for all pages in turn, as a reader has."""
    with window(browser) as opened:
        yield opened


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


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_can_be_read_without_scripts(browser: Browser, server: Server, address: str) -> None:
    """All that a page says is in what the server sends, and so is how to see what is new."""
    with window(browser, java_script_enabled=False) as opened:
        opened.page.goto(server.url + address)
        expect(opened.page.locator("h1, h2").first).to_be_visible()
        expect(opened.page.locator("#connection")).to_have_text("Reload to see what is new")
        assert opened.errors == []


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_live_part_is_a_part_of_the_page(server: Server, address: str) -> None:
    """What an open page asks for again is what stands in the whole one, and is never kept."""
    whole = server.get(address)
    part = server.get(address, headers={"HX-Request": "true"})
    assert (whole.status_code, part.status_code) == (200, 200)
    assert "<!doctype html>" in whole.text
    assert "<html" not in part.text
    assert "<h1" in whole.text
    assert part.headers["cache-control"] == "no-store"
    assert whole.headers["vary"] == part.headers["vary"] == "HX-Request"


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


@pytest.mark.parametrize("address", ADDRESSES[:3])
def test_a_page_is_light(browser: Browser, server: Server, address: str) -> None:
    """Compressed, the scripts and styles of a page are less than 80 kB."""
    with window(browser) as opened:
        opened.open(server.url + address)
        files = {url for url in opened.asked if "/static/" in url}
        sizes = [len(gzip.compress(server.get(url[len(server.url) :]).content)) for url in files]
        assert 0 < sum(sizes) < MOST_BYTES


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


def test_pages_can_be_served_below_a_prefix(server: Server) -> None:
    """No address on a page begins at the root of the host, so that a proxy may add a prefix."""
    for address in ADDRESSES:
        text = server.get(address).text
        for attribute in ("href", "src", "action", "hx-get"):
            assert f'{attribute}="/' not in text, (address, attribute)
