"""The file of tokens: outside the data folder, mode 0600, replaced whole under a lock.

Whoever may write the data folder may append to the log, but must not let others in. The file is
looked at again whenever it has changed, so that a token which was revoked is refused at once.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import ValidationError

from automation.access.tokens import (
    LIFETIMES,
    Kind,
    Scope,
    Token,
    TokenFile,
    id_in,
    is_text_of,
    make_token,
)
from automation.errors import TokenNotFound, TokensUnusable
from ledger.disk.files import make_folder, replace_atomically
from ledger.disk.folder import Identity
from ledger.disk.lock import close_lock, holder_of, open_lock_file, try_flock
from ledger.disk.user_folder import user_folder
from ledger.evidence.tree_head import origin_of
from ledger.faults import faults_of

__all__ = ["TokenStore", "default_tokens_path"]

_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_NONE: tuple[int, ...] = ()
_PATIENCE = 10.0
_LOOK_AGAIN = 0.005


def default_tokens_path(identity: Identity, environment: Mapping[str, str]) -> Path:
    """Give where the tokens of a ledger lie when nobody says otherwise, after XDG."""
    folder = user_folder("XDG_CONFIG_HOME", ".config", environment)
    return folder / f"{origin_of(identity)}.tokens"


class TokenStore:
    """The tokens in one file. Several processes may use it at the same time."""

    def __init__(self, path: Path, *, data_folder: Path, patience: float = _PATIENCE) -> None:
        """Use the file at ``path``, which need not be there yet.

        Args:
            path: the file.
            data_folder: in which it must not lie.
            patience: seconds to wait for another process that changes the file.

        Raises:
            TokensUnusable: it lies in the data folder.
        """
        if path.resolve().is_relative_to(data_folder.resolve()):
            raise TokensUnusable(
                path, "it lies in the data folder, whose writers must not let others in"
            )
        self.path = path
        self._patience = patience
        self._seen = _NONE
        self._tokens: Mapping[str, Token] = {}

    def create(
        self,
        kind: Kind,
        scope: Scope,
        *,
        now: datetime,
        lifetime: timedelta | None = None,
        note: str = "",
    ) -> tuple[Token, str]:
        """Make a token and keep its record; its text is given here and never again.

        Raises:
            TokensUnusable: the file cannot be read or written.
        """
        token, text = make_token(
            kind, scope, now=now, lifetime=lifetime or LIFETIMES[kind], note=note
        )
        with self._alone():
            self._write([*self._living(now), token])
        return token, text

    def revoke(self, identifier: str, *, now: datetime) -> Token:
        """Forget a token, which opens nothing from then on.

        Raises:
            TokenNotFound: there is none of that id.
            TokensUnusable: the file cannot be read or written.
        """
        with self._alone():
            living = self._living(now)
            found = next((token for token in living if token.id == identifier), None)
            if found is None:
                raise TokenNotFound(identifier, self.path)
            self._write([token for token in living if token is not found])
        return found

    def redeem(self, link: str, *, now: datetime) -> tuple[Token, str] | None:
        """Take the text of a sign-in link, once, and give a session for it; None for any other."""
        with self._alone():
            used = self.find(link, Kind.LINK, now=now)
            if used is None:
                return None
            others = [each for each in self._living(now) if each.id != used.id]
            return self._begin_session(used.scope, used.note, others, now)

    def sign_in(self, text: str, *, now: datetime) -> tuple[Token, str] | None:
        """Take the text of a token, and give a session for it; None for any other."""
        # Who knows no token is not worth the lock.
        if self.find(text, Kind.TOKEN, now=now) is None:
            return None
        with self._alone():
            shown = self.find(text, Kind.TOKEN, now=now)
            if shown is None:
                return None
            return self._begin_session(
                shown.scope, f"signed in with {shown.id}", self._living(now), now
            )

    def _begin_session(
        self, scope: Scope, note: str, others: list[Token], now: datetime
    ) -> tuple[Token, str]:
        """Keep a new session beside others; nobody changes the file meanwhile."""
        lifetime = LIFETIMES[Kind.SESSION]
        token, text = make_token(Kind.SESSION, scope, now=now, lifetime=lifetime, note=note)
        self._write([*others, token])
        return token, text

    def find(self, text: str, kind: Kind, *, now: datetime) -> Token | None:
        """Give the token of a text, if it is one of this kind that is not over.

        Raises:
            TokensUnusable: the file cannot be read.
        """
        token = self._read().get(id_in(text) or "")
        if token is None or token.kind is not kind or token.has_expired(now):
            return None
        return token if is_text_of(token, text) else None

    def tokens(self, *, now: datetime) -> list[Token]:
        """List the tokens that are not over, oldest first."""
        return self._living(now)

    def _living(self, now: datetime) -> list[Token]:
        return [token for token in self._read().values() if not token.has_expired(now)]

    def _read(self) -> Mapping[str, Token]:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            self._seen, self._tokens = _NONE, {}
            return self._tokens
        except OSError as error:
            raise TokensUnusable(self.path, f"it cannot be read: {error.strerror}") from None
        seen = status.st_ino, status.st_mtime_ns, status.st_size
        if seen != self._seen:
            self._tokens = _parse(self.path, status)
            self._seen = seen
        return self._tokens

    def _write(self, tokens: list[Token]) -> None:
        text = TokenFile(tokens=tuple(tokens)).model_dump_json(indent=2)
        try:
            replace_atomically(self.path, f"{text}\n".encode(), mode=0o600)
        except OSError as error:
            raise TokensUnusable(self.path, f"it cannot be written: {error.strerror}") from None
        self._seen = _NONE

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from changing the file meanwhile."""
        try:
            make_folder(self.path.parent)
            fd = open_lock_file(self.path.with_name(f".{self.path.name}.lock"), mode=0o600)
        except OSError as error:
            raise TokensUnusable(self.path, f"it cannot be written: {error.strerror}") from None
        try:
            deadline = time.monotonic() + self._patience
            while not try_flock(fd):
                if time.monotonic() > deadline:
                    holder = holder_of(fd)
                    who = f"process {holder}" if holder else "another process"
                    raise TokensUnusable(self.path, f"{who} holds its lock: is it stopped?")
                time.sleep(_LOOK_AGAIN)
            yield
        finally:
            close_lock(fd)


def _parse(path: Path, status: os.stat_result) -> Mapping[str, Token]:
    if status.st_mode & _WRITABLE_BY_OTHERS:
        raise TokensUnusable(path, "others than its owner may write it: chmod 600")
    try:
        kept = TokenFile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise TokensUnusable(path, f"it cannot be read: {error.strerror}") from None
    except ValidationError as error:
        place, reason = faults_of(error)[0]
        raise TokensUnusable(path, f"{place or 'the file'}: {reason}") from None
    return {token.id: token for token in kept.tokens}
