"""The set-up of a destination: a page of its own, and a fragment beside the form that fills in as one types.

The fragment is a GET with what stands in the form, without its secrets: a kit needs none, and addresses end up in logs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from accounts.access import may_edit
from accounts.models import Account
from common.http import AccountRequest
from destinations.setup.kit import Kit, KitError, Options, Part
from destinations.setup.making import kit_for
from destinations.targets import Target, all_targets
from destinations.views import get_destination

PREFIX = "target-"
OPTIONS = ("create", "read_back", "partition_by_type", "kms_key_arn", "bucket")
MAX_VALUE = 2048


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for: configuration, options, and which part is shown."""

    config: Mapping[str, str]
    options: Mapping[str, str]
    part: str

    def query(self, part: str) -> str:
        """The same question for another part."""
        given: dict[str, str] = {
            **{PREFIX + name: value for name, value in self.config.items()},
            **self.options,
            "part": part,
        }
        return urlencode({name: value for name, value in given.items() if value})

    def options_of_kit(self) -> Options:
        """Raises KitError."""
        return Options(
            create=bool(self.options["create"]),
            read_back=bool(self.options["read_back"]),
            partition_by_type=bool(self.options["partition_by_type"]),
            kms_key_arn=self.options["kms_key_arn"],
            bucket=self.options["bucket"],
        )


@require_GET
@vary_on_headers("HX-Request")
def set_up(request: AccountRequest, pk: str) -> HttpResponse:
    """The kit of a saved destination."""
    destination = get_destination(request, pk)
    asked = Asked(destination.config, _options(request), _first(request, "part"))
    template = "destinations/setup/_kit.html" if request.htmx else "destinations/setup/set_up.html"
    return _answer(request, destination.target_class, asked, template, {"destination": destination})


@require_GET
@may_edit
@vary_on_headers("HX-Request")
def set_up_new(request: AccountRequest, target: str) -> HttpResponse:
    """The kit for what stands in a form that is not saved yet."""
    if target not in all_targets():
        raise Http404
    form = all_targets()[target].form_class
    names = [name for name in form.base_fields if name not in form.secret_fields]
    given = {name: _first(request, PREFIX + name) for name in names}
    asked = Asked(given, _options(request), _first(request, "part"))
    template = "destinations/setup/_kit.html" if request.htmx else "destinations/setup/set_up_new.html"
    return _answer(request, all_targets()[target], asked, template, {})


def _options(request: AccountRequest) -> dict[str, str]:
    """What is ticked; until somebody ticks anything, what the choice on the page before stands for."""
    chosen = {name: _first(request, name) for name in OPTIONS}
    if any(chosen.values()) or "options" in request.GET:
        return chosen
    page = urlsplit(request.htmx.current_url or "").query if request.htmx else ""
    return chosen | {name: value for name, value in parse_qsl(page) if name in OPTIONS}


def _first(request: AccountRequest, name: str) -> str:
    """The link's or the form's own value: what was shown with the last kit comes after it, and is older."""
    return (request.GET.getlist(name) or [""])[0].strip()[:MAX_VALUE]


def _answer(
    request: AccountRequest, target: type[Target], asked: Asked, template: str, extra: Mapping[str, Any]
) -> HttpResponse:
    kit, part, problem = _kit(target.slug, asked, request.account)
    if request.GET.get("download"):
        if part is None or not part.filename:
            raise Http404
        return _file(part)
    context = {"target": target, "kit": kit, "part": part, "problem": problem, "asked": asked, **extra}
    context["tabs"] = [(each, asked.query(each.slug)) for each in kit.parts] if kit else []
    context["download"] = asked.query(part.slug) if part else ""
    return render(request, template, context)


def _kit(slug: str, asked: Asked, account: Account) -> tuple[Kit | None, Part | None, str]:
    try:
        kit = kit_for(slug, asked.config, account, asked.options_of_kit())
    except KitError as error:
        return None, None, str(error)
    part = next((each for each in kit.parts if each.slug == asked.part), kit.parts[0])
    return kit, part, ""


def _file(part: Part) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{part.filename}"'}
    return HttpResponse(part.text, content_type="text/plain; charset=utf-8", headers=headers)
