"""What the catalogue says of an event type."""

import copy
import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

from ksuid import Ksuid

JSON: TypeAlias = bool | int | float | str | Sequence["JSON"] | Mapping[str, "JSON"] | None


@dataclass(frozen=True, slots=True)
class Field:
    """One value of an event's object. In `path`, `sources[].type` is a value of each object in a list."""

    path: str
    type: str
    filterable: bool
    description: str


@dataclass(frozen=True, slots=True)
class EventType:
    """`example` is the object of an example event; treat it as immutable."""

    name: str
    title: str
    description: str
    category: Literal["traffic", "audit"]
    family: str
    selectable: bool
    fields: tuple[Field, ...]
    # Not compared or hashed: a type is known by its name, and a mapping has no hash.
    example: Mapping[str, JSON] = dataclasses.field(compare=False, repr=False)
    example_at: str = dataclasses.field(compare=False, repr=False)
    example_principal: Mapping[str, JSON] | None = dataclasses.field(compare=False, repr=False)

    @property
    def version(self) -> str:
        return self.name.rpartition(".")[2]

    @property
    def filterable_fields(self) -> tuple[Field, ...]:
        return tuple(field for field in self.fields if field.filterable)

    def field(self, path: str) -> Field | None:
        return next((field for field in self.fields if field.path == path), None)

    def example_event(self, account_id: str) -> dict[str, Any]:
        """A whole event with its envelope, the same at every call; the caller may change it."""
        return {
            "event_id": self._example_id(),
            "event_type": self.name,
            "event_timestamp": self.example_at,
            "account_id": account_id,
            "principal": copy.deepcopy(self.example_principal),
            "object": copy.deepcopy(self.example),
        }

    def _example_id(self) -> str:
        digest = hashlib.blake2b(self.name.encode(), digest_size=Ksuid.PAYLOAD_LENGTH_IN_BYTES).digest()
        return f"ev_{Ksuid(datetime.fromisoformat(self.example_at), digest)}"
