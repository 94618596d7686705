"""From a customer's text to a filter that runs."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson
import re2
from django.conf import settings

from events.catalog import EventType, Field
from events.filters import checked, engine
from events.filters.errors import FilterError, FilterEvaluationError
from events.filters.generating import Generated, generate
from events.filters.reading import Reader
from events.filters.running import PATTERN_BYTES, UnsureError
from events.filters.schema import Schema, schema_of
from events.filters.wording import reword

MAX_CHARACTERS = 16_000
MAX_NODES = 1_000
# A macro takes up to 10,000 steps an event, and each may go over all of it: beyond this size it is an error.
MAX_MACRO_BYTES = 16 * 1024
# The engine's time for one event grows with the length of a text times the size of each pattern it is matched with.
MAX_PATTERNS = 20
MAX_PATTERN_INSTRUCTIONS = 500


class Filter:
    """A compiled filter: generated Python for what it knows, the engine for the rest.

    `fields` are those that the generated part reads; `source` is that part, to look at.
    """

    def __init__(self, text: str, paths: Sequence[str], generated: Generated | None, *, has_macros: bool) -> None:
        self.text = text
        self.source = generated.source if generated else ""
        self.fields = generated.fields if generated else ()
        self._verdict = generated.verdict if generated else _undecided
        self._is_whole = generated is not None and generated.is_whole
        self._reader = Reader(self.fields)
        self._program = engine.Program(text)
        self._has_macros = has_macros
        self._names = sorted({path.split(".")[0] for path in paths})

    def matches(self, raw: bytes) -> bool:
        """Whether the event's `object` passes; raises FilterEvaluationError when that cannot be said."""
        try:
            verdict = self._verdict(self._reader.read(raw))
        except (AttributeError, UnsureError):
            verdict = None
        # The engine has the words for what is wrong.
        return self.matches_by_engine(raw) if verdict is None else verdict

    def matches_many(self, raws: Sequence[bytes]) -> list[bool | None]:
        """One verdict an event; None where the evaluation ended in an error."""
        return self.decide_many(self._reader.read_many(raws), raws.__getitem__)

    def decide(self, event: Any, raw: bytes) -> bool | None:
        """As one of `decide_many`."""
        try:
            verdict = self._verdict(event)
        except (AttributeError, UnsureError):
            return self.decide_by_engine(raw)
        return self.decide_by_engine(raw) if verdict is None and not self._is_whole else verdict

    def decide_many(self, events: Sequence[Any], raw_of: Callable[[int], bytes]) -> list[bool | None]:
        """As `matches_many`, of events that a Reader of these and perhaps more `fields` has read already.

        `raw_of` gives the JSON of the object at a position, for the few that take the engine.
        """
        verdict = self._verdict
        try:
            verdicts = [verdict(event) for event in events]
        except (AttributeError, UnsureError):
            # One that could not be read, or that takes the engine.
            return [self.decide(event, raw_of(position)) for position, event in enumerate(events)]
        if not self._is_whole and None in verdicts:
            for position, decided in enumerate(verdicts):
                if decided is None:
                    verdicts[position] = self.decide_by_engine(raw_of(position))
        return verdicts

    def matches_by_engine(self, raw: bytes) -> bool:
        """As `matches`, with nothing generated."""
        if self._has_macros and len(raw) > MAX_MACRO_BYTES:
            raise FilterEvaluationError(f"The event is too large for macros: {len(raw):,} bytes.")
        try:
            whole = orjson.loads(raw)
        except (orjson.JSONDecodeError, RecursionError) as error:
            raise FilterEvaluationError(str(error)) from None
        if not isinstance(whole, dict):
            raise FilterEvaluationError("The event is not an object.")
        return self._program.matches({name: whole[name] for name in self._names if name in whole})

    def decide_by_engine(self, raw: bytes) -> bool | None:
        """As `matches_by_engine`; None for an error."""
        try:
            return self.matches_by_engine(raw)
        except FilterEvaluationError:
            return None


def _undecided(event: Any) -> bool | None:
    """The verdict where nothing could be generated."""
    return None


def compile_filter(text: str, event_type: EventType) -> Filter:
    """Raises FilterError, which names the place and the remedy."""
    if len(text) > MAX_CHARACTERS:
        message = f"the filter has {len(text):,} characters; {MAX_CHARACTERS:,} is the most."
        raise FilterError(message, text=text)
    schema = schema_of(event_type)
    serialized = _check(text, schema)
    expression = checked.read(serialized)
    inspection = _Inspection(text, event_type, expression)
    fields = {field.path: field for field in filterable_fields(event_type)}
    try:
        generated = generate(expression.root, fields, engine.VARIABLE)
        return Filter(text, inspection.paths, generated, has_macros=inspection.has_macros)
    except engine.CompileError as error:
        raise reword(str(error), text, schema.groups) from None


