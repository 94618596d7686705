from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.audit import Actor
from common.admin import HistoryAdmin, confirmed_action
from subscriptions.models import Backtest, Draft, Revision, Source, Subscription, TargetPrice
from subscriptions.own_prices import forget_price, set_price
from subscriptions.services import update_subscription


class ReadOnlyInline(admin.TabularInline):  # type: ignore[type-arg]
    extra = 0
    can_delete = False

    def has_add_permission(self, *args: Any) -> bool:
        return False

    def has_change_permission(self, *args: Any) -> bool:
        return False


class SourceInline(ReadOnlyInline):
    model = Source


class RevisionInline(ReadOnlyInline):
    model = Revision
    fields = ["number", "at", "actor", "snapshot"]


@admin.register(Subscription)
class SubscriptionAdmin(HistoryAdmin):
    list_display = ["name", "id", "account", "state", "revision", "created_at", "deleted_at"]
    list_filter = ["state", ("deleted_at", admin.EmptyFieldListFilter)]
    search_fields = ["id", "description", "account__id", "account__name"]
    list_select_related = ["account"]
    inlines = [SourceInline, RevisionInline]
    actions = ["pause", "resume"]

    @confirmed_action(
        description="Pause: capture and hold",
        consequence="They go on capturing; their records are held up to the retention of their account.",
    )
    def pause(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> None:
        self._set_state(request, queryset.filter(state=Subscription.State.ACTIVE), Subscription.State.PAUSED)

    @confirmed_action(description="Resume", consequence="Held records go out, in order.")
    def resume(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> None:
        self._set_state(request, queryset.filter(state=Subscription.State.PAUSED), Subscription.State.ACTIVE)

    def _set_state(self, request: HttpRequest, queryset: QuerySet[Subscription], state: str) -> None:
        chosen = list(queryset.existing())  # type: ignore[attr-defined]
        for subscription in chosen:
            update_subscription(subscription=subscription, actor=Actor.staff(request), state=state)
        messages.success(request, f"{len(chosen)} subscriptions are {state} now.")


@admin.register(Source)
class SourceAdmin(HistoryAdmin):
    list_display = ["event_type", "subscription", "filter"]
    search_fields = ["event_type", "=subscription__id"]
    list_select_related = ["subscription"]


@admin.register(Revision)
class RevisionAdmin(HistoryAdmin):
    list_display = ["subscription", "number", "at", "actor"]
    search_fields = ["=subscription__id"]
    list_select_related = ["subscription"]


@admin.register(Draft)
class DraftAdmin(HistoryAdmin):
    list_display = ["id", "account", "subscription", "version", "updated_by", "updated_at", "discarded_at"]
    list_filter = [("discarded_at", admin.EmptyFieldListFilter)]
    search_fields = ["=id", "=account__id", "=subscription__id"]
    list_select_related = ["account", "subscription", "updated_by"]


@admin.register(Backtest)
class BacktestAdmin(HistoryAdmin):
    list_display = ["id", "account", "key", "state", "window", "created_at"]
    list_filter = ["state"]
    list_select_related = ["account"]


@admin.register(TargetPrice)
class TargetPriceAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Staff may set a price for an account too; it stands in the account's trail like one of its own people's."""

    list_display = ["account", "target", "per_gb", "per_million_records", "currency", "as_of"]
    list_filter = ["target"]
    list_select_related = ["account"]
    # Deleting several at once would leave no entry.
    actions = None

    def get_readonly_fields(self, request: HttpRequest, obj: TargetPrice | None = None) -> list[str]:
        """Account and target say which price it is."""
        return ["account", "target"] if obj else []

    def save_model(self, request: HttpRequest, obj: TargetPrice, form: Any, change: bool) -> None:
        set_price(price=obj, actor=Actor.staff(request))

    def delete_model(self, request: HttpRequest, obj: TargetPrice) -> None:
        forget_price(account=obj.account, target=obj.target, actor=Actor.staff(request))
