"""What is set for a place rather than for a call: ``runfold.toml`` and the environment.

The file is the one that is named, by an option or by ``RUNFOLD_CONFIG``, else ``runfold.toml`` in
the working folder, if there is one. A variable is named after section and key, like
``RUNFOLD_CHECK_WITHIN``, and goes over the file; an option of a command goes over both.
``RUNFOLD_REDACT`` is none of these: whoever opens a log adds its rules to all others.

A new section is a model here and a field of ``Settings``. A key that no section knows is an error:
a misspelt expectation must not be ignored in silence.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from automation.errors import SettingsInvalid
from automation.settings_file import PREFIX, folder_from, settings_file
from automation.time_span import TimeSpan
from automation.toml_text import NotToml, parse_toml
from ledger.errors import InvalidEvent
from ledger.faults import reason_of
from ledger.fields import Identifier
from ledger.secrets.secret_keys import SecretKeys

__all__ = [
    "CheckSection",
    "ExpectedOfPipeline",
    "LedgerSection",
    "RedactSection",
    "Settings",
    "read_settings",
]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LedgerSection(_Section):
    """Where the log is; a path in the file is taken from where the file lies."""

    dir: Path | None = None


class ExpectedOfPipeline(_Section):
    """What is expected of a pipeline; what is None is not expected.

    Attributes:
        within: its last success ended no longer ago.
        max_duration: no run of it goes on for longer.
        regressions: whether its last success may not be a regression.
    """

    within: TimeSpan | None = None
    max_duration: TimeSpan | None = None
    regressions: bool | None = None


class CheckSection(ExpectedOfPipeline):
    """What is expected of every pipeline, and of some by their names, which goes before it."""

    pipelines: Mapping[Identifier, ExpectedOfPipeline] = {}


def _rule(text: str) -> str:
    """Refuse what is no rule, before anything is recorded without it."""
    try:
        SecretKeys([text])
    except InvalidEvent as error:
        raise ValueError(error.reason) from None
    return text


class RedactSection(_Section):
    """What else is secret.

    Attributes:
        keys: names of further keys whose text is never recorded, like ``iban``.
    """

    keys: tuple[Annotated[str, AfterValidator(_rule)], ...] = ()


class _Environment(EnvSettingsSource):
    """The variables, but for ``RUNFOLD_REDACT``, which is not the section of that name."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        value, key, is_complex = super().get_field_value(field, field_name)
        return None if field_name == "redact" else value, key, is_complex


class Settings(BaseSettings):
    """All sections."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=PREFIX,
        env_nested_delimiter="_",
        # The first blank in RUNFOLD_CHECK_MAX_DURATION ends the section.
        env_nested_max_split=1,
        env_ignore_empty=True,
    )

    ledger: LedgerSection = LedgerSection()
    check: CheckSection = CheckSection()
    redact: RedactSection = RedactSection()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - what the base class gives
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the environment before what is given, which is the file."""
        return _Environment(settings_cls), init_settings


def read_settings(file: Path | None = None) -> Settings:
    """Read the settings that hold here and now.

    Args:
        file: the file; None takes that of ``RUNFOLD_CONFIG``, else ``runfold.toml`` where there
            is one.

    Raises:
        SettingsInvalid: a key is unknown or its value not what it must be, or a file that is named
            cannot be read; names the file or the variable, and the key.
    """
    path = settings_file(file)
    try:
        return Settings(**({} if path is None else _read_file(path)))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _invalid(path, [str(part) for part in first["loc"]], first) from None
    except SettingsError as error:
        raise _no_json(error) from None


def _read_file(path: Path) -> dict[str, Any]:
    try:
        values = parse_toml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsInvalid(str(path), "", error.strerror or str(error)) from None
    except NotToml as error:
        raise SettingsInvalid(str(path), error.place, f"it is no TOML: {error.reason}") from None
    except UnicodeDecodeError as error:
        raise SettingsInvalid(str(path), "", f"it is no TOML: {error}") from None
    ledger = values.get("ledger")
    if isinstance(ledger, dict) and isinstance(ledger.get("dir"), str):
        ledger["dir"] = str(folder_from(path, ledger["dir"]))
    return values


def _no_json(error: SettingsError) -> SettingsInvalid:
    """Name the variable that should hold JSON: the error of pydantic names the section only."""
    cause = error.__cause__
    if not isinstance(cause, json.JSONDecodeError):
        return SettingsInvalid("the environment", "", str(error))
    names = (name for name, text in os.environ.items() if text == cause.doc)
    found = next((name for name in names if name.upper().startswith(PREFIX)), "the environment")
    return SettingsInvalid(found, "", f"it is no JSON: {cause}")


def _invalid(path: Path | None, keys: list[str], first: ErrorDetails) -> SettingsInvalid:
    """Say what is wrong, and where: in a variable, where there is one of that name."""
    is_unknown = first["type"] == "extra_forbidden"
    reason = "there is no such setting" if is_unknown else reason_of(first)
    named = {PREFIX + "_".join(keys[:count]).upper() for count in (1, 2)}
    found = sorted(named & {name.upper() for name in os.environ})
    return SettingsInvalid(found[-1] if found else str(path), ".".join(keys), reason)
