"""Reading what a publisher sent: an object, an array or NDJSON becomes checked events, faults are told by index."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any

import msgspec
import orjson
from msgspec import Raw

from events.envelope import NULL
from events.faults import OBJECT, PRINCIPAL, EventInput, Fault, are_all_good, sift

MAX_BODY_BYTES = 5 * 1024 * 1024
MAX_EVENTS = 10_000

# U+0000 ends a string early in the filter engine, and a lone surrogate cannot be written as UTF-8.
# Either may also be harmless (an escaped backslash before `u0000`): where it stands, the event is looked at closely.
SUSPICIOUS = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


@dataclass(slots=True)
class Intake:
    """Events in the order of the request, the index of each in it, and the faults of the others."""

    events: list[EventInput] = field(default_factory=list)
    indexes: Sequence[int] = field(default_factory=list)
    # Whether a value may hold line ends between its tokens, as pretty-printed JSON does.
    is_multiline: bool = True
    faults: list[Fault] = field(default_factory=list)


class BodyError(ValueError):
    """The body as a whole cannot be read."""


_event_decoder = msgspec.json.Decoder(EventInput)
_list_decoder = msgspec.json.Decoder(list[EventInput])
_raw_list_decoder = msgspec.json.Decoder(list[Raw])


def read_body(body: bytes, *, now: datetime) -> Intake:
    """Decode and check every event of a request body.

    Raises BodyError when it holds no events, too many, or is not JSON.
    """
    if len(body) > MAX_BODY_BYTES:
        raise BodyError(f"The body is larger than {MAX_BODY_BYTES:,} bytes. Send several requests.")
    # Looking for one byte takes a twentieth of the time of looking for the pattern, and few bodies have a backslash.
    suspicious = b"\\" in body and SUSPICIOUS.search(body) is not None
    events = None if suspicious else _decode_at_once(body)
    if events is None:
        intake = _decode_one_by_one(_split(body))
        _check_count(len(intake.events) + len(intake.faults))
        _check_events(intake, now)
        return intake
    _check_count(len(events))
    objects, principals = list(map(OBJECT, events)), _principals(events)
    # Joining costs less than asking each value, and much less than counting the line feeds of the body.
    values = b"".join(objects)
    is_multiline = _has_line_ends(values) or _has_line_ends(b"".join(principals))
    intake = Intake(events, range(len(events)), is_multiline=is_multiline)
    if not are_all_good(events, objects, values, principals, now):
        _check_events(intake, now)
    return intake


def read_single(body: bytes, *, now: datetime) -> EventInput | None:
    """The event of a body that is one object without any fault; None where a closer look is needed."""
    if SUSPICIOUS.search(body) is not None:
        return None
    try:
        body.decode()
        event = _event_decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    _, _, faults = sift([event], [0], now)
    return None if faults else event


def read_values(values: Sequence[Mapping[str, Any]], *, now: datetime) -> Intake:
    """The same for events that are Python values already."""
    intake = _decode_one_by_one([orjson.dumps(dict(value)) for value in values])
    _check_events(intake, now)
    return intake


def _decode_at_once(body: bytes) -> list[EventInput] | None:
    """The quick way, for a body without any fault; None where a closer look is needed."""
    try:
        body.decode()
        first = body.lstrip()[:1]
        if first == b"[":
            return _list_decoder.decode(body)
        return _event_decoder.decode_lines(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _principals(events: Sequence[EventInput]) -> Sequence[Raw]:
    """Of each event; none at all where no event has one, as it mostly is."""
    principals = list(map(PRINCIPAL, events))
    return () if principals.count(NULL) == len(principals) else principals


def _has_line_ends(values: bytes) -> bool:
    return b"\n" in values or b"\r" in values


def _split(body: bytes) -> list[bytes]:
    """The events as bytes: an array's items, else one object, else one a line."""
    stripped = body.strip()
    if not stripped:
        raise BodyError("The body is empty. Send an event, an array of events, or one event a line.")
    if stripped[:1] == b"[":
        try:
            return [bytes(item) for item in _raw_list_decoder.decode(stripped)]
        except (msgspec.MsgspecError, RecursionError) as error:
            raise BodyError(f"The body is not a JSON array: {error}.") from error
    try:
        msgspec.json.decode(stripped, type=Raw)
    except (msgspec.MsgspecError, RecursionError):
        return [line for line in stripped.split(b"\n") if line.strip()]
    return [stripped]


def _check_count(count: int) -> None:
    if count == 0:
        raise BodyError("The request holds no events.")
    if count > MAX_EVENTS:
        raise BodyError(f"The request holds {count:,} events; {MAX_EVENTS:,} is the most. Send several requests.")


def _decode_one_by_one(items: Sequence[bytes]) -> Intake:
    intake = Intake()
    indexes = []
    for index, item in enumerate(items):
        try:
            event = _decode_item(item)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            intake.faults.append(Fault(index, "malformed", _reason(error)))
        else:
            intake.events.append(event)
            indexes.append(index)
    intake.indexes = indexes
    return intake


def _decode_item(item: bytes) -> EventInput:
    try:
        item.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"The event is not UTF-8: byte 0x{item[error.start]:02x} at {error.start}.") from error
    event = _event_decoder.decode(item)
    if SUSPICIOUS.search(item) and _holds_nul(orjson.loads(item)):
        raise ValueError("A string holds U+0000, which no filter can read. Remove it.")
    return event


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_holds_nul(key) or _holds_nul(item) for key, item in value.items())
    if isinstance(value, list):
        return any(_holds_nul(item) for item in value)
    return False


def _reason(error: Exception) -> str:
    text = str(error)
    if "unknown field `event_id`" in text:
        return "IDs are given by the server: leave event_id out."
    if "event_timestamp" in text:
        return f"event_timestamp must be an RFC 3339 time with its zone, such as 2026-11-23T08:00:00Z: {text}."
    return text if text.endswith(".") else f"{text}."


def _check_events(intake: Intake, now: datetime) -> None:
    """Move events that are refused from `events` to `faults`."""
    intake.events, intake.indexes, faults = sift(intake.events, intake.indexes, now)
    intake.faults = sorted([*intake.faults, *faults], key=attrgetter("index"))
