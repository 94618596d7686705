"""The engine's complaints in words for the customer, at the place where the fault is."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from events.filters.errors import FilterError

FAULT = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
UNDEFINED_FIELD = re.compile(r"undefined field '(\w+)' not found in struct '([\w.]+)'")
UNDECLARED = re.compile(r"undeclared reference to '([^']+)'")
NO_OVERLOAD = re.compile(r"found no matching overload for '([^']+)' applied to '(.*)'$")
SYNTAX_INPUT = re.compile(r"(?:mismatched|extraneous|no viable alternative at) input '(.*?)'(?: expecting|$)")
TOKEN = re.compile(r"token recognition error at: '(.*)'")
FIELD_BEFORE = re.compile(r"ev\.([\w.]+)\s*$")
TOO_DEEP = re.compile(r"recursion (?:limit exceeded\. limit:|depth of) (\d+)")
LITERAL_AFTER = re.compile(r"[=!<>]=?\s*(\"[^\"]*\"|'[^']*'|-?[\d.]+)")

QUOTED = 80

KINDS = {
    "int": "a number",
    "uint": "an unsigned number",
    "double": "a decimal number",
    "string": "text",
    "bool": "true or false",
    "null_type": "null",
}
OPERATORS = {"_==_": "==", "_!=_": "!=", "_<_": "<", "_<=_": "<=", "_>_": ">", "_>=_": ">=", "_&&_": "&&", "_||_": "||"}
FUNCTIONS = (
    "startsWith", "endsWith", "contains", "matches", "size", "has", "exists", "all", "filter", "map", "exists_one",
    "timestamp", "duration", "int", "string", "double", "type",
)  # fmt: skip


def reword(complaint: str, text: str, groups: Mapping[str, Sequence[str]]) -> FilterError:
    """The first fault of a complaint. The others mostly follow from it."""
    found = FAULT.search(complaint)
    if found is None:
        return _without_place(complaint, text)
    line, column, message = int(found[1]), int(found[2]), found[3].removesuffix(" [INVALID_ARGUMENT]")
    if field := UNDEFINED_FIELD.search(message):
        names = groups.get(field[2], ())
        near = _near(field[1], names)
        hint = f" Did you mean {near}?" if near else f" There are {', '.join(names)}."
        # The engine points at the dot.
        message = f"there is no field {_cut(field[1])}.{hint}"
        return FilterError(message, text=text, line=line, column=column + 1, suggestion=near, kind="unknown_field")
    if name := UNDECLARED.search(message):
        return _undeclared(name[1], text, line, column)
    if "cannot be the range of a comprehension" in message:
        message = "put dyn( ) around what exists, all, map or filter goes over."
        return _error(message, text, line, column, None)
    if overload := NO_OVERLOAD.search(message):
        return _overload(overload[1], overload[2], text, line, column)
    return _error(_syntax(message), text, line, column, None)


def _without_place(complaint: str, text: str) -> FilterError:
    if deep := TOO_DEEP.search(complaint):
        message = (
            f"parts stand more than {deep[1]} deep in one another. Take out brackets, or split it into fewer levels."
        )
        return FilterError(message, text=text)
    return FilterError(complaint.split("\n", 1)[0].removesuffix(" [INVALID_ARGUMENT]") + ".", text=text)


def _undeclared(name: str, text: str, line: int, column: int) -> FilterError:
    # The engine points at the bracket of a call, and at the name of anything else.
    if text.split("\n")[line - 1][column - 1 : column] == "(":
        near = _near(name, FUNCTIONS)
        hint = f" Did you mean {near}?" if near else ""
        return _error(f"there is no function {_cut(name)}.{hint}", text, line, column, near)
    message = f"{_cut(name)} is not known here. Fields begin with ev, such as ev.conn.server_port."
    return FilterError(message, text=text, line=line, column=column, kind="unknown_field")


def _overload(function: str, kinds: str, text: str, line: int, column: int) -> FilterError:
    left, _, right = kinds.strip("()").partition(", ")
    if left.startswith("event."):
        return _error("fields are read with dots, such as ev.conn.server_port.", text, line, column, None)
    operator = OPERATORS.get(function)
    if operator is None or not right:
        named = " and ".join(KINDS.get(kind, kind) for kind in (left, right) if kind)
        return _error(f"{function.strip('_')} does not take {named}.", text, line, column, None)
    if right == "null_type":
        message = "a field is never compared with null; has(ev.conn.server_name) asks whether it is there."
        return _error(message, text, line, column, None)
    source = text.split("\n")[line - 1]
    before, after = FIELD_BEFORE.search(source[: column - 1]), LITERAL_AFTER.match(source[column - 1 :])
    if before and after and {left, right} == {"int", "string"} and right == "string":
        bare = after[1].strip("\"'")
        message = f"{before[1]} is a number; {_cut(after[1])} in quotes is text."
        return _error(f"{message} Write {_cut(bare)}." if bare.isdigit() else message, text, line, column, None)
    if before and after and left == "string" and right in {"int", "double"}:
        message = f'{before[1]} is text; {_cut(after[1])} without quotes is a number. Write "{_cut(after[1])}".'
        return _error(message, text, line, column, None)
    named = f"{operator} cannot compare {KINDS.get(left, left)} with {KINDS.get(right, right)}."
    return _error(named, text, line, column, None)


def _syntax(message: str) -> str:
    if "<EOF>" in message:
        return "the expression ends too early; something is missing here."
    if token := TOKEN.search(message):
        return f"{_cut(token[1])} is not understood here."
    if found := SYNTAX_INPUT.search(message):
        return f"{_cut(found[1])} is not expected here."
    return message.rstrip(".").removeprefix("Syntax error: ") + "."


def _cut(typed: str) -> str:
    """What was typed, short enough to stand in a sentence."""
    return typed if len(typed) <= QUOTED else f"{typed[:QUOTED]}…"


def _near(name: str, names: Sequence[str]) -> str | None:
    lowered = {each.lower(): each for each in names}
    close = get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    return lowered[close[0]] if close else None


def _error(message: str, text: str, line: int, column: int, suggestion: str | None) -> FilterError:
    return FilterError(message, text=text, line=line, column=column, suggestion=suggestion)
