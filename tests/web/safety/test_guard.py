"""Who is let in to the whole application."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route
from starlette.testclient import TestClient

from automation.access.tokens import Kind, Scope
from ledger import LogReader
from tests.web.safety.signing_in import HOST, Guarded

RUNS, EVENTS = "/api/pipeline/runs", "/api/pipeline/events"
OPEN = {"/healthz", "/sign-in", "/sign-out"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Guarded:
    """Make a ledger and its tokens, once."""
    return Guarded(tmp_path_factory.mktemp("guarded") / "runs")


@pytest.fixture(scope="module")
def app(guarded: Guarded) -> Starlette:
    """Make the application, once."""
    return guarded.app()


@pytest.fixture
def client(app: Starlette) -> TestClient:
    """Ask it under a name that it answers to, without cookies of before."""
    return TestClient(app, base_url=f"http://{HOST}", follow_redirects=False)


def addresses(routes: list[BaseRoute], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield each method and address that the application serves."""
    for route in routes:
        if isinstance(route, Mount):
            inner = route.routes or []
            yield from addresses(inner, prefix + route.path)
            if not inner:
                yield "GET", f"{prefix}{route.path}/runfold.css"
        else:
            assert isinstance(route, Route), route
            path = prefix + route.path
            for name, convertor in route.param_convertors.items():
                path = path.replace(f"{{{name}:{convertor}}}", "1").replace(f"{{{name}}}", "1")
            for method in sorted(route.methods or ()):
                yield method, path


def test_every_address_wants_a_credential(app: Starlette, client: TestClient) -> None:
    """Without one each route answers 401, whatever its method; what is open is named exactly.

    How far the log is stands in each answer, a refusal too.
    """
    found = list(addresses(app.routes))
    assert len(found) > 5

    for method, path in [*found, ("GET", "/nowhere"), ("DELETE", "/"), ("GET", "/x/healthz")]:
        answer = client.request(method, path)
        assert int(answer.headers["x-ledger-position"]) >= 3
        if path in OPEN:
            assert answer.status_code in (200, 204, 401)
        else:
            assert answer.status_code == 401, (method, path)
            assert "Bearer" in answer.headers["www-authenticate"]


def test_a_browser_is_told_how_to_sign_in(client: TestClient) -> None:
    """The page stands alone: its style is allowed by its digest, nothing else is asked for."""
    answer = client.get("/", headers={"Accept": "text/html"})

    assert answer.status_code == 401
    assert "runfold token link" in answer.text
    assert 'action="./sign-in"' in answer.text
    assert "src=" not in answer.text
    assert "<link" not in answer.text
    policy = answer.headers["content-security-policy"]
    assert "style-src 'sha256-" in policy
    assert "unsafe" not in policy


def test_nothing_is_appended_without_a_token_that_may(guarded: Guarded) -> None:
    """The short way of an append stands behind the door, too: the log does not grow."""
    body = {"type": "run_annotated", "run_id": "r", "data": {"note": "n", "actor": "a"}}
    before = LogReader(guarded.folder).position
    with TestClient(guarded.app(), base_url=f"http://{HOST}") as client:
        for headers, status in (({}, 401), (guarded.bearer(Scope.READ), 403)):
            answer = client.post("/api/pipeline/events", json=body, headers=headers)
            assert answer.status_code == status
        cross = {**guarded.bearer(Scope.APPEND), "Origin": "http://evil.example"}
        assert client.post("/api/pipeline/events", json=body, headers=cross).status_code == 403
        assert LogReader(guarded.folder).position == before
        taken = client.post("/api/pipeline/events", json=body, headers=guarded.bearer(Scope.APPEND))
        assert taken.status_code == 200
    assert LogReader(guarded.folder).position == before + 1


@pytest.mark.parametrize("scope", [Scope.READ, Scope.ADMIN])
def test_a_token_that_may_read_reads(guarded: Guarded, client: TestClient, scope: Scope) -> None:
    """The scheme is not case-sensitive."""
    header = guarded.bearer(scope)
    assert client.get(RUNS, headers=header).json()["runs"][0]["run_id"] == "r"
    lower = {"Authorization": header["Authorization"].replace("Bearer", "bearer")}
    assert client.get(RUNS, headers=lower).status_code == 200


def test_a_token_that_may_append_does_not_read(guarded: Guarded, client: TestClient) -> None:
    """The answer names the scope that is needed."""
    answer = client.get(RUNS, headers=guarded.bearer(Scope.APPEND))
    assert answer.status_code == 403
    assert answer.json()["scope"] == "read"


