"""Each endpoint answers as the document says, and the document says what its specification asks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from app import create_app
from tests.web.recorded import record_each_result
from tests.web.serving import EVERYBODY
from web.api.endpoint import Endpoint
from web.api.endpoints import ENDPOINTS
from web.safety.answer_headers import SECURITY_HEADERS

API = "/api/pipeline"
ASKED = {
    f"{API}/runs": "?limit=2",
    f"{API}/runs/{{run_id}}/explain": "?field=result",
    f"{API}/events": "?after=3&limit=5",
    f"{API}/consistency": "?from=4",
    f"{API}/failures": "?all=true",
    f"{API}/compare": "?a=run-2&b=run-1",
    f"{API}/export": "?what=stages",
}
"""What is asked for beyond the path; every other endpoint is asked for nothing."""

ENDLESS = {f"{API}/stream"}
READING = [each.path for each in ENDPOINTS if each.method == "GET" and each.path not in ENDLESS]
OF_HTTP = {name.lower() for name in SECURITY_HEADERS} | {
    *("content-type", "content-length", "content-encoding", "transfer-encoding", "vary")
}
"""Headers that every answer may have, whatever it is about."""
SEVERAL = [each for each in ENDPOINTS if each.path in READING and len(each.gives) > 1]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Serve a ledger with a run of each result, and one that goes on."""
    folder: Path = record_each_result(tmp_path_factory.mktemp("contract") / "runs")
    app = create_app(folder, admission=EVERYBODY)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def document(client: TestClient) -> dict[str, Any]:
    """Ask for the document."""
    written: dict[str, Any] = client.get("/openapi.json").json()
    return written


def address(path: str) -> str:
    """Give an example of a path that is answered with 200."""
    return path.replace("{run_id}", "run-2") + ASKED.get(path, "")


def check(document: dict[str, Any], schema: dict[str, Any], value: object) -> None:
    """Hold a value against a schema of the document."""
    whole = {**schema, "components": document["components"]}
    OAS31Validator(whole).validate(value)


def test_the_document_is_one(document: dict[str, Any]) -> None:
    """It is OpenAPI 3.1, and every reference in it leads somewhere."""
    assert document["openapi"].startswith("3.1")
    validate(document)


def test_each_endpoint_is_described_once(document: dict[str, Any]) -> None:
    """What is mounted is described, but for the two that describe; all names differ."""
    described = {
        (path, method) for path, methods in document["paths"].items() for method in methods
    }
    mounted = {(each.path, each.method.lower()) for each in ENDPOINTS}
    assert mounted - described == {("/openapi.json", "get"), ("/docs", "get")}
    names = [one["operationId"] for each in document["paths"].values() for one in each.values()]
    assert len(set(names)) == len(names)


def test_the_document_says_which_token_is_needed(
    client: TestClient, document: dict[str, Any]
) -> None:
    """Each operation names its scope and what is answered without it; the page says so, too."""
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    for endpoint in ENDPOINTS:
        if endpoint.path in document["paths"]:
            operation = document["paths"][endpoint.path][endpoint.method.lower()]
            scopes = [endpoint.scope] if endpoint.scope else []
            assert [name for one in operation["security"] for name in one["token"]] == scopes
            assert {"400", *(("401", "403") if scopes else ())} <= operation["responses"].keys()
    page = client.get("/docs").text
    assert all(f"<code>{scope}</code>" in page for scope in ("read", "append"))
    assert "Needs no token" in page


@pytest.mark.parametrize("body", [[{"type": "unknown"}], [{"type": "run_started", "data": {}}]])
def test_a_refused_batch_is_answered_as_described(
    client: TestClient, document: dict[str, Any], body: object
) -> None:
    """The errors of events have other members than those of parameters."""
    answer = client.post(f"{API}/events", json=body)
    responses = document["paths"][f"{API}/events"]["post"]["responses"]
    content = responses[str(answer.status_code)]["content"]
    assert answer.status_code == 422
    check(document, content[answer.headers["content-type"]]["schema"], answer.json())


