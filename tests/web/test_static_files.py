"""The scripts and styles: joined, compressed, and kept by a browser for good."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from web.static_files import static_address, static_files


@pytest.fixture
def client() -> Iterator[TestClient]:
    """Ask for files alone."""
    with TestClient(Starlette(routes=[static_files()])) as client:
        yield client


def test_a_file_is_kept_for_good_under_its_version(client: TestClient) -> None:
    """A browser never asks again for what an address says will not change."""
    answer = client.get(f"/{static_address('pages.css')}")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "text/css; charset=utf-8"


def test_another_version_gets_what_there_is_and_keeps_nothing(client: TestClient) -> None:
    """A page from before an update still finds its files, but must ask again."""
    answer = client.get("/static/0123456789ab/icon.svg")
    assert answer.status_code == 200
    assert "cache-control" not in answer.headers


@pytest.mark.parametrize("name", ["pages.js", "trend-pages.js", "theme.js"])
def test_a_file_comes_compressed_to_whoever_takes_it(client: TestClient, name: str) -> None:
    """Both ways the same bytes arrive."""
    address = f"/{static_address(name)}"
    plain = client.get(address, headers={"Accept-Encoding": "identity"})
    with client.stream("GET", address, headers={"Accept-Encoding": "gzip"}) as answer:
        zipped = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert "content-encoding" not in plain.headers
    assert len(zipped) < len(plain.content)
    assert gzip.decompress(zipped) == plain.content


def test_each_script_of_ours_keeps_its_names_to_itself(client: TestClient) -> None:
    """Joined scripts share nothing but the page; those from elsewhere come as they are."""
    text = client.get(f"/{static_address('pages.js')}").text
    assert text.startswith("var htmx=")
    assert text.count('(() => {\n"use strict";\n') == 7


@pytest.mark.parametrize("name", ["nope.js", "../static_files.py", ""])
def test_what_is_no_file_has_no_address(client: TestClient, name: str) -> None:
    """A name that is wrong in a template is found when the page is made, not in a browser."""
    with pytest.raises(KeyError):
        static_address(name)
    assert client.get(f"/static/0123456789ab/{name}").status_code == 404
