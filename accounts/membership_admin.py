"""Memberships in the staff pages: the last-owner rule and the trail hold here as on the customer's pages."""

from typing import Any

from django import forms
from django.contrib import admin
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest

from accounts.audit import Actor
from accounts.models import Membership, Role
from accounts.people import add_member, change_role_as_staff, remove_member_as_staff


class MembershipFormSet(BaseInlineFormSet):  # type: ignore[type-arg]
    """Refuses what would leave an account without an owner who can act."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        if form.instance.pk:
            # Another person or account would be another membership: remove this one, and add that.
            form.fields["user"].disabled = form.fields["account"].disabled = True

    def clean(self) -> None:
        super().clean()
        changed = [form.cleaned_data for form in self.forms if form.has_changed() and form.is_valid()]
        for account in {each["account"] for each in changed}:
            here = [each for each in changed if each["account"] == account]
            touched = [each["id"].pk for each in here if each["id"]]
            owners = Membership.objects.filter(account=account, role=Role.OWNER, user__is_active=True)
            had_one = owners.exists()
            if had_one and not owners.exclude(pk__in=touched).exists() and not any(map(_is_owner, here)):
                raise forms.ValidationError(f"{account} keeps at least one owner. Make somebody else an owner first.")


def _is_owner(given: dict[str, Any]) -> bool:
    return given["role"] == Role.OWNER and given["user"].is_active and not given.get("DELETE")


class MembershipInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Membership
    formset = MembershipFormSet
    extra = 0
    autocomplete_fields = ["user", "account"]


class MembershipsAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A page with memberships, which are written through the services, so that each change is recorded."""

    inlines = [MembershipInline]

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Owners are made before others are unmade."""
        actor = Actor.staff(request)
        formset.save(commit=False)
        for membership in formset.new_objects:
            add_member(account=membership.account, user=membership.user, role=membership.role, actor=actor)
        changed = [membership for membership, _ in formset.changed_objects]
        for membership in sorted(changed, key=lambda each: each.role != Role.OWNER):
            change_role_as_staff(membership=membership, role=Role(membership.role), actor=actor)
        for membership in formset.deleted_objects:
            remove_member_as_staff(membership=membership, actor=actor)
