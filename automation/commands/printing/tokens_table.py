"""The table of ``runfold token list``."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from automation.access.tokens import Token
from automation.commands.printing.run_words import safe, started

__all__ = ["tokens_table"]


def tokens_table(tokens: Sequence[Token]) -> Group:
    """Lay out tokens, oldest first."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in ("id", "kind", "scope", "made", "expires"):
        table.add_column(header, no_wrap=True)
    table.add_column("note", overflow="fold")
    for token in tokens:
        table.add_row(
            token.id,
            token.kind,
            token.scope,
            started(token.created_at),
            started(token.expires_at) if token.expires_at else "never",
            safe(token.note),
        )
    if not tokens:
        return Group(Text("no tokens; runfold token create makes one", style="dim"))
    return Group(table)
