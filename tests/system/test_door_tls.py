"""The door with a public name and a certificate of the operator's own."""

import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.system.product import Product, free_port, wait_until

NAME = "hub.moorage.test"


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """Certificate and key, in a folder whose name has to be quoted."""
    folder = tmp_path / "with space"
    folder.mkdir()
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(built.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


def ask(port: int, certificate: Path, path: str, *, name: str = NAME, host: str | None = None) -> tuple[str, str]:
    """Status line and head, after a handshake that trusts only the given certificate."""
    context = ssl.create_default_context(cafile=str(certificate))
    context.check_hostname = name == NAME
    raw = socket.create_connection(("127.0.0.1", port), timeout=20)
    with raw, context.wrap_socket(raw, server_hostname=name) as connection:
        request = f"GET {path} HTTP/1.1\r\nHost: {host or f'{NAME}:{port}'}\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode(errors="replace")
    return answer.split("\r\n", 1)[0], answer.split("\r\n\r\n", 1)[0].lower()


def test_public_name_with_its_own_certificate(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    port = free_port()
    files = ("--cert", str(certificate[0]), "--key", str(certificate[1]))
    options = ("--public-url", f"https://{NAME}:{port}", *files)
    installation = Product(tmp_path / "data", port=port, options=options).start(wait=False)
    try:
        wait_until(lambda: "is ready at" in installation.output(), within=180, what="readiness")
        assert f"is ready at https://{NAME}:{port}\n" in installation.output()
        assert f"docker login {NAME}:{port}" in installation.output()

        status, head = ask(port, certificate[0], "/v2/")
        assert "401" in status
        assert f'realm="https://{NAME}:{port}/token"' in head

        status, head = ask(port, certificate[0], "/accounts/login/")
        assert "200" in status
        assert "strict-transport-security: max-age=" in head
        assert "; secure" in head

        assert "421" in ask(port, certificate[0], "/v2/", host="evil.example")[0]
        assert "421" in ask(port, certificate[0], "/v2/", host=NAME)[0]
        assert "421" in ask(port, certificate[0], "/v2/", host=f"localhost:{port}")[0]
        assert "421" in ask(port, certificate[0], "/", name="other.test", host="other.test")[0]
    finally:
        assert installation.stop() == 0
