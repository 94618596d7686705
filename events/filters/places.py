"""Where each part of a checked expression stands in its text.

The engine gives one offset a node, and no parentheses. With the text's tokens that becomes the slice that a reader
would point at: `a == b` in `!(a == b) && c`, and whether parentheses stand around it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from events.catalog import EventType
from events.filters import checked, engine
from events.filters.schema import schema_of

TOKEN = re.compile(
    r"""
    (?P<blank>\s+|//[^\n]*)
    |(?P<string>(?:[bB]?[rR]|[rR][bB])(?:\"{3}[\s\S]*?\"{3}|'{3}[\s\S]*?'{3}|"[^"\n]*"|'[^'\n]*')
      |[bB]?(?:\"{3}(?:\\[\s\S]|[^\\])*?\"{3}|'{3}(?:\\[\s\S]|[^\\])*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
    |(?P<number>0x[0-9a-fA-F]+[uU]?|(?:\d+\.\d+|\.\d+|\d+)(?:[eE][+-]?\d+)?[uU]?)
    |(?P<name>[A-Za-z_]\w*|`[^`]*`)
    |(?P<sign>&&|\|\||==|!=|<=|>=|\S)
    """,
    re.VERBOSE,
)
CLOSERS = {"(": ")", "[": "]", "{": "}"}


class Token(NamedTuple):
    kind: str
    text: str
    start: int
    end: int


class Place(NamedTuple):
    """First and last token of a node, without parentheses around it."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Layout:
    """A checked expression and its text. Offsets count characters."""

    text: str
    root: Any
    tokens: Sequence[Token]
    offsets: Mapping[int, int]
    token_at: dict[int, int]
    partner: dict[int, int]

    def slice(self, expr: Any) -> str:
        """The node's text, without parentheses around it."""
        place = self.place(expr)
        return self.text[self.tokens[place.first].start : self.tokens[place.last].end]

    def is_wrapped(self, expr: Any) -> bool:
        place = self.place(expr)
        return self.unwrapped(place) != place

    def parts(self, expr: Any) -> list[Any]:
        """`a && b && c` as three, however the parser has nested them; what stands in parentheses is one part."""
        found: list[Any] = []
        for arg in expr.call.args:
            is_same = checked.kind_of(arg) == "call" and arg.call.function == expr.call.function
            found += self.parts(arg) if is_same and not self.is_wrapped(arg) else [arg]
        return found

    def macro(self, expr: Any) -> str:
        """The name of a call or macro, such as exists; empty where no name stands."""
        before = self._at(expr) - 1
        return self.tokens[before].text if before >= 0 and self.tokens[before].kind == "name" else ""

    def unwrapped(self, place: Place) -> Place:
        """Widened by the parentheses around it that only group."""
        first, last = place
        while first > 0 and self.tokens[first - 1].text == "(" and self.partner.get(first - 1) == last + 1:
            before = self.tokens[first - 2] if first > 1 else None
            if before is not None and before.kind == "name" and before.text != "in":
                break
            first, last = first - 1, last + 1
        return Place(first, last)

    def place(self, expr: Any) -> Place:
        kind = checked.kind_of(expr)
        if kind == "select":
            return self._select(expr)
        if kind == "call":
            return self._call(expr)
        if kind == "comprehension":
            return self._comprehension(expr)
        at = self._at(expr)
        if kind in {"list", "struct"}:
            return Place(at, self.partner.get(at, at))
        # A negative number is a sign and a number.
        return Place(at, at + 1 if kind == "const" and self.tokens[at].text == "-" else at)

    def _at(self, expr: Any) -> int:
        return self.token_at.get(self.offsets.get(expr.id, 0), 0)

    def _select(self, expr: Any) -> Place:
        at = self._at(expr)
        if expr.select.test_only:
            return Place(at - 1, self.partner.get(at, at))
        return Place(self._outer(expr.select.operand).first, at + 1)

    def _call(self, expr: Any) -> Place:
        at, call = self._at(expr), expr.call
        sign = self.tokens[at].text
        if sign == "(":
            first = self._outer(call.target).first if call.HasField("target") else at - 1
            return Place(first, self.partner.get(at, at))
        if sign == "[":
            return Place(self._outer(call.args[0]).first, self.partner.get(at, at))
        last = self._outer(call.args[-1]).last
        return Place(at if len(call.args) == 1 else self._outer(call.args[0]).first, last)

    def _comprehension(self, expr: Any) -> Place:
        at = self._at(expr)
        return Place(self._outer(expr.comprehension.iter_range).first, self.partner.get(at, at))

    def _outer(self, expr: Any) -> Place:
        return self.unwrapped(self.place(expr))


def lay_out(text: str, event_type: EventType) -> Layout:
    """Check a text that `compile_filter` accepts, and find its parts."""
    schema = schema_of(event_type)
    serialized, _ = engine.check(text, schema.pool, schema.root)
    found = checked.read(serialized)
    tokens = [
        Token(str(match.lastgroup), match[0], match.start(), match.end())
        for match in TOKEN.finditer(text)
        if match.lastgroup != "blank"
    ]
    token_at = {token.start: index for index, token in enumerate(tokens)}
    return Layout(text, found.root, tokens, found.offsets, token_at, _pair(tokens))


def _pair(tokens: Sequence[Token]) -> dict[int, int]:
    """The closing token of each opening one."""
    pairs: dict[int, int] = {}
    open_at: list[int] = []
    for index, token in enumerate(tokens):
        if token.text in CLOSERS:
            open_at.append(index)
        elif open_at and token.text == CLOSERS[tokens[open_at[-1]].text]:
            pairs[open_at.pop()] = index
    return pairs
