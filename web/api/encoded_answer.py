"""An answer as the bytes that are sent: made once, compressed once, and sent as often as asked."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from anyio.to_thread import run_sync
from starlette.types import Message, Scope, Send

from web.api.accepting import takes_gzip
from web.api.endpoint import Answer
from web.safety.answer_headers import SECURITY_HEADERS

__all__ = ["EncodedAnswer", "Written", "etag_of", "is_known"]

Header = tuple[bytes, bytes]

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


class Written(NamedTuple):
    """An answer as it is written; ``head`` has the lines of its headers, and an empty one."""

    status: int
    head: bytes
    body: bytes


class _Form:
    """One of the forms of an answer: as it is, compressed, or none as it is known already."""

    __slots__ = ("_head", "body", "headers", "status")

    def __init__(self, status: int, headers: Sequence[Header], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self._head: bytes | None = None

    @property
    def start(self) -> Message:
        """How it begins; those outside may add headers of one request."""
        return {
            "type": "http.response.start",
            "status": self.status,
            "headers": list(self.headers),
        }

    def written(self, *, whole: bool) -> Written:
        """Give it as it is written; without its body where only the head is asked for."""
        if self._head is None:
            lines = [b"%b: %b\r\n" % header for header in self.headers]
            self._head = b"".join([*lines, b"\r\n"])
        return Written(self.status, self._head, self.body if whole else b"")


class EncodedAnswer:
    """An answer, complete with its headers, that any number of requests may be given.

    Attributes:
        etag: its tag.
        size: the bytes of its body, as it is.
    """

    __slots__ = ("_changed", "_headers", "_unchanged", "_zipped", "_zipping", "etag", "size")

    def __init__(self, answer: Answer, body: bytes, headers: Mapping[str, str]) -> None:
        """Encode an answer whose body is at hand, with these headers."""
        self.size = len(body)
        self.etag = (answer.etag or etag_of(answer.position, body)).encode()
        tags = {"etag": self.etag.decode(), "content-type": answer.media_type}
        named = {name.lower(): value for name, value in headers.items()} | tags
        named["vary"] = ", ".join(filter(None, (named.get("vary"), "Accept-Encoding")))
        self._headers = [
            (name.encode(), value.encode("latin-1"))
            for name, value in {**_SECURITY, **named}.items()
        ]
        known = [header for header in self._headers if header[0] != b"content-type"]
        self._unchanged = _Form(304, known, b"")
        self._changed = self._form(body)
        self._zipped: _Form | None = None
        self._zipping: asyncio.Task[_Form] | None = None

    def _form(self, body: bytes, *encoding: Header) -> _Form:
        length = (b"content-length", str(len(body)).encode())
        return _Form(200, [*self._headers, length, *encoding], body)

    def written(self, scope: Scope) -> Written | None:
        """Give what answers one request; None where it would have to be compressed first."""
        form = self._chosen(scope)
        return None if form is None else form.written(whole=scope["method"] != "HEAD")

    async def send(self, scope: Scope, send: Send) -> None:
        """Answer one request: with nothing where it has the answer, compressed where it may be."""
        form = self._chosen(scope)
        if form is None:
            form = await asyncio.shield(self.compressing())
        await send(form.start)
        body = b"" if scope["method"] == "HEAD" else form.body
        await send({"type": "http.response.body", "body": body})

    def _chosen(self, scope: Scope) -> _Form | None:
        """Choose the form for a request; None is the compressed one, before it is made."""
        form: _Form | None = self._changed
        for name, value in scope["headers"]:
            if name == b"if-none-match" and is_known(self.etag, value):
                return self._unchanged
            if name == b"accept-encoding":
                may_be_zipped = self.size >= _WORTH_COMPRESSING and takes_gzip(value)
                form = self._zipped if may_be_zipped else self._changed
        return form

    def compressing(self) -> asyncio.Future[_Form]:
        """Have it compressed, once for all who wait for that; what is given must not be cancelled.

        ``written`` has an answer for everybody then.
        """
        if self._zipping is None:
            self._zipping = asyncio.create_task(self._compress())
        return self._zipping

    async def _compress(self) -> _Form:
        try:
            zipped = await run_sync(lambda: gzip.compress(self._changed.body, _LEVEL, mtime=0))
            self._zipped = self._form(zipped, (b"content-encoding", b"gzip"))
            return self._zipped
        finally:
            self._zipping = None
