"""Run every benchmark in turn: ``python -m benchmarks``. Each can be run by its own name too."""

from __future__ import annotations

import runpy

from benchmarks.measuring import report

for name in ("append", "reading", "evidence", "history", "listing", "export", "http", "pages"):
    report(f"\n{name}")
    runpy.run_module(f"benchmarks.{name}", run_name="__main__")
