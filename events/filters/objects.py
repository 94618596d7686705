"""The `filter` of the API's lists: CEL over `obj`, which has the id, created_at, description and metadata of a row.

The same care as with filters of events: typed, bounded, and no pattern that is expensive to run. `created_at`
may be compared with `timestamp("…")`, or as RFC 3339 text.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol

import re2
from cel_expr_python import cel
from google.protobuf import timestamp_pb2
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from common.api_schemas import shown_time
from events.filters import checked
from events.filters.errors import FilterError
from events.filters.wording import UNDECLARED, reword

FIELDS = ("id", "created_at", "description", "metadata")
MESSAGE = "api.Object"
VARIABLE = "obj"
OFFERED = tuple(f"{VARIABLE}.{name}" for name in FIELDS)
MAX_CHARACTERS = 2_000
MAX_NODES = 200
PATTERN_BYTES = 1 << 18


class Listed(Protocol):
    """A row of a list."""

    pk: Any
    created_at: Any
    description: Any
    metadata: Any


def compile_list_filter(text: str) -> Callable[[Listed], bool]:
    """What decides for a row. Raises FilterError; an evaluation that ends in an error is no match."""
    if len(text) > MAX_CHARACTERS:
        raise FilterError(f"the filter has {len(text):,} characters; {MAX_CHARACTERS:,} is the most.", text=text)
    expression, has_times = _compile(text)
    _inspect(text, expression)
    message_class = _environment(has_times)[1]

    def decide(row: Listed) -> bool:
        try:
            result = expression.eval(data={VARIABLE: _message(message_class, row, has_times)})
        except RuntimeError:
            return False
        # The type is looked at first: reading a null result harms the process (events/filters/engine.py).
        return bool(result.type() == cel.Type.BOOL and result.value())

    return decide


def _compile(text: str) -> tuple[Any, bool]:
    """With created_at as a time, else as text; the complaint is that of the first."""
    complaint = ""
    for has_times in (True, False):
        try:
            expression = _environment(has_times)[0].compile(text)
        except RuntimeError as error:
            complaint = complaint or str(error)
            continue
        if expression.return_type() != cel.Type.BOOL:
            raise FilterError("the filter does not give true or false. Compare it with something.", text=text)
        return expression, has_times
    if unknown := UNDECLARED.search(complaint):
        raise FilterError(f"{unknown[1]} is not known here. Name one of {', '.join(OFFERED)}.", text=text)
    raise reword(complaint, text, {MESSAGE: FIELDS})


@lru_cache(maxsize=2)
def _environment(has_times: bool) -> tuple[Any, Any]:
    file = FileDescriptorProto(name="api_object.proto", package="api", syntax="proto3")
    file.dependency.append("google/protobuf/timestamp.proto")
    message = file.message_type.add(name="Object")
    for number, name in enumerate(FIELDS, start=1):
        field = message.field.add(name=name, number=number, label=FieldDescriptorProto.LABEL_OPTIONAL)
        field.type = FieldDescriptorProto.TYPE_STRING
        if has_times and name == "created_at":
            field.type = FieldDescriptorProto.TYPE_MESSAGE
            field.type_name = ".google.protobuf.Timestamp"
    pool = DescriptorPool()
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    environment = cel.NewEnv(descriptor_pool=pool, variables={VARIABLE: cel.Type(MESSAGE)})
    return environment, GetMessageClass(pool.FindMessageTypeByName(MESSAGE))


def _message(message_class: Any, row: Listed, has_times: bool) -> Any:
    at: datetime = row.created_at
    message = message_class(id=row.pk, description=row.description, metadata=row.metadata)
    if has_times:
        message.created_at.FromDatetime(at.replace(microsecond=0))
    else:
        message.created_at = shown_time(at)
    return message


def _inspect(text: str, expression: Any) -> None:
    root, _ = checked.parse(expression.serialize())
    for count, expr in enumerate(_walk(root), start=1):
        if count > MAX_NODES:
            raise FilterError("the filter has too many parts. Filter on less.", text=text)
        if checked.kind_of(expr) == "comprehension":
            raise FilterError("exists, all, map and filter go over lists, and obj has none.", text=text)
        if checked.kind_of(expr) == "call" and expr.call.function == "matches":
            _check_pattern(text, expr.call.args[-1])


def _walk(expr: Any) -> Iterator[Any]:
    yield expr
    for child in checked.children(expr):
        yield from _walk(child)


def _check_pattern(text: str, pattern: Any) -> None:
    if checked.kind_of(pattern) != "const" or not pattern.const.HasField("string"):
        raise FilterError("the pattern of matches must be written out in quotes.", text=text)
    options = re2.Options()
    options.max_mem = PATTERN_BYTES
    options.log_errors = False
    try:
        re2.compile(pattern.const.string, options)
    except re2.error:
        raise FilterError("the pattern of matches does not compile, or is too large.", text=text) from None
