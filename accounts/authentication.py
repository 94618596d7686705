"""Whose API key a request carries, and what that key may do: the one place for the API and for publishing."""

from collections.abc import Collection
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from ninja.security.base import AuthBase

from accounts.access import Action, scopes_for, scopes_may
from accounts.audit import Actor
from accounts.models import Account, APIKey, hash_token
from common.api import APIError
from common.api_limits import take_slot
from common.api_requests import bearer_token, check_request

# The hour of the last use is enough to find unused keys; writing it at every request would cost a commit each.
LAST_USED_RESOLUTION_SECONDS = 3600
READING = {"GET", "HEAD"}


@dataclass(frozen=True, slots=True)
class Caller:
    """The account that a request acts in, by which key."""

    account: Account
    key: APIKey

    @property
    def actor(self) -> Actor:
        return Actor.key(self.key)


class APIRequest(HttpRequest):
    """What an operation with `account_key` is given."""

    auth: Caller


class AccountKey(AuthBase):
    """An account's own API key: scope `api` for everything, `read` for reading. Checks the request's frame as well."""

    openapi_type = "http"
    openapi_scheme = "bearer"
    openapi_description = "An API key: Authorization: Bearer KEY."

    def __call__(self, request: HttpRequest) -> Caller:
        action = Action.VIEW if request.method in READING else Action.EDIT
        key = find_api_keys([hash_token(bearer_token(request))]).first()
        if key is None:
            raise unknown_key()
        check_key(key, action)
        take_slot(request, key.account_id)
        check_request(request)
        note_use(key)
        return Caller(key.account, key)


account_key = AccountKey()


def find_api_keys(token_hashes: Collection[str]) -> QuerySet[APIKey]:
    """Read from the database every time, so that a revocation holds for the very next request."""
    usable = APIKey.objects.usable(timezone.now()).select_related("account")
    return usable.filter(token_hash__in=token_hashes)


def unknown_key() -> APIError:
    return APIError(
        203,
        HTTPStatus.UNAUTHORIZED,
        "This API key is not known, has expired or was revoked. Make a new one in the dashboard under API keys.",
        headers={"WWW-Authenticate": "Bearer"},
    )


def check_key(key: APIKey, action: Action) -> None:
    """Raises APIError unless one of the key's scopes allows the action and its account may act."""
    if not scopes_may(key.scopes, action):
        wanted = " or ".join(sorted(scopes_for(action)))
        has = ", ".join(key.scopes) or "none"
        raise APIError(204, HTTPStatus.FORBIDDEN, f"This needs a key with the scope {wanted}; {key.pk} has {has}.")
    if key.account.suspended_at is not None:
        raise APIError(205, HTTPStatus.FORBIDDEN, "This account is suspended. Ask those who run this service.")


class Usable(Protocol):
    """A key of either kind: an account's, or a platform service's."""

    pk: Any
    last_used_at: Any


def note_use(key: Usable) -> None:
    now = timezone.now()
    if key.last_used_at is None or (now - key.last_used_at).total_seconds() > LAST_USED_RESOLUTION_SECONDS:
        type(key).objects.filter(pk=key.pk).update(last_used_at=now)  # type: ignore[attr-defined]
