"""Every setting, read from the environment.

Each secret may also be given as `NAME_FILE`, the path of a file that holds it. A missing secret stops the start and
names the variable. `bin/run` and `deploy/` set what is read here; `docs/operations.md` lists it for operators.
"""

from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import environ
from celery.schedules import schedule
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

env = environ.FileAwareEnv()


def secret(name: str) -> str:
    """The value of `name` or of the file that `NAME_FILE` names; a missing one stops the start."""
    value: str = env.str(name, default="").strip()
    if not value:
        raise ImproperlyConfigured(f"Set {name}, or {name}_FILE to the path of a file that holds it.")
    return value


BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.str("MOORAGE_DATA", default=str(BASE_DIR / "data")))
DEBUG = env.bool("MOORAGE_DEBUG", default=False)
SECRET_KEY = secret("MOORAGE_SECRET_KEY")
VERSION = "0.1.0"

# -- Where people and clients find us ------------------------------------------------------------------------------
PUBLIC_URL = env.str("MOORAGE_PUBLIC_URL", default="http://localhost:8000").rstrip("/")
_public = urlsplit(PUBLIC_URL)
if _public.scheme not in {"http", "https"} or not _public.hostname:
    raise ImproperlyConfigured("MOORAGE_PUBLIC_URL must be like https://hub.example.org")
REGISTRY_HOST = _public.netloc
EXTRA_HOSTS = env.list("MOORAGE_EXTRA_HOSTS", default=[])
ALLOWED_HOSTS = [_public.hostname, *(urlsplit(f"//{host}").hostname or host for host in EXTRA_HOSTS)]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL, *(f"{_public.scheme}://{host}" for host in EXTRA_HOSTS)]
USE_X_FORWARDED_HOST = False  # the door keeps Host as the client sent it
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")  # the door sets it and drops the client's
TLS = _public.scheme == "https"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = TLS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = 31_536_000 if TLS else 0
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "manifest-src": [SELF],
    }
}

# -- The house ------------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "portal.web",
    "repositories.gateway",
    "repositories.webhooks",
    "repositories.deletion",
    "repositories.sync",
    "repositories.images",
    "repositories.registry",
    "repositories.grants",
    "repositories",
    "orgs",
    "portal.accounts",
    "portal.events",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "rest_framework",
    "drf_spectacular",
    "django_filters",
    "django_htmx",
]
MIDDLEWARE = [
    "portal.kit.lane.MachineLane",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "portal.kit.middleware.HubSlashes",
    "portal.kit.middleware.PageSlashes",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "portal.accounts.middleware.ActorMiddleware",
    "portal.kit.middleware.ErrorPages",
]
ROOT_URLCONF = "portal.urls"
MACHINE_URLCONF = "portal.machine_urls"
WSGI_APPLICATION = "portal.wsgi.application"
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
                "portal.web.context.portal",
            ],
            "libraries": {"lucide": "portal.web.templatetags.icons"},  # draws with the package of that name
        },
    }
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
APPEND_SLASH = True
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "portal" / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"

# -- Database -------------------------------------------------------------------------------------------------------
DATABASES = {"default": env.db("MOORAGE_DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'db.sqlite3'}")}
DATABASES["default"]["CONN_MAX_AGE"] = None  # a new connection costs ten times the query
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 10,
        "transaction_mode": "IMMEDIATE",  # deferred ones fail with "database is locked" as soon as two processes write
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    }
else:
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

