"""Reading stored events back: the events of batches with their sizes."""

from collections.abc import Iterable

from common import payloads
from events.envelope import Envelope, decode_lines
from events.models import EventBatch


def sized_events(blobs: Iterable[tuple[str, bytes | memoryview]]) -> tuple[list[Envelope], list[int]]:
    """The events of batches, given as encoding and payload, and the bytes of each as a record with all fields."""
    ndjson = b"".join(_lines(encoding, bytes(payload)) for encoding, payload in blobs)
    events = decode_lines(ndjson)
    return events, [len(line) for line in ndjson.split(b"\n")[: len(events)]]


def _lines(encoding: str, payload: bytes) -> bytes:
    ndjson = payloads.decompress(payload) if encoding == EventBatch.Encoding.ZSTD else payload
    return ndjson if ndjson.endswith(b"\n") else ndjson + b"\n"
