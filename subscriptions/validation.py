"""What a subscription's sources must be. The messages are for the customer."""

from collections.abc import Sequence
from typing import Protocol

from django.core.exceptions import ValidationError

from events.catalog import EventType, get_event_type, suggest
from events.filters import FilterError, compile_filter


class Fault(str):
    """A sentence for the customer; `kind` says what it is about: the keys of `subscriptions.api_errors.CODES`."""

    __slots__ = ("kind",)
    kind: str

    def __new__(cls, kind: str, text: str) -> "Fault":
        fault = super().__new__(cls, text)
        fault.kind = kind
        return fault


class Wanted(Protocol):
    """A source as somebody wants it."""

    @property
    def event_type(self) -> str: ...
    @property
    def filter(self) -> str: ...
    @property
    def fields(self) -> Sequence[str] | None: ...


def check_sources(sources: Sequence[Wanted]) -> None:
    """Raises ValidationError keyed `sources`, with one message for each fault and the fault's kind as its code."""
    faults: list[Fault] = []
    seen: set[str] = set()
    for spec in sources:
        if spec.event_type in seen:
            faults.append(Fault("twice", f"{spec.event_type} is there twice. Put both into one filter."))
        seen.add(spec.event_type)
        faults += source_faults(spec.event_type, spec.filter, spec.fields)
    if faults:
        raise ValidationError({"sources": [ValidationError(fault, code=fault.kind) for fault in faults]})


def source_faults(event_type_name: str, filter_text: str, fields: Sequence[str] | None) -> list[Fault]:
    event_type = get_event_type(event_type_name)
    if event_type is None:
        near = suggest(event_type_name)
        hint = f" Did you mean {near[0]}?" if near else " The catalogue lists the known ones."
        return [Fault("unknown_type", f"There is no event type {event_type_name!r}.{hint}")]
    faults = field_faults(event_type, fields)
    if filter_text.strip():
        fault = filter_fault(event_type, filter_text)
        if fault:
            faults.append(Fault(fault.kind, f"{event_type.name}: {fault}"))
    return faults


def field_faults(event_type: EventType, fields: Sequence[str] | None) -> list[Fault]:
    if fields is None:
        return []
    name = event_type.name
    if not event_type.selectable:
        return [Fault("not_selectable", f"{name}: audit events are sent whole; their fields cannot be chosen.")]
    if not fields:
        return [Fault("no_fields", f"{name}: choose at least one field, or take all {len(event_type.fields)}.")]
    unknown = [path for path in fields if event_type.field(path) is None]
    return [Fault("unknown_field", f"{name} has no field {path!r}.") for path in unknown]


def filter_fault(event_type: EventType, text: str) -> Fault | None:
    if not event_type.filterable_fields:
        return Fault("no_filter", "audit events cannot be filtered; every one is sent.")
    try:
        compile_filter(text, event_type)
    except FilterError as error:
        return Fault(f"filter_{error.kind}", str(error))
    return None
