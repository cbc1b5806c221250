"""What is set of recording, read with and without the models: both say the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from automation.errors import SettingsInvalid
from automation.recording_settings import RecordingSettings, recording_settings
from automation.settings import read_settings
from tests.automation.test_settings import environment, written

FILES = (
    "",
    '[ledger]\ndir = "runs"',
    '[ledger]\ndir = "/srv/runs"\n[redact]\nkeys = ["iban", "customer number"]',
    '[ledger]\ndir = "~/runs"\n[check]\nwithin = "26h"',
    '[ledger]\ndir = ""',
    "[ledger]\ndir = 5",
    '[ledger]\nfolder = "runs"',
    "[redact]\nkeys = []",
    '[redact]\nkeys = "iban"',
    '[redact]\nkeys = [5, "iban"]',
    '[redact]\nkeys = ["--"]',
    '[redct]\nkeys = ["iban"]',
    "[ledger",
)


def with_models() -> RecordingSettings:
    """Read the same by the models."""
    settings = read_settings()
    return RecordingSettings(settings.ledger.dir, settings.redact.keys)


def told(read: Callable[[], RecordingSettings]) -> RecordingSettings | str:
    """Give what was read, or what is wrong with it."""
    try:
        return read()
    except SettingsInvalid as error:
        return str(error)


@pytest.mark.parametrize("text", FILES)
@pytest.mark.parametrize("variables", [{}, {"RUNFOLD_REDACT_KEYS": '["pin"]'}])
def test_both_say_the_same(tmp_path: Path, text: str, variables: dict[str, str]) -> None:
    """Where and how runs are recorded, or which setting is wrong, and why."""
    with environment(RUNFOLD_CONFIG=str(written(tmp_path, text)), **variables):
        assert told(recording_settings) == told(with_models)


def test_nothing_is_set_where_there_is_no_file(tmp_path: Path) -> None:
    """And a file that is named must be there."""
    assert recording_settings() == RecordingSettings()
    with environment(RUNFOLD_CONFIG=str(tmp_path / "none.toml")), pytest.raises(SettingsInvalid):
        recording_settings()
