"""What the staff pages share: rows that are history are read only, large tables are never counted, acts ask first."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.functional import cached_property

Action = Callable[[Any, HttpRequest, "QuerySet[Any]"], None]

# Shown instead of counting: `count(*)` over millions of rows takes seconds.
UNKNOWN_COUNT = 100_000
# A person reads so many names; the number says the rest.
NAMES_SHOWN = 20
CONFIRMED = "confirmed"


class UncountedPaginator(Paginator):  # type: ignore[type-arg]
    @cached_property
    def count(self) -> int:
        return UNKNOWN_COUNT


class HistoryAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows that the product writes: staff read them, and act on them only through actions."""

    paginator = UncountedPaginator
    show_full_result_count = False
    list_per_page = 50

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
                act(model_admin, request, queryset)
                return None
            count = queryset.count()
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


def _noun(model_admin: Any, count: int) -> str:
    return str(model_admin.opts.verbose_name if count == 1 else model_admin.opts.verbose_name_plural)
