"""The API's lists of what an account has configured, which take a `filter`."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from common.api import refuse
from common.api_paging import Page, check_id, list_page, read_limit
from events.filters import FilterError
from events.filters.objects import Listed, compile_list_filter


class FilteredPage(Page):
    beforeId: str | None = None  # noqa: N815 - what one official client sends
    filter: str | None = None


def list_filtered(
    request: HttpRequest,
    queryset: QuerySet[Any],
    page: FilteredPage,
    *,
    prefix: str,
    name: str,
    show: Callable[[Any], Any],
) -> dict[str, Any]:
    """The page of rows whose IDs begin with `prefix`. Raises APIError."""
    if before := page.before_id or page.beforeId:
        queryset = queryset.filter(pk__lt=check_id(before, prefix, "before_id"))
    limit, decide = read_limit(page.limit), list_filter(page.filter)
    return list_page(request, queryset, name=name, show=show, limit=limit, decide=decide)


def list_filter(text: str | None) -> Callable[[Listed], bool] | None:
    """What decides for a row, None for all of them. Raises APIError."""
    if not text or not text.strip():
        return None
    try:
        return compile_list_filter(text)
    except FilterError as error:
        raise refuse(215, f"filter: {error}", line=error.line, column=error.column) from None
