"""The checked expression as a tree. The message types are those of google/api/expr/v1alpha1 (syntax.proto,
checked.proto), of which this declares the parts that are read."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from google.protobuf import any_pb2
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

PACKAGE = "cel"
# message: (field, number, type, repeated); a type that is no scalar is another message.
MESSAGES: dict[str, list[tuple[str, int, str, bool]]] = {
    "Checked": [("types", 3, "Typed", True), ("expr", 4, "Expr", False), ("source", 5, "Source", False)],
    "Typed": [("key", 1, "int64", False), ("value", 2, "Type", False)],
    "Type": [
        ("dyn", 1, "Empty", False),
        ("null", 2, "int32", False),
        ("primitive", 3, "int32", False),
        ("well_known", 5, "int32", False),
        ("list", 6, "ListType", False),
        ("map", 7, "MapType", False),
        ("message", 9, "string", False),
    ],
    "Empty": [],
    "ListType": [("element", 1, "Type", False)],
    "MapType": [("key", 1, "Type", False), ("value", 2, "Type", False)],
    "Source": [("positions", 4, "Position", True)],
    "Position": [("key", 1, "int64", False), ("value", 2, "int32", False)],
    "Expr": [
        ("id", 2, "int64", False),
        ("const", 3, "Constant", False),
        ("ident", 4, "Ident", False),
        ("select", 5, "Select", False),
        ("call", 6, "Call", False),
        ("list", 7, "List", False),
        ("struct", 8, "Struct", False),
        ("comprehension", 9, "Comprehension", False),
    ],
    "Constant": [
        ("null", 1, "int32", False),
        ("bool", 2, "bool", False),
        ("int", 3, "int64", False),
        ("uint", 4, "uint64", False),
        ("double", 5, "double", False),
        ("string", 6, "string", False),
        ("bytes", 7, "bytes", False),
    ],
    "Ident": [("name", 1, "string", False)],
    "Select": [("operand", 1, "Expr", False), ("field", 2, "string", False), ("test_only", 3, "bool", False)],
    "Call": [("target", 1, "Expr", False), ("function", 2, "string", False), ("args", 3, "Expr", True)],
    "List": [("elements", 1, "Expr", True)],
    "Struct": [("entries", 2, "Entry", True)],
    "Entry": [("map_key", 3, "Expr", False), ("value", 4, "Expr", False)],
    "Comprehension": [
        ("iter_var", 1, "string", False),
        ("iter_range", 2, "Expr", False),
        ("accu_var", 3, "string", False),
        ("accu_init", 4, "Expr", False),
        ("loop_condition", 5, "Expr", False),
        ("loop_step", 6, "Expr", False),
        ("result", 7, "Expr", False),
        ("iter_var2", 8, "string", False),
    ],
}
SCALARS = {
    "int64": FieldDescriptorProto.TYPE_INT64,
    "uint64": FieldDescriptorProto.TYPE_UINT64,
    "double": FieldDescriptorProto.TYPE_DOUBLE,
    "int32": FieldDescriptorProto.TYPE_INT32,
    "string": FieldDescriptorProto.TYPE_STRING,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
    "bool": FieldDescriptorProto.TYPE_BOOL,
}
# Of Type.WellKnownType and Type.PrimitiveType in checked.proto.
WELL_KNOWN = {1: "dyn", 2: "timestamp", 3: "duration"}
PRIMITIVES = {1: "bool", 2: "int", 3: "uint", 4: "double", 5: "string", 6: "bytes"}
CONSTANTS = ("null", "bool", "int", "uint", "double", "string", "bytes")
PARTS_OF_COMPREHENSION = ("iter_range", "accu_init", "loop_condition", "loop_step", "result")


@lru_cache(maxsize=1)
def _message_class() -> Any:
    # proto2, so that an empty string constant can be told from an absent one.
    file = FileDescriptorProto(name="cel_checked.proto", package=PACKAGE, syntax="proto2")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind, is_repeated in fields:
            label = FieldDescriptorProto.LABEL_REPEATED if is_repeated else FieldDescriptorProto.LABEL_OPTIONAL
            if kind in SCALARS:
                message.field.add(name=field, number=number, label=label, type=SCALARS[kind])
            else:
                whole = f".{PACKAGE}.{kind}"
                made = FieldDescriptorProto.TYPE_MESSAGE
                message.field.add(name=field, number=number, label=label, type=made, type_name=whole)
    pool = DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.Checked"))


@dataclass(frozen=True, slots=True)
class Checked:
    """A checked expression: by expression ID, its offset in the text (in characters) and its type."""

    root: Any
    offsets: Mapping[int, int]
    types: Mapping[int, str]


def read(serialized: bytes) -> Checked:
    # The engine wraps it: a google.protobuf.Any that holds a cel.expr.CheckedExpr.
    whole = _message_class().FromString(any_pb2.Any.FromString(serialized).value)
    return Checked(
        root=whole.expr,
        offsets={position.key: position.value for position in whole.source.positions},
        types={typed.key: _type_name(typed.value) for typed in whole.types},
    )


def parse(serialized: bytes) -> tuple[Any, dict[int, int]]:
    """The root expression, and for each expression ID its offset in the text (in characters)."""
    found = read(serialized)
    return found.root, dict(found.offsets)


def _type_name(kind: Any) -> str:
    """`int`, `list`, `map`, `null`, a message's name, ...; `dyn` for what is only known when it runs."""
    if kind.HasField("primitive"):
        return PRIMITIVES[kind.primitive]
    if kind.HasField("message"):
        return str(kind.message)
    if kind.HasField("well_known"):
        return WELL_KNOWN[kind.well_known]
    return next((name for name in ("null", "list", "map") if kind.HasField(name)), "dyn")


def constant_kind(expr: Any) -> str:
    """Which of CONSTANTS a constant is. Its value is `getattr(expr.const, kind)`, except that null is None."""
    return next(kind for kind in CONSTANTS if expr.const.HasField(kind))


def children(expr: Any) -> list[Any]:
    kind = kind_of(expr)
    if kind == "select":
        return [expr.select.operand]
    if kind == "call":
        target = [expr.call.target] if expr.call.HasField("target") else []
        return [*target, *expr.call.args]
    if kind == "list":
        return list(expr.list.elements)
    if kind == "struct":
        return [part for entry in expr.struct.entries for part in (entry.map_key, entry.value) if kind_of(part)]
    if kind == "comprehension":
        return [getattr(expr.comprehension, part) for part in PARTS_OF_COMPREHENSION]
    return []


def kind_of(expr: Any) -> str:
    for kind in ("const", "ident", "select", "call", "list", "struct", "comprehension"):
        if expr.HasField(kind):
            return kind
    return ""


def path_of(expr: Any, variable: str) -> list[str] | None:
    """`["conn", "server_port"]` of `ev.conn.server_port`; empty for `ev` alone; None for anything else."""
    names: list[str] = []
    while kind_of(expr) == "select":
        names.append(expr.select.field)
        expr = expr.select.operand
    if kind_of(expr) == "ident" and expr.ident.name == variable:
        return names[::-1]
    return None
