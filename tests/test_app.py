"""Every address of the application, asked without a server in between."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from app import create_app
from ledger import EventLog, RunContext
from ledger.errors import LedgerNotFound
from projections import RunHistory
from tests.web.serving import EVERYBODY
from web.api.endpoints import ENDPOINTS
from web.navigation import NAVIGATION
from web.safety.answer_headers import SECURITY_HEADERS
from web.static_files import static_address

RUNS = "/api/pipeline/runs"
PROBLEM = "application/problem+json"
SCRIPT = f"/{static_address('pages.js')}"
# The stream has no end, so only its head is asked for here.
PAGES = (
    *("/", "/runs", "/runs/run-1", "/runs/run-1/explain", "/pipelines/nightly", "/failures"),
    *("/compare", "/events", "/ledger", SCRIPT),
)
FORMS = {"/failures/{fingerprint}/acknowledge", "/ledger/verify"}
STREAM = "/api/pipeline/stream"
MARKDOWN = "/compare.md"
API = tuple(
    each.path.replace("{run_id}", "run-1")
    for each in ENDPOINTS
    if each.path != STREAM and each.method == "GET"
)
ADDRESSES = (*PAGES, *API)
WRITTEN = {(each.path, each.method) for each in ENDPOINTS if each.method != "GET"}
NOT_SERVED = [
    (path, method)
    for path in (*ADDRESSES, STREAM)
    for method in ("POST", "PUT", "DELETE", "TRACE")
    if (path, method) not in WRITTEN
]


def record(folder: Path, run_id: str, outcome: type[BaseException] | None = None) -> None:
    """Record a run of one stage that is tried twice, and then ends as its exception says."""
    with EventLog.open(folder) as log:
        try:
            with RunContext.start(log, pipeline="nightly", run_id=run_id) as run:
                for _ in range(2):
                    with run.stage("translator"):
                        pass
                if outcome:
                    raise outcome("no more <input>")
        except (ValueError, KeyboardInterrupt):
            pass


def record_each(folder: Path) -> Path:
    """Record one run of each result."""
    for run_id, outcome in (("run-1", None), ("run-2", ValueError), ("run-3", KeyboardInterrupt)):
        record(folder, run_id, outcome)
    return folder


def asking(app: Starlette) -> TestClient:
    """Ask it while its lifespan lasts; what it raises becomes an answer, as it does in a server."""
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a ledger to all that only look."""
    return record_each(tmp_path_factory.mktemp("log") / "runs")


@pytest.fixture(scope="module")
def app(folder: Path) -> Starlette:
    """Make the application, open to everybody."""
    return create_app(folder, admission=EVERYBODY)


@pytest.fixture(scope="module")
def client(app: Starlette) -> Iterator[TestClient]:
    """Give somebody who only looks."""
    with asking(app) as client:
        yield client


@pytest.fixture
def own_folder(tmp_path: Path) -> Path:
    """Give a ledger to be written to or damaged."""
    return record_each(tmp_path / "runs")


@pytest.fixture
def own_client(own_folder: Path) -> Iterator[TestClient]:
    """Give somebody who asks about that."""
    with asking(create_app(own_folder, admission=EVERYBODY)) as client:
        yield client


def check_problem(answer: Any, status: int) -> dict[str, Any]:
    """Check the members that every problem has, and give them all."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == PROBLEM
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert all(isinstance(body[name], str) and body[name] for name in ("type", "title", "detail"))
    return body


def test_a_missing_folder_is_refused_and_not_made(tmp_path: Path) -> None:
    """An application for a folder without a ledger cannot be made, and makes none."""
    with pytest.raises(LedgerNotFound):
        create_app(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_an_empty_ledger_has_no_runs(tmp_path: Path) -> None:
    """The list is empty and the page says how to record the first run, wherever the ledger is."""
    folder = tmp_path / "it's <here>"
    EventLog.open(folder).close()
    with TestClient(create_app(folder)) as client:
        answer = client.get(RUNS)
        page = client.get("/").text
    assert answer.content == b'{"runs":[],"total":0,"next":null}'
    assert answer.headers["x-ledger-position"] == "1"
    assert "runfold run market-data --dir" in page
    assert "<here>" not in page


def test_runs_come_newest_first_with_their_number(client: TestClient, folder: Path) -> None:
    """The list begins with the history's page, to the byte, and says which position it reflects."""
    answer = client.get(RUNS)
    with RunHistory(folder) as history:
        page = history.runs_page()
    assert answer.content == page.encode()[:-1] + b',"next":null}'
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-ledger-position"] == str(page.position)
    body = answer.json()
    assert [run["run_id"] for run in body["runs"]] == ["run-3", "run-2", "run-1"]
    assert list(body) == ["runs", "total", "next"]


