from typing import cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.audit import Actor, record_staff_act
from accounts.models import User
from common.admin import HistoryAdmin, confirmed_action, within
from destinations.models import Destination, TestRun
from destinations.services import pause_destination, resume_destination, retry_destination_now


@admin.register(Destination)
class DestinationAdmin(HistoryAdmin):
    """Configuration changes belong to the customer's pages, which check them; staff pause, resume and retry."""

    list_display = ["name", "id", "account", "target", "state", "error_code", "last_success_at", "deleted_at"]
    list_filter = [
        "state",
        "target",
        ("deleted_at", admin.EmptyFieldListFilter),
        ("failing_since", admin.EmptyFieldListFilter),
    ]
    search_fields = ["id", "description", "account__id", "account__name"]
    list_select_related = ["account"]
    exclude = ["secrets"]
    actions = ["pause", "resume", "retry"]

    @confirmed_action(
        description="Pause: hold the records",
        consequence="Records for them are held from now on, up to the retention of their account. Nothing is lost.",
    )
    def pause(self, request: HttpRequest, queryset: QuerySet[Destination]) -> None:
        user = cast("User", request.user)
        for destination in queryset:
            pause_destination(destination=destination, user=user, actor=Actor.staff(request))
        messages.success(request, f"{len(queryset)} destinations paused; their records are held.")

    @confirmed_action(description="Resume", consequence="Held records go out, in order.")
    def resume(self, request: HttpRequest, queryset: QuerySet[Destination]) -> None:
        for destination in queryset:
            resume_destination(destination=destination, actor=Actor.staff(request))
        messages.success(request, f"{len(queryset)} destinations resumed.")

    @confirmed_action(description="Retry now", consequence="The backoff ends; a blocked destination is tried at once.")
    def retry(self, request: HttpRequest, queryset: QuerySet[Destination]) -> None:
        for destination in queryset:
            retry_destination_now(destination=destination)
        record_staff_act(request=request, event_type="destination_retried_by_staff", rows=queryset)
        messages.success(request, f"{len(queryset)} destinations are tried at once.")


@admin.register(TestRun)
class TestRunAdmin(HistoryAdmin):
    list_display = ["id", "account", "target", "destination", "state", "created_at", "finished_at"]
    list_filter = ["state", "purpose", "target", within("created_at", "started")]
    search_fields = ["=account__id", "=destination__id"]
    list_select_related = ["account", "destination"]
    exclude = ["secrets", "record"]
