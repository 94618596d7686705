"""The catalogue: what can be subscribed to, and what it looks like."""

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from common.http import AccountRequest
from events.catalog import catalog, families, get_event_type, suggest
from events.filters.reference import filterable, limits, reference
from events.finding import find_event_types, find_fields


@require_safe
@vary_on_headers("HX-Request")
def catalogue(request: AccountRequest) -> HttpResponse:
    query, family = request.GET.get("q", "").strip(), request.GET.get("family", "")
    groups = find_event_types(query, family)
    context = {
        "groups": groups,
        "shown": sum(len(hits) for hits in groups.values()),
        "total": len(catalog()),
        "families": families(),
        "query": query,
        "family": family,
        "suggestions": [] if groups else suggest(query),
    }
    template = "events/_catalogue_results.html" if request.htmx else "events/catalogue.html"
    return render(request, template, context)


@require_safe
def event_type(request: AccountRequest, name: str) -> HttpResponse:
    found = get_event_type(name)
    if found is None:
        raise Http404
    query = request.GET.get("q", "").strip()
    context = {
        "event_type": found,
        "fields": find_fields(found, query),
        "example": found.example_event(request.account.pk),
        "query": query,
    }
    return render(request, "events/event_type.html", context)


@require_safe
def filter_reference(request: AccountRequest) -> HttpResponse:
    context = {"reference": reference(), "filterable": filterable(), "limits": limits()}
    return render(request, "events/filter_reference.html", context)