# -- Redis: cache and broker, never the truth -----------------------------------------------------------------------
REDIS_URL = env.str("MOORAGE_REDIS_URL", default="redis://127.0.0.1:6379/0")
CACHES = {
    "default": {
        "BACKEND": "portal.kit.cache.RedisOrMemory",  # people sign in also while Redis is away
        "LOCATION": REDIS_URL,
        "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 1, "SOCKET_TIMEOUT": 1},
        "KEY_PREFIX": "moorage",
    }
}
SESSION_ENGINE = "django.contrib.sessions.backends.db"  # a session survives Redis
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 600,
    "unacked_restore_interval": 2,
    "unacked_restore_throttle": 1,
    "socket_connect_timeout": 1,
    "socket_timeout": 5,
    "retry_policy": {"timeout": 1.0},
    "max_retries": 1,
    "interval_start": 0,  # kombu's default waits 2 s before the second try
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_PUBLISH_RETRY = False  # the row is the queue; a sweep finds what a lost wake-up left behind
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_TASK_TIME_LIMIT = 300
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_BEAT_SCHEDULE = {
    "heartbeat": {
        "task": "portal.web.heartbeat",
        "schedule": schedule(timedelta(seconds=5)),
        "options": {"expires": 10},
    },
    "webhooks-sweep": {
        "task": "repositories.webhooks.sweep",
        "schedule": schedule(timedelta(seconds=2)),
        "options": {"expires": 4},
    },
    "webhooks-mails": {
        "task": "repositories.webhooks.sweep_mails",
        "schedule": schedule(timedelta(seconds=60)),
        "options": {"expires": 120},
    },
    "webhooks-count": {
        "task": "repositories.webhooks.count_attempts",
        "schedule": schedule(timedelta(seconds=10)),
        "options": {"expires": 20},
    },
    "webhooks-clear-log": {
        "task": "repositories.webhooks.clear_log",
        "schedule": schedule(timedelta(minutes=5)),
        "options": {"expires": 300},
    },
    "gateway-sweep": {
        "task": "repositories.gateway.sweep",
        "schedule": schedule(timedelta(seconds=5)),
        "options": {"expires": 10},
    },
    "images-sweep": {
        "task": "repositories.images.sweep",
        "schedule": schedule(timedelta(seconds=30)),
        "options": {"expires": 60},
    },
    "images-forget-pulls": {
        "task": "repositories.images.forget_pulls",
        "schedule": schedule(timedelta(hours=1)),
        "options": {"expires": 3600},
    },
    "deletion-purge": {
        "task": "repositories.deletion.purge",
        "schedule": schedule(timedelta(seconds=60)),
        "options": {"expires": 120},
    },
    "deletion-removals": {
        "task": "repositories.deletion.sweep_removals",
        "schedule": schedule(timedelta(seconds=20)),
        "options": {"expires": 40},
    },
    "deletion-bulk": {
        "task": "repositories.deletion.sweep_bulk",
        "schedule": schedule(timedelta(seconds=10)),
        "options": {"expires": 20},
    },
    "sync-sweep": {
        "task": "repositories.sync.sweep",
        "schedule": schedule(timedelta(seconds=10)),
        "options": {"expires": 20},
    },
    "invitations-sweep": {
        "task": "orgs.sweep_invitations",
        "schedule": schedule(timedelta(seconds=30)),
        "options": {"expires": 60},
    },
    "credentials-last-use": {
        "task": "portal.accounts.flush_last_use",
        "schedule": schedule(timedelta(seconds=60)),
        "options": {"expires": 120},
    },
    "free-unconfirmed-names": {
        "task": "portal.accounts.free_unconfirmed_names",
        "schedule": schedule(timedelta(hours=1)),
        "options": {"expires": 3600},
    },
}

# -- Readers of events: composition happens here, so that no room calls another ---------------------------------
# Reader -> (task it is woken by, the actions it wants). events.record() writes one Unread row for each.
EVENT_READERS: dict[str, tuple[str, frozenset[str]]] = {
    "webhooks": (
        "repositories.webhooks.fan_out",
        frozenset(
            {
                *("repo.tag.push", "repo.tag.rollback", "repo.tag.restore", "repo.tag.copy", "repo.tag.delete"),
                *("repo.image.delete", "repo.image.restore"),
                *("repo.create", "repo.update", "repo.change_privacy", "repo.archive", "repo.unarchive", "repo.delete"),
                *("repo.star", "repo.unstar", "repo.comment", "repo.comment.delete"),
                *("repo.grant.create", "repo.grant.update", "repo.grant.delete"),
                *("org.member.add", "org.member.remove", "org.member.role.change"),
                *("org.team.member.add", "org.team.member.remove"),
            }
        ),
    ),
}
WEBHOOKS_AT_ONCE = env.int("MOORAGE_WEBHOOKS_AT_ONCE", default=2000)
"""Requests that one worker process has under way at most; each is a thread that mostly waits."""
WEBHOOK_LOG_KEPT = timedelta(days=env.int("MOORAGE_WEBHOOK_LOG_DAYS", default=30))
"""So long deliveries stay in the log after they ended."""

