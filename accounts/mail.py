"""Mail: queued in the transaction that causes it, sent by the workers, tried again when the mail server is away."""

from collections.abc import Mapping
from datetime import timedelta
from smtplib import SMTPException
from typing import Any

import structlog
from django.core.mail import EmailMultiAlternatives
from django.db.models import Q
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.models import OutgoingMail
from common import wake
from common.crypto import SecretUnreadableError

log = structlog.get_logger(__name__)

SUBJECT_LENGTH = 255
# After the first failure, the second, and so on: 31 hours in all, then it is given up.
RETRY_AFTER = [timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 360, 1440)]
# A worker that dies while it sends is followed by another after this long.
LEASE = timedelta(minutes=2)
KEPT_FOR = timedelta(days=30)
# Lets a worker with a slow mail server stop when it is asked to.
BATCH = 20


def queue_mail(*, to: str, subject: str, text: str, html: str = "") -> OutgoingMail:
    """Send soon after the commit."""
    one_line = " ".join(subject.split())[:SUBJECT_LENGTH]
    mail = OutgoingMail.objects.create(to=to, subject=one_line, content={"text": text, "html": html})
    wake.mail()
    return mail


def queue_nothing(text: str) -> None:
    """What `queue_mail` costs, for an address that nobody has: the answer must take as long, and say as little."""
    OutgoingMail.objects.create(to="", subject="", content={"text": text, "html": ""}, due_at=None)
    wake.mail()


def queue_template(*, to: str, subject: str, template: str, context: Mapping[str, Any]) -> OutgoingMail:
    """`template` names the pair `TEMPLATE.txt` and `TEMPLATE.html`."""
    text, html = (render_to_string(f"{template}.{kind}", dict(context)) for kind in ("txt", "html"))
    return queue_mail(to=to, subject=subject, text=text, html=html)


def send_due_mail() -> int:
    """Send what is due, oldest first, at most 20; returns how many were sent."""
    now = timezone.now()
    due = OutgoingMail.objects.filter(due_at__lte=now).order_by("due_at", "pk")
    sent = sum(_send(pk) for pk in list(due.values_list("pk", flat=True)[:BATCH]))
    OutgoingMail.objects.filter(Q(to="") | Q(due_at=None, created_at__lt=now - KEPT_FOR)).delete()
    return sent


def _send(pk: int) -> bool:
    now = timezone.now()
    # Conditional: another worker may have taken it meanwhile.
    if not OutgoingMail.objects.filter(pk=pk, due_at__lte=now).update(due_at=now + LEASE):
        return False
    mail = OutgoingMail.objects.defer("content").get(pk=pk)
    try:
        _message(mail).send()
    except (OSError, SMTPException, SecretUnreadableError) as error:
        _note_failure(mail, error)
        return False
    OutgoingMail.objects.filter(pk=pk).update(sent_at=timezone.now(), due_at=None, content={}, error="")
    return True


def _message(mail: OutgoingMail) -> EmailMultiAlternatives:
    message = EmailMultiAlternatives(mail.subject, mail.content["text"], to=[mail.to])
    if mail.content["html"]:
        message.attach_alternative(mail.content["html"], "text/html")
    return message


def _note_failure(mail: OutgoingMail, error: Exception) -> None:
    is_last = mail.attempts >= len(RETRY_AFTER)
    log.warning("mail_not_sent", mail=mail.pk, attempt=mail.attempts + 1, is_last=is_last, error=str(error))
    changed: dict[str, Any] = {"attempts": mail.attempts + 1, "error": str(error)[:SUBJECT_LENGTH]}
    if is_last:
        changed |= {"due_at": None, "content": {}}
    else:
        changed |= {"due_at": timezone.now() + RETRY_AFTER[mail.attempts]}
    OutgoingMail.objects.filter(pk=mail.pk).update(**changed)
