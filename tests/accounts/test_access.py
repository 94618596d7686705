"""What each role and each key may do: the whole table, and that pages obey it."""

import itertools

import pytest
from django.test import Client
from django.urls import reverse

from accounts.access import LOWEST_ROLE, Action, role_may, role_may_manage, scopes_may
from accounts.models import Account, Role, User
from tests.factories import BACKEND, make_member

ALLOWED = {
    Role.OWNER: set(Action) - {Action.PUBLISH},
    Role.ADMIN: set(Action) - {Action.PUBLISH, Action.MANAGE_OWNERS},
    Role.EDITOR: {Action.VIEW, Action.EDIT},
    Role.VIEWER: {Action.VIEW},
}
KEYS = {
    "api": {Action.VIEW, Action.EDIT, Action.MANAGE_KEYS},
    "read": {Action.VIEW},
    "publish": {Action.PUBLISH},
    "unheard-of": set(),
}
# Path, and the answers to a GET by owner, admin, editor and viewer.
PAGES = [
    ("/settings/people/", (200, 200, 200, 200)),
    ("/settings/people/roles/", (200, 200, 200, 200)),
    ("/settings/account/", (200, 200, 403, 403)),
    ("/settings/api-keys/", (200, 200, 403, 403)),
    ("/settings/audit/", (200, 200, 403, 403)),
    ("/settings/audit/export/", (200, 200, 403, 403)),
    ("/settings/notifications/", (200, 200, 200, 200)),
    ("/settings/sign-in/", (200, 200, 200, 200)),
    ("/account/new/", (200, 200, 200, 200)),
]


@pytest.mark.parametrize(("role", "action"), list(itertools.product(Role, Action)))
def test_a_role_may_what_the_table_says(role: Role, action: Action) -> None:
    assert role_may(role, action) == (action in ALLOWED[role])


@pytest.mark.parametrize(("scope", "action"), list(itertools.product(KEYS, Action)))
def test_a_key_may_what_its_scope_says(scope: str, action: Action) -> None:
    assert scopes_may([scope], action) == (action in KEYS[scope])


def test_no_key_does_anything_to_people() -> None:
    people = {Action.MANAGE_PEOPLE, Action.MANAGE_OWNERS, Action.MANAGE_ACCOUNT}

    assert not any(scopes_may(KEYS, action) for action in people)


def test_every_action_of_people_has_a_lowest_role() -> None:
    assert set(LOWEST_ROLE) == set(Action) - {Action.PUBLISH}


@pytest.mark.parametrize(("role", "other"), list(itertools.product(Role, Role)))
def test_only_owners_manage_owners(role: Role, other: Role) -> None:
    may = role == Role.OWNER or (role == Role.ADMIN and other != Role.OWNER)

    assert role_may_manage(role, other) == may


@pytest.mark.parametrize(("path", "answers"), PAGES)
def test_pages_open_to_the_roles_that_may(account: Account, path: str, answers: tuple[int, ...]) -> None:
    for role, answer in zip(Role, answers, strict=True):
        client = Client()
        client.force_login(make_member(account, f"{role}@acme.example", role), BACKEND)
        assert client.get(path).status_code == answer, role


@pytest.mark.parametrize("path", [path for path, _ in PAGES])
def test_pages_need_a_person(client: Client, db: None, path: str) -> None:
    assert client.get(path).headers["Location"] == f"/sign-in/?next={path}"


@pytest.mark.parametrize("role", [Role.EDITOR, Role.VIEWER])
def test_acts_on_people_are_refused_without_the_role(account: Account, owner: User, role: Role) -> None:
    client = Client()
    client.force_login(make_member(account, "ed@acme.example", role), BACKEND)

    answers = [
        client.post("/settings/people/", {"email": "x@acme.example", "role": "owner"}).status_code,
        client.post(reverse("change_member", args=[owner.pk]), {"role": "viewer"}).status_code,
        client.post(reverse("remove_member", args=[owner.pk])).status_code,
        client.post("/settings/account/", {"name": "Mine"}).status_code,
    ]

    assert answers == [403, 403, 422, 403]
    assert account.memberships.get(user=owner).role == Role.OWNER
    assert not account.invitations.exists()


def test_a_foreign_person_answers_like_a_missing_one(stranger_client: Client, account: Account, owner: User) -> None:
    foreign = [
        stranger_client.post(reverse(name, args=[owner.pk]), {"role": "viewer"}).status_code
        for name in ("change_member", "remove_member")
    ]
    missing = stranger_client.post(reverse("remove_member", args=["usr_nobody"])).status_code

    assert [*foreign, missing] == [404, 404, 404]
