"""What every operation asks of a request: its key, its version, its query and its body."""

import base64
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import structlog
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings
from redis import Redis

from accounts.audit import SYSTEM
from accounts.models import Account, APIKey, is_token, make_token
from accounts.services import revoke_api_key
from common import api_limits
from destinations.models import Destination
from tests.api.calling import DATADOG, Api, assert_error
from tests.factories import make_api_key

LIST = "/event_destinations"


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, 200),
        ("", 200),
        ("Digest abc", 201),
        ("Bearer", 202),
        ("Bearer nonsense", 202),
        ("Bearer a_b_c", 202),
        ("Bearer ümlaut_x", 202),
        ("Basic nonsense", 202),
        ("Bearer 2abcdefghijklmnopqrstuvwxyz_1234567890", 203),
        ("Bearer ak_0123456789abcdefghijklmnopq", 208),
    ],
)
def test_a_request_without_a_good_key_is_refused(db: None, authorization: str | None, code: int) -> None:
    answer = Api("").get(LIST, Authorization=authorization)

    assert_error(answer, code, 401)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_basic_takes_the_key_as_user_or_password(api: Api) -> None:
    for pair in (f"{api.token}:", f":{api.token}", api.token):
        basic = base64.b64encode(pair.encode()).decode()
        assert api.get(LIST, Authorization=f"Basic {basic}").status_code == 200


def test_a_revoked_or_expired_key_is_refused_at_once(account: Account, api: Api) -> None:
    assert api.get(LIST).status_code == 200
    revoke_api_key(key=APIKey.objects.get(), actor=SYSTEM)
    assert_error(api.get(LIST), 203, 401)

    expired = Api(make_api_key(account, ["api"]))
    APIKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert_error(expired.get(LIST), 203, 401)


def test_a_reading_key_reads_and_changes_nothing(reading: Api) -> None:
    assert reading.get(LIST).status_code == 200
    assert_error(reading.post(LIST, {"format": "json", "target": DATADOG}), 204, 403)
    assert not Destination.objects.exists()


def test_a_publishing_key_may_not_configure_and_a_configuring_one_not_publish(account: Account, api: Api) -> None:
    assert_error(Api(make_api_key(account, ["publish"])).get(LIST), 204, 403)
    assert_error(api.post("/events", {}), 204, 403)


def test_a_suspended_account_is_refused(account: Account, api: Api) -> None:
    Account.objects.filter(pk=account.pk).update(suspended_at=timezone.now())

    assert_error(api.get(LIST), 205, 403)


def test_the_last_use_of_a_key_is_noted(api: Api) -> None:
    api.get(LIST)

    assert APIKey.objects.get().last_used_at is not None


def test_a_token_is_recognised_by_its_shape_and_checksum() -> None:
    token = make_token()

    assert is_token(token)
    assert token.startswith("evs")
    assert token.count("_") == 1
    assert not is_token(token[:-1] + ("0" if token[-1] != "0" else "1"))
    assert not is_token("evs" + "a" * 24 + "_" + "b" * 21)


@pytest.mark.parametrize(("version", "code"), [(None, 218), ("1", 217), ("two", 217)])
def test_the_version_is_two(api: Api, version: str | None, code: int) -> None:
    assert_error(api.get(LIST, Ngrok_Version=version), code)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=%zz", 230),
        ("limit=%ff", 230),
        ("before_id=%00", 230),
        ("colour=red", 231),
        ("limit=1&limit=2", 232),
        ("limit=0", 233),
        ("limit=101", 233),
        ("limit=-1", 233),
        ("limit=99999999999999999999999", 233),
        ("limit=many", 244),
        ("limit=1.5", 244),
        ("before_id=nonsense", 223),
        ("before_id=esb_0123456789abcdefghijklmnopq", 227),
        ("filter=obj.", 215),
        ("filter=obj.colour%20%3D%3D%20%22red%22", 215),
        ("filter=obj.id", 215),
        ("filter=obj.id.matches(%22(%22)", 215),
    ],
)
def test_a_wrong_query_is_refused_under_its_code(api: Api, query: str, code: int) -> None:
    assert_error(api.get(f"{LIST}?{query}"), code)


