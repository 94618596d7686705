"""Accepting an invitation: as a new person, or as one who is here already."""

from allauth.account.utils import perform_login
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import single_sign_on
from accounts.cookies import remember
from accounts.invitations import accept, accept_as_new_person, find_by_token
from accounts.middleware import ACCOUNT_COOKIE
from accounts.models import Invitation, User
from accounts.people import PeopleError
from accounts.people_forms import JoinForm


@sensitive_post_parameters()
@never_cache
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    found = find_by_token(token)
    if found is None:
        return render(request, "accounts/invitation_gone.html", status=404)
    try:
        if isinstance(request.user, User):
            return _join(request, request.user, found)
        return _join_as_new_person(request, found)
    except PeopleError:
        # Used up or revoked between our reading and writing.
        return render(request, "accounts/invitation_gone.html", status=404)


def _join(request: HttpRequest, user: User, invitation: Invitation) -> HttpResponse:
    is_theirs = user.email == invitation.email
    if request.method == "POST" and is_theirs:
        accept(invitation=invitation, user=user)
        messages.success(request, f"You are in {invitation.account} now, as {invitation.get_role_display()}.")
        return _to_account(redirect("/"), invitation)
    context = {"invitation": invitation, "is_theirs": is_theirs}
    return render(request, "accounts/join.html", context, status=200 if is_theirs else 403)


def _join_as_new_person(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    if User.objects.filter(email=invitation.email).exists():
        return render(request, "accounts/join_after_sign_in.html", {"invitation": invitation})
    form = JoinForm(request.POST if request.method == "POST" else None, email=invitation.email)
    if form.is_valid():
        membership = accept_as_new_person(
            invitation=invitation, name=form.cleaned_data["name"], password=form.cleaned_data["password1"]
        )
        # allauth's own sign-in: a new session key, and the session is listed with the others.
        return _to_account(perform_login(request, membership.user, redirect_url="/"), invitation)
    context = {"invitation": invitation, "form": form, "single_sign_on": single_sign_on.is_offered()}
    return render(request, "accounts/join_as_new_person.html", context, status=422 if form.errors else 200)


def _to_account(response: HttpResponse, invitation: Invitation) -> HttpResponse:
    remember(response, ACCOUNT_COOKIE, invitation.account_id)
    return response
