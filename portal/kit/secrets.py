"""Making, hashing, comparing and encrypting secrets."""

import hashlib
import hmac
import secrets
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


def new_token(prefix: str) -> str:
    """A fresh secret of 256 random bits behind a prefix that secret scanners can look for."""
    return prefix + secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """SHA-256 in hex. Enough for secrets of 256 random bits; passwords go through Django's hashers."""
    return hashlib.sha256(token.encode()).hexdigest()


def same(left: str, right: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())


@lru_cache(maxsize=1)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(text: str) -> str:
    """Encrypt with the newest key, for secrets that must be read back."""
    return _fernet(tuple(settings.ENCRYPTION_KEYS)).encrypt(text.encode()).decode()


def decrypt(text: str) -> str:
    """Decrypt with whichever key fits. Raises ValueError when none does."""
    try:
        return _fernet(tuple(settings.ENCRYPTION_KEYS)).decrypt(text.encode()).decode()
    except InvalidToken as error:
        raise ValueError("No key in MOORAGE_ENCRYPTION_KEYS decrypts this value.") from error
