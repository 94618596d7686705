"""Pages by key: no counting and no skipping, so that the millionth row costs what the first does."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlencode

from django.db.models import Model, QuerySet

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class KeysetPage(Generic[Row]):
    """Rows, newest first; the query strings of the neighbouring pages, empty where there is none."""

    rows: list[Row]
    newer: str = ""
    older: str = ""


def keyset_page(queryset: QuerySet[Row], query: Mapping[str, str], size: int) -> KeysetPage[Row]:
    """The page that `before` or `after` (primary keys in the query string) ask for, else the newest."""
    before, after = _key(query.get("before")), _key(query.get("after"))
    if after is not None:
        rows = list(queryset.filter(pk__gt=after).order_by("pk")[: size + 1])
        has_newer, rows = len(rows) > size, rows[:size][::-1]
        has_older = bool(rows)
    else:
        older = queryset.filter(pk__lt=before) if before is not None else queryset
        rows = list(older.order_by("-pk")[: size + 1])
        has_older, rows = len(rows) > size, rows[:size]
        has_newer = before is not None
    others = {name: value for name, value in query.items() if name not in {"before", "after"}}
    return KeysetPage(
        rows,
        newer="?" + urlencode({**others, "after": rows[0].pk}) if has_newer and rows else "",
        older="?" + urlencode({**others, "before": rows[-1].pk}) if has_older and rows else "",
    )


def _key(value: str | None) -> int | None:
    return int(value) if value and value.isdecimal() and len(value) < 19 else None  # noqa: PLR2004
