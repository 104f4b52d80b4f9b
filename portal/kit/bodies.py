"""Reads a request's body up to a limit, whether its length was told or it comes in chunks."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal.kit.errors import Invalid

_PIECE = 65536
_DRAINED = 64 * 1024 * 1024
"""Bytes beyond the limit that are read and thrown away: an answer before the body ends is a failure to the door."""


class TooLong(Invalid):
    """Longer than the limit. What was read is thrown away."""

    default = _("The request's body is too long.")


class CutOff(Invalid):
    """The client told a length and sent less, or the connection broke."""

    default = _("The request's body broke off.")


def read_body(request: HttpRequest, *, limit: int) -> bytes:
    """The body, of at most `limit` bytes. Raises TooLong or CutOff.

    Django reads nothing of a chunked body, since WSGI tells no length for it; the server's own stream ends by itself.
    """
    told = _content_length(request)
    stream = request if told is not None else request.META["wsgi.input"]
    try:
        body = _read(stream, limit + 1)
        if len(body) > limit:
            _drain(stream)
            raise TooLong
    except OSError as error:  # UnreadablePostError is one
        raise CutOff from error
    if told is not None and len(body) != told:
        raise CutOff
    return body


def _read(stream: Any, most: int) -> bytes:
    pieces = []
    while most and (piece := stream.read(min(_PIECE, most))):
        pieces.append(piece)
        most -= len(piece)
    return b"".join(pieces)


def _drain(stream: Any) -> None:
    left = _DRAINED
    while left > 0 and (piece := stream.read(_PIECE)):
        left -= len(piece)


def _content_length(request: HttpRequest) -> int | None:
    text = str(request.META.get("CONTENT_LENGTH", ""))
    return int(text) if text.isdecimal() else None
