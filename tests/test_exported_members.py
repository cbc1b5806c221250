"""What each package promises is what it shows."""

from __future__ import annotations

import importlib
from types import ModuleType

import pytest


@pytest.mark.parametrize("name", ["ledger", "projections", "automation"])
def test_a_package_shows_what_it_promises(name: str) -> None:
    """Public names that are no modules equal ``__all__``, apart from those loaded on demand."""
    package = importlib.import_module(name)
    shown = {
        member
        for member, value in vars(package).items()
        if not member.startswith("_")
        and not isinstance(value, ModuleType)
        and member not in {"TYPE_CHECKING", "Any", "annotations"}
    }
    on_demand = set(getattr(package, "_HOMES", ()))
    promised = set(package.__all__)

    assert shown | on_demand == promised
    assert all(getattr(package, member) is not None for member in promised)
