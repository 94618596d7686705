"""Replacing the encryption key under everything that is stored."""

import io
import json
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from cryptography.fernet import Fernet
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django.fixtures import Settings

from accounts.mail import queue_mail
from accounts.models import Account, OutgoingMail, User
from common import reencrypting
from common.crypto import EncryptedJSONField
from destinations.models import Destination, TestRun
from destinations.testing import start_test_run
from tests.factories import make_destination

pytestmark = pytest.mark.django_db

SECRETS = {"api_key": "canary-0123456789abcdef01234567"}


@pytest.fixture
def stored(account: Account, owner: User) -> Destination:
    """Something in every encrypted column."""
    destination = make_destination(account, secrets=SECRETS)
    start_test_run(account=account, target="datadog", config=destination.config, secrets=SECRETS)
    queue_mail(to=owner.email, subject="Hello", text="A link")
    TOTP.activate(owner, "JBSWY3DPEHPK3PXP")
    return destination


def rotate(**options: Any) -> dict[str, Any]:
    out = io.StringIO()
    call_command("rotate_encryption_key", json=True, stdout=out, stderr=io.StringIO(), **options)
    columns: dict[str, Any] = json.loads(out.getvalue())["columns"]
    return columns


def readable(destination: Destination) -> None:
    assert Destination.objects.get(pk=destination.pk).secrets == SECRETS
    assert TestRun.objects.get().secrets == SECRETS
    assert OutgoingMail.objects.get().content["text"] == "A link"
    assert TOTP(Authenticator.objects.get()).validate_code("000000") is False


def test_after_a_rotation_the_old_key_can_go(stored: Destination, settings: Settings) -> None:
    new = Fernet.generate_key().decode()
    settings.ENCRYPTION_KEYS = [new, *settings.ENCRYPTION_KEYS]

    columns = rotate()

    assert all(column["changed"] == column["rows"] >= 1 for column in columns.values()), columns
    settings.ENCRYPTION_KEYS = [new]
    readable(stored)


def test_every_encrypted_column_is_looked_at(stored: Destination) -> None:
    fields = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if isinstance(field, EncryptedJSONField)
    }

    assert set(rotate()) == {*fields, "mfa.Authenticator.data"}


def test_a_dry_run_counts_and_writes_nothing(stored: Destination, settings: Settings) -> None:
    old = settings.ENCRYPTION_KEYS
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *old]

    columns = rotate(dry_run=True)

    assert {column["changed"] for column in columns.values()} == {1}
    settings.ENCRYPTION_KEYS = old
    readable(stored)


def test_an_interrupted_rotation_goes_on_where_it_stopped(
    account: Account, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reencrypting, "BATCH", 2)
    for _ in range(5):
        make_destination(account, secrets=SECRETS)
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.ENCRYPTION_KEYS]
    column = next(each for each in reencrypting.encrypted_columns() if each.model is Destination)

    def stop(seen: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reencrypting.reencrypt_column(column, dry_run=False, progress=stop)

    assert rotate()["destinations.Destination.secrets"] == {"rows": 5, "changed": 3, "unreadable": []}
    assert rotate()["destinations.Destination.secrets"]["changed"] == 0


def test_rows_that_no_key_opens_are_named_and_the_others_done(stored: Destination, settings: Settings) -> None:
    lost = make_destination(stored.account)
    with connection.cursor() as cursor:
        foreign = Fernet(Fernet.generate_key()).encrypt(b"{}").decode()
        cursor.execute("UPDATE destinations_destination SET secrets = %s WHERE id = %s", [foreign, lost.pk])
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.ENCRYPTION_KEYS]
    out, err = io.StringIO(), io.StringIO()

    with pytest.raises(CommandError, match="No key of ENCRYPTION_KEYS opens 1 rows"):
        call_command("rotate_encryption_key", stdout=out, stderr=err)

    assert f"destinations.Destination.secrets {lost.pk}: no key opens it." in err.getvalue()
    assert "destinations.Destination.secrets: 2 rows, 1 written anew." in out.getvalue()
    readable(stored)
