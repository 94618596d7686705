"""The envelope: what is stored for each event, and what arrives at a destination with the chosen fields."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import Any

import msgspec
from msgspec import Raw

MAX_EVENT_BYTES = 256 * 1024
NULL = Raw(b"null")


class Envelope(msgspec.Struct, gc=False):
    """Field order is the order of keys on the wire. `principal` is null for traffic events."""

    event_id: str
    event_type: str
    event_timestamp: datetime
    account_id: str
    principal: Raw
    object: Raw


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Envelope)


def encode(envelope: Envelope) -> bytes:
    return _encoder.encode(envelope)


def encode_lines(envelopes: list[Envelope]) -> bytes:
    return _encoder.encode_lines(envelopes)


def decode(line: bytes) -> Envelope:
    return _decoder.decode(line)


def decode_lines(ndjson: bytes) -> list[Envelope]:
    return _decoder.decode_lines(ndjson)


def from_dict(event: dict[str, Any], *, event_id: str, account_id: str) -> Envelope:
    """An envelope made from plain values, such as a catalogue's example."""
    return Envelope(
        event_id=event_id,
        event_type=event["event_type"],
        event_timestamp=msgspec.convert(event["event_timestamp"], datetime).astimezone(UTC),
        account_id=account_id,
        principal=Raw(_encoder.encode(event.get("principal"))),
        object=Raw(_encoder.encode(event["object"])),
    )


def around(picked: Any) -> Any:
    """The type of an envelope whose `object` is of the type `picked`; the rest stays as it is, byte for byte."""
    names = ("event_id", "event_type", "event_timestamp", "account_id", "principal")
    return msgspec.defstruct("Line", [*((name, Raw) for name in names), ("object", picked)], gc=False)


def object_of(line: bytes) -> bytes:
    return bytes(_object_decoder.decode(line).object)


def type_of(line: bytes) -> str:
    return _type_decoder.decode(line).event_type


class Lines:
    """The lines of NDJSON, cut out only when they are asked for: splitting all costs four times as much."""

    def __init__(self, ndjson: bytes) -> None:
        self._ndjson = ndjson
        self._starts = starts = [0]
        at = 0
        while at := ndjson.find(b"\n", at) + 1:
            starts.append(at)
        if starts[-1] < len(ndjson):
            starts.append(len(ndjson) + 1)

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __getitem__(self, position: int) -> bytes:
        starts = self._starts
        return self._ndjson[starts[position] : starts[position + 1] - 1]

    def at(self, positions: Sequence[int]) -> list[bytes]:
        ndjson, starts = self._ndjson, self._starts
        return [ndjson[starts[position] : starts[position + 1] - 1] for position in positions]


class LinesReader:
    """Reads lines of several event types in one pass: of each the object, as the type given for it here.

    Lines of other types than `objects` names are not expected.
    """

    def __init__(self, objects: Mapping[str, Any]) -> None:
        lines = {name: _line(name, picked) for name, picked in objects.items()}
        self._names = {line: name for name, line in lines.items()}
        self._decoder: Any = msgspec.json.Decoder(reduce(or_, lines.values()))

    def read(self, ndjson: bytes, lines: Lines) -> list[tuple[str, list[int], list[Any]]]:
        """For each event type its name, the positions of its lines, and their objects.

        An object is None if it is not of the type given for it.
        """
        try:
            items = self._decoder.decode_lines(ndjson)
        except msgspec.MsgspecError:
            return self._read_singly(lines)
        kinds = set(map(type, items))
        if len(kinds) == 1:
            return [(self._names[kinds.pop()], list(range(len(items))), [item.object for item in items])]
        positions: dict[Any, list[int]] = {kind: [] for kind in self._names if kind in kinds}
        for position, item in enumerate(items):
            positions[type(item)].append(position)
        return [(self._names[kind], held, [items[at].object for at in held]) for kind, held in positions.items()]

    def _read_singly(self, lines: Lines) -> list[tuple[str, list[int], list[Any]]]:
        found: dict[str, tuple[list[int], list[Any]]] = {}
        for position in range(len(lines)):
            line = lines[position]
            try:
                item = self._decoder.decode(line)
                name, picked = self._names[type(item)], item.object
            except msgspec.MsgspecError:
                name, picked = type_of(line), None
            positions, objects = found.setdefault(name, ([], []))
            positions.append(position)
            objects.append(picked)
        return [(name, *held) for name, held in found.items()]


def _line(event_type: str, picked: Any) -> Any:
    return msgspec.defstruct("Line", [("object", picked)], tag_field="event_type", tag=event_type, gc=False)


class _Object(msgspec.Struct, gc=False):
    object: Raw


class _Type(msgspec.Struct, gc=False):
    event_type: str


_object_decoder = msgspec.json.Decoder(_Object)
_type_decoder = msgspec.json.Decoder(_Type)