def test_a_token_that_may_read_changes_nothing(guarded: Guarded, client: TestClient) -> None:
    """A method that the path takes needs more, and any where it is not known what it takes."""
    header = guarded.bearer(Scope.READ)
    needed = {
        EVENTS: "append",
        "/ledger/verify": "admin",
        f"/failures/{0:064x}/acknowledge": "admin",
    }
    for path, scope in {**needed, "/nothing": "admin"}.items():
        answer = client.post(path, headers=header)
        assert (answer.status_code, answer.json()["scope"]) == (403, scope)


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "BREW"])
def test_a_token_is_told_which_methods_a_path_takes(
    guarded: Guarded, client: TestClient, method: str, scope: Scope
) -> None:
    """Not which scope it lacks: with any other the answer would be the same."""
    header = guarded.bearer(scope)
    paths = {RUNS: "GET", "/runs": "GET", f"{RUNS}/r": "GET", "/ledger/verify": "POST"}
    for path in [path for path, taken in paths.items() if taken != method]:
        answer = client.request(method, path, headers=header)
        assert (answer.status_code, answer.json()["status"]) == (405, 405)
        assert paths[path] in answer.headers["allow"]
        assert client.request(method, path).status_code == 401


@pytest.mark.parametrize("scope", Scope)
def test_a_token_may_ask_which_methods_a_path_takes(
    guarded: Guarded, client: TestClient, scope: Scope
) -> None:
    """A producer asks where it appends, and reads nothing by it; without a token nobody does."""
    for path, method in ((EVENTS, "POST"), (f"{RUNS}/r/lease", "POST"), (RUNS, "GET")):
        answer = client.options(path, headers=guarded.bearer(scope))
        assert (answer.status_code, answer.content) == (204, b"")
        assert method in answer.headers["allow"]
        assert client.options(path).status_code == 401


def test_each_path_says_all_methods_that_it_takes(guarded: Guarded, client: TestClient) -> None:
    """One route has them, as the first that fits a path answers for it."""
    paths = [route.path for route in guarded.app().routes if isinstance(route, Route)]
    assert len(paths) > 20
    assert [path for path, routes in Counter(paths).items() if routes > 1] == []
    answer = client.put("/sign-in")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Bearer rf_0123456789_x", "Basic cmY6eA==", "rf_0123456789_x", "\xff"],
)
def test_a_credential_that_is_none_is_refused(client: TestClient, header: str) -> None:
    """Whatever it looks like; the answer tells it from one that was not sent."""
    answer = client.get(RUNS, headers={b"Authorization": header.encode("latin-1")})
    assert answer.status_code == 401
    assert "no token that is known" in answer.json()["detail"]
    assert "A token is needed: Authorization: Bearer TOKEN" in client.get(RUNS).text


def test_a_token_in_the_address_is_no_credential(guarded: Guarded, client: TestClient) -> None:
    """Addresses end up in logs."""
    text = guarded.secret(Scope.ADMIN)
    assert client.get(f"{RUNS}?token={text}").status_code == 401
    assert client.get("/", headers={"Cookie": f"token={text}"}).status_code == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost", "localhost:8001", "evil.example:8000", "", "127.0.0.1"]
)
@pytest.mark.parametrize("path", [RUNS, "/healthz", "/static/runfold.css", "/sign-in"])
def test_a_foreign_host_is_refused_everywhere(
    guarded: Guarded, client: TestClient, host: str, path: str
) -> None:
    """A name that was rebound to this machine is shown no page, with a token or without."""
    answer = client.get(path, headers={"Host": host, **guarded.bearer(Scope.ADMIN)})
    assert answer.status_code == 400
    assert int(answer.headers["x-ledger-position"]) >= 3
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "host", ["localhost:8000", "LOCALHOST:8000", "127.0.0.1:8000", "[::1]:8000"]
)
def test_our_own_names_are_answered(client: TestClient, host: str) -> None:
    """However they are written."""
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 405),
        ({"Sec-Fetch-Site": "same-origin"}, 405),
        ({"Sec-Fetch-Site": "none"}, 405),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": f"http://{HOST}"}, 405),
        ({"Origin": f"https://{HOST.upper()}"}, 405),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": f"http://{HOST}.evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": f"http://{HOST}"}, 403),
    ],
)
def test_a_change_comes_from_our_own_pages_or_from_a_program(
    guarded: Guarded, client: TestClient, headers: dict[str, str], status: int
) -> None:
    """A page of another site is refused, though the browser is signed in (405: it got through)."""
    answer = client.post(RUNS, headers={**headers, **guarded.bearer(Scope.ADMIN)})
    assert answer.status_code == status


