"""An answer as the bytes that are sent: made once, compressed once, and sent as often as asked."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Mapping

from anyio.to_thread import run_sync
from starlette.types import Message, Scope, Send

from web.api.accepting import takes_gzip
from web.api.endpoint import Answer
from web.security import SECURITY_HEADERS

__all__ = ["EncodedAnswer", "etag_of", "is_known"]

_WORTH_COMPRESSING = 1_024
_LEVEL = 5
_TAGS = re.compile(rb'(?:W/)?("[^"]*")')

_SECURITY = {name.lower(): value for name, value in SECURITY_HEADERS.items()}


def etag_of(position: int | None, body: bytes) -> str:
    """Give the weak tag of a body: the position, if it hangs on that, and what the body says."""
    said = hashlib.blake2b(body, digest_size=8).hexdigest()
    return f'W/"{said}"' if position is None else f'W/"{position}-{said}"'


def is_known(etag: bytes, asked: bytes) -> bool:
    """Tell whether ``If-None-Match`` names a tag; weakly, as RFC 9110 has it."""
    if asked == etag:
        return True
    return asked.strip() == b"*" or etag.removeprefix(b"W/") in _TAGS.findall(asked)


class EncodedAnswer:
    """An answer, complete with its headers, that any number of requests may be given.

    Attributes:
        etag: its tag.
        size: the bytes of its body, as it is.
    """

    __slots__ = ("_body", "_changed", "_headers", "_unchanged", "_zipped", "etag", "size")

    def __init__(self, answer: Answer, body: bytes, headers: Mapping[str, str]) -> None:
        """Encode an answer whose body is at hand, with these headers."""
        self._body = body
        self._zipped: bytes | None = None
        self.size = len(body)
        self.etag = (answer.etag or etag_of(answer.position, body)).encode()
        tags = {"etag": self.etag.decode(), "content-type": answer.media_type}
        named = {name.lower(): value for name, value in headers.items()} | tags
        named["vary"] = ", ".join(filter(None, (named.get("vary"), "Accept-Encoding")))
        self._headers = [
            (name.encode(), value.encode("latin-1"))
            for name, value in {**_SECURITY, **named}.items()
        ]
        self._unchanged = {
            "type": "http.response.start",
            "status": 304,
            "headers": [header for header in self._headers if header[0] != b"content-type"],
        }
        self._changed = self._start(body)

    def _start(self, body: bytes, *encoding: tuple[bytes, bytes]) -> Message:
        length = (b"content-length", str(len(body)).encode())
        headers = [*self._headers, length, *encoding]
        return {"type": "http.response.start", "status": 200, "headers": headers}

    async def send(self, scope: Scope, send: Send) -> None:
        """Answer one request: with nothing where it has the answer, compressed where it may be."""
        may_be_zipped = False
        for name, value in scope["headers"]:
            if name == b"if-none-match" and is_known(self.etag, value):
                await send(self._unchanged)
                await send({"type": "http.response.body", "body": b""})
                return
            if name == b"accept-encoding":
                may_be_zipped = self.size >= _WORTH_COMPRESSING and takes_gzip(value)
        start, body = self._changed, self._body
        if may_be_zipped:
            start, body = await self._compressed()
        await send(start)
        await send(
            {"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body}
        )

    async def _compressed(self) -> tuple[Message, bytes]:
        if self._zipped is None:
            self._zipped = await run_sync(lambda: gzip.compress(self._body, _LEVEL, mtime=0))
        return self._start(self._zipped, (b"content-encoding", b"gzip")), self._zipped