def test_bounds_are_said_in_words_of_json_schema(document: dict[str, Any]) -> None:
    """Nothing that an endpoint refuses by its size is allowed by the document."""
    operations = [one for path in document["paths"].values() for one in path.values()]
    schemas = [each["schema"] for one in operations for each in one["parameters"]]
    assert not any({"gt", "ge", "lt", "le"} & schema.keys() for schema in schemas)
    lease = document["paths"][f"{API}/runs/{{run_id}}/lease"]["post"]["parameters"]
    assert [each["schema"].get("maximum") for each in lease if each["name"] == "seconds"] == [3600]
    for form in document["components"]["schemas"]["SentEvents"]["anyOf"]:
        assert form.get("minItems", 1) == 1
        assert form.get("type") != "array" or "minItems" in form


@pytest.mark.parametrize("path", READING)
def test_each_answer_is_as_described(
    client: TestClient, document: dict[str, Any], path: str
) -> None:
    """The body fits its schema, and the headers that were promised are there."""
    answer = client.get(address(path))
    assert answer.status_code == 200
    assert answer.headers["etag"].startswith('W/"')
    assert int(answer.headers["x-ledger-position"]) > 10
    if path not in document["paths"]:
        return
    content = document["paths"][path]["get"]["responses"]["200"]["content"]
    assert answer.headers["content-type"] in content
    schema = content[answer.headers["content-type"]]["schema"]
    is_json = answer.headers["content-type"] == "application/json"
    check(document, schema, answer.json() if is_json else answer.text)


@pytest.mark.parametrize(
    "path", [path for path in READING if path not in ("/docs", "/openapi.json")]
)
def test_each_header_is_described(client: TestClient, document: dict[str, Any], path: str) -> None:
    """Answers, those that say nothing has changed, and problems bring no header but these."""
    responses = document["paths"][path]["get"]["responses"]
    answer = client.get(address(path))
    known = client.get(address(path), headers={"if-none-match": "*"})
    wrong = client.get(f"{path.replace('{run_id}', 'run-2')}?no_such_thing=1")
    for one in (answer, known, wrong):
        described = {name.lower() for name in responses[str(one.status_code)]["headers"]}
        assert "x-ledger-position" in described
        assert set(one.headers) - OF_HTTP <= described


def test_what_has_no_tag_is_described_without_one(document: dict[str, Any]) -> None:
    """A stream goes on for ever, and is never known already."""
    responses = document["paths"][f"{API}/stream"]["get"]["responses"]
    assert "304" not in responses
    assert "ETag" not in responses["200"]["headers"]
    assert "Retry-After" in responses["429"]["headers"]


def test_all_kinds_of_body_that_are_taken_are_described(
    client: TestClient, document: dict[str, Any]
) -> None:
    """Each is read, so that nothing but its events is wrong with it; another is refused."""
    content = document["paths"][f"{API}/events"]["post"]["requestBody"]["content"]
    assert set(content) == {"application/json", "application/x-ndjson", "application/jsonl"}
    for kind, status in (*dict.fromkeys(content, 422).items(), ("text/plain", 415)):
        answer = client.post(f"{API}/events", content=b"{}", headers={"content-type": kind})
        assert answer.status_code == status


@pytest.mark.parametrize("path", READING)
def test_each_answer_is_given_once(client: TestClient, path: str) -> None:
    """With its tag nothing is sent again; HEAD gives the headers, and a wrong tag the whole."""
    answer = client.get(address(path))
    tag = answer.headers["etag"]
    for known in (tag, f'"other", {tag}', tag.removeprefix("W/"), "*"):
        again = client.get(address(path), headers={"if-none-match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    other = client.get(address(path), headers={"if-none-match": 'W/"other"'})
    head = client.head(address(path))
    assert (other.status_code, head.status_code, head.content) == (200, 200, b"")
    assert head.headers["etag"] == tag


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("runs?metadata=team", "'team' is not of the form that is taken: `KEY=VALUE` of its"),
        ("stats?timezone=1%2F2", "'1/2' is not of the form that is taken: The IANA name of"),
        ("consistency?from=x", "'x' is not the size of an earlier tree head, or a whole one as"),
    ],
)
def test_the_form_of_a_value_is_said_in_words(client: TestClient, query: str, told: str) -> None:
    """A pattern is for programs."""
    answer = client.get(f"{API}/{query}")
    details = [error["detail"] for error in answer.json()["errors"]]
    assert answer.status_code == 422
    assert any(detail.startswith(told) for detail in details)
    assert "pattern" not in answer.text


