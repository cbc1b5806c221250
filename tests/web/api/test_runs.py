"""Lists of runs over HTTP: filters, pages, the past, and waiting for a position."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app import create_app
from projections import RunHistory
from projections.listing.run_filter import RunFilter
from tests.web.recorded import record_each_result, record_run
from web.api.runs import RunsQuery

RUNS = "/api/pipeline/runs"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Record a run of each result, and one that goes on."""
    return record_each_result(tmp_path_factory.mktemp("runs") / "runs")


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    """Serve them."""
    with TestClient(create_app(folder), raise_server_exceptions=False) as client:
        yield client


def ids(answer: Any) -> list[str]:
    """Give the runs of a list."""
    return [run["run_id"] for run in answer.json()["runs"]]


def test_every_filter_of_the_history_can_be_asked_for() -> None:
    """No condition is left out of the API; that a run goes on is one of the results."""
    assert set(RunFilter.__struct_fields__) - {"running"} <= set(RunsQuery.model_fields)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("sort=oldest", ["run-1", "run-2", "run-3", "run-4"]),
        ("result=running", ["run-4"]),
        ("result=failed&pipeline=nightly", ["run-2"]),
        ("pipeline=hourly", []),
        ("stage_executed=translator&sort=oldest&limit=1", ["run-1"]),
        ("reason=NO+MORE&result=failed", ["run-2"]),
        ("started_after=2999-01-01T00:00:00Z", []),
        ("ended_before=2999-01-01T00:00:00%2B05:00&sort=oldest", ["run-1", "run-2", "run-3"]),
        ("duration_above=1e9", []),
        ("metadata=day%3D7", []),
        ("as_of=3", ["run-1"]),
        ("as_of=2020-01-01T00:00:00Z", []),
    ],
)
def test_conditions_narrow_the_list(client: TestClient, query: str, found: list[str]) -> None:
    """Filters, sorts and the past are those of the history."""
    assert ids(client.get(f"{RUNS}?{query}")) == found


@pytest.mark.parametrize("sort", ["newest", "oldest", "longest", "shortest"])
def test_pages_follow_each_other(client: TestClient, sort: str) -> None:
    """The token of each page leads to the next, and so does its link, until all runs were there."""
    whole = ids(client.get(f"{RUNS}?sort={sort}"))
    address, seen = f"{RUNS}?sort={sort}&limit=1", []
    while True:
        answer = client.get(address)
        seen += ids(answer)
        token = answer.json()["next"]
        if token is None:
            break
        address = f"{RUNS}?sort={sort}&limit=1&next={token}"
        assert answer.headers["link"] == f'<{address.removeprefix(RUNS)}>; rel="next"'
    assert seen == whole
    assert "link" not in answer.headers


@pytest.mark.parametrize("query", ["result=failed", "sort=oldest", "as_of=5"])
def test_a_token_of_another_list_is_refused(client: TestClient, query: str) -> None:
    """It is bound to filters, order and past; the problem names the parameter."""
    token = client.get(f"{RUNS}?limit=1").json()["next"]
    answer = client.get(f"{RUNS}?{query}&next={token}")
    assert answer.status_code == 409
    assert [each["parameter"] for each in answer.json()["errors"]] == ["next"]
    assert client.get(f"{RUNS}?limit=2&next={token}").status_code == 200


def test_what_is_no_token_is_a_wrong_parameter(client: TestClient) -> None:
    """Also one that was cut short, and one whose key is none."""
    token = client.get(f"{RUNS}?limit=1").json()["next"]
    for wrong in ("zzz", "nonsense", "%00", "", token[:-4], token + "eno=", "b3RoZXJzbm9uc2Vuc2U"):
        answer = client.get(f"{RUNS}?next={wrong}")
        assert (answer.status_code, wrong) == (422, wrong)
        assert [each["parameter"] for each in answer.json()["errors"]] == ["next"]


def test_a_run_that_had_not_begun_is_told_from_one_that_never_did(client: TestClient) -> None:
    """The problem says where it began; before that, as from there on, the past is asked for."""
    answer = client.get(f"{RUNS}/run-2?as_of=5")

    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (404, "urn:runfold:problem:run-not-begun")
    first = problem["first_position"]
    assert f"position {first}" in problem["detail"]
    assert client.get(f"{RUNS}/run-2?as_of={first}").json()["run_id"] == "run-2"
    assert client.get(f"{RUNS}/run-2?as_of={first - 1}").status_code == 404
    by_time = client.get(f"{RUNS}/run-2?as_of=2020-01-01T00:00:00Z").json()
    assert by_time["first_position"] == first
    unknown = client.get(f"{RUNS}/run-9?as_of=5").json()
    assert unknown["type"] == "urn:runfold:problem:unknown-run"


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("started_after=yesterday", "started_after"),
        ("started_after=2026-01-15T10:00:00", "started_after"),
        ("ended_before=2026-02-30T10:00:00Z", "ended_before"),
        ("duration_above=nan", "duration_above"),
        ("duration_below=-1", "duration_below"),
        ("metadata=day", "metadata"),
        ("metadata=day%3D1&metadata=day%3D2", "metadata"),
        ("as_of=-1", "as_of"),
        ("as_of=1e3", "as_of"),
        ("result=running&result=failed", "result"),
        ("min_position=1.5", "min_position"),
        ("timeout=31", "timeout"),
        ("run_id=run-1", "run_id"),
    ],
)
def test_a_wrong_value_is_named(client: TestClient, query: str, wrong: str) -> None:
    """What cannot be asked for is refused by the name of its parameter."""
    answer = client.get(f"{RUNS}?{query}")
    assert answer.status_code == 422
    assert {each["parameter"] for each in answer.json()["errors"]} == {wrong}


