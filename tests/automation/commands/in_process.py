"""Run commands in this process, on one data folder: quick, and with the real log and real keys."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from automation.commands import main

__all__ = ["Answer", "CommandLine"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, parsed."""
        return json.loads(self.out)


class CommandLine:
    """The command line in this process, on one data folder, with keys beside it."""

    def __init__(self, folder: Path, captured: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.key_file = folder.parent / "own.key"
        self._captured = captured
        # Whoever runs the tests may have a key of their own.
        os.environ.pop("RUNFOLD_KEY", None)

    def __call__(self, *arguments: object, on_folder: bool = True) -> Answer:
        """Run one command."""
        words = [str(argument) for argument in arguments]
        code = main([*words, "--dir", str(self.folder)] if on_folder else words)
        out, err = self._captured.readouterr()
        return Answer(code, out, err)

    def verifier_key(self) -> str:
        """Make the key, and give what others check it with."""
        return self("key", "init", "--out", self.key_file).out.strip()

    def sign(self) -> Path:
        """Sign the log, and keep the head elsewhere."""
        kept = self.folder.parent / "kept-head"
        kept.write_text(self("tree-head", "--sign", "--key", self.key_file).out)
        return kept
