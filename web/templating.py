"""The Jinja2 environment of the pages: everything is escaped, and an unknown name is an error."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

__all__ = ["render", "source_of"]

_LOADER = PackageLoader("web")


@cache
def _environment() -> Environment:
    return Environment(
        loader=_LOADER,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(name: str, **values: object) -> str:
    """Fill in a template."""
    return _environment().get_template(name).render(values)


def source_of(name: str) -> str:
    """Give a file among the templates as it is."""
    return _LOADER.get_source(_environment(), name)[0]
