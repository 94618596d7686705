"""Random filters, conditions and events for property tests, over the fields that may be filtered on."""

import json
from typing import Any

from hypothesis import strategies as st

from events.catalog import catalog
from events.filters.conditions import Condition, Group, Member
from events.filters.operators import operators_for

REQUEST = catalog()["http_request_complete.v0"]
TEXTS = ["", "a.acme.app", "b.acme.app", "q\"uo'te", "back\\slash", "é😀", "line\nend", "tab\t", "\\", 'r"x\\']
PATTERNS = ["^a", r"\.app$", r"a\.acme\.app", ".*", r"[a-z]+\"", r"\\", "(a|b)"]
PORTS = [80, 443, 8080, -1, 0]
FIELDS = [field.path for field in REQUEST.filterable_fields]
ABSENT = object()


def conditions() -> st.SearchStrategy[Condition]:
    return st.sampled_from(REQUEST.filterable_fields).flatmap(
        lambda field: st.sampled_from(operators_for(field.type)).flatmap(
            lambda operator: st.lists(
                st.sampled_from(PORTS)
                if field.type == "int32"
                else st.sampled_from(PATTERNS if operator.sign == "matches" else TEXTS) | _text(operator.sign),
                min_size=1 if operator.values is None else operator.values,
                max_size=3 if operator.values is None else operator.values,
            ).map(lambda values: Condition(field.path, operator.key, tuple(values)))
        )
    )


def _text(sign: str) -> st.SearchStrategy[str]:
    # A random text is seldom a pattern.
    if sign == "matches":
        return st.sampled_from(PATTERNS)
    return st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


def groups(depth: int = 2) -> st.SearchStrategy[Group]:
    members: st.SearchStrategy[Member] = conditions()
    if depth > 1:
        members = members | groups(depth - 1)
    return st.builds(
        Group, st.sampled_from(["all", "any"]), st.lists(members, min_size=1, max_size=3).map(tuple), st.booleans()
    )


LEAVES = [
    "ev.conn.server_port == 443",
    "ev.conn.server_port > 80",
    "80 <= ev.conn.server_port",
    "ev.conn.server_port in [80, 443]",
    'ev.conn.server_name == "a.acme.app"',
    "ev.conn.server_name.endsWith('.app')",
    "!ev.conn.server_name.startsWith('a')",
    'ev.conn.server_name.matches(r"^a\\.")',
    "has(ev.conn.client_ip)",
    "!has( ev.conn.client_ip )",
    "size(ev.conn.server_name) > 3",
    "ev.conn.server_port / 0 == 1",
    "ev.conn.client_ip == ev.conn.server_ip",
    '["a.acme.app", "b"].exists(x, x == ev.conn.server_name)',
    "(ev.conn.server_port > 100 ? has(ev.conn.client_ip) : ev.conn.server_port == 80)",
    "true",
]


def texts() -> st.SearchStrategy[str]:
    """Filters of any shape, with odd spacing and more parentheses than needed."""
    return st.recursive(
        st.sampled_from(LEAVES),
        lambda inner: st.one_of(
            inner.map(lambda text: f"({text})"),
            inner.map(lambda text: f"!({text})"),
            st.tuples(inner, st.sampled_from([" && ", "||", " \n&& ", " || "]), inner).map("".join),
            st.lists(inner, min_size=3, max_size=4).map(" && ".join),
            st.lists(inner, min_size=3, max_size=4).map(lambda parts: "(" + " || ".join(parts) + ")"),
        ),
        max_leaves=6,
    )


def events() -> st.SearchStrategy[bytes]:
    """Objects of the type, with fields absent or null, and some that hold what the type does not allow."""
    values: dict[str, st.SearchStrategy[Any]] = {
        "server_port": st.sampled_from([*PORTS, None, ABSENT, 443.0, "443"]),
        "server_name": st.sampled_from([*TEXTS, None, ABSENT, 7]),
        "client_ip": st.sampled_from(["203.0.113.7", "a.acme.app", None, ABSENT]),
        "server_ip": st.sampled_from(["203.0.113.7", ABSENT]),
    }
    conn = st.fixed_dictionaries(values).map(lambda all_: {key: v for key, v in all_.items() if v is not ABSENT})
    return st.sampled_from([None, {}, "conn"]).flatmap(
        lambda odd: st.one_of(conn, conn, conn, conn, st.just(odd)).map(
            lambda value: json.dumps({"conn": value}).encode()
        )
    )
