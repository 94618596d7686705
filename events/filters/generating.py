"""Generated Python: a checked expression as a function over decoded fields, twenty times as fast as the engine.

For each part there are two conditions, *certainly true* and *certainly false*; where neither holds, the part is an
error. `a || b` is certainly true if either side is, certainly false if both are: that is how CEL absorbs errors, and
takes no exceptions. A part that is not known here is neither, and the engine decides where it matters.

The source is made from the checked tree alone. Text of the customer gets into it only as a constant, by repr().
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from msgspec import UNSET

from events.catalog import Field
from events.filters import checked, running
from events.filters.patterns import simplify
from events.filters.values import BOOL, MAPS, NULL, NUMBER, STRING, STRINGS, UINT, UnknownError, Value, Values

# Ternaries within the condition of a ternary double the work at each level: beyond this the engine does it all.
MAX_STEPS = 5_000
COMPARISONS = {"_<_": "<", "_<=_": "<=", "_>_": ">", "_>=_": ">="}
METHODS = {"startsWith": "startswith", "endsWith": "endswith"}
NEVER = "False"

# Reads a decoded event; None where neither condition holds.
Verdict = Callable[[Any], bool | None]


class TooLargeError(Exception):
    """The expression would become too much Python."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A Python condition, and the guards that hold wherever it does: they need not be asked again behind an `and`."""

    text: str
    known: frozenset[str]


@dataclass(frozen=True, slots=True)
class Generated:
    """`is_whole`: where there is no verdict, there is an error; if not, the engine has to say."""

    source: str
    verdict: Verdict
    is_whole: bool
    fields: tuple[Field, ...]


def generate(root: Any, fields: Mapping[str, Field], variable: str) -> Generated | None:
    """None if nothing of the expression is known here. `fields` are those that may be read, by their path."""
    values = Values(fields, variable)
    generator = _Generator(values)
    try:
        true, false = (generator.certainly(root, wanted, frozenset()).text for wanted in (True, False))
    except TooLargeError:
        return None
    if (true, false) == (NEVER, NEVER):
        return None
    source = _function(values.reading(), true, false)
    names = {"UNSET": UNSET, **values.constants, **{name: getattr(running, name) for name in values.called}}
    exec(compile(source, "<filter>", "exec"), names)  # noqa: S102 - made here  # nosec B102
    return Generated(source, names["verdict"], generator.is_whole, tuple(values.used))


def _function(reading: list[str], true: str, false: str) -> str:
    lines = ["def verdict(ev):", *(f"    {line}" for line in reading)]
    if true != NEVER:
        lines += [f"    if {true}:", "        return True"]
    if false != NEVER:
        lines += [f"    if {false}:", "        return False"]
    return "\n".join([*lines, "    return None", ""])


