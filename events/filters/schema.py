"""An event type as a protobuf message, so that CEL's type checker knows every field.

Built from the catalogue in Python; nothing is generated or kept. Timestamps are strings here, because the
events carry them as text: a typed one would pass the check and then fail on every event.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from google.protobuf import struct_pb2
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

from events.catalog import EventType

PACKAGE = "event"
ROOT = "Object"

SCALARS = {
    "string": FieldDescriptorProto.TYPE_STRING,
    "timestamp": FieldDescriptorProto.TYPE_STRING,
    "bool": FieldDescriptorProto.TYPE_BOOL,
    "int32": FieldDescriptorProto.TYPE_INT64,
    "int64": FieldDescriptorProto.TYPE_INT64,
}
# Of a list of objects the checker knows only that it is a list.
LIST = "list<map<string, string>>"
# Values of values are checked when they are read: CEL knows ListValue and Struct as its own lists and maps.
WELL_KNOWN = {
    "map<string, string>": ".google.protobuf.Struct",
    "map<string, list<string>>": ".google.protobuf.Struct",
    "list<map<string, string>>": ".google.protobuf.ListValue",
}

Tree = Mapping[str, "Tree | str"]


@dataclass(frozen=True, slots=True)
class Schema:
    pool: DescriptorPool
    root: str
    groups: Mapping[str, tuple[str, ...]]


@lru_cache(maxsize=256)
def schema_of(event_type: EventType) -> Schema:
    """The message of an event type; `groups` lists the names below each message, for suggestions."""
    tree = _tree(event_type)
    file = FileDescriptorProto(name=f"{event_type.name}.proto", package=PACKAGE, syntax="proto3")
    file.dependency.append("google/protobuf/struct.proto")
    groups: dict[str, tuple[str, ...]] = {}
    for message in _messages(ROOT, tree, groups):
        file.message_type.append(message)
    pool = DescriptorPool()
    pool.AddSerializedFile(struct_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return Schema(pool, f"{PACKAGE}.{ROOT}", groups)


def _tree(event_type: EventType) -> dict[str, "Tree | str"]:
    tree: dict[str, Tree | str] = {}
    for field in event_type.fields:
        node = tree
        path, in_list, _ = field.path.partition("[]")
        *parents, leaf = path.split(".")
        for name in parents:
            node = node.setdefault(name, {})  # type: ignore[assignment]
        node[leaf] = LIST if in_list else field.type
    return tree


def _messages(name: str, tree: Tree, groups: dict[str, tuple[str, ...]]) -> Iterator[DescriptorProto]:
    message = DescriptorProto(name=name)
    groups[f"{PACKAGE}.{name}"] = tuple(tree)
    for number, (key, value) in enumerate(tree.items(), start=1):
        field = message.field.add(name=key, number=number, label=FieldDescriptorProto.LABEL_OPTIONAL)
        if not isinstance(value, str):
            child = f"{name}_{key}"
            field.type, field.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".{PACKAGE}.{child}"
            yield from _messages(child, value, groups)
        elif value in SCALARS:
            field.type = SCALARS[value]
        elif value == "list<string>":
            field.type, field.label = FieldDescriptorProto.TYPE_STRING, FieldDescriptorProto.LABEL_REPEATED
        else:
            field.type, field.type_name = FieldDescriptorProto.TYPE_MESSAGE, WELL_KNOWN[value]
    yield message
