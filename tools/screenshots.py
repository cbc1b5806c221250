"""Make the pictures of the README: each page as it is rendered, in both themes.

Run: ``make screenshots``. A new page is one more line in ``PICTURES``.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, expect, sync_playwright

from tests.web.sample_runs import record_sample, running_run
from tests.web.serving import serving

PICTURES: Mapping[str, str] = {
    "overview": "/",
    "pipeline": "/pipelines/nightly",
    "runs": "/runs",
    "run": "/runs/run-failed",
}
SIZE = (1280, 860)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
_INTO = Path(__file__).parents[1] / "docs" / "images"


def take(browser: Browser, address: str, into: Path, scheme: Literal["light", "dark"]) -> None:
    """Take the picture of one page."""
    width, height = SIZE
    with browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    ) as context:
        page = context.new_page()
        page.goto(address)
        expect(page.locator("#connection")).to_have_text("Live")
        page.screenshot(path=into)


def main() -> None:
    """Record runs of every kind, serve them, and take each picture."""
    _INTO.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "runs")
        record_sample(folder, successes=90)
        with running_run(folder), serving(folder) as server, sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            for name, address in PICTURES.items():
                for scheme in SCHEMES:
                    take(browser, server.url + address, _INTO / f"{name}-{scheme}.png", scheme)
            browser.close()


if __name__ == "__main__":
    main()
