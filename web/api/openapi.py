"""The OpenAPI 3.1 document, written from the very declarations that are mounted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from web.api.described_headers import DESCRIBED, headers_of_answer, headers_of_problem
from web.api.endpoint import JSON, Endpoint, Gives
from web.parameters import Reading
from web.problems import ProblemDetails

__all__ = ["PROBLEM_JSON", "openapi_document"]

PROBLEM_JSON = "application/problem+json"
_REFERENCE = "#/components/schemas/{model}"
_PROBLEM = {PROBLEM_JSON: {"schema": {"$ref": _REFERENCE.format(model="ProblemDetails")}}}
_ABOUT = (
    "Ask for the runs of a ledger, their events, and the proof that nothing was changed."
    " Every answer about the ledger says in `X-Ledger-Position` which position it reflects."
)
_SECURITY: Mapping[str, Any] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "`runfold token create --scope read|append|admin` prints a token, once."
        " The scope `admin` is good for everything. A server that was started with `--no-auth`"
        " lets everybody read, and nobody write.",
    }
}
_AT_THE_DOOR = {
    400: "The header `Host` names none of the names of this server",
    401: "A token is needed",
    403: "The token has another scope, or a page of another site asked for a change",
}
"""What is answered before any endpoint is asked, in the order of the codes."""


def openapi_document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """Write the document of these endpoints."""
    models = list(dict.fromkeys(_models(endpoints)))
    _, schemas = models_json_schema(models, ref_template=_REFERENCE)
    components: dict[str, Any] = schemas.get("$defs", {})
    asked = {endpoint.asks.__name__ for endpoint in endpoints}
    questions = {name: components.pop(name) for name in asked}
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        question = questions[endpoint.asks.__name__]
        operation = _operation(endpoint, question)
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Runfold", "version": version("runfold"), "description": _ABOUT},
        # Relative, so that it holds below any prefix of a proxy.
        "servers": [{"url": "./"}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.items())),
            "headers": DESCRIBED,
            "securitySchemes": _SECURITY,
        },
    }


def _models(endpoints: Iterable[Endpoint]) -> Iterator[tuple[type[BaseModel], JsonSchemaMode]]:
    yield ProblemDetails, "serialization"
    for endpoint in endpoints:
        yield endpoint.asks, "validation"
        yield from ((each.model, "serialization") for each in endpoint.gives if each.model)
        yield from ((each.model, "validation") for each in endpoint.takes if each.model)


def _operation(endpoint: Endpoint, question: Mapping[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "description": (endpoint.answer.__doc__ or "").partition("\n\n")[0],
        "parameters": list(_parameters(endpoint, question)),
        "responses": _responses(endpoint),
        # The names in the list are those of the scopes that are needed; none is for everybody.
        "security": [{"token": [endpoint.scope]}] if endpoint.scope else [],
    }
    if endpoint.takes:
        operation["requestBody"] = {"required": True, "content": _content(endpoint.takes)}
    return operation


def _parameters(endpoint: Endpoint, question: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    required = question.get("required", ())
    for name, schema in question.get("properties", {}).items():
        in_path = name in endpoint.in_path
        yield {
            "name": name,
            "in": "path" if in_path else "query",
            "required": in_path or name in required,
            "description": schema.get("description", ""),
            "schema": _of_parameter(schema),
        }


def _of_parameter(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what a text cannot be, and what stands beside the schema."""
    kept = {name: part for name, part in schema.items() if name not in ("title", "description")}
    if kept.get("default", "") is None:
        del kept["default"]
    choices = [choice for choice in kept.pop("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1:
        return {**kept, **choices[0]}
    return {**kept, "anyOf": choices} if choices else kept


def _content(given: Iterable[Gives]) -> dict[str, Any]:
    return {each.media_type: {"schema": _schema(each)} for each in given}


def _schema(given: Gives) -> dict[str, Any]:
    described = {"description": given.description} if given.description else {}
    if given.model is not None:
        return {"$ref": _REFERENCE.format(model=given.model.__name__), **described}
    return described if given.media_type == JSON else {"type": "string", **described}


def _responses(endpoint: Endpoint) -> dict[str, Any]:
    asks = endpoint.asks.model_fields
    reads = issubclass(endpoint.asks, Reading)
    headers = headers_of_answer(endpoint)
    responses: dict[str, Any] = {
        "200": {
            "description": endpoint.summary,
            "headers": headers,
            "content": _content(endpoint.gives),
        }
    }
    if endpoint.is_tagged:
        known = {"description": "The caller has the answer already.", "headers": headers}
        responses["304"] = known
    failed: dict[int, list[str]] = {}
    for status, title in _AT_THE_DOOR.items():
        if endpoint.scope or status == HTTPStatus.BAD_REQUEST:
            failed[status] = [title]
    for failure in endpoint.fails:
        failed.setdefault(failure.status, []).append(failure.title)
    if asks or not endpoint.takes:
        failed.setdefault(422, []).append("A parameter is wrong, and named")
    if reads:
        failed.setdefault(409, []).append("`min_position` was not reached in time")
        failed.setdefault(503, []).append("The log or its view cannot be read now")
    for status, titles in sorted(failed.items()):
        description = "; ".join(titles) or HTTPStatus(status).phrase
        responses[str(status)] = {
            "description": description,
            "headers": headers_of_problem(status),
            "content": _PROBLEM,
        }
    responses["default"] = {"description": "Any other problem.", "content": _PROBLEM}
    return responses
