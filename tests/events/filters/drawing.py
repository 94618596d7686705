"""Random filters and random events for them, each from a seed: what the differential tests compare the engines with."""

import json
from collections.abc import Sequence
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")

STRINGS = ["", "a", "ab", "b.example.com", "api-your-org.ngrok.dev", "ä€😀", "A", "a\nb", "10", "\u200b", "'\"\\"]
NUMBERS = ["0", "1", "-1", "2", "80", "443", "9007199254740993", "9223372036854775807", "-9223372036854775808"]
PATTERNS = [
    "a", "^a", "a$", "^a$", ".*a", "a.*", "^a.*", ".*a$", "^(a|ab)$", "(?:b|om)$", "^(?:api|a)", "a|b", "[a-z]+", "^$",
    "",    "^.*b", "a.*$", "^[a-z]+-your-org\\\\.ngrok\\\\.(dev|app)$", "\\\\.", "(?i)A", "a.b", "(a|b)+$", "\\\\pL{3}",
]  # fmt: skip
TEXTS = ("conn.server_name", "conn.client_ip", "conn.start_ts", "http.request.url.path", "ja4_fingerprint")
COUNTS = ("conn.server_port", "http.response.status_code", "http.request.body_length")
FLAG, HEADERS, LOGS = "backend.connection_reused", "http.request.headers", "traffic_policy.logs"


class FilterDrawer:
    """Filters that the type checker mostly lets pass."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def condition(self, depth: int = 3) -> str:
        pick = self._random.random()
        if depth and pick < 0.45:
            operator = self._one(["&&", "||"])
            return f"({self.condition(depth - 1)} {operator} {self.condition(depth - 1)})"
        if depth and pick < 0.55:
            return f"!{self.condition(depth - 1)}"
        if depth and pick < 0.6:
            return f"({self.condition(depth - 1)} ? {self.condition(depth - 1)} : {self.condition(depth - 1)})"
        leaves = (self._compare, self._text, self._listed, self._presence, self._map, self._rare)
        return str(self._one(leaves)())

    def _one(self, choices: Sequence[T]) -> T:
        return self._random.choice(choices)

    def _field(self, paths: tuple[str, ...]) -> str:
        return f"ev.{self._one(paths)}"

    def _string(self) -> str:
        return json.dumps(self._one(STRINGS), ensure_ascii=False)

    def _text_value(self) -> str:
        pick = self._random.random()
        if pick < 0.1:
            return f'ev.{HEADERS}["Host"][{self._one([0, 1, -1])}]'
        if pick < 0.15:
            return f'(ev.{LOGS}[0]["k"] + {self._string()})'
        if pick < 0.25:
            return f"({self._field(TEXTS)} + {self._string()})"
        return self._field(TEXTS) if pick < 0.8 else self._string()

    def _count(self, depth: int = 2) -> str:
        pick = self._random.random()
        if depth and pick < 0.25:
            return f"({self._count(depth - 1)} {self._one(['+', '-', '*', '/', '%'])} {self._count(depth - 1)})"
        if pick < 0.32:
            return f"size({self._text_value()})"
        if pick < 0.36:
            return f"size(ev.{HEADERS})"
        if pick < 0.4:
            return f"-({self._field(COUNTS)})"
        return self._field(COUNTS) if pick < 0.7 else self._one(NUMBERS)

    def _compare(self) -> str:
        operator = self._one(["==", "!=", "<", "<=", ">", ">="])
        pick = self._random.random()
        if pick < 0.4:
            return f"{self._count()} {operator} {self._count()}"
        if pick < 0.5:
            other = self._one(["443.0", "443u", "1.5", "9007199254740992.0", "null", "true", "true", "true", '"443"'])
            return f"dyn({self._count()}) {operator} {other}"
        if pick < 0.6:
            return f"ev.{FLAG} {self._one(['==', '!='])} {self._one(['true', 'false'])}"
        return f"{self._text_value()} {operator} {self._text_value()}"

    def _text(self) -> str:
        if self._random.random() < 0.4:
            return f'{self._text_value()}.matches("{self._one(PATTERNS)}")'
        function = self._one(["startsWith", "endsWith", "contains"])
        return f"{self._text_value()}.{function}({self._text_value()})"

    def _listed(self) -> str:
        if self._random.random() < 0.5:
            return f"{self._count()} in [{', '.join(self._one(NUMBERS) for _ in range(self._one([0, 1, 3])))}]"
        return f"{self._text_value()} in [{', '.join(self._string() for _ in range(self._one([1, 3])))}]"

    def _presence(self) -> str:
        return f"has({self._field((*TEXTS, *COUNTS, FLAG, HEADERS))})"

    def _map(self) -> str:
        key = self._one(["Host", "k", "Absent"])
        return self._one(
            [
                f'"{key}" in ev.{HEADERS}',
                f"has(ev.{HEADERS}.{key})",
                f'{self._text_value()} in ev.{HEADERS}["{key}"]',
                f'ev.{HEADERS}.{key} == ["a"]',
                f"{self._string()} in ev.{HEADERS}.Host",
            ]
        )

    def _rare(self) -> str:
        return self._one(
            [
                f"ev.{FLAG}",
                "true",
                "false",
                f"[1, 80, 443].exists(x, x == {self._field(COUNTS)})",
                f'dyn(ev.{HEADERS}["Host"]).all(h, h.startsWith("a"))',
                f"int({self._text_value()}) > 5",
                f"{self._count()} in [{self._field(COUNTS)}, 1]",
                f"(ev.{FLAG} ? {self._count()} : 1) == 1",
            ]
        )


class EventDrawer:
    """Objects as the catalogue has them, with parts absent, null or of a wrong type."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def object(self) -> bytes:
        whole: dict[str, Any] = {
            "backend": self._group({"connection_reused": self._one([True, False])}),
            "conn": self._group(
                {
                    "client_ip": self._text(),
                    "server_name": self._text(),
                    "server_port": self._number(),
                    "start_ts": "2026-11-20T14:02:06.872Z",
                }
            ),
            "http": self._group(
                {
                    "request": self._group(
                        {
                            "body_length": self._number(),
                            "headers": self._one([{}, {"Host": [self._text()]}, {"Host": ["a", "b"], "k": []}]),
                            "url": self._group({"path": self._text()}),
                        }
                    ),
                    "response": self._group({"status_code": self._number()}),
                }
            ),
            "ja4_fingerprint": self._text(),
            "traffic_policy": self._group({"logs": self._one([[], [{"k": self._text()}], [{}, {"k": "a"}]])}),
        }
        return json.dumps(self._group(whole, whole=True), ensure_ascii=self._one([True, False])).encode()

    def _one(self, choices: Sequence[T]) -> T:
        return self._random.choice(choices)

    def _text(self) -> Any:
        return self._one(STRINGS)

    def _number(self) -> Any:
        return self._one([0, 1, 2, -1, 80, 443, 443.0, 1.5, 2**53 + 1, float(2**53), 2**63 - 1, -(2**63), 1e300])

    def _group(self, members: dict[str, Any], *, whole: bool = False) -> Any:
        pick = self._random.random()
        if not whole and pick < 0.06:
            return self._one([None, None, 5, "a", []])
        kept = {}
        for key, value in members.items():
            fate = self._random.random()
            if fate < 0.08:
                continue
            kept[key] = value if fate < 0.95 else self._one([None, None, "5", 5, True, [], {}, [1], 2**63, 2**64 + 1])
        return kept
