"""Whether a request that changes something comes from our own pages, or from no browser at all.

The rules are those of Go's ``http.CrossOriginProtection``: browsers say where a request comes from
by ``Sec-Fetch-Site``, and older ones by ``Origin``; programs send neither.
"""

from __future__ import annotations

__all__ = ["SAFE_METHODS", "is_same_origin"]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing; all others need more, whatever they are called."""


def is_same_origin(*, fetch_site: bytes | None, origin: bytes | None, host: bytes) -> bool:
    """Tell whether no page of another site made the request.

    Args:
        fetch_site: the header Sec-Fetch-Site.
        origin: the header Origin.
        host: the header Host, which was found to be one of ours.
    """
    if fetch_site is not None:
        return fetch_site in (b"same-origin", b"none")
    if origin is None:
        return True
    _scheme, parted, named = origin.partition(b"://")
    return bool(parted) and named.lower() == host.lower()
