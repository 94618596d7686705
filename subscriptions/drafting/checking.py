"""What keeps a draft from being saved, each fault at its place in the form; and what it comes to when nothing does."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from accounts.models import Account
from destinations.models import Destination
from events.catalog import EventType
from events.filters import FilterError, compile_filter
from events.filters.conditions import Condition, Group, condition_fault, render
from events.filters.operators import find_operator, read_value
from subscriptions.drafting.content import Content, DraftSource, Row, RowGroup, split_list
from subscriptions.services import SourceSpec

MAX_DESCRIPTION = 255
MAX_METADATA = 4096


@dataclass(frozen=True, slots=True)
class SourceFaults:
    """`text` is of a filter as text, `rows` of conditions by their ID (and of groups)."""

    text: FilterError | None = None
    rows: dict[str, str] = field(default_factory=dict)
    fields: str = ""

    def __bool__(self) -> bool:
        return bool(self.text or self.rows or self.fields)


@dataclass(frozen=True, slots=True)
class Faults:
    """Sentences by place; `sources` and `destinations` are about the choice as a whole."""

    description: str = ""
    metadata: str = ""
    sources: str = ""
    destinations: str = ""
    by_source: dict[str, SourceFaults] = field(default_factory=dict)

    def summary(self) -> list[tuple[str, str, str]]:
        """(ID to go to, label, sentence) of each."""
        found = [
            (name, name.capitalize(), sentence)
            for name in ("description", "metadata", "sources", "destinations")
            if (sentence := getattr(self, name))
        ]
        for slug, faults in self.by_source.items():
            if faults.text:
                found.append((f"{slug}-text", "Filter", str(faults.text)))
            found += [(f"{slug}-{row}", "Condition", sentence) for row, sentence in faults.rows.items()]
            if faults.fields:
                found.append((f"{slug}-fields", "Which fields", faults.fields))
        return found


def check(content: Content, account: Account) -> Faults:
    return Faults(
        description=_description_fault(content.description),
        metadata=_too_long(content.metadata, MAX_METADATA),
        sources="" if content.sources else "Choose at least one source: without one nothing would be sent.",
        destinations=_destinations_fault(content, account),
        by_source={source.slug: faults for source in content.sources if (faults := check_source(source))},
    )


def check_lengths(content: Content) -> Faults:
    """What is wrong as soon as it is typed, whatever comes later."""
    return Faults(
        description=_too_long(content.description, MAX_DESCRIPTION),
        metadata=_too_long(content.metadata, MAX_METADATA),
    )


def check_source(source: DraftSource) -> SourceFaults:
    event_type = source.event_type
    if not event_type.selectable:
        return SourceFaults()
    total = len(event_type.fields)
    fields = "" if source.fields else f"Choose at least one field, or take all {total}."
    if source.mode == "cel":
        return SourceFaults(text=_text_fault(source.text, event_type), fields=fields)
    return SourceFaults(rows=dict(_row_faults(source, event_type)), fields=fields)


def filter_text(source: DraftSource) -> str:
    """The filter of a source without faults, as CEL."""
    if not source.event_type.selectable:
        return ""
    if source.mode == "cel":
        return source.text.strip()
    return render(group_of(source), source.event_type)


def group_of(source: DraftSource, leave_out: frozenset[str] = frozenset()) -> Group:
    """The conditions without the rows and groups of these IDs. Raises ValueError for a value of the wrong kind."""
    members: list[Condition | Group] = []
    for row in source.rows:
        if row.id in leave_out:
            continue
        if isinstance(row, Row):
            members.append(condition_of(row, source.event_type))
            continue
        inner = [condition_of(each, source.event_type) for each in row.rows if each.id not in leave_out]
        if inner:
            members.append(Group(row.match, tuple(inner), row.negated))
    return Group(source.match, tuple(members), source.negated) if members else Group()


def condition_of(row: Row, event_type: EventType) -> Condition:
    """Raises ValueError with a sentence for the customer."""
    if not row.field:
        raise ValueError("Choose a field.")
    found = event_type.field(row.field)
    kind = found.type if found else "string"
    texts = split_list(row.values[0]) if row.operator in {"one_of", "not_one_of"} and row.values else row.values
    operator = find_operator(kind, row.operator)
    if operator is not None and operator.values == 0:
        texts = []
    elif not texts or any(not text.strip() for text in texts):
        raise ValueError("Type a value to compare with.")
    return Condition(row.field, row.operator, tuple(read_value(kind, text) for text in texts))


def specs_of(content: Content) -> list[SourceSpec]:
    """What the services take, of a content without faults."""
    return [SourceSpec(source.type, filter_text(source), _chosen_fields(source)) for source in content.sources]


def places_of(content: Content, account: Account) -> list[Destination]:
    """The chosen destinations that are there, in the order of choice."""
    found = Destination.objects.existing().filter(account=account).in_bulk(content.destinations)
    return [found[pk] for pk in content.destinations if pk in found]


def _chosen_fields(source: DraftSource) -> list[str] | None:
    event_type = source.event_type
    everything = not event_type.selectable or len(source.fields) == len(event_type.fields)
    return None if everything else source.fields


def _description_fault(text: str) -> str:
    if not text.strip():
        return "Write a few words on what it is for: lists and messages show it by this name."
    return _too_long(text, MAX_DESCRIPTION)


def _too_long(text: str, limit: int) -> str:
    return f"{len(text):,} characters; {limit:,} is the most here. Take {len(text) - limit:,} out." * (
        len(text) > limit
    )


def _destinations_fault(content: Content, account: Account) -> str:
    places = places_of(content, account)
    if not places:
        return "Choose at least one destination: records need a place to go."
    limit = account.max_destinations_per_subscription
    return f"{len(places)} destinations; {limit} is the most here." if len(places) > limit else ""


def _text_fault(text: str, event_type: EventType) -> FilterError | None:
    if not text.strip():
        return None
    try:
        compile_filter(text, event_type)
    except FilterError as error:
        return error
    return None


def _row_faults(source: DraftSource, event_type: EventType) -> Iterator[tuple[str, str]]:
    for row in source.rows:
        if isinstance(row, RowGroup) and not row.rows:
            yield row.id, "A group needs at least one condition. Add one, or remove the group."
    for row in source.all_rows():
        try:
            fault = condition_fault(condition_of(row, event_type), event_type)
        except ValueError as error:
            fault = str(error)
        if fault:
            yield row.id, fault