class _Generator:
    def __init__(self, values: Values) -> None:
        self.values = values
        self.is_whole = True
        self._steps = 0

    def certainly(self, expr: Any, wanted: bool, known: frozenset[str]) -> Condition:
        """When `expr` is certainly `wanted`, given what is `known`."""
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise TooLargeError
        kind = checked.kind_of(expr)
        function = expr.call.function if kind == "call" else ""
        if function in {"_&&_", "_||_"}:
            return self._joined(expr.call.args, wanted, known, is_any=(function == "_||_") == wanted)
        if function == "!_":
            return self.certainly(expr.call.args[0], not wanted, known)
        if function == "_?_:_":
            return self._ternary(expr.call.args, wanted, known)
        try:
            return self._leaf(expr, function, wanted, known)
        except UnknownError:
            self.is_whole = False
            return Condition(NEVER, known)

    def _joined(self, sides: Any, wanted: bool, known: frozenset[str], *, is_any: bool) -> Condition:
        left = self.certainly(sides[0], wanted, known)
        right = self.certainly(sides[1], wanted, known if is_any else left.known)
        return _either(left, right) if is_any else _both(left, right)

    def _ternary(self, parts: Any, wanted: bool, known: frozenset[str]) -> Condition:
        branches = []
        for test, part in ((True, parts[1]), (False, parts[2])):
            condition = self.certainly(parts[0], test, known)
            branches.append(_both(condition, self.certainly(part, wanted, condition.known)))
        return _either(*branches)

    def _leaf(self, expr: Any, function: str, wanted: bool, known: frozenset[str]) -> Condition:
        if checked.kind_of(expr) == "select" and expr.select.test_only:
            return self._presence(expr, wanted, known)
        if function in {"_==_", "_!=_"}:
            return self._equality(expr.call.args, (function == "_==_") == wanted, known)
        if function in COMPARISONS:
            return self._order(expr.call.args, COMPARISONS[function], wanted, known)
        if function == "@in":
            return self._membership(expr.call.args, wanted, known)
        if function in {"startsWith", "endsWith", "contains", "matches"}:
            return self._text(expr.call, wanted, known)
        return self._flag(self.values.of(expr), wanted, known)

    def _flag(self, value: Value, wanted: bool, known: frozenset[str]) -> Condition:
        if value.kind != BOOL:
            raise UnknownError
        if value.is_constant:
            return Condition(str(value.text == str(wanted)), known)
        return Condition(f"{value.text} is {wanted}", known | _solid(value))

    def _presence(self, expr: Any, wanted: bool, known: frozenset[str]) -> Condition:
        if value := self.values.field(expr):
            if wanted:
                return Condition(f"{value.text} is not UNSET", known)
            # Of something absent or null nothing can be asked: that is an error.
            within = self.values.group_of(expr)
            return Condition(_all(*([within] if within else []), f"{value.text} is UNSET"), known)
        held = self.values.of(expr.select.operand)
        if not held.is_map:
            raise UnknownError
        return self._within(repr(expr.select.field), held, wanted, known)

    def _equality(self, sides: Any, equal: bool, known: frozenset[str]) -> Condition:
        left, right = (self.values.of(side) for side in sides)
        if not _comparable(left, right):
            raise UnknownError
        if equal and (left.is_constant or right.is_constant):
            # An error equals no constant.
            return Condition(f"{left.text} == {right.text}", known | _equal_to(left, right))
        left, right, guards, after = self._guarded((left, right), known, allow_null=True)
        return Condition(_all(*guards, f"{left.text} {'==' if equal else '!='} {right.text}"), after)

    def _order(self, sides: Any, operator: str, wanted: bool, known: frozenset[str]) -> Condition:
        left, right = (self.values.of(side) for side in sides)
        kinds = {left.kind, right.kind}
        if not (kinds <= {NUMBER, UINT} or kinds == {STRING}):
            raise UnknownError
        left, right, guards, after = self._guarded((left, right), known)
        comparison = f"{left.text} {operator} {right.text}"
        # Not the opposite operator: both are false of a number that is none.
        return Condition(_all(*guards, comparison if wanted else f"not {comparison}"), after)

    def _membership(self, sides: Any, wanted: bool, known: frozenset[str]) -> Condition:
        item = self.values.of(sides[0])
        if checked.kind_of(sides[1]) == "list":
            return self._listed(item, sides[1].list.elements, wanted, known)
        held = self.values.of(sides[1])
        if item.kind != STRING or not (held.kind == STRINGS or (held.is_map and item.is_constant)):
            raise UnknownError
        (item,), guards, after = self._guard_each((item,), known, allow_null=True)
        return self._within(item.text, held, wanted, after, guards)

    def _listed(self, item: Value, elements: Any, wanted: bool, known: frozenset[str]) -> Condition:
        constants = [self.values.of(element) for element in elements]
        if not all(each.is_constant and _comparable(item, each) for each in constants) or item.kind in {STRINGS, MAPS}:
            raise UnknownError
        texts = ", ".join(dict.fromkeys(each.text for each in constants))
        group = f"{{{texts}}}" if texts else "()"
        if wanted:
            is_solid = NULL not in {each.kind for each in constants}
            return Condition(f"{item.text} in {group}", known | (_solid(item) if is_solid else frozenset()))
        (item,), guards, after = self._guard_each((item,), known, allow_null=True)
        return Condition(_all(*guards, f"{item.text} not in {group}"), after)

    def _text(self, call: Any, wanted: bool, known: frozenset[str]) -> Condition:
        parts = [*([call.target] if call.HasField("target") else []), *call.args]
        value, other = (self.values.of(part) for part in parts)
        if (value.kind, other.kind) != (STRING, STRING):
            raise UnknownError
        (value, other), guards, after = self._guard_each((value, other), known)
        if call.function == "contains":
            test = f"{other.text} {'in' if wanted else 'not in'} {value.text}"
        elif call.function == "matches":
            test = self._pattern(value.text, parts[1], wanted)
        else:
            test = f"{'' if wanted else 'not '}{value.text}.{METHODS[call.function]}({other.text})"
        return Condition(_all(*guards, test), after)

    def _pattern(self, text: str, pattern: Any, wanted: bool) -> str:
        simple = simplify(pattern.const.string)
        negation = "" if wanted else "not "
        if simple is None:
            name = self.values.pattern(pattern.const.string)
            return f"{negation}{name}({text})"
        how, options = simple
        if how in {"startswith", "endswith"}:
            return (
                f"{negation}{text}.{how}({options[0]!r})" if len(options) == 1 else f"{negation}{text}.{how}({options})"
            )
        if how == "contains":
            return f"{options[0]!r} {negation}in {text}"
        if len(options) == 1:
            return f"{text} {'==' if wanted else '!='} {options[0]!r}"
        return f"{text} {negation}in {{{', '.join(map(repr, options))}}}"

    def _within(
        self, item: str, held: Value, wanted: bool, known: frozenset[str], before: tuple[str, ...] = ()
    ) -> Condition:
        (held,), guards, after = self._guard_each((held,), known)
        return Condition(_all(*before, *guards, f"{item} {'in' if wanted else 'not in'} {held.text}"), after)

    def _guarded(
        self, sides: tuple[Value, Value], known: frozenset[str], *, allow_null: bool = False
    ) -> tuple[Value, Value, tuple[str, ...], frozenset[str]]:
        (left, right), guards, after = self._guard_each(sides, known, allow_null=allow_null)
        return left, right, guards, after

    def _guard_each(
        self, values: tuple[Value, ...], known: frozenset[str], *, allow_null: bool = False
    ) -> tuple[list[Value], tuple[str, ...], frozenset[str]]:
        """The values to use behind the guards; the guards; what is known behind them."""
        guards: list[str] = []
        behind = []
        for value in values:
            if value.is_constant:
                behind.append(value)
            elif value.variable:
                wanted = [f"{value.variable} is not UNSET"] + ([] if allow_null else [f"{value.variable} is not None"])
                guards += [guard for guard in wanted if guard not in known]
                known |= frozenset(wanted)
                behind.append(value)
            else:
                name = self.values.temporary()
                guards.append(f"({name} := {value.text}) is not UNSET")
                behind.append(Value(name, value.kind))
        return behind, tuple(guards), known


