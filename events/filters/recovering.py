"""From CEL text back to conditions, whatever its spacing and parentheses."""

from dataclasses import dataclass
from typing import Any, Literal

from events.catalog import EventType
from events.filters import checked, engine
from events.filters.compiling import compile_filter
from events.filters.conditions import MAX_DEPTH, Condition, Group, Member
from events.filters.operators import Value, by_sign, value_fault
from events.filters.places import Layout, lay_out

MATCHES: dict[str, Literal["all", "any"]] = {"_&&_": "all", "_||_": "any"}
COMPARISONS = {"_==_": "==", "_!=_": "!=", "_<_": "<", "_<=_": "<=", "_>_": ">", "_>=_": ">="}
MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
TEXT_FUNCTIONS = {"startsWith", "endsWith", "contains", "matches"}
CONSTANTS = ("bool", "int", "double", "string")
ARITHMETIC = {"_+_": "+", "_-_": "-", "_*_": "*", "_/_": "/", "_%_": "%", "-_": "-"}
OF_A_RESULT = "compares the result of a comparison"
# What is special about an expression, by its function.
PECULIAR = {
    "_?_:_": "uses ? and :",
    "_[_]": "looks into a map or list",
    **{function: f"calculates with {sign}" for function, sign in ARITHMETIC.items()},
    **dict.fromkeys([*COMPARISONS, *MATCHES, "@in", "!_"], OF_A_RESULT),
}


class NotConditionsError(ValueError):
    """A filter that conditions cannot show; the message is a sentence for the page."""

    def __init__(self, what: str) -> None:
        super().__init__(f"This filter {what}, which conditions cannot show. It works as text.")


def recover(text: str, event_type: EventType) -> Group:
    """The conditions of a filter. Raises NotConditionsError, and FilterError for a text that does not compile."""
    if not text.strip():
        return Group()
    compile_filter(text, event_type)
    layout = lay_out(text, event_type)
    group = _Reader(layout, event_type).whole(layout.root).tidied()
    if group.depth > MAX_DEPTH:
        raise NotConditionsError("has groups within groups within groups")
    return group


@dataclass(frozen=True, slots=True)
class _Reader:
    layout: Layout
    event_type: EventType

    def whole(self, expr: Any) -> Group:
        if _function(expr) in MATCHES and not self.layout.is_wrapped(expr):
            return self._chain(expr)
        return Group("all", (self._member(expr),))

    def _member(self, expr: Any) -> Member:
        function = _function(expr)
        if function == "!_":
            return Group("all", (self._member(expr.call.args[0]),), negated=True)
        return self._chain(expr) if function in MATCHES else self._condition(expr)

    def _chain(self, expr: Any) -> Group:
        return Group(MATCHES[_function(expr)], tuple(self._member(part) for part in self.layout.parts(expr)))

    def _condition(self, expr: Any) -> Condition:
        function = _function(expr)
        path = checked.path_of(expr, engine.VARIABLE)
        if path is not None:
            name = ".".join(path)
            return Condition(name, "is_present") if expr.select.test_only else Condition(name, "is", (True,))
        if function in COMPARISONS:
            return self._comparison(expr.call.args[0], expr.call.args[1], COMPARISONS[function])
        if function == "@in":
            return self._one_of(*expr.call.args)
        if function in TEXT_FUNCTIONS:
            subject, value = [expr.call.target, *expr.call.args][-2:]
            return self._made(self._field(subject), function, [value])
        raise self._blame(expr)

    def _comparison(self, left: Any, right: Any, sign: str) -> Condition:
        if _constant(left) is not None or (_is_timestamp(left) and _constant(left.call.args[0]) is not None):
            left, right, sign = right, left, MIRRORED.get(sign, sign)
        if _is_timestamp(left) and _is_timestamp(right):
            return self._made(self._field(left.call.args[0]), sign, [right.call.args[0]])
        return self._made(self._field(left), sign, [right])

    def _one_of(self, subject: Any, values: Any) -> Condition:
        path = self._field(subject)
        if checked.kind_of(values) != "list":
            raise self._blame(values)
        if not values.list.elements:
            raise NotConditionsError("compares with an empty list")
        return self._made(path, "in", list(values.list.elements))

    def _field(self, expr: Any) -> str:
        path = checked.path_of(expr, engine.VARIABLE)
        if path is None or expr.select.test_only:
            raise self._blame(expr)
        return ".".join(path)

    def _made(self, path: str, sign: str, values: list[Any]) -> Condition:
        field = self.event_type.field(path)
        field_type = field.type if field else ""
        operator = by_sign(field_type, sign)
        if operator is None:
            raise NotConditionsError(f"compares {path} by {sign}")
        return Condition(path, operator.key, tuple(self._value(field_type, value) for value in values))

    def _value(self, field_type: str, expr: Any) -> Value:
        value = _constant(expr)
        if value is None:
            raise self._blame(expr)
        if value_fault(field_type, value):
            raise NotConditionsError(f"compares with {self.layout.slice(expr)}")
        return value

    def _blame(self, expr: Any) -> NotConditionsError:
        return NotConditionsError(self._peculiarity(expr))

    def _peculiarity(self, expr: Any) -> str:
        """What is special about this part: a function, a macro, arithmetic, a second field."""
        kind, function = checked.kind_of(expr), _function(expr)
        if kind == "comprehension":
            return f"uses {self.layout.macro(expr)}()"
        if function:
            return PECULIAR.get(function, f"uses {function}()")
        if kind == "select" and expr.select.test_only:
            return OF_A_RESULT
        if checked.path_of(expr, engine.VARIABLE):
            return "compares one field with another"
        return f"has {self.layout.slice(expr)} where a comparison is expected"


def _function(expr: Any) -> str:
    return str(expr.call.function) if checked.kind_of(expr) == "call" else ""


def _is_timestamp(expr: Any) -> bool:
    return _function(expr) == "timestamp" and len(expr.call.args) == 1


def _constant(expr: Any) -> Value | None:
    """The value of a literal that a condition can hold."""
    if checked.kind_of(expr) != "const":
        return None
    for kind in CONSTANTS:
        if expr.const.HasField(kind):
            value: Value = getattr(expr.const, kind)
            return value
    return None
