"""A real browser for the pages: it notes each error and each address that a page asks for."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.web.serving import GENEROUS

__all__ = ["AXE", "WIDTHS", "Window", "chromium", "violations", "window"]

WIDTHS = (390, 1440)
_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AXE = Path(__file__).parents[1] / "vendor" / "axe.min.js"
_FIND = """async (rules) => {
  const only = rules.length ? { runOnly: rules } : {};
  // No rule that is asked for needs the style sheets once more.
  const options = { resultTypes: ["violations"], preload: false, ...only };
  const { violations } = await axe.run(document, options);
  return violations.map((one) => [one.id, ...one.nodes.slice(0, 3).map((node) => node.html)]);
}"""


@dataclass
class Window:
    """A page that is open, and what went on in it."""

    page: Page
    errors: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def open(self, address: str) -> Page:
        """Open an address, and wait until its scripts are at work."""
        self.page.goto(address)
        expect(self.page.locator("#connection[data-state]")).to_be_visible()
        return self.page

    def forget(self) -> None:
        """Begin anew: what went on before belongs to another test."""
        self.errors.clear()
        self.asked.clear()

    def check(self, origin: str) -> None:
        """Check that nothing went wrong, and nobody but the server was asked."""
        assert self.errors == []
        assert [url for url in self.asked if not url.startswith(f"{origin}/")] == []


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium; without one the tests are skipped."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is not installed, so the pages were not tried in a browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_OPTIONS)
        yield browser
        browser.close()


@contextmanager
def window(browser: Browser, **options: Any) -> Iterator[Window]:
    """Open a window of its own."""
    settings = {"viewport": {"width": 1440, "height": 900}, "reduced_motion": "reduce", **options}
    with browser.new_context(**settings) as context:
        context.set_default_timeout(GENEROUS * 1000)
        expect.set_options(timeout=GENEROUS * 1000)
        opened = Window(context.new_page())
        page = opened.page
        page.on("request", lambda request: opened.asked.append(request.url))
        page.on("pageerror", lambda error: opened.errors.append(str(error)))
        page.on("dialog", lambda dialog: opened.errors.append(dialog.message))
        page.on(
            "console",
            lambda line: opened.errors.append(line.text) if line.type == "error" else None,
        )
        yield opened


def violations(page: Page, *rules: str) -> list[list[str]]:
    """Give what axe finds wrong with a page: by all of its rules, or those that are named."""
    # Put in past the page's own policy, which lets no script in that is not the server's.
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text() + ";0")
    found: list[list[str]] = page.evaluate(_FIND, list(rules))
    return found
