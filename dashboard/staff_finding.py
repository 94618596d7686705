"""Finding anything in any account, for staff: by ID, name, e-mail address or a few letters of either."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Q

from accounts.models import Account, APIKey, Membership
from common.ids import is_id
from delivery.models import Delivery
from delivery.searching import LARGEST_KEY
from destinations.models import Destination
from events.by_id import accepted_at, accounts_with, find_batch
from events.models import PublisherKey
from subscriptions.models import Subscription

MOST_FOUND = 20


@dataclass(frozen=True, slots=True)
class Found:
    """`account` is its ID, empty for what belongs to none; `state` is a word or two on how it stands."""

    kind: str
    id: str
    name: str
    state: str
    account: str


def find_anywhere(text: str) -> list[Found]:
    """At most 20 of each kind. Deleted subscriptions and destinations are found by their ID only."""
    if is_id(text, "ev"):
        return list(_events(text))
    finders = (_accounts, _people, _subscriptions, _destinations, _deliveries, _api_keys, _publisher_keys)
    return [found for finder in finders for found in finder(text)]


def _events(pk: str) -> Iterator[Found]:
    for account in accounts_with(pk):
        batch = find_batch(account.pk, pk)
        if batch is not None:
            state = "routed" if batch.routed_at else "not yet routed"
            yield Found("event", pk, f"accepted {accepted_at(pk):%Y-%m-%d %H:%M:%S} UTC", state, account.pk)


def _accounts(text: str) -> Iterator[Found]:
    named = Q(pk=text) | Q(external_id=text) | Q(name__icontains=text)
    for account in Account.objects.filter(named).order_by("name", "pk")[:MOST_FOUND]:
        yield Found("account", account.pk, account.name, "suspended" if account.suspended_at else "active", account.pk)


def _people(text: str) -> Iterator[Found]:
    named = Q(user=text) | Q(user__email__icontains=text) | Q(user__name__icontains=text)
    memberships = Membership.objects.filter(named).select_related("user").order_by("user__email", "account")
    for each in memberships[:MOST_FOUND]:
        yield Found("person", each.user_id, each.user.email, each.role, each.account_id)


def _subscriptions(text: str) -> Iterator[Found]:
    named = Q(pk=text) | Q(description__icontains=text, deleted_at=None)
    for each in Subscription.objects.filter(named).order_by("description", "pk")[:MOST_FOUND]:
        state = "deleted" if each.deleted_at else each.state
        yield Found("subscription", each.pk, each.name, state, each.account_id)


def _destinations(text: str) -> Iterator[Found]:
    named = Q(pk=text) | Q(description__icontains=text, deleted_at=None)
    for each in Destination.objects.filter(named).order_by("description", "pk")[:MOST_FOUND]:
        state = "deleted" if each.deleted_at else f"{each.state} {each.error_code}".strip()
        yield Found("destination", each.pk, each.name, state, each.account_id)


def _deliveries(text: str) -> Iterator[Found]:
    if not text.isascii() or not text.isdecimal() or int(text) > LARGEST_KEY:
        return
    for each in Delivery.objects.filter(pk=int(text)).defer("payload"):
        name = f"{each.count:,} records of {each.subscription_id} to {each.destination_id}"
        yield Found("delivery", str(each.pk), name, each.state, each.account_id)


def _api_keys(text: str) -> Iterator[Found]:
    named = Q(pk=text) | Q(description__icontains=text)
    for each in APIKey.objects.filter(named).order_by("description", "pk")[:MOST_FOUND]:
        yield Found("API key", each.pk, str(each), "revoked" if each.revoked_at else "usable", each.account_id)


def _publisher_keys(text: str) -> Iterator[Found]:
    for each in PublisherKey.objects.filter(Q(pk=text) | Q(name__icontains=text)).order_by("name", "pk")[:MOST_FOUND]:
        yield Found("publisher key", each.pk, each.name, "revoked" if each.revoked_at else "usable", "")
