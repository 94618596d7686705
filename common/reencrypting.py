"""Replacing an encryption key: every stored secret is written anew under the first of ENCRYPTION_KEYS.

A row at a time, each on the condition that nobody changed it meanwhile, so that it can run beside the product, be
interrupted, and run again: what is under the first key already is left alone.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models.functions import Cast

from common.crypto import EncryptedJSONField, SecretUnreadableError, is_current, is_sealed, reencrypt

BATCH = 200

# JSON columns of other packages with encrypted texts inside: label of the model, name of the field.
_others: list[tuple[str, str]] = []


def also_encrypted(model: str, field: str) -> None:
    """Name a JSON column that holds tokens of `common.crypto.encrypt`; call from AppConfig.ready."""
    if (model, field) not in _others:
        _others.append((model, field))


@dataclass(frozen=True, slots=True)
class Column:
    model: type[models.Model]
    field: str

    @property
    def label(self) -> str:
        return f"{self.model._meta.label}.{self.field}"

    @property
    def rows(self) -> Any:
        """Key and stored value of every row that has one, without decrypting it."""
        queryset = self.model._default_manager.order_by("pk")
        if self.is_text:
            return queryset.annotate(stored=Cast(self.field, models.TextField())).exclude(stored="")
        return queryset.annotate(stored=models.F(self.field))

    @property
    def is_text(self) -> bool:
        return isinstance(self.model._meta.get_field(self.field), EncryptedJSONField)


@dataclass(slots=True)
class Outcome:
    """Of one column: rows seen, written anew (or to be), and the keys of those that no key opens."""

    seen: int = 0
    changed: int = 0
    unreadable: tuple[str, ...] = ()


def encrypted_columns() -> list[Column]:
    own = [
        Column(model, field.name)
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if isinstance(field, EncryptedJSONField)
    ]
    return own + [Column(apps.get_model(model), field) for model, field in _others]


def reencrypt_column(column: Column, *, dry_run: bool, progress: Callable[[int], None]) -> Outcome:
    """`progress` is called after each batch with the rows seen so far."""
    outcome = Outcome()
    for batch in _batches(column):
        for pk, stored in batch:
            outcome.seen += 1
            try:
                fresh = _renewed(stored, is_token=column.is_text)
            except SecretUnreadableError:
                outcome.unreadable += (str(pk),)
                continue
            if fresh == stored:
                continue
            if dry_run or _store(column, pk, stored, fresh):
                outcome.changed += 1
        progress(outcome.seen)
    return outcome


def _batches(column: Column) -> Iterator[list[tuple[Any, Any]]]:
    rows, last = column.rows, None
    while True:
        later = rows if last is None else rows.filter(pk__gt=last)
        batch = list(later.values_list("pk", "stored")[:BATCH])
        if not batch:
            return
        yield batch
        last = batch[-1][0]


def _renewed(value: Any, *, is_token: bool = False) -> Any:
    """The value with every token in it under the first key. Raises SecretUnreadableError.

    With `is_token` the text is one, whatever it looks like; else other texts stay as they are.
    """
    if isinstance(value, dict):
        return {name: _renewed(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_renewed(item) for item in value]
    if isinstance(value, str) and (is_token or is_sealed(value)) and not is_current(value):
        return reencrypt(value)
    return value


def _store(column: Column, pk: Any, stored: Any, fresh: Any) -> bool:
    """False when somebody changed the row since it was read: then it is under the first key by itself."""
    unchanged = column.model._default_manager.filter(pk=pk, **{column.field: stored})
    return bool(unchanged.update(**{column.field: fresh}))
