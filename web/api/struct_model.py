"""The pydantic model of a struct, so that what is kept as one is described in the document too."""

from __future__ import annotations

from typing import Any

import msgspec
from pydantic import BaseModel, create_model

__all__ = ["model_of"]


def model_of(struct: type[msgspec.Struct]) -> type[BaseModel]:
    """Make a model with the name, the words and the fields of a struct."""
    fields: dict[str, Any] = {field.name: field.type for field in msgspec.structs.fields(struct)}
    return create_model(
        struct.__name__, __doc__=(struct.__doc__ or "").partition("\n")[0], **fields
    )
