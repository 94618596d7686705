"""Changing what an account pays its targets' services; pricing.py reads it. Nothing is charged by these figures."""

from decimal import Decimal
from typing import Any

from django.db import transaction

from accounts.audit import Actor, record_change
from accounts.models import Account
from destinations.targets import all_targets
from subscriptions.models import TargetPrice


def price_resource(price: TargetPrice) -> dict[str, Any]:
    """A price as the audit trail shows it; amounts as text, without zeros at the end."""
    return {
        "target": price.target,
        "name": all_targets()[price.target].label,
        "per_gb": _text(price.per_gb),
        "per_million_records": _text(price.per_million_records),
        "currency": price.currency,
        "as_of": price.as_of.isoformat(),
        "source": price.source,
    }


@transaction.atomic
def set_price(*, price: TargetPrice, actor: Actor) -> None:
    """Keep a new or changed price. Raises ValidationError; what changes nothing leaves no entry."""
    own = TargetPrice.objects.select_for_update().filter(account=price.account, target=price.target)
    before = next((price_resource(each) for each in own), None)
    price.full_clean()
    price.save()
    after = price_resource(price)
    if after != before:
        _record(price.account, actor, "price_set", before, after)


@transaction.atomic
def forget_price(*, account: Account, target: str, actor: Actor) -> None:
    """Back to the list price; does nothing without a price of the account's own."""
    own = TargetPrice.objects.select_for_update().filter(account=account, target=target).first()
    if own is not None:
        before = price_resource(own)
        own.delete()
        _record(account, actor, "price_forgotten", before, None)


def _record(
    account: Account, actor: Actor, act: str, before: dict[str, Any] | None, after: dict[str, Any] | None
) -> None:
    target = str((after or before or {})["target"])
    record_change(account=account, actor=actor, event_type=act, object_id=target, before=before, after=after)


def _text(amount: Decimal) -> str:
    whole, _, rest = f"{amount:f}".partition(".")
    return f"{whole}.{rest}".rstrip("0").rstrip(".") if rest else whole
