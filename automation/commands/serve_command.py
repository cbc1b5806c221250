"""``runfold serve``: the dashboard and the HTTP API of a ledger."""

from __future__ import annotations

import importlib.util
import os
import socket
import sys
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

import automation
from automation.commands.evidence_options import KeyFileOption, key_path, signing_key
from automation.commands.exit_codes import ExitCode
from automation.commands.options import FolderOption, folder_of
from automation.errors import CannotListen, ExtraMissing
from ledger import LogReader
from ledger.evidence.signed_note import SigningKey

__all__ = ["load_app_module", "serve"]

_EXTRA_SERVER = frozenset(
    {"httptools", "jinja2", "prometheus_client", "starlette", "uvicorn", "watchfiles"}
)
_DRAIN_SECONDS = 10
_APP = Path(automation.__file__).parent.parent / "app.py"


def serve(
    *,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    folder: FolderOption = None,
    key: KeyFileOption = None,
) -> None:
    """Serve the dashboard and the HTTP API, until Ctrl-C; sign tree heads where there is a key."""
    path = folder_of(folder)
    # There must be something to serve; a reading command creates nothing.
    signer = _signer(key, LogReader(path))
    try:
        import uvicorn  # noqa: PLC0415 - only this command needs it

        module = load_app_module()
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA_SERVER:
            raise
        raise ExtraMissing(error.name, "server") from None
    with _listen(host, port) as listener:
        shown = f"[{host}]" if ":" in host else host
        typer.echo(f"serving {path} at http://{shown}:{listener.getsockname()[1]}", err=True)
        if signer is None:
            typer.echo("tree heads are unsigned: there is no key (see runfold key init)", err=True)
        app = module.create_app(path, key=signer)
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=_DRAIN_SECONDS)
        server = uvicorn.Server(config)
        server.run(sockets=[listener])
    if not server.started:
        raise typer.Exit(ExitCode.WRONG)


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
