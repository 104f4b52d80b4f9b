"""Reads a request's body up to a limit, whether its length was told or it comes in chunks."""

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal.kit.errors import Invalid

_PIECE = 65536


class TooLong(Invalid):
    """Longer than the limit. What was read is thrown away."""

    default = _("The request's body is too long.")


class CutOff(Invalid):
    """The client told a length and sent less, or the connection broke."""

    default = _("The request's body broke off.")


def read_body(request: HttpRequest, *, limit: int) -> bytes:
    """The body, of at most `limit` bytes. Raises TooLong, before anything is read if the length was told, or CutOff.

    Django reads nothing of a chunked body, since WSGI tells no length for it; the server's own stream ends by itself.
    """
    told = _content_length(request)
    if told is not None and told > limit:
        raise TooLong
    stream = request if told is not None else request.META["wsgi.input"]
    pieces, left = [], limit + 1
    try:
        while left and (piece := stream.read(min(_PIECE, left))):
            pieces.append(piece)
            left -= len(piece)
    except OSError as error:  # UnreadablePostError is one
        raise CutOff from error
    body = b"".join(pieces)
    if len(body) > limit:
        raise TooLong
    if told is not None and len(body) != told:
        raise CutOff
    return body


def _content_length(request: HttpRequest) -> int | None:
    text = str(request.META.get("CONTENT_LENGTH", ""))
    return int(text) if text.isdecimal() else None
