"""``runfold serve``: the dashboard and the HTTP API of a ledger."""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

import automation
from automation.access.server_access import ServerAccess
from automation.access.token_store import TokenStore
from automation.access.tokens import Kind, Scope
from automation.commands.exit_codes import ExitCode
from automation.commands.options.evidence_options import KeyFileOption, key_path, signing_key
from automation.commands.options.options import FolderOption, folder_of, redacted_keys
from automation.commands.token_command import TokensFileOption, sign_in_address, token_store
from automation.errors import BadArgument, CannotListen, ExtraMissing
from ledger import LogReader
from ledger.evidence.signed_note import SigningKey

__all__ = ["load_app_module", "serve"]

_EXTRA_SERVER = frozenset(
    {"httptools", "jinja2", "prometheus_client", "starlette", "uvicorn", "watchfiles"}
)
_APP = Path(automation.__file__).parent.parent / "app.py"


def serve(
    *,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    folder: FolderOption = None,
    key: KeyFileOption = None,
    tokens: TokensFileOption = None,
    no_auth: Annotated[
        bool,
        typer.Option("--no-auth", help="Let this machine read without a token; change nothing."),
    ] = False,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[:PORT]", help="Answer under this name too, as browsers say it."),
    ] = None,
    cors_origin: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="Let the pages of this site read, with a token."),
    ] = None,
    root_path: Annotated[
        str, typer.Option(metavar="PATH", help="The prefix under which a proxy shows the server.")
    ] = "",
) -> None:
    """Serve the dashboard and the HTTP API, until Ctrl-C; sign tree heads where there is a key.

    Programs need a token (runfold token create), and a browser is signed in by a link that is
    printed here, once; unless --no-auth is given.
    """
    path, redact = folder_of(folder), redacted_keys()
    # There must be something to serve; a reading command creates nothing.
    signer = _signer(key, LogReader(path))
    store = None if no_auth else token_store(tokens, path)
    if no_auth and not _is_loopback(host):
        raise BadArgument("--no-auth", f"everybody who reaches {host} could read; use tokens")
    module = _load_app_module_or_say()
    with _listen(host, port) as listener:
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{listener.getsockname()[1]}"
        typer.echo(f"serving {path} at {address}", err=True)
        if signer is None:
            typer.echo("tree heads are unsigned: there is no key (see runfold key init)", err=True)
        # Sessions are of the prefix, and that is the proxy's, which browsers reach by its name.
        outside = f"https://{allow_host[0]}" if allow_host else address
        typer.echo(_how_to_come_in(store, outside + root_path), err=True)
        served = module.run(
            path,
            listener,
            key=signer,
            access=None if store is None else ServerAccess(store),
            allow_hosts=allow_host or (),
            cors_origins=cors_origin or (),
            root_path=root_path,
            redact=redact,
        )
    if not served:
        raise typer.Exit(ExitCode.WRONG)


def _how_to_come_in(store: TokenStore | None, address: str) -> str:
    """Say how a browser is let in; a link that was printed works once."""
    if store is None:
        return "without authentication: everybody on this machine may read, nobody change anything"
    _, link = store.create(Kind.LINK, Scope.ADMIN, now=datetime.now(UTC))
    return f"sign a browser in, once, within a quarter of an hour: {sign_in_address(address, link)}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _load_app_module_or_say() -> ModuleType:
    try:
        return load_app_module()
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA_SERVER:
            raise
        raise ExtraMissing(error.name, "server") from None


def _signer(option: Path | None, reader: LogReader) -> SigningKey | None:
    """Read the key that was named, or the ledger's own if there is one; else nothing is signed."""
    if option is None and not key_path(None, reader).exists():
        return None
    return signing_key(option, reader)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        # A name that cannot be looked up has a number of another kind, below 0.
        number = error.errno or 0
        reason = os.strerror(number) if number > 0 else error.strerror
        raise CannotListen(host, port, reason or str(error)) from None


def load_app_module() -> ModuleType:
    """Import the ``app.py`` that belongs to this project, by where it lies.

    ``import app`` would find a user's own ``app.py`` in the working directory first.
    """
    name = "runfold_app"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, _APP)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(_APP)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
