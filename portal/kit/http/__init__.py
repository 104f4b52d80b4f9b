"""HTTP that leaves the process. Nothing else in the project imports an HTTP library.

Two profiles: `internal_session()` speaks to our own registry, `send()` to addresses that customers typed.
"""

from portal.kit.http.addresses import Network, parse_networks
from portal.kit.http.internal import InternalSession, RequestError, Response, TimedOut, internal_session
from portal.kit.http.own import Endpoint, Own
from portal.kit.http.public import Answer, Failed, Timing, send
from portal.kit.http.targets import Refused, Target, check_url
from portal.kit.http.wire import tls_context

__all__ = [
    "Answer",
    "Endpoint",
    "Failed",
    "InternalSession",
    "Network",
    "Own",
    "Refused",
    "RequestError",
    "Response",
    "Target",
    "TimedOut",
    "Timing",
    "check_url",
    "internal_session",
    "parse_networks",
    "send",
    "tls_context",
]
