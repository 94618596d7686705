"""Who publishes: a platform service with a publisher key, or an account with its own API key."""

from collections.abc import Collection

from django.http import HttpRequest
from django.utils import timezone
from ninja.security.base import AuthBase

from accounts.access import Action
from accounts.authentication import check_key, find_api_keys, note_use, unknown_key
from accounts.models import APIKey, hash_token
from common.api import APIError
from common.api_requests import bearer_token, check_query
from events.models import PublisherKey
from events.publishing import Publisher

# Of an account's key and the account itself: each request reads them.
READ = ("token_hash", "scopes", "last_used_at", "account", "account__suspended_at")


class PublishingKey(AuthBase):
    """A platform service's publisher key, or an account's API key with the scope `publish`."""

    openapi_type = "http"
    openapi_scheme = "bearer"
    openapi_description = "A publisher key, or an API key with the scope publish: Authorization: Bearer KEY."

    def __call__(self, request: HttpRequest) -> Publisher:
        publisher = publisher_of(request)
        check_query(request, getattr(request, "api_query", ()))
        return publisher


class PublishingRequest(HttpRequest):
    auth: Publisher


publishing_key = PublishingKey()


def publisher_of(request: HttpRequest) -> Publisher:
    """The publisher whose key the request carries; raises APIError for none, unknown, expired or unfit ones."""
    token_hash = hash_token(bearer_token(request))
    key = _find_keys([token_hash]).get(token_hash)
    if key is None:
        raise unknown_key()
    return _publisher(key)


def publishers_of(token_hashes: Collection[str]) -> dict[str, Publisher]:
    """The same for many keys at once, without those that are unknown, expired or unfit."""
    found = {}
    for token_hash, key in _find_keys(token_hashes).items():
        try:
            found[token_hash] = _publisher(key)
        except APIError:
            continue
    return found


def _find_keys(token_hashes: Collection[str]) -> dict[str, APIKey | PublisherKey]:
    """Read from the database every time, so that a revocation holds for the very next request."""
    keys = find_api_keys(token_hashes).only(*READ)
    found: dict[str, APIKey | PublisherKey] = {key.token_hash: key for key in keys}
    others = [token_hash for token_hash in token_hashes if token_hash not in found]
    if others:
        usable = PublisherKey.objects.usable(timezone.now())
        services = usable.filter(token_hash__in=others).prefetch_related("allowed_accounts")
        found |= {service.token_hash: service for service in services}
    return found


def _publisher(key: APIKey | PublisherKey) -> Publisher:
    if isinstance(key, APIKey):
        check_key(key, Action.PUBLISH)
        note_use(key)
        return Publisher(key.pk, key.account_id)
    note_use(key)
    accounts = frozenset(account.pk for account in key.allowed_accounts.all())
    return Publisher(key.pk, allowed_accounts=accounts or None, allowed_types=frozenset(key.allowed_types) or None)
