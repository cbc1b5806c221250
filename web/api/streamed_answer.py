"""An answer that is sent piece by piece, so that no size of it needs memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from itertools import chain

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from web.api.accepting import takes_gzip
from web.api.encoded_answer import is_known
from web.api.endpoint import Answer, Pieces

__all__ = ["streamed"]

_LEVEL = 5
_GZIP = 16 + zlib.MAX_WBITS


async def streamed(
    answer: Answer, pieces: Pieces, headers: Mapping[str, str], request: Request
) -> Response:
    """Make the response: compressed where it may be, unless its pieces come when they please.

    The first piece is made before anything is sent, so that what fails at once is a problem.
    """
    named = dict(headers) | ({"ETag": answer.etag} if answer.etag else {})
    asked = request.headers.get("if-none-match", "")
    if answer.etag and asked and is_known(answer.etag.encode(), asked.encode("latin-1")):
        return Response(None, 304, named)
    if isinstance(pieces, Iterator):
        if takes_gzip(request.headers.get("accept-encoding", "").encode("latin-1")):
            pieces = _compressed(pieces)
            named["Content-Encoding"] = "gzip"
        named["Vary"] = ", ".join(filter(None, (named.get("Vary"), "Accept-Encoding")))
        pieces = chain([await run_sync(next, pieces, b"")], pieces)
    if request.method == "HEAD":
        response = Response(None, answer.status, named, answer.media_type)
        del response.headers["content-length"]
        return response
    return StreamingResponse(pieces, answer.status, named, answer.media_type)


def _compressed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    zipping = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    for piece in pieces:
        zipped = zipping.compress(piece)
        if zipped:
            yield zipped
    yield zipping.flush()
