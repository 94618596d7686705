"""Django's settings. What differs between machines is read from the environment (config/env.py).

Without DATABASE_URL the product runs embedded: SQLite, a Valkey child process and generated keys, all in DATA_DIR.
"""

import os
import secrets
from pathlib import Path

import structlog
from cryptography.fernet import Fernet

from common.redaction import redact
from config import env

BASE_DIR = env.ROOT
env.load_dotenv()

# Where it runs
DATA_DIR = env.read("DATA_DIR", Path, BASE_DIR / "var")
env.load_running(DATA_DIR / "running.json")
DATABASE_URL = env.read("DATABASE_URL", str, "")
EMBEDDED = not DATABASE_URL
DEBUG = env.read("DEBUG", env.boolean, False)
BASE_URL = env.read("BASE_URL", str, "http://127.0.0.1:8000").rstrip("/")
ALLOWED_HOSTS = env.read("ALLOWED_HOSTS", env.comma_list, ["127.0.0.1", "localhost", "[::1]"])
BEHIND_HTTPS = BASE_URL.startswith("https://")

# Demo mode: emulated targets on loopback, whose addresses the one-command supervisor sets.
DEMO = env.read("DEMO", env.boolean, False)
DEMO_AWS_URL = env.read("DEMO_AWS_URL", str, "")
DEMO_DATADOG_URL = env.read("DEMO_DATADOG_URL", str, "")
DEMO_AZURE_URL = env.read("DEMO_AZURE_URL", str, "")

# Secrets
SECRET_KEY = env.read("SECRET_KEY", str, "") or env.key_file(DATA_DIR / "secret.key", lambda: secrets.token_urlsafe(64))
ENCRYPTION_KEYS: list[str] = env.read("ENCRYPTION_KEYS", env.comma_list, list[str]()) or [
    env.key_file(DATA_DIR / "encryption.key", lambda: Fernet.generate_key().decode())
]

# The identity that assumes customers' roles; never taken from the host's own credential chain.
AWS_ACCESS_KEY_ID = env.read("DELIVERY_AWS_ACCESS_KEY_ID", str, "")
AWS_SECRET_ACCESS_KEY = env.read("DELIVERY_AWS_SECRET_ACCESS_KEY", str, "")
AWS_SESSION_TOKEN = env.read("DELIVERY_AWS_SESSION_TOKEN", str, "")
# Whom customers' trust policies name: that identity's ARN, one for each partition served.
AWS_PRINCIPALS: list[str] = env.read("DELIVERY_AWS_PRINCIPALS", env.comma_list, [])
# Where in S3 the templates of `manage.py cloudformation_templates` are hosted; one for each partition served.
CLOUDFORMATION_TEMPLATES_URLS: list[str] = [
    url.rstrip("/") for url in env.read("CLOUDFORMATION_TEMPLATES_URLS", env.comma_list, list[str]())
]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "common",
    "accounts",
    "events",
    "destinations",
    "subscriptions",
    "delivery",
    "dashboard",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "django_htmx",
    "django_rq",
    "heroicons",
    "ninja",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "common.middleware.content_security_policy",
    "common.middleware.api_requests",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.keep_origin",
    "accounts.middleware.SignInRequiredMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.current_account",
    "common.middleware.local_time_zone",
    "common.middleware.no_nul_in_addresses",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context_processors.current_account",
                "delivery.context_processors.dead_letters",
            ],
            "builtins": [
                "common.templatetags.components",
                "common.templatetags.icons",
                "common.templatetags.words",
                "delivery.templatetags.deliveries",
            ],
        },
    }
]