@pytest.mark.parametrize(
    ("address", "begin", "end", "told"),
    [
        ("runs", "started_after", "started_before", "2026-01-15T10:00:00Z is before started_after"),
        ("runs", "ended_after", "ended_before", "which is 2026-01-15T11:00:00Z"),
        ("runs", "duration_above", "duration_below", "1 s is less than duration_above, which is 2"),
        ("export", "started_after", "started_before", "is before started_after"),
        ("stats", "since", "until", "is before since, which is"),
        ("stats/flaky", "since", "until", "is before since, which is"),
        ("stats/regressions", "since", "until", "is before since, which is"),
    ],
)
def test_a_period_that_ends_before_it_begins_is_a_mistake(
    client: TestClient, address: str, begin: str, end: str, told: str
) -> None:
    """Both of its parameters are named; equal ones have nothing between them, and are answered."""
    times = ("2026-01-15T10:00:00Z", "2026-01-15T11:00:00Z")
    low, high = ("1", "2") if begin.startswith("duration") else times

    answer = client.get(f"/api/pipeline/{address}", params={begin: high, end: low})
    problem = answer.json()

    assert (answer.status_code, problem["type"]) == (422, "urn:runfold:problem:invalid-parameters")
    assert problem["detail"] == f"Wrong in the query: {begin}, {end}."
    assert [each["parameter"] for each in problem["errors"]] == [begin, end]
    assert told in problem["errors"][1]["detail"]
    same = client.get(f"/api/pipeline/{address}", params={begin: low, end: low})
    assert same.status_code == 200


@pytest.mark.parametrize("address", ["runs", "runs/run-1", "export"])
@pytest.mark.parametrize("text", ["soon", "12h", "1e3", "2026-01-15"])
def test_what_a_past_may_be_is_said(client: TestClient, address: str, text: str) -> None:
    """A position, too, where a time alone would be said of any other parameter."""
    answer = client.get(f"/api/pipeline/{address}", params={"as_of": text})

    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["parameter"]) == (422, "as_of")
    taken = "a position, or a time with its zone, like 2026-01-15T10:00:00Z"
    assert error["detail"].endswith(taken)


def test_a_leap_second_and_small_letters_are_times(client: TestClient) -> None:
    """All that RFC 3339 takes for a time is one here."""
    for text in ("2016-12-31t23:59:60z", "2016-12-31T23:59:60.5+00:00", "0001-01-01T00:00:00Z"):
        assert client.get(RUNS, params={"started_after": text}).status_code == 200


def test_a_position_that_was_not_reached_is_not_there(client: TestClient) -> None:
    """The past ends where the log does; waiting ends in time, and says how far the log is."""
    assert client.get(f"{RUNS}?as_of=9999").status_code == 404
    assert client.get(f"{RUNS}/run-1?as_of=9999").status_code == 404
    answer = client.get(f"{RUNS}?min_position=9999&timeout=0.02")
    assert answer.status_code == 409
    assert answer.json()["position"] == int(answer.headers["x-ledger-position"])


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """An answer for a position that was reached holds what was appended up to there."""
    folder = tmp_path / "runs"
    position = record_run(folder, "run-1")
    with TestClient(create_app(folder)) as client:
        answer = client.get(f"{RUNS}?min_position={position}")
    assert ids(answer) == ["run-1"]


def test_the_tag_of_a_run_that_has_ended_changes_with_the_run_alone(tmp_path: Path) -> None:
    """Another run changes the tag of the list, and not that of the run; a remark changes both."""
    folder = tmp_path / "runs"
    record_run(folder, "run-1")
    with TestClient(create_app(folder)) as client, RunHistory(folder) as history:
        list_tag = client.get(RUNS).headers["etag"]
        tag = client.get(f"{RUNS}/run-1").headers["etag"]
        position = record_run(folder, "run-2")
        assert client.get(RUNS).headers["etag"] != list_tag
        again = client.get(f"{RUNS}/run-1", headers={"if-none-match": tag})
        assert (again.status_code, again.headers["etag"]) == (304, tag)
        assert again.headers["x-ledger-position"] == str(position) == str(history.catch_up())


def test_two_servers_give_the_same_bytes_and_tags(folder: Path, client: TestClient) -> None:
    """What one server told, another one knows."""
    with TestClient(create_app(folder)) as other:
        for path in (RUNS, f"{RUNS}/run-2", "/api/pipeline/failures"):
            one, two = client.get(path), other.get(path)
            assert one.content == two.content
            assert one.headers["etag"] == two.headers["etag"]


def test_a_plain_answer_begins_as_it_always_did(client: TestClient) -> None:
    """The keys of the list, and the first nine of a run, are a promise to callers."""
    body = client.get(RUNS).json()
    assert list(body)[:2] == ["runs", "total"]
    nine = ["run_id", "started_at", "ended_at", "result", "failure_reason"]
    nine += ["stages_executed", "stages_failed", "retry_count", "metadata"]
    assert all(list(run)[:9] == nine for run in body["runs"])
    assert list(json.loads(client.get(f"{RUNS}/run-1").text))[:9] == nine