@pytest.mark.parametrize(
    ("body", "content_type", "code", "status"),
    [
        ("{", "application/json", 213, 400),
        ("[]", "application/json", 213, 400),
        ("null", "application/json", 213, 400),
        ('{"metadata": NaN}', "application/json", 213, 400),
        (b'{"metadata": "\xff"}', "application/json", 213, 400),
        ("{}", "", 216, 400),
        ("{}", "text/plain", 210, 415),
        ("{}", "application/x-ndjson", 210, 415),
        ('{"colour": "red"}', "application/json", 214, 400),
        ('{"metadata": 1}', "application/json", 215, 400),
        ('{"metadata": "\\u0000"}', "application/json", 215, 400),
        ('{"description": "' + "x" * 256 + '"}', "application/json", 215, 400),
        ('{"description": "' + "ü" * 128 + '"}', "application/json", 215, 400),
        ('{"metadata": "' + "x" * 4097 + '"}', "application/json", 215, 400),
        ("[" * 100_000, "application/json", 213, 400),
        (" " * 300_000, "application/json", 212, 413),
        (" " * 7_000_000, "application/json", 212, 413),
    ],
)
def test_a_wrong_body_is_refused_under_its_code(
    api: Api, body: str | bytes, content_type: str, code: int, status: int
) -> None:
    answer = Client().generic(
        "POST",
        f"/api{LIST}",
        body,
        content_type=content_type,
        headers={"Authorization": f"Bearer {api.token}", "Ngrok-Version": "2"},
    )

    assert_error(answer, code, status)


def test_reading_and_deleting_take_no_body_but_a_content_type_is_ignored(api: Api) -> None:
    assert_error(api.call("GET", LIST, {}), 211)
    assert_error(api.call("DELETE", f"{LIST}/{api.destination()['id']}", {}), 211)
    assert Destination.objects.filter(deleted_at=None).count() == 1
    assert api.get(LIST, Content_Type="application/json").status_code == 200


def test_unknown_paths_and_methods_are_json_errors(api: Api) -> None:
    assert_error(api.get("/nothing"), 404, 404)
    answer = api.call("PUT", LIST)
    assert_error(answer, 405, 405)
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "POST"}


def test_a_failure_of_ours_is_a_json_error_whose_operation_is_in_the_log(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("destinations.api.destination_resource", fail)
    api_destination = api.destination
    merged = [structlog.contextvars.merge_contextvars]
    with structlog.testing.capture_logs(processors=merged) as lines, pytest.raises(AssertionError):
        api_destination()
    failure = next(line for line in lines if line["event"] == "api_failure")
    request = next(line for line in lines if line["event"] == "api_request")

    assert failure["operation_id"] == request["operation_id"]
    assert request["status"] == 500


def test_the_error_prefix_is_a_setting(api: Api, settings: Settings) -> None:
    settings.API_ERROR_PREFIX = "ERR_ACME_"

    assert api.get("/nothing").json()["error_code"] == "ERR_ACME_404"


def test_an_api_host_has_the_api_at_its_root_and_nothing_else(api: Api, settings: Settings) -> None:
    settings.API_HOST = "api.acme.example"
    settings.ALLOWED_HOSTS = ["api.acme.example", "testserver"]
    headers = {"Authorization": f"Bearer {api.token}", "Ngrok-Version": "2", "Host": "api.acme.example"}

    answer = Client().get("/event_destinations", headers=headers)

    assert answer.status_code == 200
    assert answer.json()["uri"] == "http://api.acme.example/event_destinations"
    assert_error(Client().get("/sign-in/", headers=headers), 404, 404)
    assert api.get(LIST).status_code == 200


@pytest.fixture
def counted(redis: Redis, queue_server: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(api_limits, "_rest_until", 0.0)
    yield
    api_limits._rest_until = 0.0


@pytest.mark.usefixtures("counted")
def test_the_rate_is_limited_for_each_account(api: Api, stranger_api: Api, settings: Settings) -> None:
    settings.API_REQUESTS_PER_MINUTE = 2

    first, second, third = (api.get(LIST) for _ in range(3))

    assert [first.headers[f"RateLimit-{name}"] for name in ("Limit", "Remaining")] == ["2", "1"]
    assert second.headers["RateLimit-Remaining"] == "0"
    assert_error(third, 226, 429)
    assert 1 <= int(third.headers["Retry-After"]) <= 60
    assert stranger_api.get(LIST).status_code == 200


@pytest.mark.usefixtures("counted")
def test_requests_under_way_are_limited_and_end(api: Api, account: Account, settings: Settings, redis: Redis) -> None:
    settings.API_CONCURRENT_REQUESTS = 1
    assert [api.get(LIST).status_code for _ in range(3)] == [200, 200, 200]

    redis.zadd(f"api:running:{account.pk}", {"op_another": timezone.now().timestamp()})

    assert_error(api.get(LIST), 225, 429)


def test_without_redis_nothing_is_limited(api: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_limits, "_rest_until", 0.0)
    monkeypatch.setattr("common.wake.connection", lambda: Redis.from_url("redis://127.0.0.1:1/0"))
    settings.API_REQUESTS_PER_MINUTE = 1
    logging.getLogger("common.api_limits").setLevel(logging.CRITICAL)

    assert [api.get(LIST).status_code for _ in range(3)] == [200, 200, 200]
