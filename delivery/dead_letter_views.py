"""Pages on dead letters: by reason, one by one, out as a file, and sent again."""

from collections.abc import Iterator
from typing import Any

import orjson
from django.contrib import messages
from django.db.models import Count, Max, Min, QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import may_edit
from accounts.audit import Actor
from common.http import AccountRequest
from common.ids import is_id
from common.paging import keyset_page
from common.templatetags.words import are
from delivery.choosing import destinations_to_choose
from delivery.destination_views import head_context
from delivery.models import DeadLetter
from delivery.services import replay_dead_letters
from destinations.doctor.causes import find
from destinations.doctor.remedies import advice_on
from destinations.models import Destination
from destinations.outcome import RefusedError
from destinations.views import UNPROCESSABLE, get_destination

PAGE_SIZE = 50
REASONS_SHOWN = 20
EXPORT_CHUNK = 500
TOO_LARGE = "record_too_large"
LARGEST_KEY = 2**63 - 1
# What a row of the list needs.
SHOWN = (
    *("event_id", "event_type", "died_at", "reason", "replayed_as", "subscription__description"),
    *("destination__description", "destination__target", "destination__config"),
)


@require_GET
def dead_letter_list(request: AccountRequest) -> HttpResponse:
    return _list(request, "delivery/dead_letters.html")


@require_GET
def destination_dead_letters(request: AccountRequest, pk: str) -> HttpResponse:
    return _list(request, "delivery/destination_dead_letters.html", get_destination(request, pk))


def _list(request: AccountRequest, template: str, destination: Destination | None = None) -> HttpResponse:
    chosen = destination.pk if destination else request.GET.get("destination", "")
    letters = _chosen(request, chosen, request.GET.get("reason", ""))
    page = keyset_page(
        letters.select_related("destination", "subscription").only(*SHOWN),
        request.GET,
        PAGE_SIZE,
    )
    reasons = _chosen(request, destination.pk if destination else "", "").filter(replayed_as=None)
    context: dict[str, Any] = {
        "page": page,
        "reasons": _by_reason(reasons),
        "reason": request.GET.get("reason", ""),
        "chosen": chosen,
        "destination": destination,
    }
    if destination is not None:
        context |= head_context(destination, "dead-letters")
    return render(request, template, context)


def _chosen(request: AccountRequest, destination: str, reason: str) -> QuerySet[DeadLetter]:
    letters = DeadLetter.objects.filter(account=request.account)
    if destination:
        letters = letters.filter(destination_id=destination) if is_id(destination, "ed") else letters.none()
    if reason:
        letters = letters.filter(code=reason.replace("\0", ""))
    return letters


def _by_reason(letters: QuerySet[DeadLetter]) -> list[dict[str, Any]]:
    """Those that were not sent again, by code and destination, the most frequent first."""
    groups = (
        letters.order_by()
        .values("code", "destination_id")
        .annotate(number=Count("pk"), first=Min("died_at"), last=Max("died_at"), reason_text=Max("reason"))
        .order_by("-number", "code")[:REASONS_SHOWN]
    )
    rows = list(groups)
    destinations = Destination.objects.light().in_bulk({row["destination_id"] for row in rows})
    return [{**row, "destination": destinations[row["destination_id"]]} for row in rows]


@require_GET
def dead_letter_detail(request: AccountRequest, pk: int) -> HttpResponse:
    letter = _get(request, pk)
    place = letter.destination
    known = find(place.target, letter.code, letter.reason)
    # What is halved while it is a request has no halves left when it is one record.
    code = TOO_LARGE if known is not None and known.outcome == "too_large" else letter.code
    error = RefusedError(letter.reason, code=code, said=letter.reason)
    advice = advice_on(place.target, place.config, request.account, error)
    context = {"letter": letter, "advice": advice, "payload": _parsed(letter.payload)}
    return render(request, "delivery/dead_letter.html", context)


