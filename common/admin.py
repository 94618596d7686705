"""What the staff pages share: history is read only, large tables are not counted, acts ask first and are logged."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.functional import cached_property

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


class HistoryAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows that the product writes: staff read them, and act on them only through actions."""

    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50

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
    """An action that first shows what it would act on, and what that means; `consequence` is a sentence."""

    def decorate(act: Action) -> Callable[..., HttpResponse | None]:
        @admin.action(description=description)
        @wraps(act)
        def asked(model_admin: Any, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
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


def _log(request: HttpRequest, queryset: QuerySet[Any], description: str) -> None:
    """Staff's own log, shown as the history of each object; what concerns an account is in its audit trail too."""
    LogEntry.objects.log_actions(request.user.pk, queryset, CHANGE, change_message=f"{description}.")  # type: ignore[arg-type]


def _noun(model_admin: Any, count: int) -> str:
    return str(model_admin.opts.verbose_name if count == 1 else model_admin.opts.verbose_name_plural)
