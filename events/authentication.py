"""Who publishes: a platform service with a publisher key, or an account with its own API key."""

from django.http import HttpRequest
from django.utils import timezone
from ninja.security.base import AuthBase

from accounts.access import Action
from accounts.authentication import check_key, find_api_key, note_use, unknown_key
from accounts.models import hash_token
from common.api_requests import bearer_token, check_query
from events.models import PublisherKey
from events.publishing import Publisher


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
    key = find_api_key(token_hash)
    if key is not None:
        check_key(key, Action.PUBLISH)
        note_use(key)
        return Publisher(key.pk, key.account_id)
    service = PublisherKey.objects.usable(timezone.now()).filter(token_hash=token_hash).first()
    if service is None:
        raise unknown_key()
    note_use(service)
    accounts = frozenset(service.allowed_accounts.values_list("pk", flat=True))
    return Publisher(
        service.pk, allowed_accounts=accounts or None, allowed_types=frozenset(service.allowed_types) or None
    )
