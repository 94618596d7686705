"""The only place that calls cel-expr-python (Google's C++ CEL), with its defects handled.

Of version 0.1.3, which is pinned:
1. `.value()` of a null result drops a reference to None, which ends the process after some 100,000 events:
   the type is looked at first.
2. Strings are cut at U+0000: events with it are refused at the door (events/intake.py), filters with it here.
3. `matches()` compiles its pattern at every evaluation: patterns are checked and bounded when a filter is saved.
4. Errors come as an ERROR value or as RuntimeError: both become FilterEvaluationError.
5. Values nested 10,000 deep crash it: msgspec, which decodes them, stops long before.
"""

from functools import lru_cache
from typing import Any

from cel_expr_python import cel
from google.protobuf.descriptor_pool import DescriptorPool

from events.filters.errors import FilterEvaluationError

BOOL = cel.Type.BOOL
VARIABLE = "ev"


class CompileError(Exception):
    """The engine's own words, several lines for several faults."""


def check(text: str, pool: DescriptorPool, message_name: str) -> tuple[bytes, str]:
    """Type-check with `ev` as a message; the serialized CheckedExpr and the name of the result's type."""
    env = cel.NewEnv(descriptor_pool=pool, variables={VARIABLE: cel.Type(message_name)})
    try:
        expression = env.compile(text)
    except RuntimeError as error:
        raise CompileError(str(error)) from None
    return expression.serialize(), expression.return_type().name()


@lru_cache(maxsize=1)
def _dynamic_environment() -> Any:
    return cel.NewEnv(variables={VARIABLE: cel.Type.DYN})


class Program:
    """An expression over a dictionary: an absent key is an error, as CEL's maps have it, not a default value."""

    def __init__(self, text: str) -> None:
        try:
            self._expression = _dynamic_environment().compile(text)
        except RuntimeError as error:
            raise CompileError(str(error)) from None

    def matches(self, ev: dict[str, Any]) -> bool:
        try:
            result = self._expression.eval(data={VARIABLE: ev})
        except RuntimeError as error:
            raise FilterEvaluationError(str(error)) from None
        if result.type() != BOOL:
            raise FilterEvaluationError(f"The result is {result.type().name()}, not true or false.")
        return bool(result.value())
