"""A field of a record as text, by which a customer keeps events together."""

from collections.abc import Mapping
from typing import Any

import orjson

# Beside the fields of the event's object; an ID would say the same as no field at all.
OF_ENVELOPE = ("event_type", "account_id")


class FieldPath:
    """A dotted path as a subscription's fields are written, or the name of a member of the envelope."""

    def __init__(self, path: str) -> None:
        self._keys = (path,) if path in OF_ENVELOPE else ("object", *path.split("."))

    def text_of(self, line: bytes) -> str:
        """The value in this record; empty where it is absent, null, an object or a list."""
        value: Any = orjson.loads(line)
        for key in self._keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value) if isinstance(value, str | int | float) else ""