def test_without_authentication_all_may_read_and_nobody_change(guarded: Guarded) -> None:
    """That is what --no-auth means, and a credential changes nothing about it."""
    client = TestClient(guarded.app(authenticated=False), base_url=f"http://{HOST}")
    assert client.get(RUNS).status_code == 200
    answer = client.post(EVENTS, headers=guarded.bearer(Scope.ADMIN))
    assert answer.status_code == 403
    assert answer.json()["type"].endswith("writing-off")
    assert client.post(RUNS).status_code == 405


def test_other_sites_get_nothing_unless_they_are_named(guarded: Guarded) -> None:
    """No header of CORS is there; a site that is named may read, with a token."""
    site = {"Origin": "https://board.example", **guarded.bearer(Scope.READ)}
    plain = TestClient(guarded.app(), base_url=f"http://{HOST}")
    assert "access-control-allow-origin" not in plain.get(RUNS, headers=site).headers
    named = guarded.app(cors_origins=("https://board.example",))
    client = TestClient(named, base_url=f"http://{HOST}")

    assert client.get(RUNS, headers=site).headers["access-control-allow-origin"] == site["Origin"]
    preflight = {**site, "Access-Control-Request-Method": "GET"}
    del preflight["Authorization"]
    assert client.options(RUNS, headers=preflight).status_code == 200
    # Neither does a name that is none of ours get an answer of another kind than without CORS.
    foreign = client.options(RUNS, headers={**preflight, "Host": "evil.example"})
    assert (foreign.status_code, foreign.json()["title"]) == (400, "Unknown host")
    assert "access-control-allow-origin" not in foreign.headers
    exposed = client.get(RUNS, headers=site).headers["access-control-expose-headers"]
    assert {"ETag", "X-Ledger-Damaged", "Retry-After"} <= set(exposed.split(", "))
    other = {**site, "Origin": "https://other.example"}
    assert "access-control-allow-origin" not in client.get(RUNS, headers=other).headers


class TestSigningIn:
    """The browser's way in."""

    def test_a_link_signs_in_once(self, guarded: Guarded, client: TestClient) -> None:
        """It gives a cookie that no script and no other site's page can use."""
        link = guarded.secret(Scope.READ, Kind.LINK)

        assert client.head(f"/sign-in?link={link}").status_code == 200
        answer = client.get(f"/sign-in?link={link}")
        assert (answer.status_code, answer.headers["location"]) == (303, "./")
        cookie = answer.headers["set-cookie"].lower()
        assert all(word in cookie for word in ("httponly", "samesite=strict", "path=/"))
        assert "no-store" in answer.headers["cache-control"]
        assert client.get("/runs").status_code == 200
        again = TestClient(client.app, base_url=f"http://{HOST}", follow_redirects=False)
        assert again.get(f"/sign-in?link={link}").status_code == 401

    def test_the_cookie_is_secure_behind_https(self, guarded: Guarded, app: Starlette) -> None:
        """A browser then never sends it in the open."""
        client = TestClient(app, base_url=f"https://{HOST}", follow_redirects=False)
        answer = client.get(f"/sign-in?link={guarded.secret(Scope.READ, Kind.LINK)}")
        assert "secure" in answer.headers["set-cookie"].lower()

    def test_a_token_can_be_pasted(self, guarded: Guarded, client: TestClient) -> None:
        """The cookie holds another text than the token; a wrong one is refused."""
        text = guarded.secret(Scope.ADMIN)
        assert client.post("/sign-in", data={"token": "rf_0123456789_x"}).status_code == 401

        answer = client.post("/sign-in", data={"token": f" {text} "})
        assert answer.status_code == 303
        assert text not in answer.headers["set-cookie"]
        assert client.get("/runs").status_code == 200

    def test_who_signed_out_is_out(self, guarded: Guarded, client: TestClient) -> None:
        """The session is over for good, not only forgotten by the browser."""
        client.get(f"/sign-in?link={guarded.secret(Scope.ADMIN, Kind.LINK)}")
        (name, session), *_ = client.cookies.items()

        assert "signed out" in client.post("/sign-out").text
        assert client.get("/").status_code == 401
        assert client.get("/", headers={"Cookie": f"{name}={session}"}).status_code == 401

    def test_another_site_cannot_sign_anybody_in(
        self, guarded: Guarded, client: TestClient
    ) -> None:
        """A form elsewhere could otherwise put somebody into a session that is not theirs."""
        header = {"Sec-Fetch-Site": "cross-site"}
        answer = client.post("/sign-in", data={"token": guarded.secret(Scope.READ)}, headers=header)
        assert answer.status_code == 403
