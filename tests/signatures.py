"""The signature of a document, as whoever receives it checks it."""

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext


def signature_holds(pdf: bytes) -> bool:
    """Whether its one signature is of this very document. Its certificate is trusted, whoever made it."""
    (signature,) = PdfFileReader(BytesIO(pdf)).embedded_signatures
    trusted = ValidationContext(trust_roots=[signature.signer_cert])
    with ThreadPoolExecutor(1) as elsewhere:  # it wants an event loop of its own, and a browser has this thread
        return bool(elsewhere.submit(validate_pdf_signature, signature, trusted).result().bottom_line)
