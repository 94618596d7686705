from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts import checks  # noqa: F401
        from common.reencrypting import also_encrypted

        # Secrets of authenticator apps, and seeds of recovery codes: sealed by accounts/adapter.py.
        also_encrypted("mfa.Authenticator", "data")
