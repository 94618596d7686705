from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.audit import Actor, record_staff_act
from common.admin import HistoryAdmin, among, confirmed_action, within
from common.templatetags.words import are
from delivery.models import (
    AccountTally,
    Attempt,
    AttemptPart,
    DeadLetter,
    Delivery,
    Replay,
    ReplayedBatch,
    RoutedBatch,
    Routing,
    Tally,
)
from delivery.rolling_up import HOUR, MINUTE, QUARTER
from delivery.services import replay_dead_letters, retry_deliveries
from destinations.outcome import Outcome

# Minutes that a tally sums up, by what the filter says.
SPANS = [(str(MINUTE), "a minute"), (str(QUARTER), "a quarter of an hour"), (str(HOUR), "an hour")]


@admin.register(Routing)
class RoutingAdmin(HistoryAdmin):
    list_display = ["id", "account_id", "routed_at", "batches", "events", "configuration_version"]
    list_filter = [within("routed_at", "routed")]
    search_fields = ["=id", "=account__id"]
    ordering = ["-id"]


@admin.register(RoutedBatch)
class RoutedBatchAdmin(HistoryAdmin):
    list_display = ["id", "event_batch_id", "routing_id", "position", "is_undecided"]
    list_filter = ["is_undecided"]
    search_fields = ["=event_batch__id", "=routing__id"]
    ordering = ["-id"]


@admin.register(Delivery)
class DeliveryAdmin(HistoryAdmin):
    list_display = [
        "id", "account_id", "destination", "subscription", "routed_at", "count", "delivered_count", "dead_count",
        "state", "attempts", "next_attempt_at",
    ]  # fmt: skip
    list_filter = ["state", "origin", within("routed_at", "routed")]
    search_fields = ["=id", "=account__id", "=destination__id", "=subscription__id"]
    list_select_related = ["destination", "subscription"]
    exclude = ["payload", "remaining", "lease_token"]
    actions = ["retry"]
    ordering = ["-id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        return super().get_queryset(request).defer("payload", "remaining")

    @confirmed_action(
        description="Retry now",
        consequence="What waits in them is sent at once, and the backoff of their destinations ends.",
    )
    def retry(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        deliveries = list(queryset.select_related("account"))
        count = retry_deliveries(deliveries=deliveries)
        record_staff_act(request=request, event_type="deliveries_retried_by_staff", rows=deliveries)
        messages.success(request, f"{are(count, 'waiting delivery', 'waiting deliveries')} tried at once.")


@admin.register(Attempt)
class AttemptAdmin(HistoryAdmin):
    list_display = ["started_at", "destination", "outcome", "code", "records", "duration_ms", "request_id"]
    list_filter = [
        among("outcome", [(each, each.replace("_", " ")) for each in Outcome]),
        within("started_at", "started"),
    ]
    search_fields = ["=destination__id", "=request_id", "=code"]
    list_select_related = ["destination"]
    ordering = ["-id"]


@admin.register(AttemptPart)
class AttemptPartAdmin(HistoryAdmin):
    list_display = ["attempt_id", "delivery_id", "first", "last", "delivered", "dead", "retried"]
    search_fields = ["=attempt__id", "=delivery__id"]


@admin.register(DeadLetter)
class DeadLetterAdmin(HistoryAdmin):
    list_display = [
        "event_id",
        "account_id",
        "destination",
        "event_type",
        "code",
        "died_at",
        "replayed_as_id",
    ]
    list_filter = [("replayed_as", admin.EmptyFieldListFilter), within("died_at", "died")]
    search_fields = ["=event_id", "=account__id", "=destination__id", "=code"]
    list_select_related = ["destination"]
    exclude = ["payload"]
    actions = ["replay"]
    ordering = ["-id"]

    @confirmed_action(
        description="Replay to the same destination",
        consequence="Each record is sent once more, under a new delivery; those already replayed are left out.",
    )
    def replay(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> None:
        deliveries = replay_dead_letters(dead_letters=queryset, actor=Actor.staff(request))
        count = sum(delivery.count for delivery in deliveries)
        messages.success(request, f"{are(count, 'record')} sent again.")


@admin.register(Tally)
class TallyAdmin(HistoryAdmin):
    list_display = [
        "minute", "subscription_id", "destination_id", "event_type", "matched", "filtered", "fan_out", "delivered",
        "dead", "span",
    ]  # fmt: skip
    list_filter = ["origin", among("span", SPANS), within("minute", "minute")]
    search_fields = ["=account__id", "=subscription__id", "=destination__id"]
    ordering = ["-id"]


@admin.register(AccountTally)
class AccountTallyAdmin(HistoryAdmin):
    list_display = ["minute", "account_id", "matched", "filtered", "fan_out", "delivered", "dead"]
    search_fields = ["=account__id"]
    ordering = ["-id"]


@admin.register(Replay)
class ReplayAdmin(HistoryAdmin):
    list_display = ["id", "account_id", "subscription", "destination", "state", "matched", "batches_done", "created_at"]
    list_filter = ["state", within("created_at", "started")]
    search_fields = ["=id", "=account__id", "=subscription__id", "=destination__id"]
    list_select_related = ["subscription", "destination"]
    ordering = ["-id"]


@admin.register(ReplayedBatch)
class ReplayedBatchAdmin(HistoryAdmin):
    list_display = ["id", "replay_id", "event_batch_id", "delivery_id", "start"]
    search_fields = ["=replay__id", "=event_batch__id", "=delivery__id"]
    exclude = ["bits"]