def _comparable(left: Value, right: Value) -> bool:
    """Whether Python's == says what CEL's does: to Python, true is also 1."""
    kinds = {left.kind, right.kind}
    return NULL in kinds or kinds <= {NUMBER, UINT} or (len(kinds) == 1 and kinds <= {STRING, BOOL, STRINGS})


def _solid(value: Value) -> frozenset[str]:
    name = value.variable
    return frozenset({f"{name} is not UNSET", f"{name} is not None"}) if name else frozenset()


def _equal_to(left: Value, right: Value) -> frozenset[str]:
    constant, other = (left, right) if left.is_constant else (right, left)
    return frozenset() if constant.kind == NULL else _solid(other)


def _all(*tests: str) -> str:
    return " and ".join(tests)


def _both(left: Condition, right: Condition) -> Condition:
    if NEVER in (left.text, right.text):
        return Condition(NEVER, right.known)
    tests = [each for each in (left.text, right.text) if each != "True"]
    return Condition(_all(*tests) or "True", right.known)


def _either(left: Condition, right: Condition) -> Condition:
    known = left.known & right.known
    if left.text == NEVER:
        return Condition(right.text, known)
    if right.text == NEVER:
        return Condition(left.text, known)
    return Condition(f"({left.text} or {right.text})", known)