# -- Images ---------------------------------------------------------------------------------------------------------
DELETED_IMAGES_KEPT = timedelta(days=env.int("MOORAGE_DELETED_IMAGES_KEPT_DAYS", default=7))
"""So long a deleted image can be restored."""

# What a repository's API object says of its images. That API stands below the images' room, and asks it by name.
REPOSITORY_CONTENTS = "repositories.images.contents.read_contents"

# Who hears of a tag that is rolled back, for the page that asks whether it shall be. Webhooks stand above the images.
TAG_LISTENERS = "repositories.webhooks.listeners.heard_by"
# What receivers of webhooks reported of the images that tags point to.
TAG_STATUSES = "repositories.webhooks.statuses.of_tags"

# What becomes of a deleted repository's images and webhooks, and whether its name is free again. Both stand above.
REPOSITORY_REMOVED = (
    "repositories.deletion.removals.keep_for_removal",
    "repositories.webhooks.lifecycle.forget_repository",
)
REPOSITORY_NAME_HELD = "repositories.deletion.removals.name_is_held"

# -- Comparing with the registry ------------------------------------------------------------------------------------
RECONCILE_EVERY = timedelta(hours=env.float("MOORAGE_RECONCILE_HOURS", default=24))
RECONCILE_SECOND_LOOK = timedelta(minutes=env.float("MOORAGE_RECONCILE_SECOND_LOOK_MINUTES", default=10))
"""So long a tag must be missing in the registry before it goes here, too."""
RECONCILE_SHARE = env.float("MOORAGE_RECONCILE_SHARE", default=0.2)
"""Of a repository's tags, and of all in one round, that may go without being approved."""
# When the registry last sent a notification, for the operators' page. The gateway stands above that room.
LAST_NOTIFICATION = "repositories.gateway.reads.last_notification"

# -- The registry ---------------------------------------------------------------------------------------------------
REGISTRY_URL = env.str("MOORAGE_REGISTRY_URL", default="http://127.0.0.1:5000").rstrip("/")
REGISTRY_SERVICE = env.str("MOORAGE_REGISTRY_SERVICE", default="moorage")
TOKEN_ISSUER = env.str("MOORAGE_TOKEN_ISSUER", default="moorage")
TOKEN_KEY_FILE = env.str("MOORAGE_TOKEN_KEY_FILE", default=str(DATA_DIR / "keys" / "token.key"))
TOKEN_CERT_FILE = env.str("MOORAGE_TOKEN_CERT_FILE", default=str(DATA_DIR / "keys" / "token.crt"))
TOKEN_LIFETIME = timedelta(seconds=240)  # the registry adds 60 s of leeway: five minutes in all
NOTIFICATION_SECRET = secret("MOORAGE_NOTIFICATION_SECRET")
ENCRYPTION_KEYS = [
    key.strip() for key in secret("MOORAGE_ENCRYPTION_KEYS").replace("\n", ",").split(",") if key.strip()
]

# -- Webhooks -------------------------------------------------------------------------------------------------------
WEBHOOK_NETWORKS = env.list("MOORAGE_WEBHOOK_NETWORKS", default=[])
WEBHOOK_CA_FILE = env.str("MOORAGE_WEBHOOK_CA_FILE", default="")
"""Authorities that receivers' certificates may come from, besides the system's: certificates in PEM form."""
INNER_ADDRESSES = env.list("MOORAGE_INNER_ADDRESSES", default=[])
"""host:port of our own processes behind the door, which no webhook may call. Registry, Redis and database are known."""
WEBHOOK_ALERT_OLDEST = timedelta(seconds=env.float("MOORAGE_WEBHOOK_ALERT_OLDEST_SECONDS", default=60))
"""A delivery that could be sent, or an event, that waits for longer is told to operators."""
WEBHOOK_ALERT_SUCCESS_RATE = env.float("MOORAGE_WEBHOOK_ALERT_SUCCESS_RATE", default=0.9)
"""Of the attempts of the last hour; fewer are told to operators."""
METRICS_TOKEN = env.str("MOORAGE_METRICS_TOKEN", default="").strip()
"""What Prometheus sends as bearer token; without one there are no metrics."""

