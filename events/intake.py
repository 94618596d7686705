"""Reading what a publisher sent: an object, an array or NDJSON becomes checked events, faults are told by index."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import accumulate, islice
from operator import add, attrgetter
from typing import Any, cast

import msgspec
import orjson
from msgspec import UNSET, Raw, UnsetType

from events.catalog import catalog, suggest
from events.envelope import MAX_EVENT_BYTES, NULL

MAX_BODY_BYTES = 5 * 1024 * 1024
MAX_EVENTS = 10_000
# Decoders stop at the recursion limit of Python, 1,000 less what called them. Routing and pages call from deeper than
# publishing does: what is accepted here has to be readable there.
MAX_DEPTH = 700
# Each level takes a bracket at either end, so that a shorter value cannot be too deep.
LEAST_DEEP_BYTES = 2 * MAX_DEPTH
MAX_CLOCK_LEAD = timedelta(days=1)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)

# U+0000 ends a string early in the filter engine, and a lone surrogate cannot be written as UTF-8.
# Either may also be harmless (an escaped backslash before `u0000`): where it stands, the event is looked at closely.
SUSPICIOUS = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
# What is left of JSON without its strings; and what each bracket does to the depth.
STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
BRACKETS = b"[]{}"
NO_BRACKETS = bytes(set(range(256)) - set(BRACKETS))
STEPS = dict(zip(BRACKETS, (1, -1, 1, -1), strict=True))


class EventInput(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One event as a publisher sends it."""

    event_type: str
    object: Raw
    event_timestamp: datetime | UnsetType = UNSET
    account_id: str | UnsetType = UNSET
    principal: Raw = NULL


# Of many events: mapping these is a third quicker than a loop.
TYPE, STAMP, ACCOUNT, PRINCIPAL, OBJECT = map(
    attrgetter, ("event_type", "event_timestamp", "account_id", "principal", "object")
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why the event at `index` of the request is refused."""

    index: int
    code: str
    message: str

    def as_dict(self) -> dict[str, Any]:
        return {"index": self.index, "code": self.code, "message": self.message}


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
    lengths = list(map(len, objects))
    # Joining costs less than asking each value, and much less than counting the line feeds of the body.
    values = b"".join(objects)
    is_multiline = _has_line_ends(values) or _has_line_ends(b"".join(principals))
    intake = Intake(events, range(len(events)), is_multiline=is_multiline)
    if not (_are_all_good(events, values, lengths, now) and _are_fit(objects, lengths, principals)):
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
    intake = Intake([event], [0])
    _check_events(intake, now)
    return None if intake.faults else event


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
    """Move events that the catalogue, the clock or the size refuses from `events` to `faults`."""
    known = catalog()
    latest = now + MAX_CLOCK_LEAD
    good: list[EventInput] = []
    indexes: list[int] = []
    for index, event in zip(intake.indexes, intake.events, strict=True):
        if event.event_timestamp is UNSET:
            event.event_timestamp = now
        if (
            event.event_type in known
            and _size(event) <= MAX_EVENT_BYTES
            and _is_object(event.object)
            and not (_is_deep(event.object) or _is_deep(event.principal))
            and event.event_timestamp.tzinfo is not None
            and EARLIEST <= event.event_timestamp <= latest
        ):
            good.append(event)
            indexes.append(index)
        else:
            intake.faults.append(_fault(index, event, now))
    intake.events, intake.indexes = good, indexes
    intake.faults.sort(key=lambda fault: fault.index)


def _are_all_good(events: Sequence[EventInput], values: bytes, lengths: Sequence[int], now: datetime) -> bool:
    """Whether no event has a fault or lacks its time; asked of all at once, a third of the time of one by one.

    `values` are their objects, joined; `lengths` the lengths of these.
    """
    stamps = list(map(STAMP, events))
    try:
        # Fails where one has no time or no zone.
        are_timely = min(stamps) >= EARLIEST and max(stamps) <= now + MAX_CLOCK_LEAD
    except (TypeError, ValueError):
        return False
    # Raw holds no white space around a value.
    starts = islice(accumulate(lengths, initial=0), len(lengths))
    return (
        are_timely and catalog().keys() >= set(map(TYPE, events)) and set(map(values.__getitem__, starts)) == {ord("{")}
    )


def _are_fit(objects: Sequence[Raw], lengths: Sequence[int], principals: Sequence[Raw]) -> bool:
    """Whether no event is too large or nested too deep."""
    largest = max(map(add, lengths, map(len, principals)) if principals else lengths)
    return largest < LEAST_DEEP_BYTES or (
        largest <= MAX_EVENT_BYTES and not (any(map(_is_deep, objects)) or any(map(_is_deep, principals)))
    )


def _size(event: EventInput) -> int:
    return len(event.object) + (len(event.principal) if event.principal != NULL else 0)


def _is_deep(raw: Raw) -> bool:
    """Whether it is nested more than MAX_DEPTH levels deep."""
    if len(raw) < LEAST_DEEP_BYTES:
        return False
    data = bytes(raw)
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        return False
    brackets = STRINGS.sub(b"", data).translate(None, NO_BRACKETS)
    return max(accumulate(map(STEPS.__getitem__, brackets))) > MAX_DEPTH


def _is_object(raw: Raw) -> bool:
    # Raw holds no white space around the value; a view of it costs no copy.
    return memoryview(raw)[0] == ord("{")


def _fault(index: int, event: EventInput, now: datetime) -> Fault:
    if event.event_type not in catalog():
        near = suggest(event.event_type)
        hint = f" Did you mean {near[0]}?" if near else " The catalogue lists the known ones."
        return Fault(index, "unknown_type", f"There is no event type {event.event_type!r}.{hint}")
    if (size := _size(event)) > MAX_EVENT_BYTES:
        return Fault(index, "too_large", f"The event has {size:,} bytes; {MAX_EVENT_BYTES:,} is the most.")
    if not _is_object(event.object):
        return Fault(index, "malformed", "object must be a JSON object.")
    if _is_deep(event.object) or _is_deep(event.principal):
        return Fault(index, "malformed", f"Its values are nested more than {MAX_DEPTH} levels deep. Nest them less.")
    stamp = cast("datetime", event.event_timestamp)
    if stamp.tzinfo is None:
        return Fault(index, "bad_timestamp", f"event_timestamp {stamp.isoformat()} has no time zone; add Z for UTC.")
    return Fault(
        index,
        "bad_timestamp",
        f"event_timestamp {stamp.isoformat()} lies outside {EARLIEST:%Y} to one day ahead of {now:%Y-%m-%dT%H:%M:%SZ}.",
    )
