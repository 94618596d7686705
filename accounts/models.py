"""WHO: tenants, people, their roles, keys, and the record of what each changed."""

import hashlib
import secrets
import zlib
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.utils import timezone

from common.crypto import EncryptedJSONField
from common.ids import BASE62, IDField, base62
from common.redaction import TOKEN_MARK, TOKEN_SHAPE

INVITATION_LIFETIME = timedelta(days=7)


class Account(models.Model):
    """A tenant. `external_id` goes into the trust policies of its AWS roles and never changes."""

    id = IDField(prefix="ac", primary_key=True)
    name = models.CharField(max_length=100)
    external_id = IDField(prefix="ac", unique=True)
    # Raised by every change to a subscription or destination; compiled plans are kept under it.
    configuration_version = models.PositiveBigIntegerField(default=1, editable=False)
    max_subscriptions = models.PositiveIntegerField(default=100)
    max_destinations = models.PositiveIntegerField(default=100)
    max_destinations_per_subscription = models.PositiveIntegerField(default=10)
    payload_retention_days = models.PositiveSmallIntegerField(default=7)
    # Its pages then open only to people whose sign-in has a second factor.
    requires_two_factor = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    suspended_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name

    def touch_configuration(self) -> None:
        """Void every compiled plan of this account; call inside the change's own transaction."""
        Account.objects.filter(pk=self.pk).update(configuration_version=models.F("configuration_version") + 1)


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save()
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, **{"is_staff": True, "is_superuser": True, **fields})


class User(AbstractBaseUser, PermissionsMixin):
    """A person; signs in by e-mail."""

    id = IDField(prefix="usr", primary_key=True)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=100, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    # A printed or mailed password is good for choosing a password of one's own, and for nothing else.
    has_one_time_password = models.BooleanField(default=False)
    date_joined = models.DateTimeField(default=timezone.now, editable=False)
    accounts: "models.ManyToManyField[Account, Membership]" = models.ManyToManyField(
        Account, through="Membership", related_name="users"
    )

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    objects: ClassVar[UserManager] = UserManager()

    def __str__(self) -> str:
        return self.name or self.email

    def clean(self) -> None:
        # Addresses are compared as text: in invitations, in single sign-on.
        self.email = self.email.lower()

    @property
    def initials(self) -> str:
        words = (self.name or self.email).replace("@", " ").replace(".", " ").split()
        return "".join(word[0] for word in words[:2]).upper()

    def give_one_time_password(self) -> str:
        """A new random password, returned once; the person must replace it after signing in."""
        password = "-".join(secrets.token_hex(2) for _ in range(4))
        self.set_password(password)
        self.has_one_time_password = True
        self.save(update_fields=["password", "has_one_time_password"])
        return password


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    ADMIN = "admin", "Admin"
    EDITOR = "editor", "Editor"
    VIEWER = "viewer", "Viewer"

    @property
    def rank(self) -> int:
        return list(reversed(Role.values)).index(self.value)

    def covers(self, other: "Role") -> bool:
        return self.rank >= other.rank


class Membership(models.Model):
    """A person's role in an account."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.VIEWER)
    joined_at = models.DateTimeField(default=timezone.now, editable=False)
    # `{kind of notice: wanted}`; a kind that is not here is wanted or not by the role (dashboard/notifications.py).
    notices = models.JSONField(default=dict, blank=True, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "user"], name="membership_once_per_account"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.account} ({self.role})"


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self) -> Self:
        """Neither accepted nor revoked; may be out of date, and can then be sent again."""
        return self.filter(accepted_at=None, revoked_at=None)

    def usable(self, now: datetime) -> Self:
        return self.open().filter(expires_at__gt=now, account__suspended_at=None)


class Invitation(models.Model):
    """An e-mail address that may join an account. The link's token is in the mail; only its digest is stored."""

    id = IDField(prefix="inv", primary_key=True)
    account = models.ForeignKey(Account, models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.VIEWER)
    invited_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    sent_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    objects: ClassVar[InvitationQuerySet] = InvitationQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "email"],
                condition=models.Q(accepted_at=None, revoked_at=None),
                name="invitation_open_once_per_address",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email} to {self.account}"

    @property
    def has_expired(self) -> bool:
        return self.expires_at <= timezone.now()


TOKEN_PARTS = (27, 21)
CHECKSUM_LENGTH = 6