@pytest.mark.parametrize(
    ("query", "ids", "total"),
    [
        ("limit=2", ["run-3", "run-2"], 3),
        ("limit=1000", ["run-3", "run-2", "run-1"], 3),
        ("result=success", ["run-1"], 1),
        ("result=failed&limit=1", ["run-2"], 1),
        ("result=stopped", ["run-3"], 1),
    ],
)
def test_a_limit_and_a_result_narrow_the_list(
    client: TestClient, query: str, ids: list[str], total: int
) -> None:
    """A limit cuts the list and not the total; a result cuts both."""
    body = client.get(f"{RUNS}?{query}").json()
    assert [run["run_id"] for run in body["runs"]] == ids
    assert body["total"] == total


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("limit=0", ["limit"]),
        ("limit=1001", ["limit"]),
        ("limit=-1", ["limit"]),
        ("limit=", ["limit"]),
        ("limit=ten", ["limit"]),
        ("limit=1.0", ["limit"]),
        ("limit=1_0", ["limit"]),
        ("limit=+5", ["limit"]),
        ("limit=%D9%A3", ["limit"]),
        ("limit=" + "9" * 5000, ["limit"]),
        ("result=", ["result"]),
        ("result=Success", ["result"]),
        ("result=running%00", ["result"]),
        ("limit=5&limit=5", ["limit"]),
        ("page=2", ["page"]),
        ("limit=x&result=y&%ff=z", ["limit", "result", "\ufffd"]),
    ],
)
def test_a_wrong_query_names_each_wrong_parameter(
    client: TestClient, query: str, wrong: list[str]
) -> None:
    """What is out of range, misspelt, repeated or unknown is refused, and all of it is named."""
    body = check_problem(client.get(f"{RUNS}?{query}"), 422)
    assert [error["parameter"] for error in body["errors"]] == wrong
    assert all(error["detail"] for error in body["errors"])


@pytest.mark.parametrize("run_id", ["run-1", "run-2", "run-3"])
def test_the_detail_is_the_list_item_with_its_attempts(client: TestClient, run_id: str) -> None:
    """Without its attempts, which come last, the detail is the list item to the byte."""
    detail = client.get(f"{RUNS}/{run_id}")
    item, _, attempts = detail.text.rpartition(',"attempts":')
    assert f"{item}}}" in client.get(RUNS).text
    assert len(json.loads(attempts[:-1])) == 2
    assert int(detail.headers["x-ledger-position"]) > 1


@pytest.mark.parametrize("run_id", ["run-9", "%20", "%00", "a%0ab", "%7F", "...", "%F0%9F%92%A5"])
def test_an_unknown_run_is_not_found(client: TestClient, run_id: str) -> None:
    """A run that is not in the log, or whose id no run could have, is a 404 with a position."""
    answer = client.get(f"{RUNS}/{run_id}")
    check_problem(answer, 404)
    assert "x-ledger-position" in answer.headers


def test_a_new_run_shows_at_once(own_client: TestClient, own_folder: Path) -> None:
    """What was acknowledged before a question is in its answer."""
    before = int(own_client.get(RUNS).headers["x-ledger-position"])
    record(own_folder, "run-4")
    answer = own_client.get(RUNS)
    assert answer.json()["runs"][0]["run_id"] == "run-4"
    assert int(answer.headers["x-ledger-position"]) > before


@pytest.mark.parametrize("path", ["/nope", "/api", f"{RUNS}/", "/static/", "/static/%2e%2e/api.py"])
def test_an_unknown_address_is_a_problem(client: TestClient, path: str) -> None:
    """An address that is not served is a 404 like any other."""
    check_problem(client.get(path), 404)


def test_a_person_gets_a_page_about_a_problem(client: TestClient) -> None:
    """A browser that asks for a page that is not there gets one it can show; the API stays JSON."""
    accept = {"accept": "text/html,*/*"}
    answer = client.get("/no/<b>such</b>/page", headers=accept)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "&lt;b&gt;such&lt;/b&gt;" in answer.text
    assert f'href="../../../{static_address("pages.css")}"' in answer.text
    check_problem(client.get(f"{RUNS}?limit=0", headers=accept), 422)


@pytest.mark.parametrize(
    ("path", "offered"),
    [
        ("/no/such", 'name="q"'),
        ("/runs?colour=red", 'href="?"'),
        ("/runs/nope/explain", 'name="q"'),
    ],
)
def test_a_page_about_a_problem_leads_on(client: TestClient, path: str, offered: str) -> None:
    """It has the navigation, below any prefix, and what suits the problem."""
    answer = client.get(path, headers={"accept": "text/html"})
    up = "../" * (path.count("/") - 1) or "./"
    assert all(f'href="{up}{each.path[1:]}"' in answer.text for each in NAVIGATION)
    assert offered in answer.text
    assert f'<p class="faint">{answer.status_code}</p>' in answer.text


