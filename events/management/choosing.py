"""What commands ask alike."""

from django.core.management.base import CommandError

from accounts.models import Account


def chosen_account(pk: str | None) -> Account:
    accounts = Account.objects.filter(suspended_at=None)
    if pk is not None:
        accounts = accounts.filter(pk=pk)
    found = list(accounts[:2])
    if not found:
        raise CommandError(f"There is no account {pk}." if pk else "There is no account yet.")
    if len(found) > 1:
        raise CommandError("There are several accounts; say which with --account ac_…")
    return found[0]
