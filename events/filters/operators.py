"""What a condition can ask of a field, by the field's type."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

Value: TypeAlias = str | int | float | bool

INT64 = range(-(1 << 63), 1 << 63)


@dataclass(frozen=True, slots=True)
class Operator:
    """`sign` is the CEL operator or function; `values` is how many values there are, None for any number."""

    key: str
    label: str
    sign: str
    values: int | None = 1
    inverse: str = ""


IS = Operator("is", "is", "==", inverse="is_not")
IS_NOT = Operator("is_not", "is not", "!=", inverse="is")
ONE_OF = Operator("one_of", "is one of", "in", None, "not_one_of")
NOT_ONE_OF = Operator("not_one_of", "is not one of", "in", None, "one_of")
IS_PRESENT = Operator("is_present", "is present", "has", 0, "is_absent")
IS_ABSENT = Operator("is_absent", "is not present", "has", 0, "is_present")
BETWEEN = Operator("between", "is between", "", 2)

TEXT_OPERATORS = (
    IS,
    IS_NOT,
    ONE_OF,
    NOT_ONE_OF,
    Operator("starts_with", "starts with", "startsWith", inverse="not_starts_with"),
    Operator("not_starts_with", "does not start with", "startsWith", inverse="starts_with"),
    Operator("ends_with", "ends with", "endsWith", inverse="not_ends_with"),
    Operator("not_ends_with", "does not end with", "endsWith", inverse="ends_with"),
    Operator("contains", "contains", "contains", inverse="not_contains"),
    Operator("not_contains", "does not contain", "contains", inverse="contains"),
    Operator("matches", "matches", "matches", inverse="not_matches"),
    Operator("not_matches", "does not match", "matches", inverse="matches"),
    IS_PRESENT,
    IS_ABSENT,
)
NUMBER_OPERATORS = (
    IS,
    IS_NOT,
    ONE_OF,
    NOT_ONE_OF,
    Operator("greater_than", "is greater than", ">"),
    Operator("less_than", "is less than", "<"),
    Operator("at_least", "is at least", ">="),
    Operator("at_most", "is at most", "<="),
    BETWEEN,
    IS_PRESENT,
    IS_ABSENT,
)
TIME_OPERATORS = (
    Operator("before", "is before", "<"),
    Operator("after", "is after", ">"),
    Operator("until", "is not after", "<="),
    Operator("since", "is not before", ">="),
    BETWEEN,
    IS_PRESENT,
    IS_ABSENT,
)
BOOL_OPERATORS = (IS, IS_NOT, IS_PRESENT, IS_ABSENT)

OPERATORS: Mapping[str, tuple[Operator, ...]] = {
    "string": TEXT_OPERATORS,
    "int32": NUMBER_OPERATORS,
    "int64": NUMBER_OPERATORS,
    "double": NUMBER_OPERATORS,
    "bool": BOOL_OPERATORS,
    "timestamp": TIME_OPERATORS,
}

INVERSE = {each.key: each.inverse for group in OPERATORS.values() for each in group if each.inverse}


def operators_for(field_type: str) -> tuple[Operator, ...]:
    """Empty for maps and lists, which conditions do not show."""
    return OPERATORS.get(field_type, ())


def find_operator(field_type: str, key: str) -> Operator | None:
    return next((operator for operator in operators_for(field_type) if operator.key == key), None)


def by_sign(field_type: str, sign: str) -> Operator | None:
    """The first, which is the one that is not negated."""
    return next((operator for operator in operators_for(field_type) if operator.sign == sign), None)


def read_value(field_type: str, text: str) -> Value:
    """What a person typed, as a value of the field's type. Raises ValueError with a sentence."""
    text = text if field_type == "string" else text.strip()
    if field_type in {"int32", "int64"}:
        return _read_integer(text)
    if field_type == "double":
        return _read_decimal(text)
    if field_type == "bool":
        if text not in {"true", "false"}:
            raise ValueError("Choose true or false.")
        return text == "true"
    return text


def _read_integer(text: str) -> int:
    try:
        # Python reads 1_000 as a number; a person who types it may mean something else.
        return int(text.replace("_", "?"))
    except ValueError:
        raise ValueError(f"A whole number is expected, such as 443; this is {text!r}.") from None


def _read_decimal(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"A number is expected, such as 0.5; this is {text!r}.") from None


def value_fault(field_type: str, value: Value) -> str | None:
    """Why a value does not suit a field's type."""
    if field_type in {"int32", "int64"}:
        return _integer_fault(value)
    if field_type == "double":
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return None if is_number else f"A number is expected, such as 0.5; this is {value!r}."
    if field_type == "bool":
        return None if isinstance(value, bool) else "Choose true or false."
    if not isinstance(value, str):
        return f"Text is expected; this is {value!r}."
    return _time_fault(value) if field_type == "timestamp" else _text_fault(value)


def _integer_fault(value: Value) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return f"A whole number is expected, such as 443; this is {value!r}."
    return None if value in INT64 else f"{value} is outside the range of whole numbers, 64 bits."


def _text_fault(value: str) -> str | None:
    try:
        value.encode()
    except UnicodeEncodeError:
        return "The text has half a character in it (a lone surrogate)."
    return None


def _time_fault(value: str) -> str | None:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return f"A time is expected, such as 2026-11-25T14:00:00Z; this is {value!r}."
    return None if moment.tzinfo else f"The time needs its zone, such as {value}Z for UTC."
