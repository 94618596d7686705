"""Replace an API key, such as one that has leaked."""

from accounts.audit import Actor
from accounts.models import APIKey
from accounts.rotating import RotateKeyCommand
from accounts.services import rotate_api_key


class Command(RotateKeyCommand):
    keys = APIKey.objects
    command, prefix, noun = "rotate_api_key", "ak", "API key"
    named_by, made_in = "description", "the dashboard"

    def rotate(self, key: APIKey, actor: Actor, *, keep_old: bool) -> tuple[APIKey, str]:
        return rotate_api_key(key=key, actor=actor, keep_old=keep_old)

    def describe(self, key: APIKey) -> str:
        return f"{key.pk} ({key}, of {key.account}, scopes {', '.join(key.scopes)})"
