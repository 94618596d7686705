"""Secrets are planted everywhere one can be given, the product is used, and then they are looked for everywhere."""

import io
import json
import logging
from typing import Any

import pytest
from django.contrib.admin import site
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from redis import Redis

from accounts.models import Account, Role, User
from common import payloads
from destinations.models import Destination, TestRun
from destinations.testing import run_test
from events.models import EventBatch
from events.publishing import publish
from tests.api.calling import AZURE, CLOUDWATCH, DATADOG, FIREHOSE, KINESIS, Api
from tests.carrying import Carry, FakeDatadog, answer
from tests.factories import AUDIT, BACKEND, HTTP, make_api_key, make_event, make_member, make_subscription
from tests.world import PAGES, World, make_world

pytestmark = pytest.mark.django_db

KEYS = {
    "aws_access_key_id": "AKIAIOSFODNN7EXAMPLE",
    "aws_secret_access_key": "canary/aws/0123456789abcdefghijklmnopqrst",
}
TARGETS: list[dict[str, Any]] = [
    {"datadog": {**DATADOG["datadog"], "api_key": "canary0datadog0123456789abcdef01"}},
    {"kinesis": {**KINESIS["kinesis"], "auth": {"creds": KEYS}}},
    {"firehose": {**FIREHOSE["firehose"], "auth": {"creds": KEYS}}},
    {"cloudwatch_logs": {**CLOUDWATCH["cloudwatch_logs"], "auth": {"creds": KEYS}}},
    {"azure_logs_ingestion": {**AZURE["azure_logs_ingestion"], "client_secret": "canary~azure~secret~value"}},
]
PASSWORD = "canary horse battery staple"
# Reads what an emulator holds, which is the customer's own.
NOT_HERE = {"destinations:arrived"}


