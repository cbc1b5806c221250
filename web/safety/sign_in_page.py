"""The page for who is not signed in. It needs no other file, as nothing else is given to them."""

from __future__ import annotations

import base64
import hashlib

from starlette.responses import HTMLResponse, Response

from web.safety.answer_headers import SECURITY_HEADERS
from web.templating import render, source_of

__all__ = ["sign_in_page"]

_STYLE = source_of("sign_in.css")
_STYLE_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = SECURITY_HEADERS["Content-Security-Policy"].replace(
    "style-src 'self'", f"style-src 'sha256-{_STYLE_DIGEST}'"
)


def sign_in_page(said: str, *, status: int, root: str = "./") -> Response:
    """Show how to sign in.

    Args:
        said: what happened.
        status: of the answer.
        root: the relative address of the top of the application.
    """
    page = render("sign_in.html", said=said, style=_STYLE, root=root)
    headers = {
        **SECURITY_HEADERS,
        "Content-Security-Policy": _POLICY,
        "Cache-Control": "no-store",
    }
    return HTMLResponse(page, status, headers)
