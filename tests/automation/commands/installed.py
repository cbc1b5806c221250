"""Have the command line find projections as if packages that offer them were installed."""

from __future__ import annotations

from pathlib import Path

__all__ = ["install"]


def install(folder: Path, name: str, place: str) -> dict[str, str]:
    """Write what pip writes of a package that offers one projection.

    Args:
        folder: where packages lie; those that offered one there before are replaced.
        name: what the entry point is called.
        place: ``module:Class``.

    Returns:
        What to set in the environment of a process that is to see it.
    """
    told = folder / "somebodys-1.0.dist-info"
    told.mkdir(parents=True, exist_ok=True)
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: somebodys\nVersion: 1.0\n")
    (told / "entry_points.txt").write_text(f"[runfold.projections]\n{name} = {place}\n")
    return {"PYTHONPATH": str(folder)}
