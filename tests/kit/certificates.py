"""An authority of one's own with an intermediate one, and servers' certificates that are right or wrong on purpose."""

import datetime
import ssl
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Pair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


class Authority:
    """`file` holds the root's certificate: who reads it trusts `server`s."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._root = _made("root", issuer=None)
        self._between = _made("intermediate", issuer=self._root)
        self.file = str(folder / "authority.pem")
        Path(self.file).write_bytes(_pem(self._root[0]))

    def server(self, name: str, *, age: timedelta = timedelta(), leave_out_chain: bool = False) -> ssl.SSLContext:
        """For a server of that name. `age` moves the days for which the certificate is valid."""
        certificate, key = _made(name, issuer=self._between, is_authority=False, age=age)
        chain, key_file = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        chain.write_bytes(_pem(certificate) + (b"" if leave_out_chain else _pem(self._between[0])))
        plain = serialization.NoEncryption()
        key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, key_file)
        return context


def _made(name: str, *, issuer: Pair | None, is_authority: bool = True, age: timedelta = timedelta()) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC) + age
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    if not is_authority:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256()), key


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
