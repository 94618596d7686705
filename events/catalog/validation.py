"""Checking objects against the fields of their event type, and the catalogue against itself."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from events.catalog.loading import catalog
from events.catalog.types import EventType, Field

NAME = re.compile(r"[a-z_]+\.v\d+")
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
LIST_MARK = "[]"


def is_string(value: Any) -> bool:
    return isinstance(value, str)


def is_integer(value: Any, bits: int) -> bool:
    limit = 1 << (bits - 1)
    return isinstance(value, int) and not isinstance(value, bool) and -limit <= value < limit


def is_timestamp(value: Any) -> bool:
    if not isinstance(value, str) or not RFC3339.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def is_list(value: Any, is_item: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and all(is_item(item) for item in value)


def is_map(value: Any, is_item: Callable[[Any], bool]) -> bool:
    return isinstance(value, dict) and all(is_string(key) and is_item(item) for key, item in value.items())


HAS_TYPE: Mapping[str, Callable[[Any], bool]] = {
    "string": is_string,
    "bool": lambda value: isinstance(value, bool),
    "int32": lambda value: is_integer(value, 32),
    "int64": lambda value: is_integer(value, 64),
    "timestamp": is_timestamp,
    "list<string>": lambda value: is_list(value, is_string),
    "map<string, string>": lambda value: is_map(value, is_string),
    "map<string, list<string>>": lambda value: is_map(value, lambda item: is_list(item, is_string)),
    "list<map<string, string>>": lambda value: is_list(value, lambda item: is_map(item, is_string)),
}


@dataclass(slots=True)
class Branch:
    """The fields below one key of an object."""

    is_list: bool = False
    children: "dict[str, Branch | Field]" = field(default_factory=dict)


def object_problems(event_type: EventType, value: Mapping[str, Any], *, complete: bool) -> list[str]:
    """What in an object contradicts its type's fields.

    Real events may leave keys out or null; with `complete`, as for examples, every field must have a value.
    """
    problems = _branch_problems(dict(value), _tree(event_type.fields), "", complete)
    return [f"{event_type.name}: {problem}" for problem in problems]


def problems() -> list[str]:
    """Every fault of the catalogue, as a sentence naming the event type."""
    found = [problem for event_type in catalog().values() for problem in event_type_problems(event_type)]
    titles = Counter(event_type.title for event_type in catalog().values())
    meanings = Counter(event_type.description for event_type in catalog().values())
    found += [f"{count} event types have the title {title!r}." for title, count in titles.items() if count > 1]
    found += [f"{count} event types are described as {text!r}." for text, count in meanings.items() if count > 1]
    return found


def event_type_problems(event_type: EventType) -> list[str]:
    found = [f"{event_type.name}: {problem}" for problem in _own_problems(event_type)]
    if not found:
        found += object_problems(event_type, event_type.example, complete=True)
    return found


def _own_problems(event_type: EventType) -> Iterator[str]:
    if not NAME.fullmatch(event_type.name):
        yield "the name is not like thing_happened.v0."
    if not event_type.title:
        yield "the title is missing."
    if not is_sentence(event_type.description):
        yield "the description is not a sentence with a full stop."
    if event_type.selectable != bool(event_type.filterable_fields):
        yield "a type has filterable fields exactly if its fields can be selected."
    if (event_type.category == "audit") != (event_type.example_principal is not None):
        yield "audit events have a principal, traffic events have none."
    if not is_timestamp(event_type.example_at):
        yield f"example_at is {event_type.example_at!r}, not a time in UTC."
    yield from _field_problems(event_type.fields)


def _field_problems(fields: Iterable[Field]) -> Iterator[str]:
    paths, meanings = Counter(f.path for f in fields), Counter(f.description for f in fields)
    for each in fields:
        if paths[each.path] > 1:
            yield f"{each.path} is listed twice."
        if each.type not in HAS_TYPE:
            yield f"{each.path} has the unknown type {each.type!r}."
        if not is_sentence(each.description):
            yield f"the description of {each.path} is not a sentence with a full stop."
        if meanings[each.description] > 1:
            yield f"{each.path} has the same description as another field."


def is_sentence(text: str) -> bool:
    return text[:1].strip() != "" and text.endswith(".") and " " in text and text == text.strip()


def _tree(fields: Iterable[Field]) -> Branch:
    root = Branch()
    for each in fields:
        *parents, leaf = each.path.split(".")
        branch = root
        for name in parents:
            child = branch.children.setdefault(name.removesuffix(LIST_MARK), Branch(name.endswith(LIST_MARK)))
            # Only a fault in the data makes one path both a value and a parent; the example shows it as a wrong type.
            if isinstance(child, Field):
                break
            branch = child
        else:
            branch.children[leaf] = each
    return root


def _branch_problems(value: Any, branch: Branch, path: str, complete: bool) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path.rstrip('.')} is not an object."
        return
    for key in sorted(value.keys() - branch.children.keys()):
        yield f"{path}{key} is not a field of this type."
    for key, child in branch.children.items():
        if value.get(key) is not None:
            yield from _child_problems(value[key], child, f"{path}{key}", complete)
        elif complete:
            yield f"{path}{key} is missing."


def _child_problems(value: Any, child: Branch | Field, path: str, complete: bool) -> Iterator[str]:
    if isinstance(child, Field):
        if not HAS_TYPE[child.type](value):
            yield f"{path} is not of type {child.type}."
    elif child.is_list:
        yield from _list_problems(value, child, path, complete)
    else:
        yield from _branch_problems(value, child, f"{path}.", complete)


def _list_problems(value: Any, branch: Branch, path: str, complete: bool) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{path} is not a list."
    elif complete and not value:
        yield f"{path} is empty."
    else:
        for index, item in enumerate(value):
            yield from _branch_problems(item, branch, f"{path}[{index}].", complete)
