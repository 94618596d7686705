"""The traffic that the simulator makes up: typical, and every event agrees with itself and with its connection."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from events.catalog import catalog
from events.catalog.validation import object_problems
from tests.events.simulator.taking import Event
from tests.factories import HTTP, TCP

RESERVED = [
    ip_network(block)
    for block in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15", "2001:db8::/32")
]


def key_of(value: Event) -> tuple[Any, ...]:
    conn = value["conn"]
    return conn["client_ip"], conn["server_ip"], conn["server_name"], conn["server_port"], conn["start_ts"]


def by_connection(requests: list[Event]) -> dict[tuple[Any, ...], list[Event]]:
    grouped = defaultdict(list)
    for request in requests:
        grouped[key_of(request)].append(request)
    return grouped


def whole_visits(requests: list[Event], closes: list[Event]) -> Iterator[tuple[list[Event], Event]]:
    """Requests with the close of their connection; those that may have begun before START are left out."""
    grouped = by_connection(requests)
    ambiguous = Counter(key_of(close) for close in closes)
    for close in closes:
        if close["conn"]["start_ts"] >= "2026-11-20T08" and ambiguous[key_of(close)] == 1:
            yield grouped.get(key_of(close), []), close


def test_generated_objects_hold_only_catalogued_fields_of_the_right_type(events: list[Event]) -> None:
    found = [
        problem
        for event in events
        for problem in object_problems(catalog()[event["event_type"]], event["object"], complete=False)
    ]

    assert found == []


@pytest.mark.parametrize("event_type", [HTTP, TCP])
def test_generated_traffic_uses_every_field_of_the_catalogue_and_has_no_principal(
    event_type: str, events: list[Event]
) -> None:
    traffic = [event for event in events if event["event_type"] == event_type]
    paths = {path for event in traffic for path in _paths(event["object"], event_type)}

    assert paths == {field.path for field in catalog()[event_type].fields}
    assert {event["principal"] for event in traffic} == {None}


def _paths(value: Event, event_type: str) -> Iterator[str]:
    for field in catalog()[event_type].fields:
        node: Any = value
        for name in field.path.split("."):
            node = node.get(name) if isinstance(node, dict) else None
        if node is not None:
            yield field.path


def test_most_responses_are_successes_and_some_are_not(requests: list[Event]) -> None:
    statuses = Counter(request["http"]["response"]["status_code"] for request in requests)
    share = {status: count / len(requests) for status, count in statuses.items()}
    server_errors = sum(part for status, part in share.items() if status >= 500)

    assert share[200] > 0.45
    assert 0.05 < share[304] < 0.3
    assert 0.01 < share[404] < 0.1
    assert 0.002 < server_errors < 0.03
    assert all(0 < share[status] < 0.03 for status in (401, 403, 429))


def test_clients_and_hosts_have_a_long_tail(requests: list[Event], closes: list[Event]) -> None:
    for name, least in (("client_ip", 1000), ("server_name", 60)):
        counts = Counter(value["conn"][name] for value in requests + closes)
        busiest = sum(count for _, count in counts.most_common(len(counts) // 10))

        assert len(counts) > least
        assert 0.3 < busiest / counts.total() < 0.95
        assert counts.most_common(1)[0][1] / counts.total() < 0.35


def test_addresses_are_of_documentation_and_benchmark_ranges(closes: list[Event]) -> None:
    addresses = {ip_address(close["conn"][name]) for close in closes for name in ("client_ip", "server_ip")}

    assert {address.version for address in addresses} == {4, 6}
    assert [address for address in addresses if not any(address in block for block in RESERVED)] == []


def test_ports_are_mostly_443(closes: list[Event]) -> None:
    ports = Counter(close["conn"]["server_port"] for close in closes)

    assert ports.keys() == {22, 80, 443, 5432, 8443}
    assert ports[443] / len(closes) > 0.75


def test_visits_are_whole_and_their_times_and_bytes_agree(requests: list[Event], closes: list[Event]) -> None:
    visits = list(whole_visits(requests, closes))
    assert len(visits) > 3000

    for exchanges, close in visits:
        conn = close["conn"]
        assert conn["start_ts"] < conn["end_ts"]
        assert conn["bytes_in"] >= sum(each["http"]["request"]["body_length"] for each in exchanges)
        assert conn["bytes_out"] >= sum(each["http"]["response"]["body_length"] for each in exchanges)
        if conn["server_port"] in {22, 5432}:
            assert exchanges == []
        else:
            assert exchanges
            assert conn["bytes_in"] > 0


def test_connections_close_after_their_last_request(events: list[Event]) -> None:
    seen = Counter(key_of(event["object"]) for event in events if event["event_type"] == TCP)
    closed = set()
    for event in events:
        if event["event_type"] == TCP:
            assert event["event_timestamp"] == event["object"]["conn"]["end_ts"]
            closed.add(key_of(event["object"]))
        elif event["event_type"] == HTTP and seen[key_of(event["object"])] == 1:
            assert key_of(event["object"]) not in closed


def test_client_keeps_its_agent_and_handshake_during_a_visit(requests: list[Event], closes: list[Event]) -> None:
    for exchanges, close in whole_visits(requests, closes):
        said = {
            (each["http"]["request"]["user_agent"], each.get("ja4_fingerprint"), str(each.get("tls")))
            for each in exchanges
        }
        assert len(said) <= 1
        assert all(each.get("ja4_fingerprint") == close.get("ja4_fingerprint") for each in exchanges)


def test_tls_fields_agree_with_the_fingerprint_and_the_port(requests: list[Event]) -> None:
    versions = {"t12": "TLS 1.2", "t13": "TLS 1.3"}
    for request in requests:
        if request["conn"]["server_port"] == 80:
            assert not {"tls", "ja4_fingerprint", "backend"} & request.keys()
            assert request["http"]["response"]["status_code"] == 308
            assert request["http"]["request"]["url"]["scheme"] == "http"
        else:
            assert request["tls"]["version"] == versions[request["ja4_fingerprint"][:3]]
            assert request["http"]["request"]["url"]["scheme"] == "https"


def test_url_parts_agree_with_the_whole_and_with_the_connection(requests: list[Event]) -> None:
    for request in requests:
        url = request["http"]["request"]["url"]
        query = f"?{url['query']}" if url["query"] else ""
        assert url["host"] == request["conn"]["server_name"]
        assert url["raw"].startswith(f"{url['scheme']}://{url['host']}")
        assert url["raw"].endswith(url["path"] + query)
        assert "{" not in url["raw"]


def test_headers_have_capitalized_names_and_lower_case_values(requests: list[Event]) -> None:
    for request in requests:
        for side in ("request", "response"):
            for name, values in request["http"][side]["headers"].items():
                assert name == "-".join(part.capitalize() for part in name.split("-"))
                assert values
                assert values == [value.lower() for value in values]
        assert request["http"]["request"]["method"].islower()


def test_optional_fields_are_absent_where_they_do_not_apply(requests: list[Event]) -> None:
    optional = ("basic_auth", "oauth", "compression", "ip_policy", "circuit_breaker", "webhook_verification")
    for name in optional:
        share = sum(name in request for request in requests) / len(requests)
        assert 0 < share < 0.75, name
    assert {request["conn"]["server_name"] for request in requests if "oauth" in request} == {
        "admin.acme.app",
        "grafana.acme.dev",
    }
    assert 0 < sum("client_cert" in request.get("tls", {}) for request in requests) / len(requests) < 0.1


def test_some_fields_are_null(requests: list[Event]) -> None:
    refused = [request["oauth"] for request in requests if request.get("oauth", {}).get("decision") == "block"]

    assert refused
    assert {oauth["user"] for oauth in refused} == {None}
    assert any(request["http"]["request"]["user_agent"] is None for request in requests)


def test_refused_requests_never_reach_the_service(requests: list[Event]) -> None:
    guards = {
        "ip_policy": 403,
        "circuit_breaker": 503,
        "webhook_verification": 403,
        "basic_auth": 401,
        "oauth": 302,
    }
    refused = Counter[str]()
    for request in requests:
        for name, status in guards.items():
            if request.get(name, {}).get("decision") == "block":
                refused[name] += 1
                assert request["http"]["response"]["status_code"] == status
                assert "backend" not in request

    assert refused.keys() == guards.keys()


def test_compression_saves_bytes_where_it_is_applied(requests: list[Event]) -> None:
    compressed = [request for request in requests if request.get("compression", {}).get("algorithm") == "gzip"]

    assert compressed
    for request in compressed:
        assert request["compression"]["bytes_saved"] > request["http"]["response"]["body_length"]
        assert request["http"]["response"]["headers"]["Content-Encoding"] == ["gzip"]
