"""Digital signatures on documents: PAdES, baseline level B (ETSI EN 319 142-1), by pyHanko.

The key and its certificate are the operator's, from whatever authority the country recognises. For a demo a certificate
is made that signs itself, which proves that a document was not changed, and nothing about who signed it.
"""

from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pyhanko.keys import load_certs_from_pemder_data, load_private_key_from_pemder_data
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko_certvalidator.registry import SimpleCertificateStore

FIELD = "Signature"
DEMO_LIFETIME = timedelta(days=3650)


class UnusableCertificate(ValueError):
    """The message says what is wrong; it holds nothing of the key."""


class DocumentSigner:
    """Signs with `key` (PKCS#8) in the name of `certificate`, which may be followed by those of its issuers; all PEM.

    Raises UnusableCertificate if one of them cannot be read, or they do not belong together.
    """

    def __init__(self, certificate: bytes, key: bytes) -> None:
        chain, private = _chain(certificate), _private_key(key)
        if not _belong_together(certificate, key):
            raise UnusableCertificate("the certificate is not that of the key")
        registry = SimpleCertificateStore()  # type: ignore[no-untyped-call]
        registry.register_multiple(chain[1:])
        self._signer = signers.SimpleSigner(signing_cert=chain[0], signing_key=private, cert_registry=registry)

    def sign(self, pdf: bytes, reason: str) -> bytes:
        """The document with one signature over the whole of it, which does not show on the page."""
        metadata = signers.PdfSignatureMetadata(
            field_name=FIELD, md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES, reason=reason
        )
        signed = signers.sign_pdf(IncrementalPdfFileWriter(BytesIO(pdf)), metadata, signer=self._signer)
        return bytes(signed.getvalue())


def check_for_production(certificate: bytes, now: datetime) -> None:
    """Raises UnusableCertificate for one that signs itself, as a demo's does, or whose time is over."""
    first = x509.load_pem_x509_certificate(certificate)
    if first.issuer == first.subject:
        raise UnusableCertificate("the certificate signs itself: get one from an authority")
    if not first.not_valid_before_utc <= now <= first.not_valid_after_utc:
        raise UnusableCertificate("the certificate is not valid now: renew it")


def self_signed(name: str) -> tuple[bytes, bytes]:
    """A certificate for `name` that signs itself, and its key, both PEM: for demos and tests."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + DEMO_LIFETIME)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private


def _chain(certificate: bytes) -> list[Any]:
    try:
        found = list(load_certs_from_pemder_data(certificate))
    except ValueError:
        found = []
    if not found:
        raise UnusableCertificate("the certificate is not PEM")
    return found


def _private_key(key: bytes) -> Any:
    try:
        return load_private_key_from_pemder_data(key, passphrase=None)
    except (ValueError, TypeError):
        raise UnusableCertificate("the key is not PEM (PKCS#8, without a password)") from None


def _belong_together(certificate: bytes, key: bytes) -> bool:
    try:
        of_certificate = x509.load_pem_x509_certificate(certificate).public_key()
        of_key = serialization.load_pem_private_key(key, None).public_key()
    except (ValueError, TypeError):
        raise UnusableCertificate("certificate and key must be PEM, the key without a password") from None
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return of_certificate.public_bytes(*form) == of_key.public_bytes(*form)