# -- Accounts -------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["portal.accounts.hashers.Argon2"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
SIGNUP = env.str("MOORAGE_SIGNUP", default="open")
if SIGNUP not in {"open", "invite", "closed"}:
    raise ImproperlyConfigured("MOORAGE_SIGNUP must be open, invite or closed.")
# Hash of an invitation's link -> the address it was sent to. Sign-up stands below the organizations' room.
INVITED_ADDRESS = "orgs.invitations.links.invited_address"
UNCONFIRMED_NAMES_KEPT = timedelta(days=7)
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "portal.accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*"]
ACCOUNT_SIGNUP_FORM_HONEYPOT_FIELD = None
ACCOUNT_FORMS = {
    "signup": "portal.accounts.forms.SignupForm",
    "login": "portal.accounts.forms.LoginForm",
    "reset_password": "portal.accounts.forms.ResetPasswordForm",
    "reset_password_from_key": "portal.accounts.forms.ResetPasswordKeyForm",
    "change_password": "portal.accounts.forms.ChangePasswordForm",
    "add_email": "portal.accounts.forms.AddEmailForm",
    "reauthenticate": "portal.accounts.forms.ReauthenticateForm",
}
ACCOUNT_EMAIL_VERIFICATION = "optional"  # an unconfirmed account reads; access caps it
ACCOUNT_PRESERVE_USERNAME_CASING = True  # names are lower-case by rule, and the form says so
ACCOUNT_USERNAME_VALIDATORS = "portal.accounts.names.USERNAME_VALIDATORS"
ACCOUNT_USERNAME_MIN_LENGTH = 2
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_NOTIFICATIONS = True  # a changed password or address is told to its owner
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/300s/key",
    "signup": "20/m/ip",
    "reset_password": "20/m/ip,5/m/key",
    "reset_password_from_key": "20/m/ip",
    "change_password": "5/m/user",
    "manage_email": "10/m/user",
    "confirm_email": "1/30s/key",
}
ALLAUTH_TRUSTED_PROXY_COUNT = 1  # the door

# -- Mail -----------------------------------------------------------------------------------------------------------
EMAIL_FILE_PATH = DATA_DIR / "mail"
if env.str("MOORAGE_EMAIL_URL", default=""):
    vars().update(env.email("MOORAGE_EMAIL_URL"))
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_TIMEOUT = 15  # seconds; without it a mail server that hangs keeps a page or a worker for ever
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("MOORAGE_MAIL_FROM", default=f"Moorage <no-reply@{_public.hostname}>")

# -- API ------------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "portal.accounts.api.authentication.BearerAuthentication",
        "portal.accounts.api.authentication.BrowserAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [],  # decided in access.py, reached through the fetch functions
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "portal.accounts.api.schema.HubSchema",
    "EXCEPTION_HANDLER": "portal.accounts.api.errors.handle",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Moorage API",
    "DESCRIPTION": "Docker Hub's paths and shapes, and in the same style what Docker Hub lacks.",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/v2",
    "PREPROCESSING_HOOKS": ["portal.accounts.api.schema.only_api"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "portal.accounts.api.schema.add_errors",
    ],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "ActivityEnum": ["active", "inactive"],
        "VisibilityEnum": ["private", "public"],
        "KindEnum": "repositories.images.models.ManifestKind",
        "StateEnum": ["waiting", "sending", "delivered", "failed", "held"],
        "WebhookStateEnum": ["active", "off", "gone", "paused"],
        "WebhookFormatEnum": ["dockerhub", "dockerhub-qualified", "moorage", "cloudevents", "template"],
        "BulkKindEnum": ["delete", "restore"],
        "BulkStateEnum": ["running", "done", "cancelled", "stopped"],
        "DifferenceKindEnum": "repositories.sync.models.Difference.Kind",
        "DifferenceStateEnum": "repositories.sync.models.Difference.State",
        "RunStateEnum": "repositories.sync.models.Run.State",
    },
    "PATH_CONVERTER_OVERRIDES": {
        "namespace": {"type": "string", "example": "alice"},
        "repository": {"type": "string", "example": "myfirstapp", "description": "May hold slashes."},
        "tag": {"type": "string", "example": "latest"},
    },
}

# -- Logs -----------------------------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("MOORAGE_LOG_LEVEL", default="INFO")},
    "loggers": {
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
    },
}
