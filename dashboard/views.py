"""Pages that join the rooms."""

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from common.http import AccountRequest
from common.ids import SHAPE as ID_SHAPE
from dashboard.finding import find_by_name, page_of_id
from dashboard.overview import overview_context
from events.finding import find_event_types


@require_GET
@vary_on_headers("HX-Request")
def overview(request: AccountRequest) -> HttpResponse:
    """The page; by htmx what it polls, which another time replaces too."""
    context = overview_context(request.account, request.GET.get("range", ""))
    context["as_table"] = request.GET.get("as") == "table"
    template = "dashboard/_overview.html" if request.htmx else "dashboard/overview.html"
    return render(request, template, context)


@require_GET
def find(request: AccountRequest) -> HttpResponse:
    query = request.GET.get("q", "").strip()
    address = page_of_id(request.account, query)
    if address:
        return redirect(address)
    context: dict[str, object] = {"q": query, "is_id": ID_SHAPE.match(query) is not None}
    if query and not context["is_id"]:
        context["subscriptions"], context["destinations"] = find_by_name(request.account, query)
        context["event_types"] = [hit.event_type for hits in find_event_types(query, "").values() for hit in hits]
    return render(request, "dashboard/find.html", context)


@login_not_required
@require_GET
def favicon(request: HttpRequest) -> HttpResponse:
    """What a browser asks for where a page names none: the administration, the API's docs, a file."""
    return redirect(static("favicon.svg"))


@login_not_required
@require_GET
def healthz(request: HttpRequest) -> HttpResponse:
    """For load balancers and the supervisor: this process answers and reaches its database."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return JsonResponse({"ok": False, "database": "unreachable"}, status=503)
    return JsonResponse({"ok": True})
