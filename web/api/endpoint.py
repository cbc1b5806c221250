"""What an endpoint is: one value that mounts its route and writes its part of the document.

An endpoint is a function from a ``Call`` to an ``Answer``. It asks ``projections`` and ``ledger``,
and knows nothing of HTTP beyond these values; ``resource.py`` does the rest.
"""

from __future__ import annotations

import math
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from web.api.served_ledger import ServedLedger
from web.parameters import Asked
from web.problems import Failure

__all__ = [
    "JSON",
    "NDJSON",
    "Answer",
    "Call",
    "Endpoint",
    "Gives",
    "NoParameters",
    "Scope",
]

JSON = "application/json"
NDJSON = "application/x-ndjson"

Pieces = Iterator[bytes] | AsyncIterator[bytes]
Scope = Literal["read", "append", "admin"]
Query = TypeVar("Query", bound=BaseModel)

_IN_PATH = re.compile(r"\{(\w+)\}")


class NoParameters(Asked):
    """The endpoint takes no parameters."""


@dataclass(frozen=True, slots=True)
class Gives:
    """One way in which an endpoint answers, or a body that it takes.

    Attributes:
        media_type: of the body.
        model: what the JSON is; None where the body is described in words alone.
        description: what there is to say of it.
    """

    media_type: str = JSON
    model: type[BaseModel] | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class Call(Generic[Query]):
    """One call of an endpoint.

    Attributes:
        ledger: what is served.
        asked: the parameters, those in the path too.
        media_type: the one of those the endpoint gives that the caller would have.
        request: the rest, for what is not an answer to parameters alone.
    """

    ledger: ServedLedger
    asked: Query
    media_type: str
    request: Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an endpoint answers.

    Attributes:
        body: all of it, or its pieces as they come.
        position: the one it reflects; None where it is not about the log.
        media_type: of the body.
        status: 200, unless it says something else.
        etag: what changes with the answer; made of the position and the body where it is not given.
        lasts: seconds for which it holds while position and model stay.
        is_past: whether it is about a past position, so that it cannot lag.
        headers: any further ones.
    """

    body: bytes | Pieces
    position: int | None = None
    media_type: str = JSON
    status: int = 200
    etag: str | None = None
    lasts: float = math.inf
    is_past: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One method of one path.

    Attributes:
        path: with the names of path parameters in braces.
        summary: what it does, in a line.
        answer: does it. A plain function is called in a thread. One that is ``async`` is called on
            the event loop, and may give a response of its own.
        asks: the parameters, those in the path by the same names.
        gives: how it can answer; the first is what a caller gets who names none.
        fails: the problems that it may answer with.
        scope: what a token must allow; None where none is needed.
        method: of the request.
        takes: the bodies it takes.
        is_kept: whether equal calls have equal answers while position and model stay.
        is_live: whether an answer goes on until one side ends it, so that it has no tag.
        tells: the names of the headers that its answers have beside those of every answer.
    """

    path: str
    summary: str
    answer: Callable[[Call[Any]], Answer | Awaitable[Answer | Response]]
    asks: type[Asked] = NoParameters
    gives: Sequence[Gives]
    fails: Sequence[Failure] = ()
    scope: Scope | None = "read"
    method: str = "GET"
    takes: Sequence[Gives] = ()
    is_kept: bool = False
    is_live: bool = False
    tells: Sequence[str] = ()

    @property
    def name(self) -> str:
        """What it is called in the document."""
        return self.answer.__name__

    @property
    def is_tagged(self) -> bool:
        """Whether an answer has a tag, by which a caller says that it has it already."""
        return self.method == "GET" and not self.is_live

    @property
    def in_path(self) -> frozenset[str]:
        """The parameters that stand in the path."""
        return frozenset(_IN_PATH.findall(self.path))
