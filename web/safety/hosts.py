"""The names under which a server answers; any other is a page of somewhere else, rebound to us.

A browser sends the name it was given. A page of another site that has its own name resolved to
127.0.0.1 could read everything here; it cannot make the browser send another name.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

__all__ = ["allowed_hosts"]

_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


def allowed_hosts(host: str, port: int, configured: Iterable[str] = ()) -> frozenset[bytes]:
    """Give the values of the header Host that are answered, in lower case.

    Args:
        host: the address that is listened on.
        port: its port.
        configured: names that others use, as they send them: ``ledger.example.org`` behind a proxy,
            with ``:8443`` where the port is not the usual one.
    """
    names = {name for name in (*_LOOPBACK_NAMES, host) if not _is_everywhere(name)}
    with_port = {f"{_in_header(name)}:{port}" for name in names}
    bare = {_in_header(name) for name in names} if port in (80, 443) else set()
    return frozenset(name.lower().encode("latin-1") for name in {*with_port, *bare, *configured})


def _in_header(name: str) -> str:
    return f"[{name}]" if ":" in name else name


def _is_everywhere(name: str) -> bool:
    """Tell whether a name stands for all addresses, as 0.0.0.0 does: nobody is called that."""
    try:
        return ipaddress.ip_address(name).is_unspecified
    except ValueError:
        return not name
