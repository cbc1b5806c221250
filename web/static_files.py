"""The scripts and styles of the pages: few requests, and each file only once.

What every page needs is joined when it is first asked for, one style sheet and one script. The
address of a file changes with what is in the files, so that a browser keeps it for good and does
not ask again; all files lie below the same version, so a style sheet may name another by its name.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from mimetypes import guess_type
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from web.api.accepting import takes_gzip

__all__ = ["static_address", "static_files"]

_FOLDER = Path(__file__).parent / "static"
_STYLES = ("tokens", "layout", "components", "charts", "runs", "run", "print")
_SCRIPTS = ("reader", "live", "clock", "keyboard", "copy", "choice", "slider")
_JOINED: Mapping[str, Sequence[str]] = {
    "pages.css": [f"{name}.css" for name in _STYLES],
    "pages.js": [
        "vendor/htmx.min.js",
        "vendor/idiomorph-ext.min.js",
        *[f"{name}.js" for name in _SCRIPTS],
    ],
    "trend-pages.css": ["pipelines.css", "pipeline.css", "vendor/uPlot.min.css"],
    "trend-pages.js": ["vendor/uPlot.iife.min.js", "trends.js"],
}
_FOR_GOOD = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class _StaticFile:
    """One file, ready to be sent: as it is, and compressed."""

    body: bytes
    zipped: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class _StaticFiles:
    """All files by their names; ``version`` is a digest of them."""

    files: Mapping[str, _StaticFile]
    version: str


def static_address(name: str) -> str:
    """Give the address of a file, relative to the first page.

    Raises:
        KeyError: there is no such file.
    """
    known = _static_files()
    if name not in known.files:
        raise KeyError(name)
    return f"static/{known.version}/{name}"


def static_files() -> Mount:
    """Give the route of all files."""

    async def serve(request: Request) -> Response:
        known = _static_files()
        found = known.files.get(request.path_params["name"])
        if found is None:
            raise HTTPException(404)
        headers = {"Vary": "Accept-Encoding"}
        # An older page may ask for a version that is gone: it gets what there is, for this once.
        if request.path_params["version"] == known.version:
            headers["Cache-Control"] = _FOR_GOOD
        if takes_gzip(request.headers.get("accept-encoding", "").encode("latin-1")):
            headers["Content-Encoding"] = "gzip"
            return Response(found.zipped, media_type=found.media_type, headers=headers)
        return Response(found.body, media_type=found.media_type, headers=headers)

    return Mount("/static", routes=[Route("/{version}/{name:path}", serve)])


@cache
def _static_files() -> _StaticFiles:
    bodies = {
        str(path.relative_to(_FOLDER)): path.read_bytes()
        for path in sorted(_FOLDER.rglob("*"))
        if path.is_file()
    }
    bodies |= {
        name: b"\n".join(_part(one, bodies[one]) for one in parts)
        for name, parts in _JOINED.items()
    }
    files = {
        name: _StaticFile(body, gzip.compress(body, mtime=0), guess_type(name)[0] or "text/plain")
        for name, body in bodies.items()
    }
    version = hashlib.sha256(b"".join(bodies.values())).hexdigest()[:12]
    return _StaticFiles(files, version)


def _part(name: str, body: bytes) -> bytes:
    """Give a file as a part of a joined one: a script of ours keeps its names to itself."""
    if name.endswith(".js") and not name.startswith("vendor/"):
        return b'(() => {\n"use strict";\n' + body + b"})();"
    return body
