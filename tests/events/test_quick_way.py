"""Events by the quick way: the same answer as by the long way, and the long way for everything that is not plain."""

import gzip
import io
import json
from collections.abc import Callable, Collection
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest
import structlog
from django.core.wsgi import get_wsgi_application
from django.db import OperationalError, connections
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.audit import SYSTEM
from accounts.models import Account, APIKey, make_token
from accounts.services import revoke_api_key
from events import publishing
from events.authentication import publishers_of
from events.by_id import find_event
from events.envelope import MAX_EVENT_BYTES
from events.intake import MAX_BODY_BYTES
from events.models import EventBatch, PublisherKey
from events.publishing import LARGE_BYTES, MOST_LARGE, Publisher
from events.quick_way import QuickWay
from events.services import issue_token
from events.singles import MAX_SINGLE_BYTES
from tests.events.quick import EVENT, Answer, LongWay, send
from tests.factories import make_event

# A request has a connection of its own, outside any transaction of a test.
pytestmark = pytest.mark.django_db(transaction=True)


def assert_same(first: Answer, second: Answer, account: Account, *, accepted: int) -> None:
    """Both were accepted and say the same, but for the IDs; each event is found by its ID."""
    for answer in (first, second):
        ids = answer.body.pop("event_ids")
        assert len(ids) == accepted
        assert all(find_event(account.pk, event_id) for event_id in ids)
        assert answer.headers.pop("Operation-Id").startswith("op_")
    assert first.status == second.status == 202
    assert first.body == second.body == {"accepted": accepted, "rejected": []}
    assert first.headers == second.headers


def test_a_plain_event_is_stored_and_answered_as_by_the_long_way(
    account: Account, token: str, quick: QuickWay, long_way: LongWay
) -> None:
    by_quick_way = send(quick, token=token)
    by_long_way = send(get_wsgi_application(), token=token)

    assert long_way.bodies == []
    assert_same(by_quick_way, by_long_way, account, accepted=1)


@pytest.mark.parametrize(
    "body",
    [
        EVENT + b"\n" + EVENT,
        b"[" + EVENT + b",\r\n" + EVENT + b"]",
        EVENT + b"\n" + json.dumps(make_event(object={"a": "x" * MAX_SINGLE_BYTES})).encode(),
    ],
)
def test_plain_events_are_stored_and_answered_as_by_the_long_way(
    account: Account, token: str, quick: QuickWay, long_way: LongWay, body: bytes
) -> None:
    by_quick_way = send(quick, body, token)
    by_long_way = send(get_wsgi_application(), body, token)

    assert long_way.bodies == []
    assert_same(by_quick_way, by_long_way, account, accepted=2)
    assert [batch.count for batch in EventBatch.objects.all()] == [2, 2]


def test_a_connection_that_has_died_meanwhile_is_replaced(
    token: str, quick: QuickWay, long_way: LongWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Collection[str]] = []

    def fail_once(token_hashes: Collection[str]) -> dict[str, Publisher]:
        asked.append(token_hashes)
        if len(asked) == 1:
            raise OperationalError("the connection is closed")
        return publishers_of(token_hashes)

    monkeypatch.setattr("events.quick_way.publishers_of", fail_once)
    monkeypatch.setattr(type(connections["default"]), "is_usable", lambda _: False)

    assert send(quick, EVENT + b"\n" + EVENT, token).status == 202
    assert long_way.bodies == []


def test_a_database_that_is_locked_is_asked_once(
    token: str, quick: QuickWay, long_way: LongWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Collection[str]] = []

    def fail(token_hashes: Collection[str]) -> dict[str, Publisher]:
        asked.append(token_hashes)
        raise OperationalError("database is locked")

    monkeypatch.setattr("events.quick_way.publishers_of", fail)

    assert send(quick, EVENT + b"\n" + EVENT, token).status == 503
    assert len(asked) == 1
    assert long_way.bodies == []


