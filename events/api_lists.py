"""The `filter` parameter of the API's lists."""

from collections.abc import Callable

from common.api import refuse
from events.filters import FilterError
from events.filters.objects import Listed, compile_list_filter


def list_filter(text: str | None) -> Callable[[Listed], bool] | None:
    """What decides for a row, None for all of them. Raises APIError."""
    if not text or not text.strip():
        return None
    try:
        return compile_list_filter(text)
    except FilterError as error:
        raise refuse(215, f"filter: {error}", line=error.line, column=error.column) from None
