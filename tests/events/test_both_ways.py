"""Whatever is sent, the quick way answers and stores exactly what the long way does: the same request goes both."""

import base64
import gzip
import json
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.wsgi import get_wsgi_application
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from accounts.models import Account
from delivery.decide import batch_lines
from events.intake import MAX_BODY_BYTES, MAX_EVENTS
from events.models import EventBatch, PublisherKey
from events.quick_way import QuickWay
from events.services import issue_token
from events.singles import MAX_SINGLE_BYTES
from tests.factories import make_account, make_api_key
from tests.wsgi import Application, post_events

# A request has a connection of its own, outside any transaction of a test.
pytestmark = pytest.mark.django_db(transaction=True)

TYPE = b'"event_type":"http_request_complete.v0"'
STAMP = "2026-11-23T08:00:00Z"
EVENT = b"{" + TYPE + b',"object":{"a":1},"event_timestamp":"' + STAMP.encode() + b'"}'
DEEP = b'{"a":' + b"[" * 701 + b"]" * 701 + b"}"

OBJECTS = [
    b"{}",
    b'{"a":1}',
    b' { "a" :\n [ 1,\r\n 2 ] } ',
    b'{"a":1,"a":2}',
    b'{"a":"\\u0000"}',
    b'{"a":"\\\\u0000"}',
    b'{"a":"\\ud800"}',
    b'{"a":"\xff"}',
    b'{"a":"x\ny"}',
    b'{"a":1e999}',
    b'{"a":01}',
    b"[]",
    b'"{"',
    b"null",
    DEEP,
    b'{"a":"' + b"x" * MAX_SINGLE_BYTES + b'"}',
    b'{"a":"' + b"x" * 256 * 1024 + b'"}',
]
FIELDS = [
    b"",
    b',"event_timestamp":"' + STAMP.encode() + b'"',
    b',"event_timestamp":"2026-11-23T10:00:00+02:00"',
    b',"event_timestamp":"2026-11-23T08:00:00"',
    b',"event_timestamp":"0001-01-01T00:00:00+14:00"',
    b',"event_timestamp":"2990-01-01T00:00:00Z"',
    b',"event_timestamp":null',
    b',"event_timestamp":1700000000',
    b',"account_id":null',
    b',"account_id":"OWN"',
    b',"account_id":"OTHER"',
    b',"account_id":"SUSPENDED"',
    b',"account_id":"ac_nobody"',
    b',"principal":null',
    b',"principal":{"id":\n"usr_1"}',
    b',"principal":["x",1]',
    b',"principal":"' + b"x" * 256 * 1024 + b'"',
    b',"principal":' + DEEP,
    b',"event_id":"ev_1"',
    b',"object":{"b":2}',
]
TYPES = [TYPE, TYPE, TYPE, b'"event_type":"tcp_connection_closed.v0"', b'"event_type":"api_key_created.v0"', b'"x":1']
ENDS = [b"\n", b"\n\n", b"\r\n", b"\n  \n", b" ", b"", b",", b",\n"]
FRAMES = [(b"", b""), (b"[", b"]"), (b" [ ", b" ] "), (b"\xef\xbb\xbf", b""), (b"\n", b"\n"), (b"[", b"")]
KEYS = ["own", "service", "service_of_one_type", "service_of_one_account"]

events = st.builds(
    lambda kind, value, fields: b"{" + kind + b',"object":' + value + b"".join(fields) + b"}",
    st.sampled_from(TYPES),
    st.sampled_from(OBJECTS),
    st.lists(st.sampled_from(FIELDS), max_size=2),
)
bodies = st.builds(
    lambda items, end, frame: frame[0] + end.join(items) + frame[1],
    st.lists(st.one_of(events, st.just(EVENT)), max_size=4),
    st.sampled_from(ENDS),
    st.sampled_from(FRAMES),
)


@dataclass(frozen=True)
class World:
    """Who publishes, and for whom."""

    tokens: dict[str, str]
    ids: dict[bytes, bytes]


@pytest.fixture
def world(account: Account, settings: Settings) -> World:
    settings.ALLOWED_HOSTS = ["testserver"]
    other = make_account(name="Other")
    suspended = make_account(name="Suspended")
    Account.objects.filter(pk=suspended.pk).update(suspended_at=timezone.now())
    tokens = {
        "own": make_api_key(account),
        "service": issue_token(PublisherKey(name="all")),
        "service_of_one_type": issue_token(PublisherKey(name="type", allowed_types=["tcp_connection_closed.v0"])),
        "service_of_one_account": issue_token(PublisherKey(name="account")),
    }
    PublisherKey.objects.get(name="account").allowed_accounts.add(other)
    owners = {b"OWN": account, b"OTHER": other, b"SUSPENDED": suspended}
    return World(tokens, {name: owner.pk.encode() for name, owner in owners.items()})


