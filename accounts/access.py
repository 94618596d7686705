"""The one place that says what a role or a key may do, on pages and through the API alike."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import wraps
from types import MappingProxyType
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render

from accounts.models import APIKey, Role
from common.http import AccountRequest

View = Callable[..., HttpResponseBase]


class Action(StrEnum):
    """What can be done in an account. The words complete "You may …"."""

    VIEW = "see everything but keys and the audit trail"
    EDIT = "change, pause and test subscriptions and destinations, retry and replay"
    PUBLISH = "publish events"
    MANAGE_KEYS = "create and revoke API keys"
    MANAGE_PEOPLE = "invite, change and remove editors, viewers and admins"
    MANAGE_OWNERS = "make and unmake owners"
    MANAGE_ACCOUNT = "rename the account and require two-factor sign-in"
    SEE_AUDIT = "read the audit trail"


# The lowest role that may; nobody publishes by hand, so PUBLISH has none.
LOWEST_ROLE = MappingProxyType(
    {
        Action.VIEW: Role.VIEWER,
        Action.EDIT: Role.EDITOR,
        Action.MANAGE_KEYS: Role.ADMIN,
        Action.MANAGE_PEOPLE: Role.ADMIN,
        Action.MANAGE_ACCOUNT: Role.ADMIN,
        Action.SEE_AUDIT: Role.ADMIN,
        Action.MANAGE_OWNERS: Role.OWNER,
    }
)

# A key does nothing to people, so a leaked one cannot let anybody in.
SCOPE_ACTIONS = MappingProxyType(
    {
        APIKey.Scope.API.value: frozenset({Action.VIEW, Action.EDIT, Action.MANAGE_KEYS}),
        APIKey.Scope.READ.value: frozenset({Action.VIEW}),
        APIKey.Scope.PUBLISH.value: frozenset({Action.PUBLISH}),
    }
)


def role_may(role: Role | str, action: Action) -> bool:
    lowest = LOWEST_ROLE.get(action)
    return lowest is not None and Role(role).covers(lowest)


def scopes_may(scopes: Iterable[str], action: Action) -> bool:
    """Whether a key with these scopes may; a scope that is not known here allows nothing."""
    return any(action in SCOPE_ACTIONS.get(scope, frozenset()) for scope in scopes)


def scopes_for(action: Action) -> set[str]:
    """The scopes of which a key needs one."""
    return {scope for scope, actions in SCOPE_ACTIONS.items() if action in actions}


def role_may_manage(role: Role | str, other: Role | str) -> bool:
    """Whether a person of `role` may give, change or take away the role `other`."""
    return role_may(role, Action.MANAGE_OWNERS if other == Role.OWNER else Action.MANAGE_PEOPLE)


def needs(action: Action) -> Callable[[View], View]:
    """Refuse a member whose role does not allow `action`, in words that say whom to ask."""

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: AccountRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not role_may(request.membership.role, action):
                return refuse(request, LOWEST_ROLE[action])
            return view(request, *args, **kwargs)

        return checked

    return decorate


def refuse(request: AccountRequest, needed: Role) -> HttpResponse:
    context = {"needed": needed.label, "role": Role(request.membership.role).label}
    return render(request, "accounts/role_too_low.html", context, status=403)


may_edit = needs(Action.EDIT)