def hash_token(token: str) -> str:
    # A token carries over 230 random bits: nothing to slow down a guesser for, so a plain digest will do.
    return hashlib.sha256(token.encode()).hexdigest()


def make_token() -> str:
    """A new credential, `FIRSTPART_SECONDPART`, of which only the digest may be kept.

    It begins with TOKEN_MARK and ends with a checksum, so that scanners find it in leaked text without false alarms.
    """
    first, second = ("".join(secrets.choice(BASE62) for _ in range(length)) for length in TOKEN_PARTS)
    body = f"{TOKEN_MARK}{first[len(TOKEN_MARK) :]}_{second[:-CHECKSUM_LENGTH]}"
    return body + _checksum(body)


def is_token(text: str) -> bool:
    """Whether the text has the shape and the checksum of our tokens, known or not."""
    return TOKEN_SHAPE.fullmatch(text) is not None and _checksum(text[:-CHECKSUM_LENGTH]) == text[-CHECKSUM_LENGTH:]


def _checksum(body: str) -> str:
    return base62(zlib.crc32(body.encode()), CHECKSUM_LENGTH)


class APIKeyQuerySet(models.QuerySet["APIKey"]):
    def usable(self, now: datetime) -> Self:
        return self.filter(revoked_at=None).exclude(expires_at__lte=now)


class APIKey(models.Model):
    """A key of an account. The token is `FIRSTPART_SECONDPART`, shown once; only its digest is stored."""

    class Scope(models.TextChoices):
        API = "api", "Configure through the API"
        READ = "read", "Read through the API, changing nothing"
        PUBLISH = "publish", "Publish events"

    id = IDField(prefix="ak", primary_key=True)
    account = models.ForeignKey(Account, models.CASCADE, related_name="api_keys")
    owner = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="api_keys")
    description = models.CharField(max_length=255, blank=True)
    metadata = models.TextField(max_length=4096, blank=True)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[APIKeyQuerySet] = APIKeyQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = "API key"

    def __str__(self) -> str:
        return self.description or self.pk


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    def to_publish(self) -> Self:
        return self.filter(is_event=True, published_at=None)


class AuditEntry(models.Model):
    """One change to any object, written in the change's own transaction and published as an event after it.

    Changes that have no type in the catalogue (people, sign-in) are kept here and not published.
    """

    account = models.ForeignKey(Account, models.CASCADE, related_name="audit_entries")
    at = models.DateTimeField(default=timezone.now)
    actor = models.JSONField(help_text="The principal: id, kind and source.")
    actor_id = models.CharField(max_length=40, blank=True, editable=False)
    # From where the request came; empty for the command line and the product itself.
    ip = models.GenericIPAddressField("IP address", null=True, editable=False)
    user_agent = models.CharField(max_length=255, blank=True, editable=False)
    event_type = models.CharField(max_length=100)
    is_event = models.BooleanField(default=True, editable=False)
    object_id = models.CharField(max_length=40)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    published_at = models.DateTimeField(null=True, editable=False)

    objects: ClassVar[AuditEntryQuerySet] = AuditEntryQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name_plural = "audit entries"
        indexes: ClassVar = [
            models.Index(fields=["account", "-at"], name="audit_by_account"),
            models.Index(fields=["account", "-id"], name="audit_page"),
            models.Index(fields=["account", "object_id"], name="audit_by_object"),
            models.Index(fields=["account", "actor_id", "-id"], name="audit_by_actor"),
            models.Index(fields=["account", "event_type", "-id"], name="audit_by_type"),
            models.Index(fields=["id"], condition=models.Q(published_at=None, is_event=True), name="audit_to_publish"),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} {self.object_id}"


class OutgoingMail(models.Model):
    """A mail, written in the transaction that causes it and sent by the workers; its text is gone once it is sent."""

    to = models.EmailField()
    subject = models.CharField(max_length=255)
    # `{"text": …, "html": …}`; links in it let people in, so it is encrypted like any secret.
    content = EncryptedJSONField(default=dict, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # When the next try is due; null when sent or given up.
    due_at = models.DateTimeField(null=True, default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, editable=False)
    error = models.CharField(max_length=255, blank=True)

    class Meta:
        verbose_name_plural = "outgoing mail"
        indexes: ClassVar = [models.Index(fields=["due_at"], condition=~models.Q(due_at=None), name="mail_due")]

    def __str__(self) -> str:
        return f"{self.subject} to {self.to}"
