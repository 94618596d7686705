"""Replace a platform service's key, such as one that has leaked."""

from accounts.audit import Actor
from accounts.rotating import RotateKeyCommand
from events.models import PublisherKey
from events.services import rotate_publisher_key


class Command(RotateKeyCommand):
    keys = PublisherKey.objects
    command, prefix, noun = "rotate_publisher_key", "pub", "publisher key"
    named_by, made_in = "name", "the staff pages"

    def rotate(self, key: PublisherKey, actor: Actor, *, keep_old: bool) -> tuple[PublisherKey, str]:
        return rotate_publisher_key(key=key, actor=actor, keep_old=keep_old)