# Database
DATABASES = {"default": env.database(DATABASE_URL) if DATABASE_URL else env.sqlite(DATA_DIR / "db.sqlite3")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Counters of tries and spent codes: in the database, so that every process and host counts alike, and so that
# losing Redis neither locks anybody out nor lets anybody guess on.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "django_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

# Queue. Every queue has its own workers; JSON, so that a job can carry nothing but plain values.
REDIS_URL = env.read("REDIS_URL", str, "") or f"unix://{DATA_DIR / 'valkey.sock'}?db=0"
REDIS_OPTIONS = {"socket_timeout": 2.0, "socket_connect_timeout": 1.0, "retry": None}
QUEUE_NAMES = ("route", "drain", "drain-slow", "interactive", "mail")
RQ_QUEUES = {
    name: {"URL": REDIS_URL, "SERIALIZER": "rq.serializers.JSONSerializer", "DEFAULT_TIMEOUT": 120}
    for name in QUEUE_NAMES
}

# People
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["accounts.hashers.Argon2idHasher", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# A link to choose a password is good for an hour; an invitation for a week (accounts/invitations.py).
PASSWORD_RESET_TIMEOUT = 3600
ALLAUTH_TRUSTED_PROXY_COUNT = env.read("TRUSTED_PROXIES", int, 0)
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/5m/key",
    "reset_password": "20/m/ip,5/m/key",
    "reset_password_from_key": "20/m/ip",
    "reauthenticate": "10/m/user",
    "change_password": "5/m/user",
}
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "dashboard:overview"
MFA_ADAPTER = "accounts.adapter.TwoFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Event Subscriptions"
# One step to either side: phones' clocks are off by seconds, and typing takes some.
MFA_TOTP_TOLERANCE = 1
USERSESSIONS_TRACK_ACTIVITY = False

# Single sign-on, where a provider is named
OIDC_ISSUER = env.read("OIDC_ISSUER", str, "").rstrip("/")
OIDC_NAME = env.read("OIDC_NAME", str, "single sign-on")
OIDC_CLIENT_ID = env.read("OIDC_CLIENT_ID", str, "")
OIDC_CLIENT_SECRET = env.read("OIDC_CLIENT_SECRET", str, "")
OIDC_ALLOWED_DOMAINS = [domain.lower() for domain in env.read("OIDC_ALLOWED_DOMAINS", env.comma_list, list[str]())]
SOCIALACCOUNT_ADAPTER = "accounts.single_sign_on.SingleSignOnAdapter"
SOCIALACCOUNT_ONLY = False
SOCIALACCOUNT_STORE_TOKENS = False


# A form may not lead to another site (our content security policy); a link may. The state of the round trip is
# bound to the session either way.
SOCIALACCOUNT_LOGIN_ON_GET = True

# Mail
EMAIL_BACKEND = env.read("EMAIL_BACKEND", str, "django.core.mail.backends.console.EmailBackend")
EMAIL_HOST = env.read("EMAIL_HOST", str, "localhost")
EMAIL_PORT = env.read("EMAIL_PORT", int, 25)
EMAIL_HOST_USER = env.read("EMAIL_HOST_USER", str, "")
EMAIL_HOST_PASSWORD = env.read("EMAIL_HOST_PASSWORD", str, "")
EMAIL_USE_TLS = env.read("EMAIL_USE_TLS", env.boolean, False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.read("DEFAULT_FROM_EMAIL", str, "Event Subscriptions <events@localhost>")

# Cookies and transport
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_TRUSTED_ORIGINS = [BASE_URL]
SECURE_SSL_REDIRECT = BEHIND_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if BEHIND_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = BEHIND_HTTPS
X_FRAME_OPTIONS = "DENY"

# A publish request may be up to 5 MiB; the ingest view reads the stream itself and enforces it.
DATA_UPLOAD_MAX_MEMORY_SIZE = 6 * 1024 * 1024

# The API. At API_HOST it is mounted at the root; under /api/ it answers everywhere. Limits are for each account.
API_HOST = env.read("API_HOST", str, "").lower()
if API_HOST and API_HOST not in ALLOWED_HOSTS:
    ALLOWED_HOSTS.append(API_HOST)
API_URL = f"{BASE_URL.partition('://')[0]}://{API_HOST}" if API_HOST else f"{BASE_URL}/api"
API_REQUESTS_PER_MINUTE = env.read("API_REQUESTS_PER_MINUTE", int, 600)
API_CONCURRENT_REQUESTS = env.read("API_CONCURRENT_REQUESTS", int, 20)

# The product
API_ERROR_PREFIX = env.read("API_ERROR_PREFIX", str, "ERR_NGROK_")
# How long a worker holds what it sends without renewing; after a crash it is taken over then.
LEASE_SECONDS = env.read("LEASE_SECONDS", int, 30)
# Payloads and held records are kept as long as their account says (7 days unless changed).
OUTCOME_RETENTION_DAYS = env.read("OUTCOME_RETENTION_DAYS", int, 30)
TALLY_RETENTION_DAYS = env.read("TALLY_RETENTION_DAYS", int, 400)
DATABASE_DISK_BYTES = env.read("DATABASE_DISK_BYTES", int, 0)
# prometheus_client reads this when it is first imported, and some library may do so before we do.
METRICS_DIR = DATA_DIR / "metrics"
METRICS_DIR.mkdir(parents=True, exist_ok=True)
os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", str(METRICS_DIR))
METRICS_TOKEN = env.read("METRICS_TOKEN", str, "")
# Hosts given by customers that may have a private address, such as a private link; all others must be public.
PRIVATE_TARGET_HOSTS = frozenset(env.read("PRIVATE_TARGET_HOSTS", env.comma_list, list[str]()))
FILTERABLE_FIELDS = env.read("FILTERABLE_FIELDS", str, "documented")

# Pages
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = DEBUG

# Logs: one line an event, as JSON unless a person reads them
LOG_FORMAT = env.read("LOG_FORMAT", str, "console" if EMBEDDED else "json")
LOG_LEVEL = env.read("LOG_LEVEL", str, "INFO")
SHARED_PROCESSORS: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    redact,
]
structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *SHARED_PROCESSORS,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": structlog.stdlib.ProcessorFormatter,
            "foreign_pre_chain": SHARED_PROCESSORS,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                redact,
                structlog.processors.JSONRenderer()
                if LOG_FORMAT == "json"
                else structlog.dev.ConsoleRenderer(colors=False),
            ],
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "rq": {"level": "WARNING"},
        # botocore prints headers and bodies at DEBUG: secrets.
        "botocore": {"level": "WARNING"},
        "django": {"level": "WARNING"},
        # A page that is not there is no event for the log.
        "django.request": {"level": "ERROR"},
    },
}
