"""What generated filters call. UNSET stands for CEL's error (an absent field, an overflow, no such index): whoever
gets one passes it on, and only `||`, `&&` and `? :` may make it vanish.
"""

from typing import Any

import re2
from msgspec import UNSET

LEAST, MOST = -(1 << 63), (1 << 63) - 1
# Of one pattern: host names and paths repeat, and looking one up costs a tenth of matching it.
REMEMBERED = 1024
REMEMBERED_CHARACTERS = 200
# What a pattern may need. Much more than twenty states of an automaton of 500 instructions (compiling.py): with less
# than that a `Set` would answer no to everything.
PATTERN_BYTES = 1 << 20


class UnsureError(Exception):
    """The engine has to say: decimal numbers are its own, with their rounding and infinities."""


class Pattern:
    """A regular expression with a bounded memory of its answers."""

    __slots__ = ("_answers", "_search", "text")

    def __init__(self, text: str) -> None:
        options = re2.Options()
        options.max_mem = PATTERN_BYTES
        options.log_errors = False
        # A set of one pattern answers five times as fast as a search.
        alone = re2.Set.SearchSet(options)
        alone.Add(text)
        alone.Compile()
        self.text = text
        self._search = alone.Match
        self._answers: dict[str, bool] = {}

    def __call__(self, text: str) -> bool:
        answer = self._answers.get(text)
        if answer is None:
            answer = bool(self._search(text))
            if len(text) <= REMEMBERED_CHARACTERS:
                if len(self._answers) >= REMEMBERED:
                    self._answers.clear()
                self._answers[text] = answer
        return answer


def size(value: Any) -> Any:
    return len(value) if isinstance(value, str | list | dict) else UNSET


def at(value: Any, key: Any) -> Any:
    """`value[key]` of a list or a map."""
    if isinstance(value, dict):
        return value.get(key, UNSET)
    if isinstance(value, list) and isinstance(key, int) and 0 <= key < len(value):
        return value[key]
    return UNSET


def add(left: Any, right: Any) -> Any:
    if type(left) is str and type(right) is str:
        return left + right
    return _bounded(left + right) if _are_integers(left, right) else UNSET


def subtract(left: Any, right: Any) -> Any:
    return _bounded(left - right) if _are_integers(left, right) else UNSET


def multiply(left: Any, right: Any) -> Any:
    return _bounded(left * right) if _are_integers(left, right) else UNSET


def divide(left: Any, right: Any) -> Any:
    """Towards zero, as C does it."""
    if not _are_integers(left, right) or right == 0:
        return UNSET
    quotient = abs(left) // abs(right)
    return _bounded(quotient if (left < 0) == (right < 0) else -quotient)


def modulo(left: Any, right: Any) -> Any:
    """The sign is that of the left side, as C does it."""
    if not _are_integers(left, right) or right == 0 or (left == LEAST and right == -1):
        return UNSET
    rest = abs(left) % abs(right)
    return rest if left >= 0 else -rest


def negate(value: Any) -> Any:
    return _bounded(-value) if _are_integers(value) else UNSET


def _are_integers(*values: Any) -> bool:
    if any(type(value) is float for value in values):
        raise UnsureError
    return all(type(value) is int for value in values)


def _bounded(value: int) -> Any:
    return value if LEAST <= value <= MOST else UNSET
