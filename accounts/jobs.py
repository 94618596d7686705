"""Jobs of the queue `mail`: sending what waits."""

from accounts.mail import send_due_mail
from common import wake


def send_mail_job(key: str) -> None:
    wake.clear("accounts.jobs.send_mail_job", key)
    while send_due_mail():
        pass
