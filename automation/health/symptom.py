"""One thing that was looked at: how it stands, and what to do where it does not stand well."""

from __future__ import annotations

from enum import StrEnum

import msgspec

__all__ = ["State", "Symptom", "counted", "fine", "note", "wrong"]


class State(StrEnum):
    """How it stands: as it should be, worth knowing, or wrong."""

    FINE = "fine"
    NOTE = "note"
    WRONG = "wrong"


class Symptom(msgspec.Struct, frozen=True):
    """What was found of one thing.

    Attributes:
        about: which thing, in a word or two.
        state: how it stands.
        found: what is there.
        advice: what to do; empty where there is nothing to do.
    """

    about: str
    state: State
    found: str
    advice: str = ""


def counted(number: int, noun: str) -> str:
    """Say how many there are."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def fine(about: str, found: str) -> Symptom:
    """Say that something is as it should be."""
    return Symptom(about, State.FINE, found)


def note(about: str, found: str, advice: str = "") -> Symptom:
    """Say what is worth knowing."""
    return Symptom(about, State.NOTE, found, advice)


def wrong(about: str, found: str, advice: str) -> Symptom:
    """Say what is wrong, and what to do."""
    return Symptom(about, State.WRONG, found, advice)
