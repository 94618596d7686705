"""Where the ORM is slow on PostgreSQL. On SQLite, which has no such detours, the ORM does it all.

It sends a blob as hexadecimal text inside the statement and reads it as such: for 100 kB that costs four to five times
as much as the blob itself. Here psycopg's own cursor does it on Django's connection, in the same transaction.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import connection, models, transaction
from django.db.models.functions import JSONArray

M = TypeVar("M", bound=models.Model)


def insert(objects: Sequence[M]) -> None:
    """Insert new objects of one model and give them their keys; fields with a value from the database are not meant."""
    if not objects:
        return
    model: Any = type(objects[0])
    if connection.vendor != "postgresql":
        model.objects.bulk_create(objects)
        return
    meta, quote = model._meta, connection.ops.quote_name
    fields = [field for field in meta.local_concrete_fields if not field.primary_key]
    columns = ", ".join(quote(field.column) for field in fields)
    one = "(" + ", ".join(["%s"] * len(fields)) + ")"
    table, key = quote(meta.db_table), quote(meta.pk.column)
    statement = f"INSERT INTO {table} ({columns}) VALUES {', '.join([one] * len(objects))} RETURNING {key}"  # noqa: S608  # nosec B608
    values = [
        field.get_db_prep_save(field.pre_save(each, add=True), connection) for each in objects for field in fields
    ]
    with _cursor() as cursor:
        cursor.execute(statement, values, binary=True)
        for each, (pk,) in zip(objects, cursor.fetchall(), strict=True):
            each.pk = pk
            each._state.adding = False  # noqa: SLF001


def blobs(model: type[models.Model], column: str, keys: Collection[int]) -> dict[int, bytes | None]:
    """The blob of each of these rows by primary key."""
    if connection.vendor != "postgresql":
        found = model._default_manager.filter(pk__in=keys).values_list("pk", column)
        return {pk: None if blob is None else bytes(blob) for pk, blob in found}
    meta, quote = model._meta, connection.ops.quote_name
    pk = quote(meta.pk.column)
    statement = f"SELECT {pk}, {quote(column)} FROM {quote(meta.db_table)} WHERE {pk} = ANY(%s)"  # noqa: S608  # nosec B608
    with _cursor() as cursor:
        cursor.execute(statement, [list(keys)], binary=True)
        return dict(cursor.fetchall())


def first_of_each(
    model: type[models.Model],
    keys: Collection[Any],
    related: Callable[[Any], models.QuerySet[Any]],
    columns: Sequence[str],
    most: int,
) -> dict[Any, list[list[Any]]]:
    """The first `most` rows of `related`, called with a primary key of `model`, for each of these keys: their columns.

    On PostgreSQL one query, and for each key one look into the index that `related` is ordered by.
    """
    if connection.vendor != "postgresql":
        return {key: [list(row) for row in related(key).values_list(*columns)[:most]] for key in keys}
    # An embedded installation does without psycopg.
    from django.contrib.postgres.expressions import ArraySubquery  # noqa: PLC0415

    rows = related(models.OuterRef("pk")).values(row=JSONArray(*columns))[:most]
    found = model._default_manager.filter(pk__in=keys).values_list("pk", ArraySubquery(rows))
    with transaction.atomic(), connection.cursor() as cursor:
        # For one with many more rows than most it would read and sort them all.
        cursor.execute("SET LOCAL enable_sort = off")
        first = dict(found)
        cursor.execute("SET LOCAL enable_sort = on")
    return first


@contextmanager
def _cursor() -> Iterator[Any]:
    """psycopg's own cursor on Django's connection; its errors come as Django's."""
    import psycopg  # noqa: PLC0415 - an embedded installation does without

    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        yield cursor
