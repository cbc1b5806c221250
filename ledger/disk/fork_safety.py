"""What must not be shared with a forked child.

``flock`` belongs to the open file, not to the process: a child that inherits the descriptor keeps
the parent's lock alive after the parent is gone. So all that hold one are told in the child, at
once, to let go of their descriptors (which frees nothing of the parent's).
"""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet

__all__ = ["Forgets", "forget_in_children"]


class Forgets(Protocol):
    """Something that owns descriptors a child must close."""

    def forget_in_child(self) -> None:
        """Close inherited descriptors and make new locks; runs in the child only."""


# One registration for the process: os.register_at_fork has no way to take one back.
_owners: WeakSet[Forgets] = WeakSet()


def forget_in_children(owner: Forgets) -> None:
    """Have ``owner.forget_in_child`` called in every forked child, as long as it lives."""
    _owners.add(owner)


def _in_child() -> None:
    for owner in list(_owners):
        owner.forget_in_child()


os.register_at_fork(after_in_child=_in_child)