@pytest.mark.parametrize("body", [EVENT, EVENT + b"\n" + EVENT])
def test_what_nobody_thought_of_is_handed_on(
    token: str, quick: QuickWay, long_way: LongWay, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("events.quick_way.publish_body", fail)
    monkeypatch.setattr("events.quick_way.publish_single", fail)

    assert send(quick, body, token).status == 418
    assert long_way.bodies == [body]


def test_a_database_that_is_not_there_is_said_once(
    token: str, quick: QuickWay, long_way: LongWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OperationalError("the connection is closed")

    monkeypatch.setattr("events.quick_way.publishers_of", fail)

    answer = send(quick, EVENT + b"\n" + EVENT, token)

    assert answer.status == 503
    assert "Retry-After" in answer.headers
    assert long_way.bodies == []


def test_a_stored_event_is_as_it_was_sent_but_on_one_line(account: Account, token: str, quick: QuickWay) -> None:
    event = make_event(principal={"id": "usr_1"})

    answer = send(quick, json.dumps(event, indent=2).encode(), token)

    stored = find_event(account.pk, answer.body["event_ids"][0])
    assert stored is not None
    assert (json.loads(bytes(stored.object)), json.loads(bytes(stored.principal))) == (
        event["object"],
        event["principal"],
    )
    assert EventBatch.objects.get().publisher == APIKey.objects.get().pk


def test_a_publisher_key_publishes_for_the_account_it_names(account: Account, quick: QuickWay) -> None:
    token = issue_token(PublisherKey(name="edge"))

    answer = send(quick, json.dumps(make_event(account_id=account.pk)).encode(), token)

    assert answer.status == 202
    assert EventBatch.objects.get().account == account


@pytest.mark.parametrize(
    ("body", "environ"),
    [
        (EVENT, {"QUERY_STRING": "partial=true"}),
        (EVENT, {"HTTP_IDEMPOTENCY_KEY": "k1"}),
        (gzip.compress(EVENT), {"HTTP_CONTENT_ENCODING": "gzip"}),
        (EVENT, {"CONTENT_TYPE": "text/plain"}),
        (EVENT, {"CONTENT_TYPE": ""}),
        (EVENT, {"CONTENT_LENGTH": ""}),
        (EVENT, {"HTTP_HOST": "elsewhere.example"}),
        (EVENT, {"HTTP_AUTHORIZATION": ""}),
        (EVENT, {"HTTP_AUTHORIZATION": "Bearer nonsense"}),
        (EVENT, {"HTTP_AUTHORIZATION": "Bearer 2u9gA1tRwE6uYiOpLkJhGfDsQpZ_abcdefghijklmnopqrstu"}),
        (EVENT, {"REQUEST_METHOD": "PUT"}),
        (EVENT, {"PATH_INFO": "/events"}),
        (EVENT, {"PATH_INFO": "/api/event_destinations"}),
        (EVENT + b"\n" + b"{", {}),
        (b"[" + EVENT + b', {"event_type": "nothing.v0", "object": {}}]', {}),
        (b"{", {}),
        (b"", {}),
        (b'{"event_type":"nothing.v0","object":{}}', {}),
        (json.dumps(make_event(event_timestamp="2990-01-01T00:00:00Z")).encode(), {}),
        (json.dumps(make_event(event_type="api_key_created.v0")).encode(), {}),
        (json.dumps(make_event(account_id="ac_2u9gA1tRwE6uYiOpLkJhGfDsQpZ")).encode(), {}),
        (json.dumps(make_event(object={"a": "b\0c"})).encode(), {}),
        (json.dumps(make_event(object={"a": "x" * MAX_EVENT_BYTES})).encode(), {}),
        (EVENT + b" " * MAX_BODY_BYTES, {}),
    ],
)
def test_what_is_not_plain_is_handed_on_untouched(
    token: str, quick: QuickWay, long_way: LongWay, body: bytes, environ: dict[str, str]
) -> None:
    assert send(quick, body, token, **environ).status == 418

    assert long_way.bodies == [body]
    assert not EventBatch.objects.exists()


def test_a_large_body_of_a_stranger_is_not_read(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["testserver"]
    inputs: list[Any] = []

    def long_way(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        inputs.append(environ["wsgi.input"])
        start_response("418 Handed on", [])
        return []

    body = EVENT + b" " * MAX_SINGLE_BYTES
    untouched = io.BytesIO(body)
    send(QuickWay(long_way), body, make_token(), **{"wsgi.input": untouched})

    assert inputs == [untouched]
    assert untouched.tell() == 0


def test_a_revocation_holds_for_the_very_next_request(
    account: Account, token: str, quick: QuickWay, long_way: LongWay
) -> None:
    assert send(quick, token=token).status == 202
    revoke_api_key(key=APIKey.objects.get(), actor=SYSTEM)

    assert send(quick, token=token).status == 418
    assert send(QuickWay(get_wsgi_application()), token=token).body["status_code"] == 401
    assert EventBatch.objects.count() == 1


@pytest.mark.parametrize("change", ["expired", "without_scope", "suspended"])
def test_a_key_that_may_not_publish_is_handed_on(account: Account, token: str, quick: QuickWay, change: str) -> None:
    match change:
        case "expired":
            APIKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        case "without_scope":
            APIKey.objects.update(scopes=["api"])
        case "suspended":
            Account.objects.update(suspended_at=timezone.now())

    assert send(quick, token=token).status == 418
    assert not EventBatch.objects.exists()


def test_at_the_api_host_events_are_published_at_its_root(
    account: Account, token: str, quick: QuickWay, settings: Settings
) -> None:
    settings.API_HOST = "api.acme.example"
    settings.ALLOWED_HOSTS = ["api.acme.example"]

    assert send(quick, token=token, HTTP_HOST="api.acme.example", PATH_INFO="/events").status == 202
    assert send(quick, token=token, HTTP_HOST="api.acme.example").status == 418


def test_behind_https_plain_http_is_handed_on_and_the_answer_asks_for_https(
    token: str, settings: Settings, long_way: LongWay
) -> None:
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 60
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    quick = QuickWay(long_way)

    assert send(quick, token=token).status == 418
    answer = send(quick, token=token, HTTP_X_FORWARDED_PROTO="https")
    assert answer.status == 202
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=60")


def test_the_request_is_logged_under_its_operation_id(token: str, quick: QuickWay) -> None:
    with structlog.testing.capture_logs() as lines:
        answer = send(quick, token=token)

    (line,) = (line for line in lines if line["event"] == "api_request")
    assert line["operation_id"] == answer.headers["Operation-Id"]
    assert (line["method"], line["path"], line["status"]) == ("POST", "/api/events", HTTPStatus.ACCEPTED)


def test_large_requests_wait_for_room_and_are_asked_to_come_again(
    token: str, quick: QuickWay, long_way: LongWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.publishing.LARGE_PATIENCE_SECONDS", 0.0)
    padded = json.dumps(make_event(object={"padding": "x" * 250_000})).encode()
    large = b"\n".join([padded] * (LARGE_BYTES // len(padded) + 1))
    django = get_wsgi_application()
    for _ in range(MOST_LARGE):
        publishing._large.acquire()
    try:
        refused = [send(quick, large, token), send(django, large, token)]
        accepted = send(quick, EVENT + b"\n" + EVENT, token)
    finally:
        publishing._large.release(MOST_LARGE)

    assert long_way.bodies == []
    assert [(each.status, each.headers["Retry-After"]) for each in refused] == [(503, "1")] * 2
    assert all("nothing was accepted" in each.body["msg"] for each in refused)
    assert accepted.status == 202, "Small ones find room."
    assert EventBatch.objects.count() == 1
    assert [send(quick, large, token).status for _ in range(MOST_LARGE + 1)] == [202] * (MOST_LARGE + 1)
