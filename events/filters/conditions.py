"""Conditions: a filter as rows of field, operator and value, for people who do not write CEL.

A group holds conditions and, one level down, groups. `render` writes it as CEL; `recovering.recover` reads any CEL
of that shape back. Nothing is lost: `recover(render(group))` is `group.tidied()`, the same rows with what says
nothing taken out, such as a group of one.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from events.catalog import EventType, Field
from events.filters.compiling import compile_filter, filterable_fields
from events.filters.errors import FilterError
from events.filters.operators import INVERSE, OPERATORS, Operator, Value, find_operator, value_fault

MAX_DEPTH = 2
JOINERS = {"all": " && ", "any": " || "}
# A raw string shows a pattern as it is; it cannot hold its own quote or an end of line, nor end in a backslash.
RAW = re.compile(r'[^"\n\r]*\\[^"\n\r]*(?<!\\)')


@dataclass(frozen=True, slots=True)
class Condition:
    """`field` is a path such as conn.server_port, `operator` a key of events/filters/operators.py."""

    field: str
    operator: str
    values: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """All or any of its members; `negated`: events that do not pass. Without members it takes every event."""

    match: Literal["all", "any"] = "all"
    members: "tuple[Member, ...]" = ()
    negated: bool = False

    def tidied(self) -> "Group":
        """The same rows without what says nothing: groups of one, double negation, between as two rows."""
        members = tuple(_tidied_member(member) for member in self.members)
        if not members:
            return Group()
        if len(members) > 1:
            group = replace(self, members=members)
            return _as_between(group) if self.negated else group
        return _lone(members[0], self.negated)

    @property
    def depth(self) -> int:
        """1 for conditions alone, 2 with groups of conditions."""
        return 1 + max((member.depth for member in self.members if isinstance(member, Group)), default=0)


Member: TypeAlias = Condition | Group


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a group cannot be a filter; `place` is the index of the member, and of the one in it."""

    place: tuple[int, ...]
    message: str


def _lone(member: Member, negated: bool) -> Group:
    if isinstance(member, Group):
        return replace(member, negated=member.negated != negated).tidied()
    if negated and member.operator in INVERSE:
        return Group("all", (replace(member, operator=INVERSE[member.operator]),))
    return Group("all", (member,), negated)


def _tidied_member(member: Member) -> Member:
    if isinstance(member, Condition):
        return member
    group = member.tidied()
    if not group.negated:
        group = _as_between(group)
        if len(group.members) == 1:
            return group.members[0]
    return group


def _as_between(group: Group) -> Group:
    """At least and at most of one field, in a group of their own, are one row."""
    if group.match != "all" or len(group.members) != 2:  # noqa: PLR2004 - a pair
        return group
    low, high = group.members
    if not (isinstance(low, Condition) and isinstance(high, Condition) and low.field == high.field):
        return group
    if (low.operator, high.operator) not in {("at_least", "at_most"), ("since", "until")}:
        return group
    return replace(group, members=(Condition(low.field, "between", low.values + high.values),))


def render(group: Group, event_type: EventType) -> str:
    """The CEL text; empty for a group without members. Raises ValueError for what `faults` would name."""
    if not group.members:
        return ""
    if not group.negated:
        return _joined(group, event_type)
    return f"!({_joined(group, event_type)})"


def _joined(group: Group, event_type: EventType) -> str:
    return JOINERS[group.match].join(_render_member(member, event_type) for member in group.members)


def _render_member(member: Member, event_type: EventType) -> str:
    if isinstance(member, Condition):
        return render_condition(member, event_type)
    if not member.members:
        raise ValueError("A group within a group needs at least one condition.")
    text = f"({_joined(member, event_type)})"
    return f"!{text}" if member.negated else text


def render_condition(condition: Condition, event_type: EventType) -> str:
    field, operator = _resolve(condition, event_type)
    subject = f"ev.{condition.field}"
    if operator.sign == "has":
        return f"{'!' if operator.key == 'is_absent' else ''}has({subject})"
    if field.type == "timestamp":
        subject = f"timestamp({subject})"
    values = [_literal(field.type, value) for value in condition.values]
    if operator.key == "between":
        return f"({subject} >= {values[0]} && {subject} <= {values[1]})"
    if operator.sign == "in":
        text = f"{subject} in [{', '.join(values)}]"
        return f"!({text})" if operator.key == "not_one_of" else text
    if operator.sign[0].isalpha():
        return f"{'!' if operator.key.startswith('not_') else ''}{subject}.{operator.sign}({values[0]})"
    return f"{subject} {operator.sign} {values[0]}"


