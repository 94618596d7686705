"""Who gets which answer: every page for every role, every operation of the API for every kind of key.

New pages and operations are found by themselves. A page that takes POST is for editors, one that only shows is for
viewers; the exceptions stand below.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from accounts.audit import SYSTEM
from accounts.models import Account, APIKey, Role
from accounts.services import revoke_api_key
from config.api import api as mounted
from config.openapi import EXAMPLES
from tests.api.calling import Api
from tests.factories import BACKEND, HTTP, make_account, make_api_key, make_member
from tests.world import PAGES, World, make_world

pytestmark = pytest.mark.django_db

NEEDS_ADMIN = re.compile(r"accounts:.*|(\w+_)?(audit|invitation|member)\w*|edit_account|export_audit_trail")
# They show the way to something that editors do.
NEEDS_EDITOR = {"destinations:choose_target", "destinations:set_up_new", "destinations:credentials"}
# They show to all what only some may change.
BY_METHOD = {("people", "GET"): Role.VIEWER, ("people", "POST"): Role.ADMIN}
# Shown where they exist only: in demo mode; once the run is over.
NOT_HERE = {"destinations:arrived", "subscriptions:backtest_sample", "subscriptions:send_sample"}
REFUSED, MISSING, ELSEWHERE = 403, 404, 302
# Everybody may leave, so the page itself says whom they may not remove.
REFUSED_BY_THE_PAGE = {"remove_member": 422}


@pytest.fixture
def world(account: Account) -> World:
    return make_world(account)


def needed_role(name: str, methods: set[str], method: str) -> Role:
    if (name, method) in BY_METHOD:
        return BY_METHOD[name, method]
    if NEEDS_ADMIN.fullmatch(name):
        return Role.ADMIN
    return Role.EDITOR if "POST" in methods or name in NEEDS_EDITOR else Role.VIEWER


def client_of(account: Account, role: Role) -> Client:
    client = Client()
    person = make_member(account, f"{role.value}-{account.pk[-6:].lower()}@acme.example", role)
    client.force_login(person, backend=BACKEND)
    return client


def methods_of(client: Client, address: str) -> set[str]:
    """A method that no page takes makes each name those that it does."""
    answer = client.put(address)
    assert answer.status_code == 405, f"{address} takes PUT."
    return set(answer.headers["Allow"].split(", ")) - {"HEAD", "OPTIONS"}


@pytest.mark.parametrize(("name", "route"), PAGES)
def test_every_page_answers_each_person_as_their_role_says(world: World, name: str, route: str) -> None:
    address = reverse(name, kwargs=world.arguments(name, route))
    methods = methods_of(client_of(world.account, Role.OWNER), address)

    for method in sorted(methods):
        needed = needed_role(name, methods, method)
        anonymous = Client().generic(method, address)
        assert anonymous.status_code == ELSEWHERE, (method, "anonymous")
        assert anonymous.headers["Location"].startswith("/sign-in/"), (method, "anonymous")
        for role in Role:
            with transaction.atomic():
                answer = client_of_once(world.account, role).generic(method, address)
                transaction.set_rollback(True)
            if not role.covers(needed):
                assert answer.status_code == REFUSED_BY_THE_PAGE.get(name, REFUSED), (method, role)
            elif name not in NOT_HERE:
                assert answer.status_code not in {REFUSED, MISSING}, (method, role)


def client_of_once(account: Account, role: Role) -> Client:
    existing = account.memberships.filter(role=role, user__email__startswith=role.value).select_related("user").first()
    if existing is None:
        return client_of(account, role)
    client = Client()
    client.force_login(existing.user, backend=BACKEND)
    return client


WITH_OBJECTS = [(name, route) for name, route in PAGES if re.search(r"<(?!slug:target|str:name)", route)]


@pytest.mark.parametrize(("name", "route"), WITH_OBJECTS)
def test_a_strangers_page_answers_as_a_missing_one(world: World, name: str, route: str) -> None:
    stranger = client_of(make_account(name="Other"), Role.OWNER)
    known = world.arguments(name, route)
    missing = {k: 0 if isinstance(v, int) else f"{v[:-5]}00000" for k, v in known.items() if k != "target"}
    addresses = [reverse(name, kwargs=kwargs) for kwargs in (known, {**known, **missing})]

    for method in sorted(methods_of(stranger, addresses[0])):
        foreign, absent = (stranger.generic(method, address) for address in addresses)
        assert foreign.status_code == absent.status_code == MISSING, method
        assert plain(foreign, addresses[0], known) == plain(absent, addresses[1], missing)


def plain(answer: Any, address: str, asked: Mapping[str, Any]) -> str:
    """The page without what each request has of its own: its token, its address, and what was asked for."""
    page = re.sub(r'csrf[^>]*"[A-Za-z0-9]{64}"|"X-CSRFToken": "[A-Za-z0-9]{64}"', "", answer.content.decode())
    for own in (address, *(value for value in asked.values() if isinstance(value, str))):
        page = page.replace(own, "")
    return page


def operations() -> Iterator[tuple[str, str, str]]:
    document = json.loads(json.dumps(mounted.get_openapi_schema()))
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield operation["operationId"], method.upper(), path.removeprefix("/api")


OPERATIONS = sorted(operations())
# Refused for the state that the object is in, which is an answer to somebody who may.
STATE_DEPENDS = {"EventReplaysResume"}


def address_of(world: World, path: str) -> str:
    pk: Any = world.destination.pk
    starts = {"/event_subscriptions": world.subscription.pk, "/event_deliveries": world.delivery.pk}
    starts |= {"/event_replays": world.replay, "/event_backtests": world.backtest.pk}
    starts |= {"/event_destination_tests": world.run, "/events/": world.event}
    for start, value in starts.items():
        pk = value if path.startswith(start) else pk
    known = {"subscription_id": world.subscription.pk, "type": HTTP, "name": HTTP, "target": "datadog", "number": 1}
    return path.format(id=pk, **known)


def body_of(world: World, name: str) -> Any:
    if name == "EventDeadLettersReplay":
        return {"ids": [str(world.letter.pk)]}
    if name in {"EventReplaysCreate", "EventReplaysPreview"}:
        return {
            "subscription_id": world.subscription.pk,
            "start": "2020-01-01T00:00:00Z",
            "end": "2100-01-01T00:00:00Z",
        }
    if name == "EventSourcesCreate":
        return {"type": "tcp_connection_closed.v0"}
    return EXAMPLES.get(name)


@pytest.mark.parametrize(("name", "method", "path"), OPERATIONS)
def test_every_operation_answers_each_key_as_its_scope_says(world: World, name: str, method: str, path: str) -> None:
    address, body = address_of(world, path), body_of(world, name)
    may = {"publish"} if name == "EventsPublish" else {"api", "read"} if method == "GET" else {"api"}

    def answer(token: str) -> Any:
        headers: dict[str, str | None] = {} if token else {"Authorization": None}
        return Api(token).call(method, address, body, **headers)

    assert answer("").json()["error_code"].endswith("_200")
    revoked = make_api_key(world.account, ["api", "read", "publish"])
    revoke_api_key(key=APIKey.objects.latest("created_at"), actor=SYSTEM)
    assert answer(revoked).json()["error_code"].endswith("_203")
    for scope in ("publish", "read", "api"):
        answered = answer(make_api_key(world.account, [scope]))
        if scope in may:
            # Deleting is refused while it is used, which is an answer to somebody who may.
            assert (
                answered.status_code < 300 or answered.json()["error_code"].endswith("_5112") or name in STATE_DEPENDS
            ), answered.content
        else:
            assert (answered.status_code, answered.json()["error_code"][-3:]) == (403, "204"), scope


OF_OBJECTS = [each for each in OPERATIONS if "{" in each[2] and not re.search("{(name|target)}", each[2])]


@pytest.mark.parametrize(("name", "method", "path"), OF_OBJECTS)
def test_a_strangers_object_answers_byte_for_byte_as_a_missing_one(
    world: World, name: str, method: str, path: str
) -> None:
    api = Api(make_api_key(make_account(name="Other"), ["api"]))
    foreign = address_of(world, path)
    absent = re.sub(r"(_[0-9A-Za-z]{22})[0-9A-Za-z]{5}", r"\g<1>00000", foreign)
    absent = absent if absent != foreign else re.sub(r"/\d+", "/999999", foreign)
    strip: Callable[[Any], str] = lambda answer: re.sub(r"op_[0-9A-Za-z]{27}", "", answer.content.decode())  # noqa: E731

    first, second = (api.call(method, address, body_of(world, name)) for address in (foreign, absent))

    assert first.status_code == second.status_code == MISSING
    assert masked(strip(first), foreign) == masked(strip(second), absent)


def masked(text: str, address: str) -> str:
    """The answer names what was asked for; apart from that it must say the same."""
    for part in address.split("/"):
        if re.fullmatch(r"[a-z]+_[0-9A-Za-z]{27}|\d+", part):
            text = text.replace(part, "ID")
    return text
