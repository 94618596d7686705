from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from common.admin import HistoryAdmin, confirmed_action, within
from events.models import EventBatch, PublisherKey, PublishRequest
from events.services import issue_token


@admin.register(PublisherKey)
class PublisherKeyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["name", "id", "created_at", "expires_at", "last_used_at", "revoked_at"]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter), ("expires_at", admin.EmptyFieldListFilter)]
    search_fields = ["name", "id"]
    readonly_fields = ["id", "created_at", "last_used_at", "revoked_at"]
    autocomplete_fields = ["allowed_accounts"]
    actions = ["revoke"]

    def has_delete_permission(self, request: HttpRequest, obj: PublisherKey | None = None) -> bool:
        """A key is revoked, not deleted: batches name it."""
        return False

    def save_model(self, request: HttpRequest, obj: PublisherKey, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        token = issue_token(obj)
        messages.warning(request, f"The key's token, shown only now: {token}")

    @confirmed_action(
        description="Revoke",
        consequence="Services that publish with them are refused from now on. It cannot be undone.",
    )
    def revoke(self, request: HttpRequest, queryset: QuerySet[PublisherKey]) -> None:
        count = queryset.filter(revoked_at=None).update(revoked_at=timezone.now())
        messages.success(request, f"{count} keys revoked.")


@admin.register(PublishRequest)
class PublishRequestAdmin(HistoryAdmin):
    list_display = ["publisher", "idempotency_key", "created_at"]
    search_fields = ["publisher", "idempotency_key"]


@admin.register(EventBatch)
class EventBatchAdmin(HistoryAdmin):
    list_display = ["id", "account_id", "accepted_at", "count", "bytes", "first_event_id", "routed_at"]
    list_filter = [("routed_at", admin.EmptyFieldListFilter), within("accepted_at", "accepted")]
    search_fields = ["=account__id", "=first_event_id", "=last_event_id", "=publisher"]
    exclude = ["payload"]
    ordering = ["-id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[EventBatch]:
        return super().get_queryset(request).defer("payload")
