"""What is said of values in an address that are not taken, for each parameter that there is.

The parameters are read from the models of the pages and of the endpoints: a new one is asked too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, NamedTuple, get_origin

import pytest
from pydantic import ValidationError
from starlette.datastructures import QueryParams

from web.api.comparison import CompareQuery
from web.api.endpoints import ENDPOINTS
from web.api.runs import RunsQuery
from web.pages import PAGES
from web.pages.query import read_query
from web.parameters import Asked, parse_parameters
from web.problems import InvalidParameters, ParameterError

Pairs = Sequence[tuple[str, str]]


class Query(NamedTuple):
    """A model of what may be asked, and how an address is read by it."""

    model: type[Asked]
    read: Callable[[Pairs], object]

    @property
    def names(self) -> dict[str, bool]:
        """Give the name of each parameter, and whether it may be repeated."""
        return {
            field.alias or name: get_origin(field.annotation) is tuple
            for name, field in self.model.model_fields.items()
        }


def of_page(model: Any) -> Query:
    """Read as pages do, where what is empty is not asked for."""
    return Query(model, lambda pairs: read_query(model, QueryParams(list(pairs))))


def of_endpoint(model: type[Asked]) -> Query:
    """Read as endpoints do."""
    return Query(model, lambda pairs: parse_parameters(model, pairs))


QUERIES = [
    *map(of_page, dict.fromkeys(page.asks for page in PAGES)),
    *map(of_endpoint, dict.fromkeys(endpoint.asks for endpoint in ENDPOINTS)),
]
IDS = [f"{query.model.__module__}.{query.model.__name__}" for query in QUERIES]

BAD = [
    *("", "abc", "Yes", "x" * 2_000, "=x", "\u0663", "{value}", "%s", "\n"),
    *("-1", "0", "1.5", "1_0", "9" * 18, "9" * 20, "9" * 50, "1e400", "-1e400", "nan", "inf"),
    *("2026-13-01", "2026-01-01", "2026-01-01T00:00:00", "2026-02-30T00:00:00Z"),
]
OF_PYDANTIC = re.compile(r"Input|should|Value error|required|\bvalid|unable|String|permitted|\^")
"""Words that it says, and the project does not; patterns too."""


def refused(query: Query, pairs: Pairs) -> list[ParameterError]:
    """Give what is said of some pairs, but for what is missing beside them."""
    try:
        query.read(pairs)
    except InvalidParameters as error:
        asked = {name for name, _ in pairs}
        return [each for each in error.errors if each.parameter in asked]
    return []


def said_by_pydantic(query: Query, name: str, value: str) -> set[str]:
    """Give what pydantic itself says of a value."""
    try:
        query.model.model_validate({name: (value,) if query.names[name] else value})
    except ValidationError as error:
        return {fault["msg"] for fault in error.errors()}
    return set()


@pytest.mark.parametrize("query", QUERIES, ids=IDS)
def test_a_bad_value_is_refused_in_words_of_the_project(query: Query) -> None:
    """Once for each parameter, whatever kinds of value it may have; never in pydantic's words."""
    for name, value in product(query.names, BAD):
        told = refused(query, [(name, value)])
        assert len(told) <= 1, (name, value)
        for each in told:
            said = each.detail.replace(repr(value[:64]), "")
            assert not OF_PYDANTIC.search(said), (name, value)
            assert each.detail not in said_by_pydantic(query, name, value), (name, value)


@pytest.mark.parametrize("query", QUERIES, ids=IDS)
def test_a_parameter_that_is_given_twice_is_refused(query: Query) -> None:
    """But for one that may be repeated."""
    for name, may_repeat in query.names.items():
        told = refused(query, [(name, "a=1"), (name, "a=1")])
        assert (ParameterError(name, "Given 2 times; once is enough") in told) != may_repeat


@pytest.mark.parametrize("query", QUERIES, ids=IDS)
def test_an_unknown_parameter_is_told_which_are_known(query: Query) -> None:
    """Whatever its name is, and beside one that is missing."""
    known = ", ".join(query.names) or "none"
    for name in ("nope", "a.b", "", "{name}"):
        with pytest.raises(InvalidParameters) as caught:
            query.read([(name, "1")])
        first, *missing = caught.value.errors
        assert first == ParameterError(name, f"Unknown here; known are: {known}")
        assert all(each.detail == "it is missing" for each in missing)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("limit", "0", "0 is too small: 1 is the least"),
        ("limit", "1001", "1001 is too large: 1000 is the most"),
        ("limit", "-1", "'-1' is not a whole number of 1 to 18 digits"),
        ("timeout", "soon", "'soon' is not a number"),
        ("timeout", "31", "31 is too large: 30 is the most"),
        ("result", "ok", "'ok' is not one of success, failed, stopped, running"),
        ("sort", "size", "'size' is not one of newest, oldest, longest, shortest"),
        ("as_of", "soon", "'soon' is not a position, or a time with its zone, like 2026"),
        ("started_after", "soon", "'soon' is not a time with its zone, like 2026-01-15T10:00:00Z"),
        ("started_after", "2026-02-30T00:00:00Z", "'2026-02-30T00:00:00Z' is not a time of the"),
        ("reason", "x" * 2_000, "longer than 1000 characters"),
        ("metadata", "team", "'team' is not of the form that is taken: `KEY=VALUE` of its"),
    ],
)
def test_what_is_said_says_what_is_taken(name: str, value: str, said: str) -> None:
    """What was given, and what is wrong with it."""
    (told,) = refused(of_endpoint(RunsQuery), [(name, value)])
    assert told.detail.startswith(said)


def test_what_is_wrong_is_told_in_the_order_of_the_address() -> None:
    """One that may be repeated has its place as well, and what is missing comes last."""
    wrong = [("metadata", "x"), ("limit", "0"), ("nope", "1"), ("metadata", "y"), ("sort", "z")]
    with pytest.raises(InvalidParameters) as caught:
        parse_parameters(RunsQuery, wrong)
    told = [each.parameter for each in caught.value.errors]
    assert told == ["metadata", "metadata", "limit", "nope", "sort"]
    with pytest.raises(InvalidParameters) as caught:
        parse_parameters(CompareQuery, [("b", "x"), ("all", "maybe")])
    assert [each.parameter for each in caught.value.errors] == ["all", "a"]
