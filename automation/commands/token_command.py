"""``runfold token``: make, list and revoke what lets a program or a browser in."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from automation.access.token_store import TokenStore, default_tokens_path
from automation.access.tokens import Kind, Scope, Token
from automation.commands.options.evidence_options import say
from automation.commands.options.moments import parse_span
from automation.commands.options.options import FolderOption, JsonOption, folder_of
from automation.commands.printing.output import write_data, write_json, write_rich
from automation.commands.printing.tokens_table import tokens_table
from ledger import LogReader
from ledger.plain_values import utc_text

__all__ = ["TokensFileOption", "sign_in_address", "token", "token_store"]

token = typer.Typer(
    name="token", help="What lets programs and browsers in: tokens, and links to sign in with."
)

TokensFileOption = Annotated[
    Path | None,
    typer.Option(
        "--tokens",
        envvar="RUNFOLD_TOKENS",
        metavar="FILE",
        show_default="runfold/<ledger_id>.tokens in the configuration folder",
        help="The file of the tokens, outside the data folder.",
    ),
]


def token_store(option: Path | None, folder: Path) -> TokenStore:
    """Give the tokens of the ledger in ``folder``: of the file named, else of the default one.

    Raises:
        LedgerNotFound: there is no ledger.
        TokensUnusable: the file lies in the data folder.
    """
    identity = LogReader(folder).identity
    path = (option or default_tokens_path(identity, os.environ)).absolute()
    return TokenStore(path, data_folder=folder)


def sign_in_address(url: str, link: str) -> str:
    """Give the address that signs a browser in, once."""
    return f"{url.rstrip('/')}/sign-in?link={link}"


@token.command()
def create(
    *,
    scope: Annotated[Scope, typer.Option(help="What it is good for; admin is everything.")],
    note: Annotated[str, typer.Option(help="Who or what it is for.")] = "",
    expires: Annotated[
        str | None,
        typer.Option(metavar="90d", help="How long it lasts; for ever unless said."),
    ] = None,
    tokens: TokensFileOption = None,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a token and print it, which happens once: what is kept does not open anything."""
    store = token_store(tokens, folder_of(folder))
    now = datetime.now(UTC)
    lifetime = None if expires is None else parse_span("--expires", expires)
    made, text = store.create(Kind.TOKEN, scope, now=now, lifetime=lifetime, note=note)
    if as_json:
        write_json({**_as_json(made), "token": text})
    else:
        write_data(f"{text}\n".encode())
    say(f"token {made.id} is shown only now; runfold token revoke {made.id} takes it back")


@token.command("list")
def list_tokens(
    *, tokens: TokensFileOption = None, folder: FolderOption = None, as_json: JsonOption = False
) -> None:
    """List the tokens that are good for something, never their texts."""
    kept = token_store(tokens, folder_of(folder)).tokens(now=datetime.now(UTC))
    if as_json:
        write_json([_as_json(each) for each in kept])
    else:
        write_rich(tokens_table(kept))


@token.command()
def revoke(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="As list shows it.")],
    *,
    tokens: TokensFileOption = None,
    folder: FolderOption = None,
) -> None:
    """Take a token back; servers refuse it from their next answer on."""
    revoked = token_store(tokens, folder_of(folder)).revoke(identifier, now=datetime.now(UTC))
    say(f"{revoked.kind} {revoked.id} opens nothing any more")


@token.command()
def link(
    *,
    url: Annotated[str, typer.Option(help="Where the server answers.")] = "http://127.0.0.1:8000",
    scope: Annotated[Scope, typer.Option(help="What the browser may do.")] = Scope.ADMIN,
    tokens: TokensFileOption = None,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a link that signs one browser in, once, within a quarter of an hour."""
    store = token_store(tokens, folder_of(folder))
    made, text = store.create(Kind.LINK, scope, now=datetime.now(UTC))
    address = sign_in_address(url, text)
    if as_json:
        write_json({**_as_json(made), "link": address})
    else:
        write_data(f"{address}\n".encode())


def _as_json(kept: Token) -> dict[str, str | None]:
    return {
        "id": kept.id,
        "kind": kept.kind,
        "scope": kept.scope,
        "note": kept.note,
        "created_at": utc_text(kept.created_at),
        "expires_at": None if kept.expires_at is None else utc_text(kept.expires_at),
    }
