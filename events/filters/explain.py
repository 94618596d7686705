"""Why a filter takes or refuses an event: its clauses, with what each came to and what the event held.

CEL evaluates `&&` and `||` in any order and lets a decided side absorb the other's error. A reader goes from left
to right: the first false clause of an "all" decides it, and those behind it are not reached; a clause that ends in
an error before it is shown as such and does not matter any more. Each clause is run by the engine that filters.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from events.catalog import EventType
from events.filters import checked, engine
from events.filters.compiling import compile_filter
from events.filters.errors import FilterEvaluationError
from events.filters.places import Layout, lay_out

CHARACTERS_SHOWN = 200
ALL, ANY, NOT = "_&&_", "_||_", "!_"
KINDS = {ALL: "all", ANY: "any", NOT: "not"}


class Verdict(StrEnum):
    TRUE = "true"
    FALSE = "false"
    ERROR = "error"
    NOT_REACHED = "not reached"


@dataclass(frozen=True, slots=True)
class Operand:
    """A field that a clause reads. `value` is None both for null and for what is not there."""

    path: str
    is_present: bool
    value: Any = None

    @property
    def words(self) -> str:
        """The value as JSON, cut to a readable length."""
        shown = json.dumps(self.value, ensure_ascii=False)
        return shown if len(shown) <= CHARACTERS_SHOWN else f"{shown[:CHARACTERS_SHOWN]}…"


@dataclass(frozen=True, slots=True)
class Clause:
    """One part of a filter. `kind` is all, any, not or leaf; `decided_by` is the child that settled an all or any."""

    kind: str
    text: str
    verdict: Verdict
    children: "tuple[Clause, ...]" = ()
    operands: tuple[Operand, ...] = ()
    decided_by: int | None = None
    fault: str = ""

    @property
    def is_single(self) -> bool:
        """A leaf, or the opposite of one: what a reader takes as one clause."""
        return self.kind == "leaf" or (self.kind == "not" and self.children[0].is_single)

    @property
    def reason(self) -> str:
        """What the event held, for a single clause: "it was 443", "there is no ev.conn.server_name"."""
        if self.verdict == Verdict.NOT_REACHED or not self.is_single:
            return ""
        if self.kind == "not":
            return self.children[0].reason
        absent = [f"ev.{operand.path}" for operand in self.operands if not operand.is_present]
        present = [operand for operand in self.operands if operand.is_present]
        if len(self.operands) == 1 and present:
            parts = [f"it was {present[0].words}"]
        else:
            parts = [f"ev.{operand.path} was {operand.words}" for operand in present]
        if absent:
            parts.append(f"there is no {' and no '.join(absent)}")
        elif self.verdict == Verdict.ERROR:
            parts.append(self.fault)
        return ", ".join(parts)

    @property
    def summary(self) -> str:
        """What settled it, on one line: "ev.conn.server_port == 80 → false, it was 443"."""
        if self.decided_by is not None:
            return self.children[self.decided_by].summary
        if self.kind in {"all", "any"} and self.verdict != Verdict.NOT_REACHED:
            each = "every one" if self.verdict == Verdict.TRUE else "none"
            return f"{self.text} → {self.verdict}, {each} of its {len(self.children)} clauses is true"
        reason = self.reason if self.is_single else self.children[0].summary
        return f"{self.text} → {self.verdict}, {reason}" if reason else f"{self.text} → {self.verdict}"

    @property
    def headline(self) -> str:
        """What became of the event, for the whole filter: "Refused by clause 2 of 3"."""
        if self.verdict == Verdict.TRUE:
            return "Matched"
        if self.verdict == Verdict.ERROR:
            return "Refused, since the filter ends in an error"
        if self.decided_by is not None:
            return f"Refused by clause {self.decided_by + 1} of {len(self.children)}"
        return f"Refused, since none of {len(self.children)} clauses is true" if self.kind == "any" else "Refused"

    def leaves(self) -> Iterator["Clause"]:
        if self.kind == "leaf":
            yield self
        for child in self.children:
            yield from child.leaves()

    def as_json(self) -> dict[str, Any]:
        """For the API: nested, with the fields that the clause reads."""
        return {
            "kind": self.kind,
            "text": self.text,
            "verdict": str(self.verdict),
            "reason": self.reason,
            "summary": self.summary,
            "operands": [{"path": o.path, "present": o.is_present, "value": o.value} for o in self.operands],
            "clauses": [child.as_json() for child in self.children],
        }


def explain(text: str, event_type: EventType, raw: bytes) -> Clause:
    """The clauses of `text` for one event's object; raises FilterError for a text that does not compile.

    The root's verdict is that of `Filter.matches`: error where it raises FilterEvaluationError.
    """
    return explain_each(text, event_type, [raw])[0]


def explain_each(text: str, event_type: EventType, raws: Sequence[bytes]) -> list[Clause]:
    """The same for several events; the text is compiled once."""
    compile_filter(text, event_type)
    layout = lay_out(text, event_type)
    root = _part(layout, layout.root)
    return [_explain(root, raw) for raw in raws]


@dataclass(frozen=True, slots=True)
class _Part:
    """A clause before an event is there."""

    kind: str
    text: str
    children: "tuple[_Part, ...]" = ()
    program: engine.Program | None = None
    paths: tuple[tuple[str, ...], ...] = ()


def _part(layout: Layout, expr: Any) -> _Part:
    function = expr.call.function if checked.kind_of(expr) == "call" else ""
    text = layout.slice(expr)
    if function not in KINDS:
        paths = tuple(dict.fromkeys(_paths(expr)))
        return _Part("leaf", text, program=engine.Program(text), paths=paths)
    args = expr.call.args if function == NOT else layout.parts(expr)
    return _Part(KINDS[function], text, tuple(_part(layout, arg) for arg in args))


def _paths(expr: Any) -> Iterator[tuple[str, ...]]:
    if names := checked.path_of(expr, engine.VARIABLE):
        yield tuple(names)
        return
    for child in checked.children(expr):
        yield from _paths(child)


def _explain(root: _Part, raw: bytes) -> Clause:
    try:
        ev = orjson.loads(raw)
    except (orjson.JSONDecodeError, RecursionError) as error:
        return _unreadable(root, str(error))
    if not isinstance(ev, dict):
        return _unreadable(root, "The event is not an object.")
    return _judge(root, ev)


def _unreadable(part: _Part, fault: str) -> Clause:
    children = tuple(_skip(child) for child in part.children)
    return Clause(part.kind, part.text, Verdict.ERROR, children, fault=fault)


def _judge(part: _Part, ev: Any) -> Clause:
    if part.kind == "leaf":
        return _judge_leaf(part, ev)
    if part.kind == "not":
        child = _judge(part.children[0], ev)
        verdict = {Verdict.TRUE: Verdict.FALSE, Verdict.FALSE: Verdict.TRUE}.get(child.verdict, child.verdict)
        return Clause(part.kind, part.text, verdict, (child,))
    return _judge_chain(part, ev)


def _judge_chain(part: _Part, ev: Any) -> Clause:
    settling = Verdict.FALSE if part.kind == "all" else Verdict.TRUE
    children: list[Clause] = []
    decided_by: int | None = None
    for index, child in enumerate(part.children):
        children.append(_skip(child) if decided_by is not None else _judge(child, ev))
        if children[-1].verdict == settling:
            decided_by = index
    if decided_by is not None:
        return Clause(part.kind, part.text, settling, tuple(children), decided_by=decided_by)
    errors = [index for index, child in enumerate(children) if child.verdict == Verdict.ERROR]
    if errors:
        return Clause(part.kind, part.text, Verdict.ERROR, tuple(children), decided_by=errors[0])
    other = Verdict.TRUE if part.kind == "all" else Verdict.FALSE
    return Clause(part.kind, part.text, other, tuple(children))


def _skip(part: _Part) -> Clause:
    return Clause(part.kind, part.text, Verdict.NOT_REACHED, tuple(_skip(child) for child in part.children))


def _judge_leaf(part: _Part, ev: Any) -> Clause:
    operands = tuple(_operand(path, ev) for path in part.paths)
    if part.program is None:
        raise TypeError(part.text)
    try:
        verdict = Verdict.TRUE if part.program.matches(ev) else Verdict.FALSE
    except FilterEvaluationError as error:
        return Clause(part.kind, part.text, Verdict.ERROR, operands=operands, fault=str(error))
    return Clause(part.kind, part.text, verdict, operands=operands)


def _operand(path: tuple[str, ...], ev: Any) -> Operand:
    value = ev
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return Operand(".".join(path), is_present=False)
        value = value[name]
    return Operand(".".join(path), is_present=True, value=value)
