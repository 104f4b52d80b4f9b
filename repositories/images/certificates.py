"""Whose a signing certificate is, as it says itself: nobody here checks that it is genuine."""

from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import ObjectIdentifier

PEM_MAX = 16_384
NAME_MAX = 300
# Fulcio's extensions: who vouched for the signer. The newer is DER, the older bare text (fulcio/docs/oid-info.md).
_ISSUER = ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
_OLD_ISSUER = ObjectIdentifier("1.3.6.1.4.1.57264.1.1")


@dataclass(frozen=True, slots=True)
class Signer:
    """`name`: an e-mail address, or the address of the workflow that signed. `issuer`: who vouched for it, or empty."""

    name: str
    issuer: str = ""


def read_signer(pem: str) -> Signer | None:
    """None for what is no certificate, or names nobody."""
    if not pem or len(pem) > PEM_MAX:
        return None
    try:
        extensions = x509.load_pem_x509_certificate(pem.encode()).extensions
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found = [
            *names.get_values_for_type(x509.RFC822Name),
            *names.get_values_for_type(x509.UniformResourceIdentifier),
        ]
        return Signer(found[0][:NAME_MAX], _issuer(extensions)[:NAME_MAX]) if found else None
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return None


def _issuer(extensions: x509.Extensions) -> str:
    told = {
        extension.oid: extension.value.value
        for extension in extensions
        if isinstance(extension.value, x509.UnrecognizedExtension)
    }
    if _ISSUER in told:
        return _utf8_string(told[_ISSUER])
    return told.get(_OLD_ISSUER, b"").decode("utf-8", "replace")


def _utf8_string(der: bytes) -> str:
    """Of a DER value: after its tag and its length, which has one byte more for each that the first one counts."""
    longer = der[1] & 0x7F if len(der) > 1 and der[1] & 0x80 else 0
    return der[2 + longer :].decode("utf-8", "replace")
