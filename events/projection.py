"""Selecting fields: the object with only the chosen fields, in the catalogue's order, values byte for byte.

Absent stays absent, null stays null, a map or list is taken whole; an object of which nothing chosen is there is
left out. Only the chosen parts are decoded: msgspec skips everything else. With every field chosen nothing is
decoded at all: the bytes pass through.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import orjson
from msgspec import UNSET, Raw, UnsetType

from events import envelope
from events.catalog import EventType

Tree = Mapping[str, "Tree | None"]


class Projection:
    """Chosen fields of one event type, ready to run."""

    def __init__(self, paths: Sequence[str], *, is_whole: bool = False) -> None:
        self.is_whole = is_whole
        self._tree = _tree(paths)
        picked = _struct("Object", self._tree)
        self._object_decoder = msgspec.json.Decoder(picked)
        self._line_decoder = msgspec.json.Decoder(envelope.around(picked))
        self._has_empty = _emptiness_test(self._tree)
        self._encode = msgspec.json.Encoder().encode

    def apply(self, raw: bytes) -> bytes:
        """The bytes of the projected object."""
        if self.is_whole:
            return raw
        try:
            picked = self._object_decoder.decode(raw)
        except msgspec.ValidationError:
            # Somewhere a group is not an object: rare, so the slow way, which takes such a value as it is.
            return orjson.dumps(_pick(orjson.loads(raw), self._tree))
        if self._has_empty(picked):
            _drop_empty(picked)
        return self._encode(picked)

    def apply_to_lines(self, lines: Sequence[bytes]) -> list[bytes]:
        """The same for the objects within the lines of whole events (events/envelope.py).

        All at once, because a call for each costs as much as decoding it.
        """
        if self.is_whole:
            return list(lines)
        try:
            events = self._line_decoder.decode_lines(b"\n".join(lines))
        except msgspec.ValidationError:
            return [self._apply_to_line(line) for line in lines]
        has_empty = self._has_empty
        for picked in [event.object for event in events]:
            if has_empty(picked):
                _drop_empty(picked)
        return list(map(self._encode, events))

    def _apply_to_line(self, line: bytes) -> bytes:
        event = envelope.decode(line)
        event.object = Raw(self.apply(bytes(event.object)))
        return envelope.encode(event)


def compile_projection(event_type: EventType, fields: Sequence[str]) -> Projection:
    """`fields` are paths of the event type; their order does not matter."""
    chosen = set(fields)
    paths = [field.path for field in event_type.fields if field.path in chosen]
    return Projection(paths, is_whole=len(paths) == len(event_type.fields))


def _tree(paths: Sequence[str]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path in paths:
        node = tree
        # Of a list of objects, such as sources[].type, the whole list is taken.
        *parents, leaf = path.partition("[]")[0].split(".")
        for name in parents:
            node = node.setdefault(name, {})
        node[leaf] = None
    return tree


def _struct(name: str, tree: Tree) -> Any:
    fields: list[tuple[str, Any, Any]] = []
    for key, below in tree.items():
        kind = Raw if below is None else _struct(f"{name}_{key}", below) | None
        fields.append((key, kind | UnsetType, UNSET))
    return msgspec.defstruct(name, fields, gc=False)


def _emptiness_test(tree: Tree) -> Callable[[Any], bool]:
    """Whether an object has a group of which nothing chosen is there.

    A function made for these fields: looking at each by its name takes longer than decoding and encoding.
    """
    lines = list(_emptiness_lines(tree, "picked"))
    names: dict[str, Any] = {"UNSET": UNSET}
    source = "\n".join(["def has_empty(picked):", *(f"    {line}" for line in lines), "    return False"])
    exec(compile(source, "<projection>", "exec"), names)  # noqa: S102 - of the catalogue  # nosec B102
    test: Callable[[Any], bool] = names["has_empty"]
    return test


def _emptiness_lines(tree: Tree, variable: str) -> Iterator[str]:
    for number, (key, below) in enumerate(tree.items()):
        if below is None:
            continue
        group = f"{variable}_{number}"
        absent = " and ".join(f"{group}.{name} is UNSET" for name in below)
        yield f"if {group} := {variable}.{key}:"
        yield f"    if {absent}:"
        yield "        return True"
        yield from (f"    {line}" for line in _emptiness_lines(below, group))


def _drop_empty(value: Any) -> bool:
    """Unset the groups of which nothing chosen is there; whether anything is left of this one."""
    is_left = False
    for name in value.__struct_fields__:
        item = getattr(value, name)
        if item is UNSET:
            continue
        if isinstance(item, msgspec.Struct) and not _drop_empty(item):
            setattr(value, name, UNSET)
            continue
        is_left = True
    return is_left


def _pick(value: Any, tree: Tree) -> Any:
    if not isinstance(value, dict):
        return value
    picked = {}
    for key, below in tree.items():
        if key not in value:
            continue
        item = value[key] if below is None else _pick(value[key], below)
        if item != {} or below is None:
            picked[key] = item
    return picked
