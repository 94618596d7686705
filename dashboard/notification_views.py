"""What a person wants to be told of by mail, in the account they look at."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from common.http import AccountRequest
from dashboard.notifications import Wanted, wants


class NoticesForm(forms.Form):
    wanted = forms.MultipleChoiceField(
        label="Tell me when",
        choices=Wanted.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def notifications(request: AccountRequest) -> HttpResponse:
    membership = request.membership
    current = [each.value for each in Wanted if wants(membership, each)]
    form = NoticesForm(request.POST if request.method == "POST" else None, initial={"wanted": current})
    if form.is_valid():
        chosen = form.cleaned_data["wanted"]
        membership.notices = {each.value: each.value in chosen for each in Wanted}
        membership.save(update_fields=["notices"])
        messages.success(request, "Notifications saved.")
        return redirect("dashboard:notifications")
    context = {"form": form, "is_default": not membership.notices}
    return render(request, "dashboard/notifications.html", context, status=422 if form.errors else 200)
