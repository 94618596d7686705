from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.audit import Actor, record_sign_in_change
from accounts.membership_admin import MembershipsAdmin
from accounts.models import Account, APIKey, AuditEntry, Invitation, OutgoingMail, User
from accounts.services import revoke_api_key
from common.admin import HistoryAdmin, confirmed_action, within

admin.site.site_header = "Event Subscriptions"
admin.site.site_title = "Event Subscriptions"
admin.site.index_title = "Staff"
admin.site.unregister(Group)
# Staff sign in like everybody else: throttled, and with their second factor.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]


@admin.register(Account)
class AccountAdmin(MembershipsAdmin):
    list_display = ["name", "id", "created_at", "suspended_at"]
    list_filter = [("suspended_at", admin.EmptyFieldListFilter)]
    search_fields = ["name", "id", "external_id"]
    readonly_fields = ["id", "external_id", "configuration_version", "created_at"]

    def has_delete_permission(self, request: HttpRequest, obj: Account | None = None) -> bool:
        """An account is suspended, not deleted: its events and their fate belong to somebody."""
        return False


@admin.register(User)
class UserAdmin(MembershipsAdmin):
    list_display = ["email", "name", "is_staff", "is_active", "last_login"]
    list_filter = ["is_staff", "is_active"]
    search_fields = ["email", "name", "id"]
    fields = ["id", "email", "name", "is_active", "is_staff", "is_superuser", "last_login", "date_joined"]
    readonly_fields = ["id", "last_login", "date_joined"]
    actions = ["give_one_time_password"]

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """A person is switched off, not deleted: what they did names them."""
        return False

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
        actor = Actor.staff(request)
        for user in queryset:
            with transaction.atomic():
                record_sign_in_change(user=user, event_type="one_time_password_given", actor=actor)
                password = user.give_one_time_password()
            messages.success(request, f"One-time password of {user.email}, shown once: {password}")


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
            revoke_api_key(key=key, actor=Actor.staff(request))
        messages.success(request, f"{len(keys)} keys revoked.")


@admin.register(AuditEntry)
class AuditEntryAdmin(HistoryAdmin):
    list_display = ["at", "account", "event_type", "object_id", "actor", "published_at"]
    list_filter = [("published_at", admin.EmptyFieldListFilter), within("at", "written")]
    search_fields = ["=object_id", "=account__id", "=event_type", "=actor_id"]
    ordering = ["-id"]
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
