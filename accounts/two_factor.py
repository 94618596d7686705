"""The second factor: whether a person has one, and what is recorded when it comes and goes."""

from collections.abc import Sequence
from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_reset
from allauth.mfa.utils import is_mfa_enabled
from django.dispatch import receiver

from accounts.audit import record_sign_in_change
from accounts.models import User
from common.http import AccountRequest


def has_second_factor(user: User) -> bool:
    return bool(is_mfa_enabled(user, [Authenticator.Type.TOTP]))


def people_with_second_factor(user_ids: Sequence[str]) -> set[str]:
    return set(
        Authenticator.objects.filter(user_id__in=user_ids, type=Authenticator.Type.TOTP).values_list(
            "user_id", flat=True
        )
    )


def lacks_second_factor(request: AccountRequest) -> bool:
    """Whether the account asks for more than this sign-in has. Of single sign-on its provider takes care."""
    if not request.account.requires_two_factor or has_second_factor(request.user):
        return False
    return not any(record["method"] == "socialaccount" for record in get_authentication_records(request, request.user))


@receiver(authenticator_added)
def _on_added(user: User, authenticator: Authenticator, **_: Any) -> None:
    if authenticator.type == Authenticator.Type.TOTP:
        record_sign_in_change(user=user, event_type="second_factor_added")


@receiver(authenticator_removed)
def _on_removed(user: User, authenticator: Authenticator, **_: Any) -> None:
    if authenticator.type == Authenticator.Type.TOTP:
        record_sign_in_change(user=user, event_type="second_factor_removed")


@receiver(authenticator_reset)
def _on_reset(user: User, **_: Any) -> None:
    record_sign_in_change(user=user, event_type="recovery_codes_replaced")
