"""The names under which a server answers."""

from __future__ import annotations

import pytest

from web.safety.hosts import allowed_hosts


@pytest.mark.parametrize(
    ("host", "port", "configured", "more"),
    [
        ("127.0.0.1", 8000, (), set()),
        ("192.0.2.7", 8000, (), {b"192.0.2.7:8000"}),
        ("0.0.0.0", 8000, (), set()),  # noqa: S104 - a text, nothing listens
        ("::", 8000, (), set()),
        ("2001:db8::1", 8000, (), {b"[2001:db8::1]:8000"}),
        ("127.0.0.1", 8000, ("Ledger.Example.org",), {b"ledger.example.org"}),
    ],
)
def test_the_own_address_and_what_was_named(
    host: str, port: int, configured: tuple[str, ...], more: set[bytes]
) -> None:
    """Loopback always, the address that is listened on, and names as they are sent."""
    loopback = {b"localhost:8000", b"127.0.0.1:8000", b"[::1]:8000"}
    assert allowed_hosts(host, port, configured) == loopback | more


@pytest.mark.parametrize("port", [80, 443])
def test_the_usual_ports_are_left_out_by_browsers(port: int) -> None:
    """So the bare name is answered there, too."""
    assert {b"localhost", f"localhost:{port}".encode()} <= allowed_hosts("127.0.0.1", port)
