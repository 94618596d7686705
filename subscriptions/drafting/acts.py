"""Buttons of the composer that change the draft's shape. Each is `name` or `name:argument:…` in the form's `act`."""

from collections.abc import Callable, MutableSequence
from typing import Any

from events.filters.conditions import condition_fields
from events.filters.operators import operators_for
from subscriptions.drafting.checking import check_source, filter_text
from subscriptions.drafting.content import Content, DraftSource, Row, RowGroup, show_filter
from subscriptions.drafting.presets import PRESETS, preset_fields

Act = Callable[..., str]


def perform(content: Content, act: str) -> str:
    """Change `content`. Returns the ID of the control that gets the focus; empty for an act that is not known."""
    name, *arguments = act.split(":")
    if name in SOURCE_ACTS and arguments:
        source = content.source(arguments[0])
        if source is None:
            return ""
        source.is_open = True
        return SOURCE_ACTS[name](source, *arguments[1:3])
    if name in CONTENT_ACTS and len(arguments) == 1:
        return CONTENT_ACTS[name](content, arguments[0])
    return ""


def _remove_sources(content: Content, family: str) -> str:
    """One type by its slug, or a whole family by its name."""
    content.sources = [source for source in content.sources if family not in {source.slug, source.event_type.family}]
    return "add-sources"


def _remove_destination(content: Content, pk: str) -> str:
    content.destinations = [each for each in content.destinations if each != pk]
    return "add-destinations"


def _add_condition(source: DraftSource, group_id: str = "", *_: str) -> str:
    row = _new_row(source)
    group = _group(source, group_id)
    if group is None:
        source.rows.append(row)
    else:
        group.rows.append(row)
    return f"{source.slug}-{row.id}-field"


def _new_row(source: DraftSource) -> Row:
    first = condition_fields(source.event_type)[0]
    return Row(f"c{source.next_id()}", first.path, operators_for(first.type)[0].key)


def _add_group(source: DraftSource, *_: str) -> str:
    group = RowGroup(f"g{source.next_id()}")
    source.rows.append(group)
    return _add_condition(source, group.id)


def _remove_row(source: DraftSource, row_id: str = "", *_: str) -> str:
    """The next row gets the focus, else the button that adds one."""
    rows, add = _home_of(source, row_id)
    index = next((index for index, row in enumerate(rows) if row.id == row_id), None)
    if index is None:
        return add
    del rows[index]
    return f"{source.slug}-{rows[index].id}-remove" if index < len(rows) else add


def _home_of(source: DraftSource, row_id: str) -> tuple[MutableSequence[Any], str]:
    """The rows among which this one is, and the button that adds to them."""
    for row in source.rows:
        if isinstance(row, RowGroup) and any(each.id == row_id for each in row.rows):
            return row.rows, f"{source.slug}-{row.id}-add"
    return source.rows, f"{source.slug}-add"


def _group(source: DraftSource, group_id: str) -> RowGroup | None:
    return next((row for row in source.rows if isinstance(row, RowGroup) and row.id == group_id), None)


def _preset(source: DraftSource, preset: str = "", *_: str) -> str:
    if preset in PRESETS:
        source.fields = preset_fields(source.event_type, preset)
    return f"{source.slug}-preset-{preset}"


def _as_text(source: DraftSource, *_: str) -> str:
    """Rows that are not right yet cannot be written as text: they stay until they are, and the first gets the focus."""
    if source.mode == "conditions":
        wrong = check_source(source).rows
        if wrong:
            first = next(iter(wrong))
            return f"{source.slug}-{first}-{'add' if _group(source, first) else 'value'}"
        source.text, source.mode, source.rows = filter_text(source), "cel", []
    return f"{source.slug}-text"


def _as_conditions(source: DraftSource, *_: str) -> str:
    if source.mode == "cel":
        show_filter(source, source.text)
    return f"{source.slug}-as-conditions"


def _use(source: DraftSource, *_: str) -> str:
    """Put the suggested word in the place of the one that is not known."""
    fault = check_source(source).text
    if fault is not None and fault.suggestion:
        lines = source.text.split("\n")
        line, start = lines[fault.line - 1], fault.column - 1
        end = start
        while end < len(line) and (line[end].isalnum() or line[end] == "_"):
            end += 1
        lines[fault.line - 1] = line[:start] + fault.suggestion + line[end:]
        source.text = "\n".join(lines)
    return f"{source.slug}-text"


def _set_window(content: Content, window: str) -> str:
    content.window = window
    return f"window-{window}"


SOURCE_ACTS: dict[str, Act] = {
    "add_condition": _add_condition,
    "add_group": _add_group,
    "remove_row": _remove_row,
    "preset": _preset,
    "as_text": _as_text,
    "as_conditions": _as_conditions,
    "use": _use,
}
CONTENT_ACTS: dict[str, Act] = {
    "remove_sources": _remove_sources,
    "remove_destination": _remove_destination,
    "window": _set_window,
}
