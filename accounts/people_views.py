"""The people of an account: list, invite, change, remove, leave; the account itself."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import invitations
from accounts.access import LOWEST_ROLE, Action, needs, refuse, role_may, role_may_manage
from accounts.cookies import remember
from accounts.middleware import ACCOUNT_COOKIE
from accounts.models import Invitation, Membership, Role
from accounts.people import (
    PeopleError,
    change_account,
    change_role,
    found_account,
    is_last_owner,
    keys_of,
    remove_member,
)
from accounts.people_forms import AccountForm, InvitationForm, NewAccountForm, RoleForm, roles_to_give
from accounts.two_factor import has_second_factor, people_with_second_factor
from common.http import AccountRequest

GET_OR_POST = ["GET", "HEAD", "POST"]


@require_http_methods(GET_OR_POST)
@needs(Action.VIEW)
def people(request: AccountRequest) -> HttpResponse:
    """The list, and for those who may the form to invite."""
    if request.method != "POST":
        return _list(request, InvitationForm(by=request.membership))
    if not role_may(request.membership.role, Action.MANAGE_PEOPLE):
        return refuse(request, LOWEST_ROLE[Action.MANAGE_PEOPLE])
    return _invite(request)


def _invite(request: AccountRequest) -> HttpResponse:
    form = InvitationForm(request.POST, by=request.membership)
    if form.is_valid():
        email, role = form.cleaned_data["email"], Role(form.cleaned_data["role"])
        try:
            made = invitations.invite(account=request.account, by=request.membership, email=email, role=role)
        except PeopleError as error:
            form.add_error("email", str(error))
        else:
            messages.success(request, f"Invited: {made.email}. The link in the mail is good for 7 days.")
            return redirect("people")
    return _list(request, form)


def _list(request: AccountRequest, form: InvitationForm) -> HttpResponse:
    members = list(request.account.memberships.select_related("user").order_by("user__name", "user__email"))
    secured = people_with_second_factor([member.user_id for member in members])
    for member in members:
        member.has_second_factor = member.user_id in secured  # type: ignore[attr-defined]
        member.may_change = role_may_manage(request.membership.role, member.role)  # type: ignore[attr-defined]
    context = {
        "form": form,
        "members": members,
        "roles": roles_to_give(request.membership),
        "invitations": request.account.invitations.open().select_related("invited_by").order_by("-sent_at"),
        "now": timezone.now(),
    }
    return render(request, "accounts/people.html", context, status=422 if form.errors else 200)


@require_POST
@needs(Action.MANAGE_PEOPLE)
def change_member(request: AccountRequest, user_id: str) -> HttpResponse:
    member = _member(request, user_id)
    form = RoleForm(request.POST, by=request.membership)
    if not form.is_valid():
        messages.error(request, "This role is not yours to give. Nothing was changed.")
        return redirect("people")
    try:
        change_role(membership=member, role=Role(form.cleaned_data["role"]), by=request.membership)
    except PeopleError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{member.user} is {Role(form.cleaned_data['role']).label} now.")
    return redirect("people")


@require_http_methods(GET_OR_POST)
def remove(request: AccountRequest, user_id: str) -> HttpResponse:
    """Remove somebody, or leave: the same act, and the role decides (accounts/people.py)."""
    member = _member(request, user_id)
    is_self = member.pk == request.membership.pk
    error = ""
    if request.method == "POST":
        try:
            remove_member(membership=member, by=request.membership)
        except PeopleError as refused:
            error = str(refused)
        else:
            who, where = ("You are", "/") if is_self else (f"{member.user} is", "people")
            messages.success(request, f"{who} no longer in {request.account}.")
            return redirect(where)
    elif not is_self and not role_may_manage(request.membership.role, member.role):
        error = "Only owners may remove owners; admins may remove everybody else."
    context = {
        "member": member,
        "is_self": is_self,
        "error": error,
        "is_last_owner": is_last_owner(member),
        "keys": list(keys_of(member)),
    }
    return render(request, "accounts/remove_member.html", context, status=422 if error else 200)


@require_POST
@needs(Action.MANAGE_PEOPLE)
def resend_invitation(request: AccountRequest, invitation_id: str) -> HttpResponse:
    said = "Sent again to {email}. The link before it no longer works."
    return _act_on_invitation(request, invitation_id, invitations.resend, said)


@require_POST
@needs(Action.MANAGE_PEOPLE)
def revoke_invitation(request: AccountRequest, invitation_id: str) -> HttpResponse:
    said = "Revoked: the invitation of {email}. Its link no longer works."
    return _act_on_invitation(request, invitation_id, invitations.revoke, said)


def _act_on_invitation(request: AccountRequest, pk: str, act: Callable[..., object], said: str) -> HttpResponse:
    invitation = _invitation(request, pk)
    try:
        act(invitation=invitation, by=request.membership)
    except PeopleError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, said.format(email=invitation.email))
    return redirect("people")


@require_http_methods(GET_OR_POST)
@needs(Action.MANAGE_ACCOUNT)
def edit_account(request: AccountRequest) -> HttpResponse:
    form = AccountForm(request.POST if request.method == "POST" else None, instance=request.account)
    if form.is_valid():
        wanted = form.cleaned_data
        if wanted["requires_two_factor"] and not has_second_factor(request.user):
            form.add_error("requires_two_factor", "Set up a second factor of your own first, under Your sign-in.")
        else:
            change_account(account=request.account, by=request.membership, **wanted)
            messages.success(request, "Account saved.")
            return redirect("edit_account")
    if form.errors:
        # The form has written what was typed into the account that the page's head shows.
        request.account.refresh_from_db()
    return render(request, "accounts/edit_account.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(GET_OR_POST)
def new_account(request: AccountRequest) -> HttpResponse:
    form = NewAccountForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            account = found_account(name=form.cleaned_data["name"], owner=request.user)
        except PeopleError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"{account} is yours. Invite others under Settings, People.")
            response = redirect("/")
            remember(response, ACCOUNT_COOKIE, account.pk)
            return response
    return render(request, "accounts/new_account.html", {"form": form}, status=422 if form.errors else 200)


@require_safe
def roles(request: AccountRequest) -> HttpResponse:
    """What each role may do: the table that the checks use."""
    rows = [(action.value, [(role, role_may(role, action)) for role in Role]) for action in LOWEST_ROLE]
    return render(request, "accounts/roles.html", {"roles": list(Role), "rows": rows})


def _member(request: AccountRequest, user_id: str) -> Membership:
    return get_object_or_404(request.account.memberships.select_related("user", "account"), user_id=user_id)


def _invitation(request: AccountRequest, invitation_id: str) -> Invitation:
    return get_object_or_404(request.account.invitations.open(), pk=invitation_id)
