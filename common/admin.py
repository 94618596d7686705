"""What the staff pages share: history is read only, large tables are not counted, acts ask first and are logged."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import reduce, wraps
from operator import or_
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Field, Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.functional import cached_property

from common.ids import IDField, is_id

Action = Callable[[Any, HttpRequest, "QuerySet[Any]"], None]

# Counting stops here: `count(*)` over millions of rows takes seconds.
COUNTED = 10_000
# A person reads so many names; the number says the rest.
NAMES_SHOWN = 20
CONFIRMED = "confirmed"
AGES = {
    "hour": ("Last hour", timedelta(hours=1)),
    "day": ("Last 24 hours", timedelta(days=1)),
    "week": ("Last 7 days", timedelta(days=7)),
}


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Pages through the first 10,000 rows; who looks for more narrows the list."""

    @cached_property
    def count(self) -> int:
        rows = cast("QuerySet[Model]", self.object_list)
        return rows.order_by()[:COUNTED].count()


def within(field: str, title: str) -> type[admin.SimpleListFilter]:
    """A filter by age. Django's own filters by date have no hours, and its date hierarchy reads the whole table."""

    class Within(admin.SimpleListFilter):
        parameter_name = "within"

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            return [(slug, words) for slug, (words, _) in AGES.items()]

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            if self.value() not in AGES:
                return queryset
            return queryset.filter(**{f"{field}__gte": timezone.now() - AGES[str(self.value())][1]})

    Within.title = title
    return Within


def among(field: str, values: Iterable[tuple[str, str]]) -> type[admin.SimpleListFilter]:
    """A filter by one of (value, words). Django's own, of a column without choices, reads the whole table for them."""
    offered = list(values)

    class Among(admin.SimpleListFilter):
        title = field
        parameter_name = field

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            return offered

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            return queryset.filter(**{field: self.value()}) if self.value() in dict(offered) else queryset

    return Among


def find_exactly(queryset: QuerySet[Any], paths: Iterable[str], text: str) -> QuerySet[Any]:
    """Rows in which each word of the text is the value of one of the columns, so that an index finds them.

    Django compares `=column` in capitals and as text, for which there is no index. An ID is looked for only where IDs
    of its kind stand, if they stand anywhere; what no column takes is nowhere.
    """
    columns = [(path, _column(queryset.model, path)) for path in paths]
    for word in text.split():
        own = [(path, column) for path, column in columns if isinstance(column, IDField) and is_id(word, column.prefix)]
        found = [Q(**{path: value}) for path, column in own or columns for value in _values(column, word)]
        queryset = queryset.filter(reduce(or_, found)) if found else queryset.none()
    return queryset


def _column(model: type[Model], path: str) -> "Field[Any, Any]":
    *relations, name = path.split("__")
    for relation in relations:
        model = cast("type[Model]", model._meta.get_field(relation).related_model)
    return cast("Field[Any, Any]", model._meta.get_field(name))


def _values(column: "Field[Any, Any]", word: str) -> list[Any]:
    """The word as the column has it; empty when it cannot have it."""
    try:
        return [column.clean(word, None)]
    except ValidationError:
        return []


class HistoryAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows that the product writes: staff read them, and act on them only through actions."""

    paginator = BoundedPaginator
    show_full_result_count = False
    # Each row takes some ms, and a page should take 100 at most.
    list_per_page = 25

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Where all columns are to be equal (`=column`), exactly so; no relation leads to several rows."""
        paths = [str(path) for path in self.get_search_fields(request)]
        if not search_term or not paths or not all(path.startswith("=") for path in paths):
            return super().get_search_results(request, queryset, search_term)
        found = find_exactly(queryset, [path.removeprefix("=") for path in paths], search_term)
        # The page counts what was found and then lists it: where no index helps, the table is read once instead.
        few = list(found.order_by().values_list("pk", flat=True)[: self.list_per_page + 1])
        return (queryset.filter(pk__in=few) if len(few) <= self.list_per_page else found), False

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        """The page that customers see, where there is one."""
        return obj.get_absolute_url() if hasattr(obj, "get_absolute_url") else None

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def confirmed_action(*, description: str, consequence: str) -> Callable[[Action], Callable[..., HttpResponse | None]]:
    """An action that first shows what it would act on, and what that means; `consequence` is a sentence.

    Rows that stay only as the tombstone of something deleted are left out.
    """

    def decorate(act: Action) -> Callable[..., HttpResponse | None]:
        @admin.action(description=description)
        @wraps(act)
        def asked(model_admin: Any, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
            queryset = _undeleted(queryset)
            if not queryset.exists():
                messages.error(request, f"{description}: what you chose was deleted, so there is nothing to do.")
                return None
            if CONFIRMED in request.POST:
                _log(request, queryset, description)
                act(model_admin, request, queryset)
                return None
            count = queryset.order_by()[:COUNTED].count()
            context = {
                **model_admin.admin_site.each_context(request),
                "title": f"{description}: {count:,} {_noun(model_admin, count)}",
                "consequence": consequence,
                "names": [str(row) for row in queryset[:NAMES_SHOWN]],
                "more": max(0, count - NAMES_SHOWN),
                "keys": request.POST.getlist(ACTION_CHECKBOX_NAME),
                "key_name": ACTION_CHECKBOX_NAME,
                "select_across": request.POST.get("select_across", "0"),
                "action": act.__name__,
                "opts": model_admin.opts,
            }
            return TemplateResponse(request, "admin/confirm_action.html", context)

        return asked

    return decorate


def _undeleted(queryset: QuerySet[Any]) -> QuerySet[Any]:
    columns = {field.name for field in queryset.model._meta.get_fields()}
    return queryset.filter(deleted_at=None) if "deleted_at" in columns else queryset


def _log(request: HttpRequest, queryset: QuerySet[Any], description: str) -> None:
    """Staff's own log, shown as the history of each object; what concerns an account is in its audit trail too."""
    LogEntry.objects.log_actions(request.user.pk, queryset, CHANGE, change_message=f"{description}.")  # type: ignore[arg-type]


def _noun(model_admin: Any, count: int) -> str:
    return str(model_admin.opts.verbose_name if count == 1 else model_admin.opts.verbose_name_plural)