def _resolve(condition: Condition, event_type: EventType) -> tuple[Field, Operator]:
    """Raises ValueError with a sentence for the customer."""
    field = event_type.field(condition.field)
    if field is None:
        raise ValueError(f"There is no field {condition.field or 'chosen'}.")
    operator = find_operator(field.type, condition.operator)
    if operator is None:
        raise ValueError(f"{condition.field} is {field.type}; {condition.operator!r} does not go with it.")
    given = len(condition.values)
    if operator.values is None and not given:
        raise ValueError("Give at least one value.")
    if operator.values is not None and given != operator.values:
        raise ValueError(f"{operator.label} takes {operator.values} values, not {given}.")
    return field, operator


def _literal(field_type: str, value: Value) -> str:
    if fault := value_fault(field_type, value):
        raise ValueError(fault)
    if isinstance(value, bool):
        return "true" if value else "false"
    if field_type == "double":
        return repr(float(value))
    if isinstance(value, str):
        text = f'r"{value}"' if RAW.fullmatch(value) and value.isprintable() else _quoted(value)
        return f"timestamp({text})" if field_type == "timestamp" else text
    return str(value)


def _quoted(value: str) -> str:
    # JSON's escapes are CEL's too.
    return json.dumps(value, ensure_ascii=False)


def faults(group: Group, event_type: EventType) -> list[Fault]:
    """Everything that keeps a group from being a filter, each at its condition."""
    return [*_faults(group, event_type, ())]


def _faults(group: Group, event_type: EventType, place: tuple[int, ...]) -> list[Fault]:
    found: list[Fault] = []
    for index, member in enumerate(group.members):
        here = (*place, index)
        if isinstance(member, Condition):
            message = condition_fault(member, event_type)
            found += [Fault(here, message)] if message else []
        elif len(here) >= MAX_DEPTH:
            found.append(Fault(here, "Groups go two levels deep. Write deeper ones as CEL text."))
        elif not member.members:
            found.append(Fault(here, "A group needs at least one condition. Add one, or remove the group."))
        else:
            found += _faults(member, event_type, here)
    return found


def condition_fault(condition: Condition, event_type: EventType) -> str | None:
    """One sentence, or None: unknown field or operator, wrong kind of value, a pattern that does not compile."""
    try:
        compile_filter(render_condition(condition, event_type), event_type)
    except FilterError as error:
        return _as_sentence(error.message)
    except ValueError as error:
        return str(error)
    return None


def _as_sentence(message: str) -> str:
    """With a capital, unless it begins with the path of a field."""
    is_path = "." in message.split(" ", 1)[0]
    return message if is_path else message[:1].upper() + message[1:]


def to_json(group: Group) -> dict[str, Any]:
    """`{"match": "all", "negated": false, "members": [{"field", "operator", "values"} or a group]}`."""
    return {
        "match": group.match,
        "negated": group.negated,
        "members": [
            to_json(member)
            if isinstance(member, Group)
            else {"field": member.field, "operator": member.operator, "values": list(member.values)}
            for member in group.members
        ],
    }


def from_json(data: Any, *, depth: int = 0) -> Group:
    """Raises ValueError for anything that `to_json` does not write; whether it suits a type is for `faults`."""
    if not isinstance(data, Mapping) or data.get("match") not in JOINERS or depth >= MAX_DEPTH:
        raise ValueError('A group is {"match": "all" or "any", "negated": false, "members": […]}, two levels deep.')
    members, negated = data.get("members", []), data.get("negated", False)
    if not isinstance(members, list) or not isinstance(negated, bool):
        raise ValueError("members is a list, negated is true or false.")  # noqa: TRY004 - bad input, no bug
    return Group(data["match"], tuple(_member_from_json(member, depth) for member in members), negated)


def _member_from_json(data: Any, depth: int) -> Member:
    if isinstance(data, Mapping) and "members" in data:
        return from_json(data, depth=depth + 1)
    if not isinstance(data, Mapping) or not isinstance(data.get("field"), str):
        raise ValueError('A condition is {"field": "conn.server_port", "operator": "is", "values": [443]}.')  # noqa: TRY004
    operator, values = data.get("operator"), data.get("values", [])
    if not isinstance(operator, str) or not _are_values(values):
        raise ValueError(f"{data['field']}: operator is a name, values a list of texts, numbers, true or false.")
    return Condition(data["field"], operator, tuple(values))


def _are_values(values: Any) -> bool:
    return (
        isinstance(values, Sequence)
        and not isinstance(values, str)
        and all(isinstance(value, str | int | float) for value in values)
    )


def condition_fields(event_type: EventType) -> list[Field]:
    """The fields that conditions can be about: filterable, and no map or list."""
    return [field for field in filterable_fields(event_type) if field.type in OPERATORS]
