from collections.abc import Callable
from typing import Any, cast

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.audit import Actor
from accounts.models import Account, APIKey, AuditEntry, Invitation, Membership, OutgoingMail, Role, User
from accounts.people import PeopleError, add_member, change_role, remove_member
from accounts.services import revoke_api_key
from common.admin import HistoryAdmin, confirmed_action

admin.site.site_header = "Event Subscriptions"
admin.site.site_title = "Event Subscriptions"
admin.site.index_title = "Staff"
admin.site.unregister(Group)
# Staff sign in like everybody else: throttled, and with their second factor.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]


class MembershipInline(admin.TabularInline):  # type: ignore[type-arg]
    """Who is in the account, or where the person is. Changed on a page of its own, which asks and keeps a trail."""

    model = Membership
    extra = 0
    fields = ["user", "account", "role"]
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Account)
class AccountAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["name", "id", "created_at", "suspended_at"]
    list_filter = [("suspended_at", admin.EmptyFieldListFilter)]
    search_fields = ["name", "id", "external_id"]
    readonly_fields = ["id", "external_id", "configuration_version", "created_at"]
    inlines = [MembershipInline]

    def has_delete_permission(self, request: HttpRequest, obj: Account | None = None) -> bool:
        """An account is suspended, not deleted: its events and their fate belong to somebody."""
        return False


@admin.register(Membership)
class MembershipAdmin(HistoryAdmin):
    list_display = ["user", "account", "role", "joined_at"]
    list_filter = ["role"]
    search_fields = ["user__email", "user__name", "account__name", "account__id"]
    list_select_related = ["user", "account"]
    fields = ["account", "user", "role"]
    autocomplete_fields = ["account", "user"]
    actions = ["make_owners", "make_admins", "make_editors", "make_viewers", "remove"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return admin.ModelAdmin.has_add_permission(self, request)

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        """Only ever a new one: a role is changed by an action."""
        actor = Actor.person(_staff(request))
        obj.pk = add_member(account=obj.account, user=obj.user, role=obj.role, actor=actor).pk

    @confirmed_action(description="Make owner", consequence="Owners may do everything in the account.")
    def make_owners(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        self._change_roles(request, queryset, Role.OWNER)

    @confirmed_action(description="Make admin", consequence="Admins manage people, keys and all that is configured.")
    def make_admins(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        self._change_roles(request, queryset, Role.ADMIN)

    @confirmed_action(description="Make editor", consequence="Editors change subscriptions and destinations.")
    def make_editors(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        self._change_roles(request, queryset, Role.EDITOR)

    @confirmed_action(description="Make viewer", consequence="Viewers change nothing.")
    def make_viewers(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        self._change_roles(request, queryset, Role.VIEWER)

    @confirmed_action(
        description="Remove from the account",
        consequence="They lose access at once, and the keys they made are revoked.",
    )
    def remove(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        self._each(request, queryset, lambda row: remove_member(membership=row, by=_staff(request)))

    def _change_roles(self, request: HttpRequest, queryset: QuerySet[Membership], role: Role) -> None:
        self._each(request, queryset, lambda row: change_role(membership=row, role=role, by=_staff(request)))

    def _each(self, request: HttpRequest, rows: QuerySet[Membership], act: Callable[[Membership], object]) -> None:
        """What is refused is told, by person; the others go through."""
        done = 0
        for row in rows:
            try:
                act(row)
            except PeopleError as error:
                messages.error(request, str(error))
            else:
                done += 1
        if done:
            messages.success(request, f"{done} changed.")


def _staff(request: HttpRequest) -> User:
    return cast(User, request.user)


@admin.register(User)
class UserAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["email", "name", "is_staff", "is_active", "last_login"]
    list_filter = ["is_staff", "is_active"]
    search_fields = ["email", "name", "id"]
    fields = ["id", "email", "name", "is_active", "is_staff", "is_superuser", "last_login", "date_joined"]
    readonly_fields = ["id", "last_login", "date_joined"]
    inlines = [MembershipInline]
    actions = ["give_one_time_password"]

    def save_model(self, request: HttpRequest, obj: User, form: "forms.ModelForm[User]", change: bool) -> None:
        super().save_model(request, obj, form, change)
        if "email" in form.changed_data:
            # allauth's own list: an address that was replaced must neither sign in nor get a link any more.
            EmailAddress.objects.filter(user=obj).delete()

    @confirmed_action(
        description="Give a one-time password",
        consequence="Their present passwords stop working. Each gets one that is shown to you once.",
    )
    def give_one_time_password(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            messages.success(request, f"{user.email}: {user.give_one_time_password()} (shown once)")


@admin.register(APIKey)
class APIKeyAdmin(HistoryAdmin):
    list_display = ["id", "account", "description", "scopes", "created_at", "last_used_at", "revoked_at"]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter)]
    search_fields = ["id", "account__name", "account__id", "description"]
    exclude = ["token_hash"]
    list_select_related = ["account"]
    actions = ["revoke"]

    @confirmed_action(
        description="Revoke", consequence="Requests with these keys are refused from now on. It cannot be undone."
    )
    def revoke(self, request: HttpRequest, queryset: QuerySet[APIKey]) -> None:
        keys = list(queryset.filter(revoked_at=None))
        for key in keys:
            revoke_api_key(key=key, actor=Actor.person(request.user))  # type: ignore[arg-type]
        messages.success(request, f"{len(keys)} keys revoked.")


@admin.register(AuditEntry)
class AuditEntryAdmin(HistoryAdmin):
    list_display = ["at", "account", "event_type", "object_id", "actor", "published_at"]
    list_filter = [("published_at", admin.EmptyFieldListFilter)]
    search_fields = ["object_id", "account__id", "event_type"]
    list_select_related = ["account"]


@admin.register(Invitation)
class InvitationAdmin(HistoryAdmin):
    list_display = ["email", "account", "role", "sent_at", "expires_at", "accepted_at", "revoked_at"]
    search_fields = ["email", "account__id", "account__name"]
    exclude = ["token_hash"]
    list_select_related = ["account"]


@admin.register(OutgoingMail)
class OutgoingMailAdmin(HistoryAdmin):
    """The text is not shown: its links let people in."""

    list_display = ["created_at", "to", "subject", "sent_at", "due_at", "attempts", "error"]
    list_filter = [("sent_at", admin.EmptyFieldListFilter)]
    search_fields = ["to"]
    exclude = ["content"]
