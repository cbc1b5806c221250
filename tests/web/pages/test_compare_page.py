"""Two runs side by side: on one axis, with what differs, and where their ways part."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from starlette.testclient import TestClient

from app import create_app
from ledger import EventLog
from projections import RunHistory
from projections.comparing.compared_runs import compare_recorded
from tests.web.pages.browsing import window
from tests.web.sample_runs import Story
from tests.web.serving import Server
from web.charts.gantt import MOST_ROWS
from web.pages.compared_stages import compare_stages

BEGIN = datetime(2026, 1, 15, 10, tzinfo=UTC)


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    """Ask the application itself."""
    with TestClient(create_app(folder)) as client:
        yield client


@pytest.mark.parametrize(
    ("query", "said", "unsaid"),
    [
        ("a=run-failed", ["the last success before A", "run-flaky", "The runs part after"], []),
        ("a=run-failed&b=run-000", ["--markdown", "spreads"], ["success before A"]),
        ("a=run-failed&b=run-flaky", ["sources", "PRICES-112", "fetch: cache"], [">region<"]),
        ("a=run-failed&b=run-flaky&all=true", ["only what differs"], []),
        ("a=run-flaky&b=run-flaky", ["Nothing differs but times", "metrics and summary are"], []),
        ("a=run-running&b=run-flaky", ["running", "so far", "data-running"], []),
        ("a=run-imported&b=run-failed", ["imported_from"], []),
        ("a=run-imported", ["No run of the pipeline", "Name a second run"], ["The runs part"]),
        ("", ["What failed last", "run-failed"], ["The runs part"]),
    ],
)
def test_a_comparison_says_what_differs(
    client: TestClient, query: str, said: list[str], unsaid: list[str]
) -> None:
    """Of each pair what is to know of it, and nothing of what is the same."""
    answer = client.get(f"/compare?{query}")
    assert answer.status_code == 200
    for each in said:
        assert each in answer.text
    for each in unsaid:
        assert each not in answer.text


def test_what_is_the_same_is_shown_when_asked_for(client: TestClient) -> None:
    """Then it stands beside what differs, which is marked with a word."""
    text = client.get("/compare?a=run-failed&b=run-flaky&all=true").text
    parameters = text.partition(">Parameters<")[2].partition(">Metadata<")[0]
    assert re.findall(r'row"><bdi>(\w+)</bdi>( <em class="note">differs)?', parameters) == [
        ("day", ""),
        ("sources", ' <em class="note">differs'),
        ("strict", ' <em class="note">differs'),
    ]


@pytest.mark.parametrize(
    ("query", "status", "named"),
    [
        ("a=nope", 404, "nope"),
        ("a=run-failed&b=nope", 404, "nope"),
        ("a=../x", 404, "../x"),
        ("a=run-failed&all=maybe", 422, "all"),
        ("b=run-failed", 200, "a run id"),
    ],
)
def test_what_cannot_be_compared_is_a_page_that_says_so(
    client: TestClient, query: str, status: int, named: str
) -> None:
    """It names the run that is unknown, or the parameter that is wrong."""
    answer = client.get(f"/compare?{query}", headers={"accept": "text/html"})
    assert answer.status_code == status
    assert "<h1" in answer.text
    assert named in answer.text


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("a=run-failed&b=run-flaky", 200, "**`run-failed` compared with `run-flaky`**"),
        ("a=run-failed&b=run-flaky&all=true", 200, "| `summary` | `pipeline` | `nightly` |"),
        ("a=run-imported", 404, "no-earlier-success"),
        ("a=nope", 404, "nope"),
        ("a=run-failed&b=nope", 404, "nope"),
        ("b=run-failed", 422, '"parameter": "a"'),
    ],
)
def test_a_comparison_comes_as_markdown(
    client: TestClient, query: str, status: int, said: str
) -> None:
    """As text that a browser shows, which says what the command does; and where it cannot, why."""
    answer = client.get(f"/compare.md?{query}")
    assert answer.status_code == status
    assert said in answer.text
    if status == 200:
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert f'href="./compare.md?{query}"'.replace("&", "&amp;") in (
            client.get(f"/compare?{query}").text
        )


def test_both_runs_lie_on_one_axis(tmp_path: Path) -> None:
    """Bars of as many seconds are as wide, though the runs were on other days, and one goes on."""
    folder = tmp_path / "runs"
    with EventLog.open(folder, durability="process") as log:
        short = Story(log, "short", BEGIN - timedelta(days=3)).start("nightly", "load", "merge")
        short.stage("load", 10.0).end("success")
        long = Story(log, "long", BEGIN).start("nightly", "load", "merge")
        long.stage("load", 20.0).stage("merge", 60.0).record()
    with RunHistory(folder) as history:
        comparison = compare_recorded(history, "long", "short")
        a, b = history.get_run("long"), history.get_run("short")
    assert comparison is not None
    assert a is not None
    assert b is not None
    chart = compare_stages(comparison, a, b, now=BEGIN + timedelta(seconds=100), every=False)
    load, merge = chart.stages
    assert load.a is not None
    assert load.b is not None
    assert load.a.bars[0].width == pytest.approx(2 * load.b.bars[0].width, abs=0.01)
    assert load.a.bars[0].x == load.b.bars[0].x
    assert load.duration.delta == pytest.approx(10.0)
    assert merge.b is not None
    assert (merge.b.state, merge.b.bars) == ("waiting", ())
    assert merge.duration.delta is None
    assert merge.bar is None


def test_of_too_many_stages_those_that_differ_most_are_shown(tmp_path: Path) -> None:
    """The others are counted, and shown when they are asked for."""
    folder = tmp_path / "runs"
    with EventLog.open(folder, durability="process") as log:
        for number, name in enumerate(("first", "second")):
            story = Story(log, name, BEGIN + timedelta(days=number)).start("nightly")
            for stage in range(MOST_ROWS + 10):
                story.stage(f"part-{stage}", 1.0 + number * (stage == MOST_ROWS + 9))
            story.end("success")
    with TestClient(create_app(folder)) as client:
        text = client.get("/compare?a=second").text
        every = client.get("/compare?a=second&all=true").text
    assert "10 more stages that differ less" in text
    assert f">part-{MOST_ROWS + 9}<" in text.partition('id="attempts"')[0]
    assert every.partition('id="attempts"')[0].count('scope="rowgroup" rowspan="2"') == 70


def test_two_runs_are_compared_from_the_list(browser: Browser, server: Server) -> None:
    """Selected by the keyboard and compared by it, then the other way round, then all of it."""
    allowed = ["clipboard-read", "clipboard-write"]
    with window(browser, permissions=allowed) as opened:
        page = opened.open(f"{server.url}/runs?result=success")
        expect(page.locator("#compare-button")).to_be_disabled()
        for key in ("j", "x", "j", "x", "c"):
            page.keyboard.press(key)
        expect(page.get_by_role("heading", name="Compare runs")).to_be_visible()
        expect(page.locator("article.side")).to_have_count(2)
        first = page.locator("article.side h3 a").first.text_content()
        page.get_by_role("link", name="Swap A and B").click()
        expect(page.locator("article.side h3 a").nth(1)).to_have_text(first or "")
        page.get_by_role("link", name="what is the same, too").click()
        expect(page.get_by_role("heading", name="All values")).to_be_visible()
        page.get_by_role("button", name="Copy it").click()
        expect(page.locator(".copy[data-done]")).to_be_visible()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied.startswith(f"**`{page.locator('article.side h3 a').first.text_content()}`")
        opened.check(server.url)
