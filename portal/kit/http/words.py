"""Why a request failed, for the person whose webhook it was."""

import http.client
import socket
import ssl
from typing import Literal

from django.utils.translation import gettext as _

from portal.kit.http.wire import TooMuch

Step = Literal["dns", "connect", "tls", "answer"]
"""What was under way."""

_NO_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "UNEXPECTED_MESSAGE"}
_OLD_TLS = {"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE"}


def late(step: Step, host: str, seconds: float) -> str:
    words = {"host": host, "seconds": f"{seconds:g}"}
    if step == "dns":
        return _("The name %(host)s was not resolved within %(seconds)s seconds.") % words
    if step == "connect":
        return _("%(host)s did not accept the connection within %(seconds)s seconds.") % words
    if step == "tls":
        return _("%(host)s did not complete the TLS handshake within %(seconds)s seconds.") % words
    return _("%(host)s had not answered completely after %(seconds)s seconds.") % words


def broken(step: Step, host: str, error: OSError | http.client.HTTPException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _("The certificate was not accepted: %(why)s.") % {"why": _certificate(host, error)}
    if step == "tls" and isinstance(error, ConnectionError | ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return _("The connection was closed during the TLS handshake.")
    if isinstance(error, ssl.SSLError):
        return _("The TLS connection failed: %(why)s.") % {"why": _tls(error)}
    if isinstance(error, socket.gaierror):
        return _name(host, error)
    return _connection(error)


def _certificate(host: str, error: ssl.SSLCertVerificationError) -> str:
    match error.verify_code:  # as x509_vfy.h of OpenSSL numbers them
        case 10:
            return _("it has expired")
        case 9:
            return _("it is not valid yet")
        case 18:
            return _("it is self-signed, and not known here")
        case 19:
            return _("the authority that issued it is a private one, and not known here")
        case 20 | 21:
            return _(
                "its issuer is not known here; either the server leaves out an intermediate certificate, "
                "or a private authority issued it"
            )
        case 62 | 64:
            return _("it is not for the name %(host)s") % {"host": host}
        case _:
            return error.verify_message.rstrip(".")


def _tls(error: ssl.SSLError) -> str:
    reason = error.reason or "unknown"
    if reason in _NO_TLS:
        return _("what answers at that port does not speak TLS; should the URL begin with http://?")
    if reason in _OLD_TLS:
        return _("the server speaks only versions of TLS that are too old")
    return reason.replace("_", " ").lower()


def _name(host: str, error: socket.gaierror) -> str:
    if error.errno == socket.EAI_AGAIN:
        return _("The host name %(host)s could not be resolved: its name server does not answer.") % {"host": host}
    return _("The host name %(host)s could not be resolved: there is no such name.") % {"host": host}


def _connection(error: OSError | http.client.HTTPException) -> str:
    match error:
        case ConnectionRefusedError():
            return _("The connection was refused: nothing listens at that address and port.")
        case TimeoutError():
            return _("The connection was not accepted in time.")
        case http.client.RemoteDisconnected():
            return _("The connection was closed without an answer.")
        case http.client.LineTooLong() | TooMuch():
            return _("The answer's headers are too long.")
        case http.client.IncompleteRead() | ConnectionError():
            return _("The connection broke off before the answer was complete.")
        case http.client.HTTPException():
            if type(error) is http.client.HTTPException:  # what it raises after the hundredth
                return _("The answer has too many headers.")
            return _("The answer is not HTTP.")
        case _:
            return _("The connection failed: %(why)s.") % {"why": error.strerror or str(error) or type(error).__name__}
