"""Generated Python for the values in a filter: fields, constants, calls. UNSET stands for an error (running.py)."""

import keyword
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from events.catalog import Field
from events.filters import checked
from events.filters.reading import EXACT
from events.filters.running import Pattern

NUMBER, UINT, STRING, BOOL, NULL = "number", "uint", "string", "bool", "null"
STRINGS, MAP, MAP_OF_STRINGS, MAPS = "list<string>", "map<string, list<string>>", "map<string, string>", "other"
KINDS = {
    "string": STRING,
    "timestamp": STRING,
    "bool": BOOL,
    "int32": NUMBER,
    "int64": NUMBER,
    "list<string>": STRINGS,
    "map<string, list<string>>": MAP,
    "map<string, string>": MAP_OF_STRINGS,
    "list<map<string, string>>": MAPS,
}
ELEMENTS = {STRINGS: STRING, MAP: STRINGS, MAP_OF_STRINGS: STRING, MAPS: MAP_OF_STRINGS}
ARITHMETIC = {"_+_": "add", "_-_": "subtract", "_*_": "multiply", "_/_": "divide", "_%_": "modulo", "-_": "negate"}
RESERVED = frozenset(
    {"UNSET", "ev", "verdict", "add", "subtract", "multiply", "divide", "modulo", "negate", "at", "size"}
)


class UnknownError(Exception):
    """A part of the expression that only the engine can do."""


@dataclass(frozen=True, slots=True)
class Value:
    """`text` is a Python expression. `variable` names a field's, which may be null; a constant has no errors."""

    text: str
    kind: str
    variable: str = ""
    is_constant: bool = False

    @property
    def is_map(self) -> bool:
        return self.kind in {MAP, MAP_OF_STRINGS}


class Values:
    """Builds values, and remembers which fields, functions and patterns they use."""

    def __init__(self, fields: Mapping[str, Field], root: str) -> None:
        self._fields = fields
        self._root = root
        self._variables: dict[str, str] = {}
        self._reading: list[str] = []
        self._temporaries = 0
        self.used: list[Field] = []
        self.called: set[str] = set()
        self.constants: dict[str, Pattern] = {}

    def of(self, expr: Any) -> Value:
        kind = checked.kind_of(expr)
        if kind == "const":
            return _constant(expr)
        if kind == "list":
            return self._list(expr)
        if kind == "call":
            return self._call(expr.call)
        if kind == "select" and not expr.select.test_only:
            return self.field(expr) or self._item(self.of(expr.select.operand), repr(expr.select.field), STRING)
        raise UnknownError

    def field(self, expr: Any) -> Value | None:
        """The value of a whole path of a field."""
        names = checked.path_of(expr, self._root)
        field = self._fields.get(".".join(names)) if names else None
        if field is None:
            return None
        variable = self._variable(field)
        return Value(variable, KINDS[field.type], variable)

    def group_of(self, expr: Any) -> str:
        """The variable of the group in which a field lies; empty for one of the event itself."""
        path = ".".join(checked.path_of(expr, self._root) or [])
        return self._variables.get(path.rpartition(".")[0], "")

    def temporary(self) -> str:
        self._temporaries += 1
        return f"t{self._temporaries}"

    def reading(self) -> list[str]:
        """The statements that read the fields from the decoded event `ev`."""
        return self._reading

    def pattern(self, text: str) -> str:
        """The name of the compiled pattern in the function."""
        for name, pattern in self.constants.items():
            if pattern.text == text:
                return name
        name = f"pattern_{len(self.constants) + 1}"
        self.constants[name] = Pattern(text)
        return name

    def _variable(self, field: Field) -> str:
        names = field.path.split(".")
        if not all(name.isidentifier() and not keyword.iskeyword(name) for name in names):
            raise UnknownError
        if field.path not in self._variables:
            self.used.append(field)
        above = ""
        for depth in range(1, len(names) + 1):
            path = ".".join(names[:depth])
            if path not in self._variables:
                name = self._fresh("_".join(names[:depth]))
                self._variables[path] = name
                read = f"{above}.{names[depth - 1]} if {above} else UNSET" if above else f"ev.{names[0]}"
                self._reading.append(f"{name} = {read}")
            above = self._variables[path]
        return above

    def _fresh(self, name: str) -> str:
        taken = {*self._variables.values(), *RESERVED}
        # Temporaries are t1, t2, ... and kept objects pattern_1, ...: a field's variable must not meet one.
        while name in taken or keyword.iskeyword(name) or name[-1].isdigit():
            name += "_"
        return name

    def _call(self, call: Any) -> Value:
        parts = [*([call.target] if call.HasField("target") else []), *call.args]
        if call.function == "dyn" and len(parts) == 1:
            return self.of(parts[0])
        if call.function == "size" and len(parts) == 1:
            self.called.add("size")
            return Value(f"size({self.of(parts[0]).text})", NUMBER)
        if call.function == "_[_]":
            key = self.of(parts[1])
            if not key.is_constant:
                raise UnknownError
            return self._item(self.of(parts[0]), key.text, key.kind)
        if call.function in ARITHMETIC:
            return self._arithmetic(ARITHMETIC[call.function], [self.of(part) for part in parts])
        raise UnknownError

    def _item(self, value: Value, key: str, key_kind: str) -> Value:
        if value.is_constant or value.kind not in ELEMENTS or key_kind != (STRING if value.is_map else NUMBER):
            raise UnknownError
        self.called.add("at")
        return Value(f"at({value.text}, {key})", ELEMENTS[value.kind])

    def _arithmetic(self, function: str, operands: list[Value]) -> Value:
        kinds = {operand.kind for operand in operands}
        if kinds != {NUMBER} and not (kinds == {STRING} and function == "add"):
            raise UnknownError
        self.called.add(function)
        return Value(f"{function}({', '.join(operand.text for operand in operands)})", kinds.pop())

    def _list(self, expr: Any) -> Value:
        """A list of constants; `kind` is that of a list of text, or `other`."""
        elements = [self.of(element) for element in expr.list.elements]
        if not all(element.is_constant for element in elements):
            raise UnknownError
        is_text = bool(elements) and {element.kind for element in elements} == {STRING}
        return Value(f"[{', '.join(e.text for e in elements)}]", STRINGS if is_text else "other", is_constant=True)


def _constant(expr: Any) -> Value:
    kind = checked.constant_kind(expr)
    value: Any = None if kind == "null" else getattr(expr.const, kind)
    if kind == "bytes" or (kind == "double" and not -EXACT < value < EXACT):
        raise UnknownError
    name = {"int": NUMBER, "double": NUMBER, "uint": UINT}.get(kind, kind)
    return Value(repr(value), name, is_constant=True)
