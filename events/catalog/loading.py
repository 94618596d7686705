"""Reading the data files. Each is about one object: its fields, an example, and the types published about it."""

import difflib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from events.catalog.types import EventType, Field

DATA = Path(__file__).parent / "data"
TYPE_ALIASES = {"boolean": "bool"}
MAX_SUGGESTIONS = 3
# Of difflib's ratio: names share so much (_created.v0) that its default of 0.6 lets unrelated ones in.
CLOSE = 0.8


class FieldEntry(msgspec.Struct, forbid_unknown_fields=True):
    path: str
    type: str
    description: str
    filterable: bool = False


class TypeEntry(msgspec.Struct, forbid_unknown_fields=True):
    """`example_changes` are the top-level keys in which this type's example differs from the object's."""

    name: str
    title: str
    description: str
    example_at: str
    example_changes: dict[str, Any] = {}


class DataFile(msgspec.Struct, forbid_unknown_fields=True):
    family: str
    category: Literal["traffic", "audit"]
    types: list[TypeEntry]
    fields: list[FieldEntry]
    principal: dict[str, str] | None
    example: dict[str, Any]
    selectable: bool = False

    def event_types(self) -> Iterator[EventType]:
        fields = tuple(
            Field(entry.path, TYPE_ALIASES.get(entry.type, entry.type), entry.filterable, entry.description)
            for entry in self.fields
        )
        for entry in self.types:
            yield EventType(
                name=entry.name,
                title=entry.title,
                description=entry.description,
                category=self.category,
                family=self.family,
                selectable=self.selectable,
                fields=fields,
                example={**self.example, **entry.example_changes},
                example_at=entry.example_at,
                example_principal=self.principal,
            )


@cache
def catalog() -> Mapping[str, EventType]:
    """Every event type by its name: traffic first, then families by the alphabet, created before deleted."""
    decoder = msgspec.json.Decoder(DataFile)
    files = [decoder.decode(path.read_bytes()) for path in sorted(DATA.glob("*.json"))]
    files.sort(key=lambda file: (file.category != "traffic", file.family.casefold()))
    return MappingProxyType({event_type.name: event_type for file in files for event_type in file.event_types()})


def get_event_type(name: str) -> EventType | None:
    return catalog().get(name)


@cache
def families() -> Mapping[str, tuple[EventType, ...]]:
    members: dict[str, list[EventType]] = defaultdict(list)
    for event_type in catalog().values():
        members[event_type.family].append(event_type)
    return MappingProxyType({family: tuple(types) for family, types in members.items()})


def suggest(name: str) -> list[str]:
    """Known names close to a mistyped one, the closest first."""
    return difflib.get_close_matches(name.strip().lower(), catalog(), n=MAX_SUGGESTIONS, cutoff=CLOSE)
