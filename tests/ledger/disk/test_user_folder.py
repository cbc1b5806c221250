"""Where a user's own files lie: as the specification has it, also for a user without a name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ledger.disk.user_folder import user_folder
from tests.ledger.interleaving import in_fork

NOBODY_WE_KNOW = 54_321


@pytest.mark.parametrize("named", ["", "here", "./here"])
def test_a_path_that_is_not_absolute_is_ignored(named: str) -> None:
    """As the specification wants; so is a variable that is not there."""
    usual = Path.home() / ".config"

    assert user_folder("XDG_CONFIG_HOME", ".config", {"XDG_CONFIG_HOME": named}) == usual
    assert user_folder("XDG_CONFIG_HOME", ".config", {}) == usual
    assert user_folder("XDG_CONFIG_HOME", ".config", {"XDG_CONFIG_HOME": "/x"}) == Path("/x")


def test_a_user_that_only_has_a_number_has_a_folder_too() -> None:
    """As in a container: no home is told anywhere, so it is below the root, where HOME often is."""

    def nameless() -> None:
        os.environ.pop("HOME", None)
        home = Path.home()
        if os.geteuid() == 0:
            os.setuid(NOBODY_WE_KNOW)
            home = Path("/")
        assert user_folder("XDG_STATE_HOME", ".local/state", {}) == home / ".local/state"

    assert in_fork(nameless) == 0