@pytest.mark.parametrize(("path", "method"), NOT_SERVED)
def test_a_method_that_is_not_served_is_a_problem(
    client: TestClient, path: str, method: str
) -> None:
    """Almost everything is read only: a 405 names the methods that are served."""
    answer = client.request(method, path)
    check_problem(answer, 405)
    allowed = {name.strip() for name in answer.headers["allow"].split(",")}
    writing = {served for written, served in WRITTEN if written == path}
    assert allowed - {"OPTIONS"} == {"GET", "HEAD"} | writing
    assert answer.headers["allow"] == ", ".join(sorted(allowed))


@pytest.mark.parametrize("path", [RUNS, f"{RUNS}/run-1", "/healthz", "/openapi.json"])
def test_the_api_says_which_methods_it_takes(client: TestClient, path: str) -> None:
    """OPTIONS is answered with the methods, and no body."""
    answer = client.options(path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"


def test_the_addresses_asked_here_are_all_there_are(app: Starlette) -> None:
    """A new route must come into the tests that go over every address."""
    paths = {route.path for route in app.routes if isinstance(route, Route | Mount)}
    asked = {
        path.replace("run-1", "{run_id}").replace("nightly", "{name}") for path in ADDRESSES
    } - {SCRIPT}
    assert paths == asked | {path for path, _ in WRITTEN} | FORMS | {"/static", STREAM, MARKDOWN}


@pytest.mark.parametrize("path", [*ADDRESSES, "/nope", f"{RUNS}?limit=0", f"{RUNS}/nope"])
def test_every_answer_has_the_security_headers(client: TestClient, path: str) -> None:
    """Pages, data, files and problems come with the policy that lets nothing in from outside."""
    answer = client.get(path)
    for name, value in SECURITY_HEADERS.items():
        kept_for_good = (path, name) == (SCRIPT, "Cache-Control")
        assert kept_for_good or answer.headers[name] == value
    assert "unsafe" not in answer.headers["content-security-policy"]


def test_the_head_of_the_stream_can_be_asked_for(client: TestClient) -> None:
    """The stream's headers say what it is, that nobody should keep it, and what holds for all."""
    answer = client.head(STREAM)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert "content-security-policy" in answer.headers


def test_health_is_told_without_the_log(own_client: TestClient, own_folder: Path) -> None:
    """The process answers for itself, whatever has become of the log."""
    (own_folder / "events").rename(own_folder / "elsewhere")
    assert own_client.get("/healthz").json() == {"status": "ok"}


def test_a_damaged_log_is_served_as_far_as_it_is_sound(own_folder: Path) -> None:
    """What can be read is answered, and each answer says which positions are out of reach."""
    [segment] = (own_folder / "events").iterdir()
    data = segment.read_bytes()
    at = data.index(b"stage_started")
    segment.write_bytes(data[:at] + b"X" + data[at + 1 :])
    position = data[:at].count(b"\n") + 1
    with TestClient(create_app(own_folder)) as client:
        listed = client.get(RUNS)
        page = client.get("/", headers={"accept": "text/html"})
    runs = listed.json()["runs"]
    assert (listed.status_code, page.status_code) == (200, 200)
    assert listed.headers["X-Ledger-Damaged"] == str(position)
    assert page.headers["X-Ledger-Damaged"] == str(position)
    assert any(run["anomalies"] for run in runs)


def test_what_nobody_foresaw_is_a_problem_too(own_client: TestClient, own_folder: Path) -> None:
    """A failure inside is a 500 with all headers, and tells nothing of the inside."""
    pointer = own_folder / "read-models" / "current"
    own_client.get(RUNS)
    pointer.unlink()
    pointer.mkdir()
    answer = own_client.get(f"{RUNS}?limit=7")
    body = check_problem(answer, 500)
    assert str(own_folder) not in json.dumps(body)
    assert answer.headers["content-security-policy"] == SECURITY_HEADERS["Content-Security-Policy"]


def test_the_page_lists_the_runs(client: TestClient) -> None:
    """Each run with its result in words."""
    page = client.get("/runs").text
    for text in ("3</b> runs", 'id="run-run-1"', "nightly", "stopped", "1 of 1", "at position"):
        assert text.lower() in page.lower()
    assert "ValueError: no more &lt;input&gt;" in page
    assert "<input>" not in page