def send(application: Application, body: bytes, token: str, environ: dict[str, str]) -> Any:
    """Status, headers and body of the answer, and what was stored, without what differs from request to request."""
    before = list(EventBatch.objects.values_list("pk", flat=True))
    status, given, content = post_events(application, body, token, **environ)
    answer = json.loads(content)
    ids = answer.pop("event_ids", [])
    answer.get("details", {}).pop("operation_id", None)
    headers = {name: value for name, value in given if name not in {"Operation-Id", "Content-Length"}}
    stored = EventBatch.objects.exclude(pk__in=before).order_by("account_id")
    return status, headers, answer, len(ids), [_shown(batch, ids) for batch in stored]


def _shown(batch: EventBatch, ids: list[str]) -> Any:
    """`ids` are those of the answer, by which each stored event has to be found."""
    lines = []
    for line in batch_lines(batch).splitlines():
        event_id, stamp = json.loads(line)["event_id"], json.loads(line)["event_timestamp"]
        shown = line.replace(event_id.encode(), str(ids.index(event_id)).encode())
        lines.append(shown if stamp.startswith("2026-11-23") else shown.replace(stamp.encode(), b"NOW"))
    return batch.account_id, batch.publisher, batch.count, batch.types, batch.encoding, lines


def both(world: World, body: bytes, key: str = "own", **environ: str) -> tuple[Any, Any]:
    for name, pk in world.ids.items():
        body = body.replace(b'"' + name + b'"', b'"' + pk + b'"')
    django = get_wsgi_application()
    token = world.tokens[key]
    return send(QuickWay(django), body, token, environ), send(django, body, token, environ)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=bodies, key=st.sampled_from(KEYS))
@example(body=b"\n".join([EVENT] * 3), key="own")
@example(body=b"[" + b",".join([EVENT] * MAX_EVENTS) + b"]", key="own")
@example(body=b"\n".join([b"{" + TYPE + b',"object":{}}'] * (MAX_EVENTS + 1)), key="own")
@example(body=EVENT[:-1] + b',"account_id":"OWN"}\n' + EVENT[:-1] + b',"account_id":"OTHER"}', key="service")
@example(body=b"\n".join([EVENT, b"{" + TYPE + b',"object":' + DEEP + b"}"]), key="own")
def test_any_body_comes_to_the_same(world: World, body: bytes, key: str) -> None:
    quick, long = both(world, body, key)

    assert quick == long
    assert quick[0][:3] in {"202", "400"}
    assert (quick[3] > 0) == (quick[0][:3] == "202")


@pytest.mark.parametrize(
    "environ",
    [
        {"REQUEST_METHOD": "GET"},
        {"REQUEST_METHOD": "PUT"},
        {"CONTENT_LENGTH": "10"},
        {"CONTENT_LENGTH": str(3 * len(EVENT))},
        {"CONTENT_LENGTH": ""},
        {"CONTENT_LENGTH": "-1"},
        {"CONTENT_LENGTH": "ten"},
        {"CONTENT_LENGTH": str(MAX_BODY_BYTES + 1)},
        {"CONTENT_TYPE": ""},
        {"CONTENT_TYPE": "text/plain"},
        {"CONTENT_TYPE": "Application/JSON; charset=latin-1"},
        {"CONTENT_TYPE": "application/x-ndjson ; charset=utf-8"},
        {"QUERY_STRING": "partial=true"},
        {"QUERY_STRING": "partial=maybe"},
        {"QUERY_STRING": "part=true"},
        {"HTTP_AUTHORIZATION": ""},
        {"HTTP_AUTHORIZATION": "Bearer"},
        {"HTTP_AUTHORIZATION": "Basic \xe9"},
        {"HTTP_AUTHORIZATION": "Basic " + base64.b64encode(b"\xe9:").decode()},
        {"HTTP_AUTHORIZATION": "Bearer \xe9_1"},
        {"HTTP_AUTHORIZATION": "Digest a_b"},
        {"HTTP_CONTENT_ENCODING": "br"},
        {"HTTP_CONTENT_ENCODING": "identity"},
        {"HTTP_NGROK_VERSION": "7"},
        {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""},
        {"PATH_INFO": "/api/events/"},
    ],
)
@pytest.mark.parametrize("body", [EVENT, b"\n".join([EVENT] * 3)], ids=["one", "three"])
def test_any_head_comes_to_the_same(world: World, body: bytes, environ: dict[str, str]) -> None:
    quick, long = both(world, body, **environ)

    assert quick == long
    assert quick[0][:3] in {"200", "202", "400", "401", "404", "405", "413", "415"}


def test_compressed_bodies_come_to_the_same(world: World) -> None:
    quick, long = both(world, gzip.compress(EVENT), HTTP_CONTENT_ENCODING="gzip")

    assert quick == long
    assert quick[3] == 1


@pytest.mark.parametrize("count", [1, 2, 300])
def test_a_body_that_ends_early_is_refused(world: World, count: int) -> None:
    """After a broken connection a server may hand over half a body, which of NDJSON may be good events."""
    body = b"\n".join([EVENT] * count)

    quick, long = both(world, body, CONTENT_LENGTH=str(len(body) + 1 + len(EVENT)))

    assert quick == long
    assert quick[0].startswith("400")
    assert quick[2]["error_code"].endswith("_212")
    assert not EventBatch.objects.exists()
