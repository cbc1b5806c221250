"""What a check in a process of its own tells, however that process ends."""

from __future__ import annotations

import subprocess

import pytest

from ledger.integrity.told_check import told_by


@pytest.mark.parametrize("said", ["", '{"checked":1}\n', '{"checked":1}\n{"verifica'])
def test_a_check_that_was_killed_has_an_outcome(said: str) -> None:
    """In the middle of a line, too: whoever waits for the outcome would wait for ever."""
    dying = ["sh", "-c", 'printf "%s" "$1"; kill -9 $$', "sh", said]
    told = list(told_by(subprocess.Popen(dying, stdout=subprocess.PIPE)))

    assert [one.checked for one in told[:-1]] == [1] * said.count("\n")
    assert told[-1].problem == "The check ended with -9 before it was done."
