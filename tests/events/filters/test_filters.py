import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from events.catalog import catalog
from events.filters import Filter, FilterError, FilterEvaluationError, compile_filter

REQUEST = catalog()["http_request_complete.v0"]
F2 = 'ev.conn.server_name.matches(".*-your-org\\\\.ngrok\\\\.dev") && ev.conn.server_port == 80'
F3 = 'ev.conn.client_ip != "2601:0:8200:0:4cd7:fd52:0:7823" && ev.conn.server_name == "x.ngrok.dev"'
F4 = (
    "ev.conn.server_port in [80,443,8080,8443] && ev.conn.server_name.endsWith('.ngrok.dev') && "
    "!ev.conn.server_name.startsWith('internal-') && (ev.conn.server_name.contains('your-org') || "
    "ev.conn.server_port == 8443) && ev.conn.server_name.matches('^[a-z]+-your-org\\\\.ngrok\\\\.(dev|app)$')"
)


def compiled(text: str) -> Filter:
    return compile_filter(text, REQUEST)


def event(**conn: Any) -> bytes:
    return json.dumps({"backend": {"x": [1, {}]}, "conn": conn, "http": None}).encode()


def refusal(text: str) -> FilterError:
    with pytest.raises(FilterError) as refused:
        compiled(text)
    return refused.value


@pytest.mark.parametrize(
    ("text", "conn", "expected"),
    [
        ("ev.conn.server_port == 443", {"server_port": 443}, True),
        ("ev.conn.server_port == 443", {"server_port": 80}, False),
        (F2, {"server_name": "a-your-org.ngrok.dev", "server_port": 80}, True),
        (F2, {"server_name": "a-your-org.ngrok.app", "server_port": 80}, False),
        (F3, {"client_ip": "203.0.113.1", "server_name": "x.ngrok.dev"}, True),
        (F3, {"client_ip": "2601:0:8200:0:4cd7:fd52:0:7823", "server_name": "x.ngrok.dev"}, False),
        (F4, {"server_name": "api-your-org.ngrok.dev", "server_port": 443}, True),
        (F4, {"server_name": "internal-your-org.ngrok.dev", "server_port": 443}, False),
        ("has(ev.conn.server_name)", {}, False),
        ("has(ev.conn.server_name)", {"server_name": ""}, True),
        ("!has(ev.conn.server_name) || ev.conn.server_name == 'a'", {}, True),
        ("[80, 443].exists(port, port == ev.conn.server_port)", {"server_port": 443}, True),
        ("size(ev.conn.server_name) > 3", {"server_name": "äöüß"}, True),
        ("ev.conn.server_port == 443", {"server_port": 443.0}, True),
        ("ev.conn.server_port == 443", {"server_port": "443"}, False),
        ("ev.conn.server_port == 443", {"server_port": None}, False),
        ("true", {}, True),
    ],
)
def test_a_filter_decides_as_cel_says(text: str, conn: dict[str, Any], expected: bool) -> None:
    assert compiled(text).matches(event(**conn)) is expected


@pytest.mark.parametrize("raw", [b"{}", b'{"conn":{}}', b'{"conn":null}', b'{"conn":5}', b"not json", b'["conn"]'])
def test_an_absent_field_is_an_error_and_not_a_default_value(raw: bytes) -> None:
    wanted = compiled("ev.conn.server_port != 443")

    with pytest.raises(FilterEvaluationError):
        wanted.matches(raw)
    assert wanted.matches_many([raw]) == [None]


@pytest.mark.parametrize("text", ["ev.conn.server_port == 443 || true", "true || ev.conn.server_port == 443"])
def test_or_absorbs_the_error_of_an_absent_field(text: str) -> None:
    assert compiled(text).matches(b"{}") is True


