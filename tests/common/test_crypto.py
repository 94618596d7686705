import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from pytest_django.fixtures import Settings

from common import crypto
from destinations.models import Destination
from tests.factories import make_account, make_destination


def test_encrypt_hides_the_text_and_decrypt_returns_it() -> None:
    token = crypto.encrypt("s3cret")

    assert "s3cret" not in token
    assert crypto.decrypt(token) == "s3cret"


def test_a_new_first_key_still_reads_what_the_old_one_wrote(settings: Settings) -> None:
    token = crypto.encrypt("s3cret")

    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.ENCRYPTION_KEYS]

    assert crypto.decrypt(token) == "s3cret"


def test_decrypt_without_the_right_key_says_what_to_do(settings: Settings) -> None:
    token = crypto.encrypt("s3cret")
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    with pytest.raises(crypto.SecretUnreadableError, match="ENCRYPTION_KEYS"):
        crypto.decrypt(token)


def test_a_key_of_the_wrong_shape_is_refused_without_showing_it(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = ["not-a-key"]

    with pytest.raises(ImproperlyConfigured) as refusal:
        crypto.encrypt("x")
    assert "not-a-key" not in str(refusal.value)


@pytest.mark.django_db
def test_the_column_of_a_destination_never_holds_its_secret() -> None:
    destination = make_destination(make_account(), secrets={"api_key": "canary-0123456789"})

    with connection.cursor() as cursor:
        cursor.execute("SELECT secrets FROM destinations_destination WHERE id = %s", [destination.pk])
        stored = cursor.fetchone()[0]

    assert "canary" not in stored
    assert Destination.objects.get(pk=destination.pk).secrets == {"api_key": "canary-0123456789"}