class Seen:
    """Everything that left the product or is kept by it, and may hold no canary."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def note(self, where: str, text: str | bytes) -> None:
        self.texts[f"{len(self.texts)} {where}"] = text.decode(errors="replace") if isinstance(text, bytes) else text

    def found(self, canaries: set[str]) -> list[str]:
        return [f"{canary} in {where}" for where, text in self.texts.items() for canary in canaries if canary in text]


@pytest.fixture
def logs(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


def test_a_planted_secret_is_found_nowhere(
    account: Account, datadog: FakeDatadog, carry: Carry, redis: Redis, logs: pytest.LogCaptureFixture
) -> None:
    token = make_api_key(account, ["api", "publish"])
    canaries = {token, PASSWORD, KEYS["aws_secret_access_key"]}
    canaries |= {TARGETS[0]["datadog"]["api_key"], TARGETS[4]["azure_logs_ingestion"]["client_secret"]}
    seen, api = Seen(), Api(token)

    _use_the_api(seen, api)
    _carry(account, datadog, carry)
    _use_the_pages(seen, account)
    _look_at_what_is_kept(seen, redis)
    seen.note("logs", logs.text)

    assert len(seen.texts) > len(PAGES)
    assert "api_request" in logs.text
    assert seen.found(canaries) == []


def _use_the_api(seen: Seen, api: Api) -> None:
    ids = []
    for target in TARGETS:
        made = api.post("/event_destinations", {"format": "json", "target": target})
        assert made.status_code == 201, made.content
        path = f"/event_destinations/{made.json()['id']}"
        ids.append(made.json()["id"])
        answers = [made, api.get(path), api.patch(path, {"target": target}), api.post(f"{path}/test")]
        answers.append(api.post("/event_destinations/test", {"target": target}))
        # Wrong in every way that a refusal could quote.
        (slug, values), *_ = target.items()
        answers.append(api.post("/event_destinations", {"format": "json", "target": {slug: {**values, "more": 1}}}))
        answers.append(api.post("/event_destinations", {"format": "json", "target": {slug: [values]}}))
        answers.append(api.post("/event_destinations", {"format": "xml", "target": target}))
        answers.append(api.post("/event_destinations", json.dumps({"target": target})[:-1]))
        answers.append(api.post("/event_destinations", {"format": "json", "metadata": [values], "target": target}))
        for each in answers:
            seen.note(path, each.content)
    api.subscription(*ids, sources=[{"type": HTTP}, {"type": AUDIT}])
    wrong = {"id": "new", "target": {"datadog": {**TARGETS[0]["datadog"], "ddsite": "nowhere"}}}
    for each in (
        api.get("/event_destinations"),
        api.get("/event_configuration"),
        api.get("/event_configuration?format=yaml"),
        api.post("/event_configuration/plan", {"destinations": [wrong]}),
        api.get("/nothing"),
        api.get("/event_destinations", Authorization=f"Digest {api.token}"),
        api.get("/event_destinations", Authorization=f"Bearer {api.token}x_y"),
    ):
        seen.note("api", each.content)


def _carry(account: Account, datadog: FakeDatadog, carry: Carry) -> None:
    """A target that repeats the secret in its refusal, tests that fail, and audit events on their way."""
    echo = json.dumps({"errors": [f"the key {TARGETS[0]['datadog']['api_key']} is not good"]})
    datadog.answers += [answer(403, echo), answer(400, echo), answer(500, echo)]
    Destination.objects.exclude(target="datadog").update(state=Destination.State.PAUSED)
    publish([make_event()], account=account)
    for _ in range(3):
        Destination.objects.update(retry_at=None)
        carry(account)
    run = TestRun.objects.filter(target="datadog").latest("pk")
    run_test(run.pk)


def _use_the_pages(seen: Seen, account: Account) -> None:
    owner = make_member(account, "olga@acme.example", Role.OWNER)
    owner.set_password(PASSWORD)
    owner.save()
    signing_in = Client()
    data = {"login": owner.email, "password": PASSWORD + "!"}
    seen.note("a wrong password", signing_in.post(reverse("account_login"), data).content)
    client = Client()
    client.force_login(owner, backend=BACKEND)
    world = make_world(account)
    for destination in Destination.objects.filter(account=account):
        names = ("destinations:configuration", "destinations:as_code", "delivery:destination")
        for name in (*names, "delivery:delete_destination"):
            seen.note(name, client.get(reverse(name, args=[destination.pk])).content)
    for name, route in PAGES:
        if name in NOT_HERE:
            continue
        answered = client.get(reverse(name, kwargs=world.arguments(name, route)))
        seen.note(name, answered.getvalue())
    for name in ("destinations:create", "destinations:send_test_unsaved"):
        values = {f"target-{key}": value for key, value in TARGETS[0]["datadog"].items()}
        seen.note(name, client.post(reverse(name, args=["datadog"]), {**values, "target-site": "nowhere"}).content)
    as_code = {f"target-{key}": value for key, value in TARGETS[0]["datadog"].items()}
    as_code |= {"description": "There", "target-site": "datadoghq.eu"}
    seen.note("as code", client.post(reverse("destinations:as_code_unsaved", args=["datadog"]), as_code).content)
    _use_the_admin(seen)
    _use_the_commands(seen, world)


def _use_the_commands(seen: Seen, world: World) -> None:
    out = io.StringIO()
    for words in (
        ["rotate_encryption_key"],
        ["rotate_encryption_key", "--json"],
        ["find", world.destination.name],
        ["pause", world.destination.pk, "--json"],
        ["resume", world.destination.pk],
    ):
        call_command(*words, stdout=out, stderr=out)
    seen.note("commands", out.getvalue())


def _use_the_admin(seen: Seen) -> None:
    staff = Client()
    user = User.objects.create_superuser("staff@example.com", PASSWORD)
    staff.force_login(user, backend=BACKEND)
    for model in site._registry:
        if model._meta.app_label == "django_rq":
            continue
        base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        seen.note(base, staff.get(reverse(f"{base}_changelist")).content)
        for row in model._default_manager.all()[:3]:
            seen.note(f"{base} {row.pk}", staff.get(reverse(f"{base}_change", args=[row.pk])).content)


def _look_at_what_is_kept(seen: Seen, redis: Redis) -> None:
    for key in redis.scan_iter():
        seen.note(f"redis {key!r}", redis.dump(key) or b"")
        if redis.type(key) == b"hash":
            seen.note(f"redis {key!r}", repr(redis.hgetall(key)))
    for batch in EventBatch.objects.all():
        blob = bytes(batch.payload or b"")
        seen.note("event", payloads.decompress(blob) if batch.encoding == EventBatch.Encoding.ZSTD else blob)
    dump = io.StringIO()
    call_command("dumpdata", exclude=["django_rq"], stdout=dump)
    seen.note("dumpdata", dump.getvalue())
    seen.note("objects", " ".join(repr(each) for each in Destination.objects.all()))
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            seen.note(f"table {table}", repr(cursor.fetchall()))


def test_the_canary_test_would_see_one(account: Account) -> None:
    seen = Seen()
    make_subscription(account)
    account.name = "canary"
    account.save()

    _look_at_what_is_kept(seen, _EmptyRedis())  # type: ignore[arg-type]

    assert any("accounts_account" in where for where in seen.found({"canary"}))


class _EmptyRedis:
    def scan_iter(self) -> list[bytes]:
        return []
