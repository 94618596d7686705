import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.catalog import catalog
from events.projection import compile_projection

REQUEST = catalog()["http_request_complete.v0"]
PATHS = [field.path for field in REQUEST.fields]
LEAVES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5) | st.just({"A": ["b"]})


def project(raw: bytes, *fields: str) -> bytes:
    return compile_projection(REQUEST, fields).apply(raw)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'{"conn":{"server_name":"a","server_port":1},"tls":{"version":"1.3"}}', b'{"conn":{"server_name":"a"}}'),
        (b"{}", b"{}"),
        (b'{"conn":{}}', b"{}"),
        (b'{"conn":{"server_port":1}}', b"{}"),
        (b'{"conn":null}', b'{"conn":null}'),
        (b'{"conn":{"server_name":null}}', b'{"conn":{"server_name":null}}'),
        (b'{"conn":7}', b'{"conn":7}'),
    ],
)
def test_absent_stays_absent_and_null_stays_null(raw: bytes, expected: bytes) -> None:
    assert project(raw, "conn.server_name") == expected


def test_values_keep_their_bytes() -> None:
    response = b'"status_code":1.50e2,"body_length":12345678901234567890123'
    raw = b'{"http":{"response":{' + response + b'}},"ja4_fingerprint":"\\u00e9\xc3\xa9"}'

    kept = project(raw, "ja4_fingerprint", "http.response.body_length", "http.response.status_code")

    assert kept == raw.replace(
        b'"status_code":1.50e2,"body_length":12345678901234567890123',
        b'"body_length":12345678901234567890123,"status_code":1.50e2',
    )


def test_maps_and_lists_are_taken_whole() -> None:
    raw = b'{"http":{"request":{"headers":{"B":["x","y"],"A":[]}}},"traffic_policy":{"logs":[{"k":"v"},{}]}}'

    assert project(raw, "traffic_policy.logs", "http.request.headers") == raw


@pytest.mark.parametrize("last", [b'{"tls":{"cipher_suite":"a"}}', b'{"conn":7}'])
def test_lines_together_become_what_each_becomes_alone(last: bytes) -> None:
    objects = [b'{"conn":{"server_name":"a","server_port":1}}', b"{}", b'{"conn":{},"tls":{"version":"1.3"}}', last]
    line = b'{"event_id":"ev_1","event_type":"t","event_timestamp":"2026-11-20T14:02:07Z",%b"object":%b}'
    around = b'"account_id":"ac_1","principal":null,'
    fields = ("conn.server_name", "tls.version")

    records = compile_projection(REQUEST, fields).apply_to_lines([line % (around, raw) for raw in objects])

    assert records == [line % (around, project(raw, *fields)) for raw in objects]


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(PATHS), LEAVES), st.sets(st.sampled_from(PATHS), min_size=1))
def test_projection_takes_exactly_the_chosen_leaves(leaves: dict[str, Any], chosen: set[str]) -> None:
    whole: dict[str, Any] = {}
    for path, value in leaves.items():
        place(whole, path, value)
    expected: dict[str, Any] = {}
    for path in chosen & leaves.keys():
        place(expected, path, leaves[path])

    assert json.loads(project(json.dumps(whole).encode(), *chosen)) == expected


def place(tree: dict[str, Any], path: str, value: Any) -> None:
    *parents, leaf = path.split(".")
    for name in parents:
        tree = tree.setdefault(name, {})
    tree[leaf] = value
