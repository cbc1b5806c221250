"""Find the function that ``call = "module:function"`` names.

The folder of the pipeline's file comes last on the module path: a pipeline finds its own modules,
and never replaces one that is installed.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

__all__ = ["FunctionNotFound", "find_function"]

# Runs a stage, and is no part of what happens in it: left out of its tracebacks.
__tracebackhide__ = True


class FunctionNotFound(Exception):
    """What ``call`` names is not there; the text says which part of it, and why."""


def find_function(call: str, folder: Path) -> Callable[..., object]:
    """Import the module and give the function.

    Args:
        call: ``module:function``; the function may lie in a class, like ``jobs:Nightly.load``.
        folder: put last on the module path, and left there, as modules may import later.

    Raises:
        FunctionNotFound: says what was not found, or why it cannot be imported.
    """
    module_name, colon, path = call.partition(":")
    if not (colon and _is_dotted(module_name) and _is_dotted(path)):
        raise FunctionNotFound(f"{call!r} is not module:function")
    found = _import(module_name, folder)
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise FunctionNotFound(f"module {module_name!r} has no function {path!r}") from None
    if not callable(found):
        raise FunctionNotFound(f"{path!r} in module {module_name!r} is not a function")
    return found


def _is_dotted(name: str) -> bool:
    return all(part.isidentifier() for part in name.split("."))


def _import(name: str, folder: Path) -> object:
    path = str(folder.absolute())
    if path not in sys.path:
        sys.path.append(path)
    # Files that were written since the folder was last looked at must be seen.
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise FunctionNotFound(
                f"there is no module {error.name!r} (looked for in {folder} too)"
            ) from None
        raise FunctionNotFound(f"module {name!r} cannot be imported: {error}") from error
    except (Exception, SystemExit) as error:
        # The module is the user's code, and may fail in any way; a script also exits.
        reason = f"{type(error).__qualname__}: {error}"
        raise FunctionNotFound(f"module {name!r} cannot be imported: {reason}") from error
