"""Lists of the API: newest first, by key, with the address of the next page."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from ninja import Schema

from common.api import refuse
from common.ids import SHAPE, is_id
from common.numbers import KEY_DIGITS, read_number

Row = TypeVar("Row", bound=Model)

DEFAULT_LIMIT = MAX_LIMIT = 100
# How many rows are read at a time when a filter decides in Python which of them are listed.
CHUNK = 200


class Page(Schema):
    """The parameters of every list: which page of it."""

    before_id: str | None = None
    limit: str | None = None


def read_limit(text: str | None) -> int:
    if text is None or text == "":
        return DEFAULT_LIMIT
    if not (text.isascii() and text.removeprefix("-").isdecimal()):
        raise refuse(244, f"limit={text[:40]!r} is not a number. Give one from 1 to {MAX_LIMIT}.")
    if len(text) > len(str(MAX_LIMIT)) or not 1 <= int(text) <= MAX_LIMIT:
        raise refuse(233, f"limit={text[:40]} is out of range. Give a number from 1 to {MAX_LIMIT}.")
    return int(text)


def check_id(value: str, prefix: str, name: str) -> str:
    """The ID; raises APIError when it belongs to another kind of thing (227) or is none (223)."""
    if is_id(value, prefix):
        return value
    if SHAPE.match(value):
        given = value.partition("_")[0]
        raise refuse(227, f"{name} {value!r} begins with {given}_; IDs of this kind begin with {prefix}_.")
    raise refuse(223, f"{name} {value[:60]!r} is not an ID. Give one such as {prefix}_ and 27 letters and digits.")


def read_key(value: str) -> int:
    """A number that serves as an ID, such as that of a delivery; -1, which no row has, when it is none."""
    number = read_number(value, KEY_DIGITS)
    return -1 if number is None else number


def check_number(value: str, name: str) -> int:
    """The same; raises APIError when it is none."""
    if (number := read_key(value)) < 0:
        raise refuse(223, f"{name} {value[:60]!r} is not an ID of this kind, which is a number.")
    return number


def list_numbered(
    request: HttpRequest, queryset: QuerySet[Row], page: Page, *, name: str, show: Callable[[Row], Any]
) -> dict[str, Any]:
    """The page of rows whose IDs are numbers. Raises APIError."""
    if page.before_id:
        queryset = queryset.filter(pk__lt=check_number(page.before_id, "before_id"))
    return list_page(request, queryset, name=name, show=show, limit=read_limit(page.limit))


def list_page(
    request: HttpRequest,
    queryset: QuerySet[Row],
    *,
    name: str,
    show: Callable[[Row], Any],
    limit: int,
    decide: Callable[[Row], bool] | None = None,
) -> dict[str, Any]:
    """`{name: […], "uri", "next_page_uri"}`; `next_page_uri` is null on the last page."""
    found: list[Row] = []
    for row in _rows(queryset.order_by("-pk"), limit + 1 if decide is None else CHUNK):
        if decide is None or decide(row):
            found.append(row)
        if len(found) > limit:
            break
    shown = found[:limit]
    address = request.build_absolute_uri(request.path)
    next_page = None
    if len(found) > limit:
        kept = {key: value for key, value in request.GET.items() if key not in {"before_id", "beforeId"}}
        next_page = f"{address}?{urlencode({**kept, 'before_id': shown[-1].pk, 'limit': limit})}"
    return {name: [show(row) for row in shown], "uri": address, "next_page_uri": next_page}


def _rows(queryset: QuerySet[Row], chunk: int) -> Iterator[Row]:
    """All rows in the order of the query, read piece by piece by key."""
    rows = list(queryset[:chunk])
    while rows:
        yield from rows
        if len(rows) < chunk:
            return
        rows = list(queryset.filter(pk__lt=rows[-1].pk)[:chunk])