@pytest.mark.parametrize("endpoint", SEVERAL, ids=lambda endpoint: endpoint.name)
def test_each_form_of_an_answer_has_a_tag_of_its_own(
    client: TestClient, endpoint: Endpoint
) -> None:
    """Who has one form is not told that another, which it asks for now, is known already."""
    accepted = [{"accept": given.media_type} for given in endpoint.gives]
    answers = [client.head(address(endpoint.path), headers=headers) for headers in accepted]
    assert [answer.headers["content-type"] for answer in answers] == [
        given.media_type for given in endpoint.gives
    ]
    assert len({answer.headers["etag"] for answer in answers}) == len(answers)
    assert all("Accept," in answer.headers["vary"] for answer in answers)


@pytest.mark.parametrize("path", READING)
def test_each_answer_is_compressed_for_who_takes_it(client: TestClient, path: str) -> None:
    """The same body comes compressed or not, as the caller says."""
    plain = client.get(address(path), headers={"accept-encoding": "identity"})
    zipped = client.get(address(path), headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert zipped.content == plain.content
    assert "content-encoding" in zipped.headers or len(plain.content) < 1_024
    assert "Accept-Encoding" in plain.headers["vary"]


@pytest.mark.parametrize("path", READING)
def test_each_problem_is_as_described(
    client: TestClient, document: dict[str, Any], path: str
) -> None:
    """An unknown parameter, an unknown run and another method are problems that say so."""
    for answer in (
        client.get(f"{path.replace('{run_id}', 'run-2')}?no_such_thing=1"),
        client.get(f"{path.replace('{run_id}', 'run-99')}?no_such_thing=1"),
        client.delete(address(path)),
    ):
        assert answer.status_code in (404, 405, 422)
        assert answer.headers["content-type"] == "application/problem+json"
        check(document, {"$ref": "#/components/schemas/ProblemDetails"}, answer.json())


def test_the_page_needs_nothing_from_outside(client: TestClient) -> None:
    """Everything that is described stands on the page, and all it loads is ours."""
    page = client.get("/docs").text
    for endpoint in ENDPOINTS[:-2]:
        assert endpoint.path in page
    for place in ('src="http', 'href="http', "url("):
        assert place not in page
    assert page.count("<script") == page.count('<script src="./')


def test_the_page_is_set_as_it_is_meant(client: TestClient) -> None:
    """What stands between backticks is code, and no space comes before a comma."""
    page = client.get("/docs").text
    assert "says in <code>X-Ledger-Position</code> which" in page
    assert "<td>integer, <code>100</code> unless said, up to 1000</td>" in page
    assert "`" not in page


def test_an_answer_names_where_it_is_served_from_nowhere(tmp_path: Path) -> None:
    """Below the prefix of a proxy all is as it is without: addresses are relative."""
    folder = record_each_result(tmp_path / "runs")
    with TestClient(create_app(folder, admission=EVERYBODY), root_path="/ledger") as below:
        page = below.get("/ledger/api/pipeline/runs?limit=1")
        assert page.status_code == 200
        assert page.headers["link"].startswith("<?limit=1&next=")
        assert below.get("/ledger/openapi.json").json()["servers"] == [{"url": "./"}]
        assert below.get("/ledger/docs").status_code == 200


def test_the_figures_are_those_of_the_ledger(client: TestClient) -> None:
    """Prometheus reads the runs by pipeline and result, those that go on, and their durations."""
    families = list(text_string_to_metric_families(client.get("/metrics").text))
    values = {
        (sample.name, *dict(sorted(sample.labels.items())).values()): sample.value
        for family in families
        for sample in family.samples
    }
    for result in ("success", "failed", "stopped"):
        assert values["runfold_runs_total", "nightly", result] == 1
    assert values["runfold_active_runs", "nightly"] == 1
    assert values["runfold_run_duration_seconds_count", "nightly"] == 3
    assert values["runfold_run_duration_seconds_bucket", "+Inf", "nightly"] == 3
    assert values["runfold_last_success_time_seconds", "nightly"] > 1e9
    assert values["runfold_log_bytes",] > 1_000
    assert values["runfold_lag_events",] == 0


def test_the_list_and_the_detail_agree_byte_for_byte(client: TestClient) -> None:
    """Each item of the list is the detail less its attempts, that of a run that goes on too."""
    listed = client.get(f"{API}/runs").text
    for run in json.loads(listed)["runs"]:
        detail = client.get(f"{API}/runs/{run['run_id']}").text
        item, _, _ = detail.rpartition(',"attempts":')
        assert f"{item}}}" in listed
