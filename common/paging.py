"""Pages by key: no counting and no skipping, so that the millionth row costs what the first does."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlencode

from django.db.models import F, Model, QuerySet

from common.numbers import KEY_DIGITS, read_number

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class KeysetPage(Generic[Row]):
    """Rows, newest first; the query strings of the neighbouring pages, empty where there is none."""

    rows: list[Row]
    newer: str = ""
    older: str = ""


def keyset_page(
    queryset: QuerySet[Row], query: Mapping[str, str], size: int, *, is_rare: bool = False
) -> KeysetPage[Row]:
    """The page that `before` or `after` (primary keys in the query string) ask for, else the newest.

    `is_rare` is for rows that an index finds among very many: their keys are sorted in a query of its own, instead of
    walking along the keys until enough of them were met, which may be never.
    """
    before, after = (read_number(query.get(name), KEY_DIGITS) for name in ("before", "after"))
    if after is not None:
        rows = _first(queryset.filter(pk__gt=after), "", size + 1, is_rare=is_rare)
        has_newer, rows = len(rows) > size, rows[:size][::-1]
        has_older = bool(rows)
    else:
        older = queryset.filter(pk__lt=before) if before is not None else queryset
        rows = _first(older, "-", size + 1, is_rare=is_rare)
        has_older, rows = len(rows) > size, rows[:size]
        has_newer = before is not None
    others = {name: value for name, value in query.items() if name not in {"before", "after"}}
    return KeysetPage(
        rows,
        newer="?" + urlencode({**others, "after": rows[0].pk}) if has_newer and rows else "",
        older="?" + urlencode({**others, "before": rows[-1].pk}) if has_older and rows else "",
    )


def _first(queryset: QuerySet[Row], sign: str, size: int, *, is_rare: bool) -> list[Row]:
    if is_rare:
        # What is computed keeps the database from reading along the primary key.
        key = F("pk") + 0
        keys = queryset.order_by(key.desc() if sign else key.asc()).values_list("pk", flat=True)[:size]
        queryset = queryset.filter(pk__in=list(keys))
    return list(queryset.order_by(f"{sign}pk")[:size])
