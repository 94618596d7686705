"""Decoding of an event only what filters read of it: msgspec skips everything else."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from events.catalog import Field
from events.filters.running import LEAST, MOST

# 443.0 is 443 to CEL. Beyond these bounds numbers are the engine's to judge: from 2^53 on it compares whole numbers
# with decimal ones in double precision, where 9007199254740993 equals 9007199254740992.0.
EXACT = 1 << 53
_NUMBER = Annotated[int, Meta(ge=LEAST, le=MOST)] | Annotated[float, Meta(gt=-EXACT, lt=EXACT)]
TYPES: dict[str, Any] = {
    "string": str,
    "timestamp": str,
    "bool": bool,
    "int32": _NUMBER,
    "int64": _NUMBER,
    "list<string>": list[str],
    "map<string, list<string>>": dict[str, list[str]],
    "map<string, string>": dict[str, str],
    "list<map<string, string>>": list[dict[str, str]],
}

Tree = dict[str, "Tree | Field"]


class Reader:
    """Reads the fields that one or several filters need, of one event type.

    What it returns is an object with an attribute for each key, groups being such objects again; UNSET is absent.
    """

    def __init__(self, fields: Iterable[Field]) -> None:
        tree: Tree = {}
        for field in sorted(set(fields), key=lambda field: field.path):
            node = tree
            *parents, leaf = field.path.split(".")
            for name in parents:
                node = node.setdefault(name, {})  # type: ignore[assignment]
            node[leaf] = field
        self.struct = _struct("Event", tree)
        self._decoder = msgspec.json.Decoder(self.struct)

    def read(self, raw: bytes) -> Any:
        """None if a value has not the type that the catalogue says, or the JSON is malformed."""
        try:
            return self._decoder.decode(raw)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return None

    def read_many(self, raws: Sequence[bytes]) -> list[Any]:
        try:
            return list(map(self._decoder.decode, raws))
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return list(map(self.read, raws))


def _struct(name: str, tree: Tree) -> Any:
    fields = []
    for key, below in tree.items():
        kind = TYPES[below.type] if isinstance(below, Field) else _struct(f"{name}_{key}", below)
        fields.append((key, kind | UnsetType | None, UNSET))
    return msgspec.defstruct(name, fields, gc=False)
