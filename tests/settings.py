"""The settings under test: a fast hasher, mail and cache in memory, tasks at once."""

import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_folder = Path(tempfile.mkdtemp(prefix="moorage-tests-"))


def _make_keys() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "moorage tests")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (_folder / "token.key").write_bytes(pem)
    (_folder / "token.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


_make_keys()
(_folder / "static").mkdir()
os.environ.update(
    MOORAGE_SECRET_KEY="tests-only",
    MOORAGE_NOTIFICATION_SECRET="tests-only-notifications",
    MOORAGE_ENCRYPTION_KEYS=Fernet.generate_key().decode(),
    MOORAGE_DATA=str(_folder),
    MOORAGE_TOKEN_KEY_FILE=str(_folder / "token.key"),
    MOORAGE_TOKEN_CERT_FILE=str(_folder / "token.crt"),
    MOORAGE_PUBLIC_URL="http://localhost:8000",
    MOORAGE_EXTRA_HOSTS="testserver",
    MOORAGE_REDIS_URL="redis://127.0.0.1:1/0",
    MOORAGE_REGISTRY_URL="http://127.0.0.1:1",
    MOORAGE_DATABASE_URL=os.environ.get("MOORAGE_TEST_DATABASE_URL", f"sqlite:///{_folder / 'db.sqlite3'}"),
)

from portal.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
CELERY_TASK_ALWAYS_EAGER = False
CELERY_BROKER_URL = "memory://"
