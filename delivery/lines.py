"""The records of a delivery as lines of its payload, and what can be read from a line without decoding it.

Routing writes every line as `{"event_id":"ev_…","event_type":"…","event_timestamp":"…",…}`: the ID lies at a fixed
offset, the type after it.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from common import bitmap, payloads
from delivery.models import Delivery

ID_START = len(b'{"event_id":"')
ID_END = ID_START + 30
TYPE_START = ID_END + len(b'","event_type":"')


def event_id_of(line: bytes) -> str:
    return line[ID_START:ID_END].decode()


def event_type_of(line: bytes) -> str:
    return line[TYPE_START : line.index(b'"', TYPE_START)].decode()


def lines_of(payload: bytes | memoryview | None) -> list[bytes]:
    """All records of a payload, in order, without line ends."""
    return payloads.decompress(payload).split(b"\n")[:-1] if payload else []


def as_columns(lines: Sequence[bytes]) -> dict[str, Any]:
    """The columns of a delivery that say which records it has: count, bytes, types and payload."""
    ndjson = b"".join(line + b"\n" for line in lines)
    return {
        "count": len(lines),
        "bytes": len(ndjson),
        "types": types_of(lines),
        "payload": payloads.compress(ndjson),
    }


def open_positions(delivery: Delivery) -> Sequence[int]:
    """Where the records stand whose fate is open."""
    if delivery.state != Delivery.State.WAITING:
        return ()
    if delivery.remaining is None:
        return range(delivery.count)
    return list(bitmap.positions(delivery.remaining, delivery.count))


def open_lines(delivery: Delivery) -> list[bytes]:
    lines = lines_of(delivery.payload)
    return lines if delivery.remaining is None else [lines[position] for position in open_positions(delivery)]


def types_of(lines: Iterable[bytes]) -> Counter[str]:
    return Counter(map(event_type_of, lines))


def open_types(delivery: Delivery) -> dict[str, int]:
    """How many open records there are of each event type; decodes nothing where all are open."""
    if delivery.remaining is None and delivery.types and delivery.state == Delivery.State.WAITING:
        return dict(delivery.types)
    return types_of(open_lines(delivery))
