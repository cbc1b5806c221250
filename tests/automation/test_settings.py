"""Settings of a place: the file, the environment over it, and errors that name both."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from automation.errors import SettingsInvalid
from automation.settings import Settings, read_settings


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Set variables of the environment for a while."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def written(tmp_path: Path, text: str) -> Path:
    """Write a file of settings."""
    path = tmp_path / "runfold.toml"
    path.write_text(text)
    return path


WHOLE = """
[ledger]
dir = "data/runs"

[check]
within = "26h"
max_duration = "2h"

[check.pipelines.nightly]
within = "1d"
regressions = false
"""


def test_a_file_says_what_is_set(tmp_path: Path) -> None:
    """A path in it is taken from where the file lies."""
    settings = read_settings(written(tmp_path, WHOLE))

    nightly = settings.check.pipelines["nightly"]
    assert settings.ledger.dir == tmp_path / "data" / "runs"
    assert settings.check.within == timedelta(hours=26)
    assert (nightly.within, nightly.max_duration) == (timedelta(days=1), None)
    assert (settings.check.regressions, nightly.regressions) == (None, False)


def test_absolute_and_home_folders_stay_what_they_are(tmp_path: Path) -> None:
    """They do not hang on where the file lies."""
    for text, expected in (("/srv/runs", Path("/srv/runs")), ("~/runs", Path.home() / "runs")):
        path = written(tmp_path, f'[ledger]\ndir = "{text}"\n')
        assert read_settings(path).ledger.dir == expected


def test_the_environment_goes_over_the_file(tmp_path: Path) -> None:
    """Key by key; an empty variable says nothing, and variables of others are none of ours."""
    path = written(tmp_path, WHOLE)
    named = {"RUNFOLD_CHECK_MAX_DURATION": "5m", "RUNFOLD_CHECK_WITHIN": "", "RUNFOLD_KEY": "x"}

    with environment(**named, RUNFOLD_CONFIG=str(path)):
        settings = read_settings()

    assert settings.check.max_duration == timedelta(minutes=5)
    assert settings.check.within == timedelta(hours=26)
    assert "nightly" in settings.check.pipelines


def test_the_rules_of_redaction_in_the_environment_are_no_section(tmp_path: Path) -> None:
    """Who opens a log adds them; the section has a variable like any other."""
    path = written(tmp_path, '[redact]\nkeys = ["iban"]\n')
    with environment(RUNFOLD_CONFIG=str(path), RUNFOLD_REDACT="pin, customer number"):
        assert read_settings().redact.keys == ("iban",)
        with environment(RUNFOLD_REDACT_KEYS='["bic"]'):
            assert read_settings().redact.keys == ("bic",)


def test_without_a_file_nothing_is_set() -> None:
    """The working folder of the tests has none."""
    with environment(RUNFOLD_CONFIG=""):
        assert read_settings() == Settings()


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        ("[chek]\n", "chek", "there is no such setting"),
        ("[check]\nwihtin = '1h'\n", "check.wihtin", "there is no such setting"),
        (
            "[check.pipelines.nightly]\nmax = '1h'\n",
            "check.pipelines.nightly.max",
            "there is no such setting",
        ),
        ("[check]\nwithin = 26\n", "check.within", "'26' is no length of time"),
        ("[check]\nregressions = 'no way'\n", "check.regressions", "'no way' is not true or false"),
        ("[check.pipelines.'a b']\n", "check.pipelines.a b", "'a b' is not a name"),
        ("[ledger]\ndir = 7\n", "ledger.dir", "7 is not a path"),
        ("check = 1\n", "check", "1 is not an object"),
        ("[redact]\nkeys = ['iban', '-']\n", "redact.keys.1", "a rule needs a word"),
        ("[check", "line 1, column 7", "it is no TOML"),
        ('[check]\nwithin = "26h\n', "line 2, column 14", "it is no TOML: a string is not closed"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, key: str, reason: str) -> None:
    """With the file and the key."""
    path = written(tmp_path, text)

    with pytest.raises(SettingsInvalid) as raised:
        read_settings(path)

    error = raised.value
    assert error.place == str(path)
    assert error.key.startswith(key)
    assert reason in error.reason
    assert str(error).startswith(f"{path}: {key}")


@pytest.mark.parametrize(
    ("name", "value", "place"),
    [
        ("RUNFOLD_CHECK_WITHIN", "soon", "RUNFOLD_CHECK_WITHIN"),
        ("RUNFOLD_CHECK_WIHTIN", "1h", "RUNFOLD_CHECK_WIHTIN"),
        ("RUNFOLD_CHECK_PIPELINES", "[]", "RUNFOLD_CHECK_PIPELINES"),
        ("RUNFOLD_CHECK_PIPELINES", "{bad", "RUNFOLD_CHECK_PIPELINES"),
        ("RUNFOLD_CHECK", "{", "RUNFOLD_CHECK"),
    ],
)
def test_a_variable_that_is_wrong_is_named(name: str, value: str, place: str) -> None:
    """And not the file, which may be right."""
    with environment(**{name: value}), pytest.raises(SettingsInvalid) as raised:
        read_settings()

    assert raised.value.place == place


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    """And be one, in UTF-8."""
    (tmp_path / "latin").write_bytes(b"a = '\xff'\n")
    for name, reason in (("none", "No such file"), (".", "directory"), ("latin", "it is no TOML")):
        with pytest.raises(SettingsInvalid, match=reason):
            read_settings(tmp_path / name)
