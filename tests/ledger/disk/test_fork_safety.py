"""A forked child does without what other threads of its parent were holding."""

from __future__ import annotations

import threading
from typing import Any

from pydantic import BaseModel, ConfigDict

from ledger.events import FailureAcknowledged
from tests.ledger.interleaving import in_fork


def test_a_child_uses_models_while_a_thread_of_its_parent_builds_one() -> None:
    """Those of the events too, which are built when they are first used."""
    begun, ended = threading.Event(), threading.Event()

    class LongBuilt:
        @classmethod
        def __get_pydantic_core_schema__(cls, _source: Any, handler: Any) -> Any:
            begun.set()
            ended.wait()
            return handler(int)

    class Waiting(BaseModel):
        model_config = ConfigDict(defer_build=True)
        value: LongBuilt

    def use_a_model() -> None:
        assert FailureAcknowledged.model_rebuild(force=True)

    thread = threading.Thread(target=Waiting.model_rebuild)
    thread.start()
    begun.wait()
    try:
        assert in_fork(use_a_model) == 0
    finally:
        ended.set()
        thread.join()
