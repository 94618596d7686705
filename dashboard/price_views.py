"""What the account pays its targets' services: the list prices, and its own over them."""

from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.core.validators import MinValueValidator, RegexValidator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import may_edit
from accounts.audit import Actor
from common.http import AccountRequest
from common.templatetags.words import amount
from destinations.targets import Target, all_targets
from subscriptions.models import TargetPrice
from subscriptions.own_prices import forget_price as forget
from subscriptions.own_prices import set_price
from subscriptions.pricing import Price, list_prices, prices_for

UNPROCESSABLE = 422


class PriceForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = TargetPrice
        fields: ClassVar = ["per_gb", "per_million_records", "currency", "as_of", "source"]
        labels: ClassVar = {
            "per_gb": "Per GB",
            "per_million_records": "Per million records",
            "as_of": "As of",
            "source": "Where it is from",
        }
        help_texts: ClassVar = {
            "per_gb": "Of what the service counts, 10⁹ bytes.",
            "currency": "Three capital letters, such as USD or EUR.",
            "source": "Such as the number of a contract.",
        }
        widgets: ClassVar = {"as_of": forms.DateInput({"type": "date"}, format="%Y-%m-%d")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("per_gb", "per_million_records"):
            self.fields[name].validators.append(MinValueValidator(0, "A price is 0 or more."))
            self.initial[name] = amount(self.initial[name]).replace(",", "")
        self.fields["currency"].validators.append(RegexValidator("^[A-Z]{3}$", "Write three capital letters."))


@dataclass(frozen=True, slots=True)
class Row:
    """A target with what it is reckoned at; `price` is None where neither the list nor the account has one."""

    target: type[Target]
    price: Price | None


@require_safe
def prices(request: AccountRequest) -> HttpResponse:
    known = prices_for(request.account)
    rows = [Row(target, known.get(slug)) for slug, target in all_targets().items()]
    return render(request, "dashboard/prices.html", {"rows": rows})


@require_http_methods(["GET", "HEAD", "POST"])
@may_edit
def price(request: AccountRequest, target: str) -> HttpResponse:
    """The account's own price of one target; the form begins with what is reckoned now."""
    if target not in all_targets():
        raise Http404
    own = TargetPrice.objects.filter(account=request.account, target=target).first()
    listed = list_prices().get(target)
    initial = {}
    if own is None and listed:
        initial = {"per_gb": listed.per_gb, "per_million_records": listed.per_million_records}
    instance = own or TargetPrice(account=request.account, target=target)
    form = PriceForm(request.POST if request.method == "POST" else None, instance=instance, initial=initial)
    if form.is_valid():
        set_price(price=form.instance, actor=Actor.person(request.user))
        messages.success(request, f"Estimates for {all_targets()[target].label} use your price from now on.")
        return redirect("dashboard:prices")
    context = {"form": form, "target": all_targets()[target], "listed": listed, "is_own": own is not None}
    return render(request, "dashboard/price.html", context, status=UNPROCESSABLE if form.errors else 200)


@require_POST
@may_edit
def forget_price(request: AccountRequest, target: str) -> HttpResponse:
    """Back to the list price."""
    if target not in all_targets():
        raise Http404
    forget(account=request.account, target=target, actor=Actor.person(request.user))
    messages.success(request, f"Estimates for {all_targets()[target].label} use the list price again.")
    return redirect("dashboard:prices")
