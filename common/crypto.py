"""Secrets at rest: a model field whose value is stored as an encrypted JSON object."""

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


class SecretUnreadableError(Exception):
    """A stored secret was encrypted under a key that ENCRYPTION_KEYS does not list."""


# How every Fernet token begins: its version, and a time before the year 2106.
TOKEN_START = "gAAAAA"  # noqa: S105


@lru_cache
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError as error:
        raise ImproperlyConfigured(
            "ENCRYPTION_KEYS holds a key of the wrong shape; make one with `manage.py make_encryption_key`."
        ) from error


def encrypt(text: str) -> str:
    """Encrypt under the first key; the others only read, so that a key can be replaced."""
    return _cipher(tuple(settings.ENCRYPTION_KEYS)).encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    try:
        return _cipher(tuple(settings.ENCRYPTION_KEYS)).decrypt(token.encode()).decode()
    except InvalidToken as error:
        raise _unreadable() from error


def is_sealed(text: str) -> bool:
    """Whether the text looks like what `encrypt` returns."""
    return text.startswith(TOKEN_START)


def is_current(token: str) -> bool:
    """Whether it was encrypted under the first key."""
    try:
        _cipher((settings.ENCRYPTION_KEYS[0],)).decrypt(token.encode())
    except InvalidToken:
        return False
    return True


def reencrypt(token: str) -> str:
    """The same secret under the first key. Raises SecretUnreadableError."""
    try:
        return _cipher(tuple(settings.ENCRYPTION_KEYS)).rotate(token.encode()).decode()
    except InvalidToken as error:
        raise _unreadable() from error


def _unreadable() -> SecretUnreadableError:
    return SecretUnreadableError(
        "A stored secret cannot be read: none of the keys in ENCRYPTION_KEYS fits. Add the key it was stored under."
    )


if TYPE_CHECKING:
    SecretsField = models.TextField[dict[str, str], dict[str, str]]
else:
    SecretsField = models.TextField


class EncryptedJSONField(SecretsField):
    """`{name: secret}`; the column holds one Fernet token, empty when there is no secret."""

    def get_prep_value(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        return encrypt(json.dumps(value)) if value else ""

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> dict[str, str]:
        return json.loads(decrypt(value)) if value else {}

    def value_to_string(self, obj: models.Model) -> str:
        # Dumps (`manage.py dumpdata`) carry the encrypted form.
        return self.get_prep_value(self.value_from_object(obj))

    def to_python(self, value: Any) -> dict[str, str]:
        if isinstance(value, str):
            return json.loads(decrypt(value)) if value else {}
        return value or {}
