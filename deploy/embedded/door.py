"""Connections to our own front door, from the same machine."""

import http.client
import socket
import ssl

from deploy.embedded.address import Address


def open_door(address: Address, *, port: int | None = None, timeout: float = 10) -> http.client.HTTPConnection:
    """A connection on loopback, whatever the public name resolves to; close it. Send `Host: address.docker_host`.

    With a certificate of the operator's own it speaks TLS and doesn't ask whether the certificate is valid in this
    machine's eyes. `port` is for a way past the door.
    """
    raw = socket.create_connection(("127.0.0.1", port or address.port), timeout=timeout)
    # http.client sends head and body apart; the second would wait 40 ms for the first to be acknowledged.
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection = http.client.HTTPConnection("127.0.0.1", timeout=timeout)
    connection.sock = raw
    if port is None and address.certificate is not None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            connection.sock = context.wrap_socket(raw, server_hostname=address.host)
        except OSError:
            raw.close()
            raise
    return connection
