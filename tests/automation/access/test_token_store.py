"""Tokens in a real file."""

from __future__ import annotations

import fcntl
import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.access.server_access import ServerAccess
from automation.access.token_store import TokenStore, default_tokens_path
from automation.access.tokens import Kind, Scope, allows, id_in, is_text_of, make_token
from automation.errors import TokenNotFound, TokensUnusable
from ledger.disk.folder import Identity
from tests.ledger.interleaving import fork_just_before, in_fork, just_before

NOW = datetime(2026, 1, 15, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def store(tmp_path: Path) -> TokenStore:
    """Give a store whose file is not there yet."""
    return TokenStore(tmp_path / "config" / "tokens", data_folder=tmp_path / "runs")


def test_a_token_is_found_by_its_text_and_nothing_of_the_text_is_kept(store: TokenStore) -> None:
    """The file holds the digest alone, and only its owner may read it."""
    token, text = store.create(Kind.TOKEN, Scope.READ, now=NOW, note="ci")

    assert store.find(text, Kind.TOKEN, now=NOW) == token
    secret = text.split("_", 2)[2]
    assert len(secret) == 43  # 256 bits
    assert secret not in store.path.read_text()
    assert store.path.stat().st_mode & 0o777 == 0o600


@given(st.text(max_size=80), st.integers(min_value=0, max_value=100))
def test_no_other_text_is_a_token(other: str, cut: int) -> None:
    """Neither a text from anywhere, nor a part of the right one, nor one with more behind it."""
    token, text = make_token(Kind.TOKEN, Scope.ADMIN, now=NOW, lifetime=None)

    for wrong in (other, text[:cut], text + (other or "x"), text.upper()):
        assert wrong == text or not is_text_of(token, wrong)
    assert id_in(text) == token.id


@pytest.mark.parametrize("text", ["", "rf", "rf_", "rf_0123", "x_0123456789_y", "Bearer"])
def test_what_is_no_token_names_no_id(text: str) -> None:
    """A text of another shape is no token, and no error."""
    assert id_in(text) in (None, "")


def test_each_kind_is_good_for_its_own_way_alone(store: TokenStore) -> None:
    """A session is no bearer token, and a link is neither."""
    texts = {kind: store.create(kind, Scope.ADMIN, now=NOW)[1] for kind in Kind}

    for kind, text in texts.items():
        found = [other for other in Kind if store.find(text, other, now=NOW)]
        assert found == [kind]


def test_a_token_ends_when_it_said_it_would(store: TokenStore) -> None:
    """It is good until then, is not listed afterwards, and the next change forgets it."""
    _, text = store.create(Kind.TOKEN, Scope.READ, now=NOW, lifetime=MINUTE)

    assert store.find(text, Kind.TOKEN, now=NOW + MINUTE - timedelta(microseconds=1))
    assert store.find(text, Kind.TOKEN, now=NOW + MINUTE) is None
    assert store.tokens(now=NOW + MINUTE) == []
    kept, _ = store.create(Kind.TOKEN, Scope.READ, now=NOW + MINUTE)
    assert store.path.read_text().count('"id"') == 1
    assert store.tokens(now=NOW + MINUTE) == [kept]


def test_what_another_process_revokes_is_refused_at_once(store: TokenStore, tmp_path: Path) -> None:
    """A store looks at the file again whenever it changed."""
    token, text = store.create(Kind.TOKEN, Scope.READ, now=NOW)
    other = TokenStore(store.path, data_folder=tmp_path / "runs")

    assert other.revoke(token.id, now=NOW) == token
    assert store.find(text, Kind.TOKEN, now=NOW) is None
    with pytest.raises(TokenNotFound, match=token.id):
        other.revoke(token.id, now=NOW)


def test_a_link_works_once(store: TokenStore) -> None:
    """It gives a session with the scope of the link; a second time it gives nothing."""
    _, link = store.create(Kind.LINK, Scope.READ, now=NOW)

    redeemed = store.redeem(link, now=NOW)
    assert redeemed is not None
    session, text = redeemed
    assert (session.kind, session.scope) == (Kind.SESSION, Scope.READ)
    assert store.find(text, Kind.SESSION, now=NOW) == session
    assert store.redeem(link, now=NOW) is None


def test_a_child_that_was_forked_meanwhile_keeps_nobody_from_changing_tokens(
    store: TokenStore,
) -> None:
    """It has the lock's file open as long as it lives; the lock is freed all the same."""

    def create_twice() -> None:
        children = fork_just_before({"os.rename"})
        store.create(Kind.TOKEN, Scope.READ, now=NOW)
        # Not for longer than it takes, as nobody gives up waiting for this lock.
        signal.alarm(3)
        try:
            store.create(Kind.TOKEN, Scope.READ, now=NOW)
        finally:
            os.kill(children[0], signal.SIGKILL)

    assert in_fork(create_twice) == 0
    assert len(store.tokens(now=NOW)) == 2


def test_a_process_that_stands_still_with_the_lock_is_named(store: TokenStore) -> None:
    """Who would change tokens gives up in time, and says whom to look at."""
    store.create(Kind.TOKEN, Scope.READ, now=NOW)
    fd = os.open(store.path.with_name(f".{store.path.name}.lock"), os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)

    def give_up() -> None:
        impatient = TokenStore(store.path, data_folder=store.path / "none", patience=0.05)
        with pytest.raises(TokensUnusable, match=f"process {os.getppid()}"):
            impatient.create(Kind.TOKEN, Scope.READ, now=NOW)

    assert in_fork(give_up) == 0
    os.close(fd)


def test_a_link_that_is_too_old_gives_nothing(store: TokenStore) -> None:
    """A quarter of an hour is what it has."""
    _, link = store.create(Kind.LINK, Scope.ADMIN, now=NOW)
    assert store.redeem(link, now=NOW + 15 * MINUTE) is None


@pytest.mark.parametrize("scope", Scope)
def test_a_scope_is_good_for_itself_and_admin_for_all(scope: Scope) -> None:
    """To append is not to read."""
    assert [needed for needed in Scope if allows(scope, needed)] == (
        list(Scope) if scope is Scope.ADMIN else [scope]
    )


def test_the_server_tells_unknown_from_insufficient(store: TokenStore) -> None:
    """None is no credential at all; False is one that is not good enough."""
    access = ServerAccess(store)
    _, text = store.create(Kind.TOKEN, Scope.READ, now=datetime.now(UTC))

    asked = {scope: access.permits(text, by_cookie=False, scope=scope) for scope in Scope}
    assert asked == {Scope.READ: True, Scope.APPEND: False, Scope.ADMIN: False}
    assert access.permits(text, by_cookie=True, scope="read") is None


def test_a_typed_token_begins_a_session_that_can_be_ended(store: TokenStore) -> None:
    """The session has the token's scope, and is gone after signing out."""
    access = ServerAccess(store)
    _, text = store.create(Kind.TOKEN, Scope.READ, now=datetime.now(UTC))

    begun = access.sign_in(text)
    assert begun is not None
    session, seconds = begun
    assert seconds > 3600
    assert access.permits(session, by_cookie=True, scope="admin") is False
    access.sign_out(session)
    access.sign_out(session)
    assert access.permits(session, by_cookie=True, scope="read") is None
    assert access.sign_in("rf_0123456789_nothing") is None


def test_a_token_that_is_revoked_just_then_begins_no_session(store: TokenStore) -> None:
    """A session outlasts its token, so whoever revokes that must find it, or prevent it."""
    token, text = store.create(Kind.TOKEN, Scope.READ, now=NOW)

    def sign_in_too_late() -> None:
        other = TokenStore(store.path, data_folder=store.path / "none")
        just_before({"fcntl.flock"}, lambda: other.revoke(token.id, now=NOW))
        assert ServerAccess(store).sign_in(text) is None

    assert in_fork(sign_in_too_late) == 0
    assert store.tokens(now=NOW) == []


def test_tokens_in_the_data_folder_are_refused(tmp_path: Path) -> None:
    """Whoever may write there could let others in."""
    with pytest.raises(TokensUnusable, match="data folder"):
        TokenStore(tmp_path / "runs" / "tokens", data_folder=tmp_path / "runs")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{", "JSON"),
        ('{"format": 2}', "format"),
        ('{"tokens": [{"id": "x"}]}', r"tokens\.0\.id"),
    ],
)
def test_a_file_that_is_none_is_named_with_the_place(
    store: TokenStore, text: str, named: str
) -> None:
    """The error says what is wrong where, and nobody is let in."""
    store.path.parent.mkdir()
    store.path.write_text(text)
    store.path.chmod(0o600)
    with pytest.raises(TokensUnusable, match=named):
        store.find("rf_0123456789_x", Kind.TOKEN, now=NOW)


def test_a_file_that_others_may_write_is_refused(store: TokenStore) -> None:
    """Anybody could have put a token into it."""
    store.create(Kind.TOKEN, Scope.READ, now=NOW)
    store.path.chmod(0o620)
    other = TokenStore(store.path, data_folder=store.path.parent / "runs")
    with pytest.raises(TokensUnusable, match="chmod 600"):
        other.tokens(now=NOW)


def test_the_default_place_is_that_of_the_ledger(tmp_path: Path) -> None:
    """Two ledgers have two files; a relative XDG folder is ignored."""
    one, two = (Identity(name, 1, "2026-01-15T10:00:00.000000Z") for name in ("a", "b"))
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}

    assert default_tokens_path(one, environment) == tmp_path / "runfold" / "a.tokens"
    assert default_tokens_path(two, environment) != default_tokens_path(one, environment)
    assert default_tokens_path(one, {"XDG_CONFIG_HOME": "here"}).is_relative_to(Path.home())
