"""Read the body of a request that writes: bounded before it is read, while it is, and inflated."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from starlette.requests import ClientDisconnect, Request

from web.problems import Failure, Refused

__all__ = ["BAD_BODY", "TOO_LARGE", "UNSUPPORTED", "media_type_of", "read_body"]

_GZIP = 16 + zlib.MAX_WBITS


BAD_BODY = Failure(400, "bad-body", "Bad body")
TOO_LARGE = Failure(413, "too-large", "Too large")
UNSUPPORTED = Failure(415, "unsupported-body", "Unsupported kind of body")


def media_type_of(request: Request, known: Sequence[str]) -> str:
    """Give the media type of the body, without its parameters.

    Raises:
        Refused: it is none of ``known``; a form of a page never is.
    """
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given in known:
        return given
    detail = f"The body must be {' or '.join(known)}; Content-Type says {given or 'nothing'}."
    raise Refused(UNSUPPORTED.problem(detail), {"Accept": ", ".join(known)})


async def read_body(request: Request, *, limit: int) -> bytes:
    """Read the whole body, inflated where it is gzip; never more than ``limit`` bytes of either.

    Raises:
        Refused: it is longer, or compressed in another way, or badly.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip"):
        detail = f"The body is encoded as {encoding!r}; gzip will do."
        raise Refused(UNSUPPORTED.problem(detail), {"Accept-Encoding": "gzip"})
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise _too_large(limit)
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            parts.append(part)
            size += len(part)
            if size > limit:
                raise _too_large(limit)
    except ClientDisconnect:
        # Nobody is there to be answered, and nothing was done.
        raise Refused(BAD_BODY.problem("The body ended too early.")) from None
    body = b"".join(parts)
    return _inflate(body, limit) if encoding == "gzip" else body


def _inflate(body: bytes, limit: int) -> bytes:
    inflater = zlib.decompressobj(_GZIP)
    try:
        inflated = inflater.decompress(body, limit + 1)
    except zlib.error as error:
        raise _bad_gzip(str(error)) from None
    if len(inflated) > limit:
        raise _too_large(limit)
    if not inflater.eof:
        raise _bad_gzip("it ends too early")
    if inflater.unused_data:
        raise _bad_gzip("something follows its end")
    return inflated


def _bad_gzip(reason: str) -> Refused:
    return Refused(BAD_BODY.problem(f"The body is not gzip: {reason}."))


def _too_large(limit: int) -> Refused:
    detail = f"The body may have {limit} bytes, inflated too. Send the events in several batches."
    # The connection stays: were it closed with the rest of the body unread, who sends it first and
    # reads then would be told of a reset, and not of this. What comes is dropped, for a minute.
    return Refused(TOO_LARGE.problem(detail, limit=limit))
