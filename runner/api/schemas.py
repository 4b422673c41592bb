"""Types as JSON Schema, as far as the wire types go: dataclasses, enumerations, literals, lists, mappings, unions."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

Schema = dict[str, Any]
_PLAIN: Mapping[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    Any: {},
}


class Schemas:
    """The schemas of types; those of dataclasses stand once, in `components`, and are referred to."""

    def __init__(self) -> None:
        self.components: dict[str, Schema] = {}

    def of(self, kind: Any) -> Schema:
        """The schema of `kind`; raises `TypeError` for one that does not travel."""
        if kind in _PLAIN:
            return dict(_PLAIN[kind])
        if isinstance(kind, type) and issubclass(kind, Enum):
            return {"type": "string", "enum": [one.value for one in kind]}
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            return self._object(kind)
        return self._composed(get_origin(kind), get_args(kind))

    def _composed(self, origin: Any, parts: tuple[Any, ...]) -> Schema:
        if origin in (Union, types.UnionType):
            return {"anyOf": [self.of(part) for part in parts]}
        if origin is Literal:
            return {"enum": list(parts)}
        if origin is list or (origin is tuple and parts[1:] == (...,)):
            return {"type": "array", "items": self.of(parts[0])}
        if origin is tuple:
            return {"type": "array", "prefixItems": [self.of(part) for part in parts]}
        if origin in (dict, Mapping):
            return {"type": "object", "additionalProperties": self.of(parts[1])}
        raise TypeError(f"{origin} of {parts} is nothing that travels")

    def _object(self, kind: type) -> Schema:
        name = kind.__name__.lstrip("_")
        if name not in self.components:
            # Before its fields, which may be of its own kind.
            self.components[name] = {}
            hints = get_type_hints(kind)
            fields = dataclasses.fields(kind)
            required = [f.name for f in fields if f.default is f.default_factory is dataclasses.MISSING]
            properties = {f.name: self.of(hints[f.name]) for f in fields}
            told = " ".join((kind.__doc__ or "").split())
            self.components[name] = {
                "type": "object",
                "description": told,
                "properties": properties,
                "required": required,
            }
        return {"$ref": f"#/components/schemas/{name}"}