def _check(text: str, schema: Schema) -> bytes:
    try:
        serialized, result = engine.check(text, schema.pool, schema.root)
    except engine.CompileError as error:
        raise reword(str(error), text, schema.groups) from None
    if result.lower() != "bool":
        message = "the filter does not give true or false. Compare it with something, for example == or >."
        raise FilterError(message, text=text)
    return serialized


def filterable_fields(event_type: EventType) -> Sequence[Field]:
    return event_type.fields if settings.FILTERABLE_FIELDS == "all" else event_type.filterable_fields


class _Inspection:
    """What the type checker lets pass but a filter may not do."""

    def __init__(self, text: str, event_type: EventType, expression: checked.Checked) -> None:
        self._text = text
        self._event_type = event_type
        self._maps = {field.path for field in filterable_fields(event_type) if field.type.startswith("map")}
        self._filterable = [field.path for field in filterable_fields(event_type)]
        self._offsets = expression.offsets
        self.paths: list[str] = []
        self._nodes = 0
        self._patterns = 0
        self.has_macros = False
        self._walk(expression.root, ())

    def _walk(self, expr: Any, loops: tuple[Any, ...]) -> None:
        """`loops` are the macros around the expression."""
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise self._fault("the filter has too many parts. Split it into several subscriptions.", expr)
        path = checked.path_of(expr, engine.VARIABLE)
        if path is not None:
            self._take(path, expr)
            return
        self._check_constant(expr)
        if checked.kind_of(expr) == "call" and expr.call.function == "matches":
            self._check_pattern(expr)
            self._check_loops(expr, loops)
        if checked.kind_of(expr) == "comprehension":
            self.has_macros = True
            self._walk(expr.comprehension.iter_range, loops)
            inside = checked.children(expr)[1:]
            loops = (*loops, expr)
        else:
            inside = checked.children(expr)
        for child in inside:
            self._walk(child, loops)

    def _check_loops(self, expr: Any, loops: tuple[Any, ...]) -> None:
        """A pattern runs once for each item of the event, not ten thousand times over the same text."""
        if not loops:
            return
        text = expr.call.target if expr.call.HasField("target") else expr.call.args[0]
        range_ = loops[-1].comprehension.iter_range
        if len(loops) > 1 or self._reads_event(text) or (self._reads_event(range_) and _makes_list(range_)):
            raise self._fault("within a macro, matches takes only the items that the macro goes over.", expr)

    def _reads_event(self, expr: Any) -> bool:
        return checked.path_of(expr, engine.VARIABLE) is not None or any(map(self._reads_event, checked.children(expr)))

    def _take(self, names: list[str], expr: Any) -> None:
        """`ev` may stand only in the whole path of a field that may be filtered on."""
        path = ".".join(names)
        found = path if path in self._filterable else ".".join(names[:-1])
        if path in self._filterable or found in self._maps:
            self.paths.append(found)
            return
        offered = ", ".join(self._filterable)
        if self._event_type.field(path) is not None:
            message = f"{path} can be selected but not filtered on. You can filter on {offered}."
            kind = "not_filterable"
        else:
            message = f"ev{'.' if path else ''}{path} is not a single field. Name one of {offered}."
            kind = "unknown_field"
        raise self._fault(message, self._first(expr), kind)

    def _first(self, expr: Any) -> Any:
        while checked.kind_of(expr) == "select":
            expr = expr.select.operand
        return expr

    def _check_constant(self, expr: Any) -> None:
        if expr.HasField("const") and "\0" in expr.const.string:
            raise self._fault("U+0000 cannot be compared with: no event holds it.", expr)

    def _check_pattern(self, expr: Any) -> None:
        pattern = expr.call.args[-1]
        if checked.kind_of(pattern) != "const" or not pattern.const.HasField("string"):
            raise self._fault("the pattern of matches must be written out in quotes.", pattern)
        options = re2.Options()
        options.max_mem = PATTERN_BYTES
        options.log_errors = False
        try:
            size = re2.compile(pattern.const.string, options).programsize
        except re2.error as error:
            reason = error.args[0]
            words = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
            what, _, where = words.partition(": ")
            place = f" in {where}" if where else ""
            raise self._fault(f"the pattern does not compile: {what}{place}", pattern) from None
        self._patterns += 1
        if size > MAX_PATTERN_INSTRUCTIONS:
            raise self._fault("the pattern is too large. Repeat less, or name fewer characters.", pattern)
        if self._patterns > MAX_PATTERNS:
            raise self._fault(f"the filter has more than {MAX_PATTERNS} patterns. Join some with |.", expr)

    def _fault(self, message: str, expr: Any, kind: str = "syntax") -> FilterError:
        before = self._text[: self._offsets.get(expr.id, 0)]
        line = before.count("\n") + 1
        column = len(before) - (before.rfind("\n") + 1) + 1
        return FilterError(message, text=self._text, line=line, column=column, kind=kind)


def _makes_list(expr: Any) -> bool:
    """Whether the items are made up, and not just those of a list or map of the event."""
    return checked.kind_of(expr) in {"list", "comprehension"} or any(map(_makes_list, checked.children(expr)))
