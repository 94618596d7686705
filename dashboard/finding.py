"""Find: an ID of any kind leads to its page, a few letters to the subscriptions and destinations so named."""

from collections.abc import Callable

from django.urls import reverse

from accounts.models import Account
from common.ids import is_id
from destinations.models import Destination
from events.by_id import find_batch
from subscriptions.models import Subscription

MOST_FOUND = 20


def page_of_id(account: Account, value: str) -> str | None:
    """The address of what has this ID in the account; none when there is nothing, or it is another account's."""
    for prefix, address in ADDRESSES.items():
        if is_id(value, prefix):
            return address(account, value)
    return None


def _subscription(account: Account, pk: str) -> str | None:
    exists = Subscription.objects.existing().filter(account=account, pk=pk).exists()
    return reverse("subscriptions:detail", args=[pk]) if exists else None


def _destination(account: Account, pk: str) -> str | None:
    exists = Destination.objects.existing().filter(account=account, pk=pk).exists()
    return reverse("delivery:destination", args=[pk]) if exists else None


def _api_key(account: Account, pk: str) -> str | None:
    return reverse("accounts:api_keys") if account.api_keys.filter(pk=pk).exists() else None


def _event(account: Account, pk: str) -> str | None:
    return reverse("delivery:event", args=[pk]) if find_batch(account.pk, pk) else None


ADDRESSES: dict[str, Callable[[Account, str], str | None]] = {
    "esb": _subscription,
    "ed": _destination,
    "ak": _api_key,
    "ev": _event,
}


def find_by_name(account: Account, text: str) -> tuple[list[Subscription], list[Destination]]:
    """At most 20 of each."""
    subscriptions = Subscription.objects.existing().filter(account=account, description__icontains=text)
    places = Destination.objects.existing().filter(account=account, description__icontains=text)
    return (
        list(subscriptions.order_by("description", "pk")[:MOST_FOUND]),
        list(places.order_by("description", "pk")[:MOST_FOUND]),
    )
