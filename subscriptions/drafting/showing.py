"""A draft's content prepared for the composer's templates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from events.catalog import EventType, Field, families
from events.filters import FilterError
from events.filters.conditions import condition_fields
from events.filters.operators import Operator, find_operator, operators_for
from events.filters.recovering import NotConditionsError, recover
from subscriptions.drafting.checking import SourceFaults, check_source, filter_text
from subscriptions.drafting.content import Content, DraftSource, Row, RowGroup
from subscriptions.drafting.presets import PRESETS, preset_fields

MISSING = object()
SAMPLE_LENGTH = 80


@dataclass(frozen=True, slots=True)
class FieldRow:
    field: Field
    name: str
    is_ticked: bool
    sample: str


@dataclass(frozen=True, slots=True)
class FieldGroup:
    """Fields under one parent; `path` is empty for those at the top."""

    path: str
    slug: str
    rows: Sequence[FieldRow]

    @property
    def ticked(self) -> int:
        return sum(row.is_ticked for row in self.rows)


@dataclass(frozen=True, slots=True)
class RowView:
    """A condition; `place` is its entry in the form's list of rows, `index` its place in the filter ("0", "1-0"), and
    `shape` how its values are typed."""

    row: Row
    prefix: str
    place: str
    index: str
    fields: Sequence[Field]
    operators: Sequence[Operator]
    shape: str
    kind: str
    fault: str

    @property
    def values(self) -> list[str]:
        wanted = {"none": 0, "two": 2}.get(self.shape, 1)
        return [*self.row.values, "", ""][:wanted]


@dataclass(frozen=True, slots=True)
class GroupView:
    group: RowGroup
    prefix: str
    index: str
    rows: Sequence[RowView]
    fault: str
    is_group: bool = True


@dataclass(frozen=True, slots=True)
class SourceView:
    """A traffic source. `note` says why it cannot be shown as text, or as conditions, when somebody asked."""

    source: DraftSource
    event_type: EventType
    faults: SourceFaults
    rows: Sequence[RowView | GroupView]
    groups: Sequence[FieldGroup]
    presets: Sequence[tuple[str, str, bool]]
    cel: str
    note: str

    @property
    def summary(self) -> str:
        """`3 conditions · 12 of 35 fields`."""
        count = sum(1 for _ in self.source.all_rows())
        events = f"{count} condition{'s' * (count != 1)}" if count else "every event"
        if self.source.mode == "cel" and self.source.text.strip():
            events = "filter as text"
        total = len(self.event_type.fields)
        ticked = len(self.source.fields)
        return f"{events} · {'all fields' if ticked == total else f'{ticked} of {total} fields'}"


@dataclass(frozen=True, slots=True)
class FamilyView:
    """Audit sources of one family, which are sent whole."""

    name: str
    sources: Sequence[DraftSource]
    total: int


def source_views(
    content: Content, samples: Mapping[str, Mapping[str, Any]], *, strict: bool, asked: str = ""
) -> list[SourceView | FamilyView]:
    """In the order of choice, audit types together by family. `samples` are objects by type; `strict` names what is
    still missing too; `asked` is the slug of the source that was to be shown the other way, as conditions or text."""
    views: list[SourceView | FamilyView] = []
    seen: set[str] = set()
    for source in content.sources:
        event_type = source.event_type
        if event_type.selectable:
            sample = samples.get(source.type, event_type.example)
            views.append(_source_view(source, sample, strict, asked == source.slug))
        elif event_type.family not in seen:
            seen.add(event_type.family)
            members = [each for each in content.sources if each.event_type.family == event_type.family]
            views.append(FamilyView(event_type.family, members, len(families()[event_type.family])))
    return views


def _source_view(source: DraftSource, sample: Mapping[str, Any], strict: bool, asked: bool) -> SourceView:
    event_type = source.event_type
    faults = check_source(source)
    typed = {row.id for row in source.all_rows() if any(value.strip() for value in row.values)}
    shown = (
        faults
        if strict or asked
        else SourceFaults(
            faults.text, {row: fault for row, fault in faults.rows.items() if row in typed}, faults.fields
        )
    )
    return SourceView(
        source=source,
        event_type=event_type,
        faults=shown,
        rows=[_member_view(source, index, member, shown) for index, member in enumerate(source.rows)],
        groups=_field_groups(source, sample),
        presets=[(key, label, source.fields == preset_fields(event_type, key)) for key, (label, _) in PRESETS.items()],
        cel=filter_text(source) if source.mode == "conditions" and not faults.rows else "",
        note=_why_not(source, faults) if asked else "",
    )


def _why_not(source: DraftSource, faults: SourceFaults) -> str:
    """Why the filter stays conditions, or text, although the other was asked for; empty when it does not."""
    if source.mode != "cel":
        numbers = [number for number, row in enumerate(source.all_rows(), start=1) if row.id in faults.rows]
        first = f"condition {numbers[0]}" if numbers else "the group"
        return f"Finish {first} first, or remove it: then all of it can be written as text." if faults.rows else ""
    try:
        recover(source.text, source.event_type)
    except NotConditionsError as error:
        return str(error)
    except FilterError:
        return "Mend the text first: what does not compile cannot be shown as conditions."
    return ""


def _member_view(source: DraftSource, index: int, member: Row | RowGroup, faults: SourceFaults) -> RowView | GroupView:
    if isinstance(member, Row):
        return _row_view(source, member, member.id, str(index), faults)
    rows = [
        _row_view(source, row, f"{member.id}/{row.id}", f"{index}-{inner}", faults)
        for inner, row in enumerate(member.rows)
    ]
    return GroupView(member, f"{source.slug}-{member.id}", str(index), rows, faults.rows.get(member.id, ""))


def _row_view(source: DraftSource, row: Row, place: str, index: str, faults: SourceFaults) -> RowView:
    event_type = source.event_type
    field = event_type.field(row.field)
    kind = field.type if field else "string"
    operator = find_operator(kind, row.operator)
    return RowView(
        row=row,
        prefix=f"{source.slug}-{row.id}",
        place=place,
        index=index,
        fields=condition_fields(event_type),
        operators=operators_for(kind),
        shape=_shape(operator, kind),
        kind=kind,
        fault=faults.rows.get(row.id, ""),
    )


def _shape(operator: Operator | None, kind: str) -> str:
    if operator is not None and operator.values in {0, 2}:
        return "none" if operator.values == 0 else "two"
    if operator is not None and operator.values is None:
        return "list"
    return "bool" if kind == "bool" else "one"


def _field_groups(source: DraftSource, sample: Mapping[str, Any]) -> list[FieldGroup]:
    ticked = set(source.fields)
    groups: dict[str, list[FieldRow]] = {}
    for field in source.event_type.fields:
        parent, _, name = field.path.rpartition(".")
        row = FieldRow(field, name, field.path in ticked, sample_text(sample, field.path))
        groups.setdefault(parent, []).append(row)
    return [FieldGroup(path, f"{source.slug}-{path.replace('.', '_')}", rows) for path, rows in groups.items()]


def sample_text(sample: Mapping[str, Any], path: str) -> str:
    """The value beside a field: `443`, `9 keys`, or a dash where this event has none."""
    value: Any = sample
    for name in path.split("."):
        value = value.get(name, MISSING) if isinstance(value, Mapping) else MISSING
    if value is MISSING:
        return "\N{EN DASH}"
    if isinstance(value, Mapping):
        return f"{len(value)} key{'s' * (len(value) != 1)}"
    if isinstance(value, list):
        return f"{len(value)} item{'s' * (len(value) != 1)}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)[:SAMPLE_LENGTH]
