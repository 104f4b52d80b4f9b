"""One family of errors, each with a code, an HTTP status and a sentence that a user may read.

Three handlers turn them into answers: `kit.middleware.ErrorPages` (pages), `accounts.api.errors.handle` (API) and
`registry.errors.answer` (the registry's own format). Never tell "does not exist" from "not yours".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether, and if not, why: a sentence for the actor. Every `access.py` answers with it."""

    allowed: bool
    reason: Text = ""


class MoorageError(Exception):
    """The base. `fields` maps a field's name to its sentences, for forms and for Docker Hub's validation answers."""

    code = "error"
    status = 500
    default: Text = _("Something went wrong.")

    def __init__(self, message: Text | None = None, *, fields: Mapping[str, Sequence[Text]] | None = None) -> None:
        self.message = message if message is not None else self.default
        self.fields: dict[str, list[Text]] = {name: list(texts) for name, texts in (fields or {}).items()}
        super().__init__(str(self.message))


class Invalid(MoorageError):
    """What was sent cannot be accepted; nothing was changed."""

    code = "invalid"
    status = 400
    default = _("Please correct what is marked.")

    @classmethod
    def field(cls, name: str, message: Text) -> "Invalid":
        """An error of one field, which is also the whole sentence."""
        return cls(message, fields={name: [message]})


class Unauthorized(MoorageError):
    """No credential where one is needed, or a wrong one."""

    code = "unauthorized"
    status = 401
    default = _("incorrect username or password")


class Forbidden(MoorageError):
    """Visible to the actor, but not allowed. The sentence says why."""

    code = "forbidden"
    status = 403
    default = _("You may not do this.")


class NotFound(MoorageError):
    """Does not exist, or may not be known of: the same answer for both."""

    code = "not_found"
    status = 404
    default = _("Not found.")


class Conflict(MoorageError):
    """Somebody else was first."""

    code = "conflict"
    status = 409
    default = _("This was changed by somebody else in the meantime.")


class RateLimited(MoorageError):
    """Too many requests. `retry_after` is in seconds."""

    code = "rate_limited"
    status = 429
    default = _("Too many requests. Please wait a little and try again.")

    def __init__(self, message: Text | None = None, *, retry_after: int = 60) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class Unavailable(MoorageError):
    """A part that we need (registry, database) does not answer now. `retry_after` is in seconds."""

    code = "unavailable"
    status = 503
    retry_after = 5
    default = _("A part of Moorage does not answer. Please try again in a moment.")