def test_matches_many_agrees_with_matches_one_by_one() -> None:
    raws = [event(server_port=port) for port in range(440, 446)] + [b"{}"]

    assert compiled("ev.conn.server_port == 443").matches_many(raws) == [*([False] * 3), True, False, False, None]


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ('ev.conn.server_nam == "x"', 1, 9, "there is no field server_nam. Did you mean server_name?"),
        ("ev.conn.server_port == 443 &&\n  ev.conn.zzz == 1", 2, 11, "there is no field zzz. There are client_ip"),
        ('"é" == ev.conn.server_nam', 1, 16, "Did you mean server_name?"),
        ("ev.http.response.status_code == 200", 1, 1, "can be selected but not filtered on. You can filter on conn.c"),
        ('true && ev.http.request.headers["Host"][0] == "a"', 1, 9, "http.request.headers can be selected"),
        ('ev.conn.server_port == "443"', 1, 21, '"443" in quotes is text. Write 443.'),
        ("ev.conn.server_name == 443", 1, 21, 'Write "443".'),
        ("ev.conn.server_port == 443.0", 1, 21, "cannot compare a number with a decimal number"),
        ("ev.conn.server_port == null", 1, 21, "has("),
        ('ev["conn"] == 1', 1, 3, "read with dots"),
        ("dyn(ev.conn).x == 1", 1, 5, "ev.conn is not a single field"),
        ("ev == ev", 1, 1, "is not a single field"),
        ("[1].exists(ev, ev == 1)", 1, 16, "is not a single field"),
        ("1 + 1", 1, 1, "does not give true or false"),
        ("ev.conn.server_port", 1, 1, "does not give true or false"),
        ("ev.conn.server_port ==", 1, 23, "ends too early"),
        ("", 1, 1, "ends too early"),
        ("ev.conn.server_port @ 3", 1, 21, "@ is not understood"),
        ('ev.conn.server_name.endswith("x")', 1, 29, "Did you mean endsWith?"),
        ("conn.server_port == 443", 1, 5, "Fields begin with ev"),
        ('ev.conn.server_name.matches("(10|172")', 1, 29, "does not compile: missing ) in (10|172"),
        ('ev.conn.server_name.matches("[")', 1, 29, "does not compile"),
        ('matches(ev.conn.server_name, "[")', 1, 30, "does not compile"),
        ("ev.conn.server_name.matches(ev.conn.client_ip)", 1, 36, "written out in quotes"),
        ('ev.conn.server_name.matches("a" + "b")', 1, 33, "written out in quotes"),
        ('ev.conn.server_name.matches("(\\\\pL{100}){10}")', 1, 29, "does not compile"),
        ('ev.conn.server_name == "a\\u0000b"', 1, 24, "U+0000"),
    ],
)
def test_a_bad_filter_is_refused_at_its_place(text: str, line: int, column: int, words: str) -> None:
    error = refusal(text)

    assert words in error.message
    assert (error.line, error.column) == (line, column)
    assert str(error).startswith(f"Line {line}, column {column}: ")
    assert "INVALID_ARGUMENT" not in str(error)
    assert "event.Object" not in str(error)


def test_the_excerpt_points_at_the_fault() -> None:
    error = refusal('ev.conn.server_port == 443 &&\n\tev.conn.server_nam == "x"')

    assert error.excerpt == '\tev.conn.server_nam == "x"\n\t        ^'
    assert error.suggestion == "server_name"


def test_the_excerpt_of_a_long_line_shows_the_part_around_the_fault() -> None:
    error = refusal("true && " * 400 + 'ev.conn.server_nam == "x"' + " && true" * 400)

    line, caret = error.excerpt.split("\n")

    assert len(line) < 130
    assert line[caret.index("^") :].startswith("server_nam")
    assert error.column > 3200


@pytest.mark.parametrize("name", ["a" * 15_000, "ev.conn." + "b" * 15_000, "c" * 15_000 + "()"])
def test_a_very_long_name_is_quoted_in_part(name: str) -> None:
    error = refusal(name)

    assert len(error.message) < 200
    assert "…" in error.message


@pytest.mark.parametrize("text", ["(" * 40 + "true" + ")" * 40, "ev.conn.server_port + " * 40 + "1 > 2"])
def test_what_is_nested_too_deep_is_refused_in_words(text: str) -> None:
    assert refusal(text).message.startswith("parts stand more than 32 deep in one another.")


def test_a_filter_that_is_too_large_is_refused() -> None:
    assert "characters" in refusal("true || " * 3000 + "true").message
    many = " || ".join(f"ev.conn.server_port == {port}" for port in range(400))
    assert "too many parts" in refusal(many).message


def test_a_setting_opens_every_selectable_field(settings: Settings) -> None:
    settings.FILTERABLE_FIELDS = "all"
    host = 'ev.http.request.headers["Host"]'
    wanted = compiled(f'ev.http.response.status_code >= 500 && dyn({host}).exists(h, h == "a")')

    body = b'{"http":{"response":{"status_code":503},"request":{"headers":{"Host":["a"]}}}}'
    assert wanted.matches(body) is True
    assert wanted.matches(body.replace(b"503", b"200")) is False
    assert "put dyn( ) around" in refusal(f'{host}.exists(h, h == "a")').message


def test_text_after_a_nul_is_not_ignored_because_such_events_never_come_in() -> None:
    """Defect 2 of the engine: it cuts strings at U+0000. The door refuses such events (test_publishing)."""
    assert compiled('ev.conn.server_name == "a"').matches(event(server_name="a evil")) is False


@pytest.mark.parametrize("depth", [500, 5_000, 100_000])
def test_deeply_nested_events_do_not_crash(depth: int) -> None:
    raw = b'{"conn":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"

    assert compiled("ev.conn.server_port == 443").matches_many([raw]) == [None]


def test_a_result_of_null_does_not_end_the_process() -> None:
    """Defect 1 of the engine: in a process of its own, since that is what would end."""
    code = (
        "import os, django; django.setup()\n"
        "from events.filters.engine import Program\n"
        "from events.filters import FilterEvaluationError\n"
        "program = Program('ev.a')\n"
        "for _ in range(300_000):\n"
        "    try: program.matches({'a': None})\n"
        "    except FilterEvaluationError: pass\n"
        "print('alive')\n"
    )
    root = Path(__file__).resolve().parents[3]
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False, env=env)
    assert done.stdout.strip() == "alive", done.stderr
