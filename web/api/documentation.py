"""The API described: the OpenAPI document for programs, and a page of the same for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from web.api.endpoint import Answer, Call, Endpoint, Gives, NoParameters
from web.api.openapi import openapi_document
from web.templating import render

__all__ = ["documentation_of"]

_HTML = "text/html; charset=utf-8"


def documentation_of(endpoints: Sequence[Endpoint]) -> tuple[Endpoint, ...]:
    """Give the endpoints that describe others; what they answer is made once."""

    @cache
    def document() -> dict[str, Any]:
        return openapi_document(endpoints)

    def openapi(call: Call[NoParameters]) -> Answer:
        """Give the OpenAPI 3.1 document."""
        del call
        return Answer(body=json.dumps(document(), ensure_ascii=False).encode())

    def documentation(call: Call[NoParameters]) -> Answer:
        """Show the document to a person."""
        del call
        page = render("api.html", document=document(), root="./")
        return Answer(body=page.encode(), media_type=_HTML)

    return (
        Endpoint(
            path="/openapi.json",
            summary="The OpenAPI document",
            answer=openapi,
            gives=[Gives()],
        ),
        Endpoint(
            path="/docs",
            summary="The documentation of the API",
            answer=documentation,
            gives=[Gives(_HTML)],
        ),
    )