def _get(request: AccountRequest, pk: int) -> DeadLetter:
    letters = DeadLetter.objects.select_related("destination", "subscription", "delivery", "replayed_as")
    letters = letters.defer("delivery__payload", "delivery__remaining", "replayed_as__payload")
    return get_object_or_404(letters, account=request.account, pk=pk)


@require_POST
@may_edit
def replay(request: AccountRequest, pk: int) -> HttpResponse:
    deliveries = replay_dead_letters(dead_letters=[_get(request, pk)], actor=Actor.person(request.user))
    if not deliveries:
        messages.info(request, "This record was replayed before.")
        return redirect("delivery:dead_letter", pk)
    messages.success(request, "Sent again, as a delivery of its own.")
    return redirect("delivery:delivery", deliveries[0].pk)


@require_http_methods(["GET", "POST"])
@may_edit
def replay_many(request: AccountRequest) -> HttpResponse:
    """Those that were ticked, or all of one reason and destination; asked about with the count first."""
    values = request.POST if request.method == "POST" else request.GET
    ticked = [int(value) for value in values.getlist("letter") if value.isdecimal() and int(value) <= LARGEST_KEY]
    letters = _chosen(request, values.get("destination", ""), values.get("reason", "")).filter(replayed_as=None)
    if ticked:
        letters = letters.filter(pk__in=ticked)
    elif not (values.get("reason") and values.get("destination")):
        messages.error(request, "Choose the dead letters to send again: tick them, or take those of one reason.")
        return redirect("delivery:dead_letters")
    others = destinations_to_choose(request.account)
    to, error = others.read(values.get("to", ""))
    if request.method == "POST" and not error:
        made = replay_dead_letters(dead_letters=letters, to=to, actor=Actor.person(request.user))
        count = sum(delivery.count for delivery in made)
        messages.success(request, f"{are(count, 'record')} sent again.")
        return redirect("delivery:dead_letters")
    places = Destination.objects.filter(pk__in=letters.order_by().values("destination").distinct())
    belonged = f"Where they belonged: {', '.join(each.name for each in places)}"
    context = {
        "count": letters.count(),
        "belonged": belonged,
        "others": others.show("to", values.get("to", ""), empty=belonged),
        "error": error,
        "stopped": [each for each in places if each.state != Destination.State.ACTIVE],
        "ticked": ticked,
        "reason": values.get("reason", ""),
        "chosen": values.get("destination", ""),
    }
    status = UNPROCESSABLE if error else 200
    return render(request, "delivery/replay_dead_letters.html", context, status=status)


@require_GET
def export(request: AccountRequest) -> StreamingHttpResponse:
    """The chosen letters as NDJSON, oldest first: the record, and why and when it died."""
    letters = _chosen(request, request.GET.get("destination", ""), request.GET.get("reason", ""))
    response = StreamingHttpResponse(_lines(letters), content_type="application/x-ndjson")
    response["Content-Disposition"] = f'attachment; filename="dead-letters-{timezone.now():%Y-%m-%d}.ndjson"'
    return response


def _lines(letters: QuerySet[DeadLetter]) -> Iterator[bytes]:
    # By key instead of one cursor: a download may take minutes, and would keep a transaction open as long.
    last = 0
    while rows := list(letters.filter(pk__gt=last).order_by("pk")[:EXPORT_CHUNK]):
        yield b"".join(_line(letter) for letter in rows)
        last = rows[-1].pk


def _line(letter: DeadLetter) -> bytes:
    about = {
        "event_id": letter.event_id,
        "event_type": letter.event_type,
        "destination": letter.destination_id,
        "subscription": letter.subscription_id,
        "code": letter.code,
        "reason": letter.reason,
        "died_at": letter.died_at,
        "record": orjson.Fragment(bytes(letter.payload)),
    }
    return orjson.dumps(about, option=orjson.OPT_APPEND_NEWLINE)


def _parsed(payload: Any) -> Any:
    try:
        return orjson.loads(bytes(payload))
    except orjson.JSONDecodeError:
        return bytes(payload).decode(errors="replace")
