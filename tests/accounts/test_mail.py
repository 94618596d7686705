"""Mail by the workers: once, again when the server is away, and never readable longer than it must be."""

from datetime import timedelta
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.utils import timezone
from pytest_django.fixtures import Settings
from redis import Redis

from accounts.mail import RETRY_AFTER, queue_mail, send_due_mail
from accounts.models import OutgoingMail
from common import wake
from delivery.sweep import sweep
from delivery.workers import work


class AwayBackend(BaseEmailBackend):
    """A mail server that hangs up."""

    def send_messages(self, email_messages: Any) -> int:
        raise SMTPServerDisconnected("Connection unexpectedly closed")


def make_mail() -> OutgoingMail:
    return queue_mail(to="nora@acme.example", subject="Two\nlines", text="Secret link", html="<p>Secret link</p>")


def test_a_mail_is_sent_once_and_its_text_is_gone(db: None) -> None:
    queued = make_mail()

    assert (send_due_mail(), send_due_mail()) == (1, 0)

    queued.refresh_from_db()
    assert (queued.content, queued.due_at) == ({}, None)
    assert queued.sent_at is not None
    assert (mail.outbox[0].subject, mail.outbox[0].body) == ("Two lines", "Secret link")


def test_its_text_is_encrypted_while_it_waits(db: None) -> None:
    make_mail()

    stored = OutgoingMail.objects.extra(select={"raw": "content"}).values_list("raw", flat=True).get()
    assert "Secret" not in stored


def test_a_mail_of_a_change_that_was_taken_back_is_never_sent(db: None) -> None:
    with transaction.atomic():
        make_mail()
        transaction.set_rollback(True)

    assert send_due_mail() == 0


def test_a_server_that_is_away_is_tried_again_and_then_given_up(db: None, settings: Settings) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.AwayBackend"
    queued = make_mail()
    now = timezone.now()

    assert send_due_mail() == 0
    queued.refresh_from_db()
    assert "unexpectedly closed" in queued.error
    assert queued.due_at is not None
    assert queued.due_at > now + timedelta(seconds=50)

    for attempt in range(len(RETRY_AFTER)):
        with time_machine.travel(now + timedelta(days=2 * attempt + 1)):
            send_due_mail()
    queued.refresh_from_db()
    assert queued.attempts == len(RETRY_AFTER) + 1
    assert not OutgoingMail.objects.exclude(due_at=None).exists()
    assert queued.content == {}


def test_once_the_server_is_back_it_goes_out(db: None, settings: Settings) -> None:
    backend = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = f"{__name__}.AwayBackend"
    make_mail()
    send_due_mail()
    settings.EMAIL_BACKEND = backend

    assert send_due_mail() == 0
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        assert send_due_mail() == 1


def test_one_that_fails_holds_up_no_other(db: None) -> None:
    broken = make_mail()
    OutgoingMail.objects.filter(pk=broken.pk).update(content="not a token")
    make_mail()

    assert send_due_mail() == 1


@pytest.mark.django_db(transaction=True)
def test_a_worker_sends_it_and_the_sweep_finds_what_was_missed(redis: Redis, settings: Settings) -> None:
    wake.connection.cache_clear()
    make_mail()
    redis.flushdb()

    sweep()
    work("mail", burst=True)

    assert len(mail.outbox) == 1
    wake.connection.cache_clear()
