"""What a draft holds: everything as it was typed, so that nothing is lost because it is not right yet."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import msgspec

from events.catalog import EventType, get_event_type
from events.filters import FilterError
from events.filters.conditions import Condition
from events.filters.recovering import NotConditionsError, recover
from subscriptions.models import Subscription

Match = Literal["all", "any"]
Mode = Literal["conditions", "cel"]


class Row(msgspec.Struct, tag="condition", tag_field="kind"):
    """A condition. `values` are texts; `is one of` takes a list in one of them, separated by commas."""

    id: str
    field: str = ""
    operator: str = ""
    values: list[str] = []


class RowGroup(msgspec.Struct, tag="group", tag_field="kind"):
    id: str
    match: Match = "any"
    negated: bool = False
    rows: list[Row] = []


class DraftSource(msgspec.Struct):
    """A source; `fields` are the ticked ones of a type that has a choice of fields."""

    type: str
    mode: Mode = "conditions"
    text: str = ""
    match: Match = "all"
    negated: bool = False
    rows: list[Row | RowGroup] = []
    fields: list[str] = []
    is_open: bool = False

    @property
    def slug(self) -> str:
        """For names and IDs in the form."""
        return self.type.replace(".", "_")

    @property
    def event_type(self) -> EventType:
        found = get_event_type(self.type)
        if found is None:
            raise LookupError(self.type)
        return found

    def all_rows(self) -> Iterator[Row]:
        for row in self.rows:
            if isinstance(row, Row):
                yield row
            else:
                yield from row.rows

    def next_id(self) -> str:
        """Never one that was used for a row which is still there: focus is kept by it."""
        taken = [int(row.id[1:]) for row in [*self.rows, *self.all_rows()]]
        return str(max(taken, default=0) + 1)


class Content(msgspec.Struct):
    description: str = ""
    metadata: str = ""
    sources: list[DraftSource] = []
    destinations: list[str] = []
    # Of the panel: how far back the draft is tried.
    window: str = "24h"

    def source(self, slug: str) -> DraftSource | None:
        return next((source for source in self.sources if source.slug == slug), None)

    def add_source(self, event_type: EventType) -> None:
        if any(source.type == event_type.name for source in self.sources):
            return
        fields = [field.path for field in event_type.fields] if event_type.selectable else []
        is_open = event_type.selectable and not any(source.is_open for source in self.sources)
        self.sources.append(DraftSource(event_type.name, fields=fields, is_open=is_open))

    def to_json(self) -> dict[str, Any]:
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


def from_json(data: Any) -> Content:
    """Types that have left the catalogue since are left out."""
    content = msgspec.convert(data, Content)
    content.sources = [source for source in content.sources if get_event_type(source.type)]
    return content


def content_of(subscription: Subscription) -> Content:
    """The present revision as a draft: filters as conditions where they have that shape."""
    content = Content(
        description=subscription.description,
        metadata=subscription.metadata,
        destinations=[place.pk for place in subscription.destinations.all() if place.deleted_at is None],
    )
    for source in subscription.sources.all():
        event_type = source.catalogued
        if event_type is not None:
            content.add_source(event_type)
            show_filter(content.sources[-1], source.filter)
            if source.fields is not None:
                content.sources[-1].fields = list(source.fields)
    return content


def show_filter(source: DraftSource, text: str) -> str:
    """Set a filter, as conditions where it has that shape, else as text. Returns why it stays text, if it does."""
    try:
        group = recover(text, source.event_type)
    except (NotConditionsError, FilterError) as error:
        source.mode, source.text = "cel", text
        return str(error) if isinstance(error, NotConditionsError) else "Mend the text first, then switch."
    source.mode, source.text = "conditions", ""
    source.match, source.negated, source.rows = group.match, group.negated, []
    for member in group.members:
        if isinstance(member, Condition):
            source.rows.append(_row(f"c{source.next_id()}", member))
            continue
        made = RowGroup(f"g{source.next_id()}", member.match, member.negated)
        source.rows.append(made)
        for inner in member.members:
            if isinstance(inner, Condition):
                made.rows.append(_row(f"c{source.next_id()}", inner))
    return ""


def _row(row_id: str, condition: Condition) -> Row:
    texts = ["true" if value is True else "false" if value is False else str(value) for value in condition.values]
    if condition.operator in {"one_of", "not_one_of"}:
        texts = [join_list(texts)]
    return Row(row_id, condition.field, condition.operator, texts)


def join_list(values: Sequence[str]) -> str:
    """`a, "b, c"`: one line that `split_list` reads back."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(values)
    return line.getvalue()


def split_list(text: str) -> list[str]:
    """A typed or pasted list: separated by commas or ends of line; what holds a comma stands in quotes."""
    rows = csv.reader(text.splitlines(), skipinitialspace=True)
    return [value.strip() for row in rows for value in row if value.strip()]
