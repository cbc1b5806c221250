"""The navigation: what stands at the top of every page, those about an error too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["NAVIGATION", "NavigationLink"]


@dataclass(frozen=True, slots=True)
class NavigationLink:
    """A page's place in the navigation: where it is, its name, and the key behind ``g``."""

    path: str
    name: str
    key: str


NAVIGATION: Sequence[NavigationLink] = (
    NavigationLink("/", "Overview", "o"),
    NavigationLink("/runs", "Runs", "r"),
    NavigationLink("/failures", "Failures", "f"),
    NavigationLink("/compare", "Compare", "c"),
    NavigationLink("/events", "Events", "e"),
    NavigationLink("/ledger", "Ledger", "l"),
)
