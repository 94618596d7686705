"""Choosing sources and destinations for a draft: pages of their own, shown in a dialog where there is JavaScript."""

from typing import Any

from django.db.models import Q
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from accounts.access import may_edit
from common.http import AccountRequest
from destinations.forms import DestinationForm, target_form
from destinations.models import Destination
from destinations.targets import all_targets
from destinations.views import made_from
from events.catalog import families, get_event_type
from subscriptions.composer_page import Page
from subscriptions.composer_views import get_draft
from subscriptions.drafting.content import Content, from_json
from subscriptions.drafting.services import keep_draft
from subscriptions.drafting.trying import try_out
from subscriptions.models import Draft
from subscriptions.views import UNPROCESSABLE

# At once; the search finds the others.
PLACES_SHOWN = 50


@require_http_methods(["GET", "POST"])
@may_edit
@vary_on_headers("HX-Request")
def pick_sources(request: AccountRequest, pk: str) -> HttpResponse:
    draft = get_draft(request, pk)
    content = from_json(draft.content)
    if request.method == "POST":
        for name in request.POST.getlist("type"):
            if event_type := get_event_type(name):
                content.add_source(event_type)
        return _keep(request, draft, content, "sources")
    context = {"draft": draft, "families": families(), "chosen": {source.type for source in content.sources}}
    return _show(request, draft, "pick_sources", context)


@require_http_methods(["GET", "POST"])
@may_edit
@vary_on_headers("HX-Request")
def pick_destinations(request: AccountRequest, pk: str) -> HttpResponse:
    draft = get_draft(request, pk)
    content = from_json(draft.content)
    own = Destination.objects.existing().filter(account=request.account)
    if request.method == "POST":
        known = set(own.filter(pk__in=request.POST.getlist("destination")).values_list("pk", flat=True))
        wanted = [each for each in request.POST.getlist("destination") if each in known]
        content.destinations = [*dict.fromkeys([*content.destinations, *wanted])]
        return _keep(request, draft, content, "destinations")
    query, ticked = request.GET.get("q", "").strip(), set(request.GET.getlist("destination"))
    found = own.filter(_named(query)).exclude(pk__in=ticked).order_by("description", "pk")
    total = found.count()
    context = {
        "draft": draft,
        "q": query,
        # What was ticked stays, whatever is searched for next.
        "places": [*own.filter(pk__in=ticked).order_by("description", "pk"), *found[:PLACES_SHOWN]],
        "more": max(total - PLACES_SHOWN, 0),
        "total": own.count(),
        "ticked": ticked,
        "chosen": set(content.destinations),
        "targets": all_targets().values(),
    }
    return _show(request, draft, "pick_destinations", context)


def _named(query: str) -> Q:
    """Destinations with this in their name or ID, or in the name of their target."""
    targets = [slug for slug, target in all_targets().items() if query.casefold() in target.label.casefold()]
    return Q(description__icontains=query) | Q(pk=query) | Q(target__in=targets)


@require_http_methods(["GET", "POST"])
@may_edit
def new_destination(request: AccountRequest, pk: str, target: str) -> HttpResponse:
    """A destination made in the middle of composing, and chosen at once."""
    draft = get_draft(request, pk)
    if target not in all_targets():
        raise Http404
    data = request.POST or None
    form, fields = DestinationForm(all_targets()[target], data), target_form(target, data)
    made = made_from(request, target, form, fields)
    if made:
        content = from_json(draft.content)
        content.destinations.append(made.pk)
        return _keep(request, draft, content, "destinations")
    context = {"draft": draft, "form": form, "fields": fields, "target": all_targets()[target]}
    return render(request, "subscriptions/new_destination.html", context, status=UNPROCESSABLE if data else 200)


def _keep(request: AccountRequest, draft: Draft, content: Content, section: str) -> HttpResponse:
    # The dialog lies above a page of the draft; that page knows the version that is stored now.
    kept = keep_draft(draft=draft, content=content, user=request.user, tab=draft.tab, seen_version=draft.version)
    if not request.htmx:
        return redirect(f"{reverse('subscriptions:draft', args=[draft.pk])}#{section}")
    page = Page(request, kept, content, kept.tab, kept.version, focus=f"add-{section}")
    page.panel = try_out(request.account, kept.pk, content, kept.subscription)
    return page.whole()


def _show(request: AccountRequest, draft: Draft, name: str, context: dict[str, Any]) -> HttpResponse:
    """The page, or what goes into the dialog; the page below it now has an address of its own."""
    response = render(request, f"subscriptions/{'_' if request.htmx else ''}{name}.html", context)
    if request.htmx and draft.subscription is None:
        response.headers["HX-Replace-Url"] = reverse("subscriptions:draft", args=[draft.pk])
    return response
