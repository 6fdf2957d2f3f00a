"""The receipt in its payer's hands, and in those of whoever checks it."""

import re
from dataclasses import replace
from io import BytesIO

import pytest
from pypdf import PdfReader
from sqlalchemy import text

from gateway.services.erase_payer import erase_payer
from gateway.services.issue_receipts import issue_receipts
from gateway.services.sign_document import DocumentSigner, UnusableCertificate, self_signed
from tests.integration.pages.payer import Page, PageOf, seen
from tests.integration.web import app_of
from tests.integration.world import PAYER, World
from tests.signatures import signature_holds

_PAYER_OF = text(
    "SELECT payer_id FROM invoices JOIN checkout_invoices ON invoice_id = invoices.id WHERE session_id = :session"
)


def paid(page: Page) -> Page:
    payment = page.started()
    page.world.play(payment, "succeed")
    page.world.deliver(1)
    return page


def text_of(pdf: bytes) -> str:
    return re.sub(r"\s+", " ", " ".join(sheet.extract_text() for sheet in PdfReader(BytesIO(pdf)).pages))


def receipt_path(page: Page) -> str:
    found = re.search(r'href="[^"]*(/receipts/[^"]+)"', page.html())
    assert found is not None
    return found[1]


def check_path(pdf: bytes) -> str:
    found = re.search(r"/receipts/check/[-.\w]+", text_of(pdf).replace(" ", ""))
    assert found is not None
    return found[0].partition("Biên")[0]


def test_a_paid_page_leads_to_the_receipt_once_there_is_one(page_of: PageOf, world: World) -> None:
    page = paid(page_of())
    assert "Your receipt is being made" in page.text()
    issue_receipts(world.runtime)
    answer = page.client.get(receipt_path(page))
    assert (answer.status_code, answer.content_type) == (200, "application/pdf")
    said = text_of(answer.data)
    for words in ("Biên lai thu phí, lệ phí", PAYER["name"], "Hai trăm nghìn đồng", "Bộ Công an", "01BLP0-001"):
        assert words in said
    assert "chưa được ký số" in said
    assert PAYER["national_id"] not in said


def test_the_receipt_is_for_screen_readers_too(page_of: PageOf, world: World) -> None:
    page = paid(page_of())
    issue_receipts(world.runtime)
    pdf = page.client.get(receipt_path(page)).data
    root = PdfReader(BytesIO(pdf)).root_object
    assert "/StructTreeRoot" in root
    assert str(root["/Lang"]) == "vi"
    assert b"<pdfuaid:part>1</pdfuaid:part>" in pdf


def test_the_signature_is_of_the_operator_and_of_this_very_document(page_of: PageOf, world: World) -> None:
    page = paid(page_of())
    issue_receipts(world.runtime)
    signer = DocumentSigner(*self_signed("Kho bạc thử"))
    client = app_of(replace(world, runtime=replace(world.runtime, signer=signer))).test_client()
    pdf = client.get(receipt_path(page)).data
    assert "Biên lai này được ký số" in text_of(pdf)

    assert signature_holds(pdf)
    at = pdf.index(b"stream", 400) + 10
    assert not signature_holds(pdf[:at] + bytes([pdf[at] ^ 1]) + pdf[at + 1 :])


def test_whoever_is_handed_one_can_check_it_and_learns_nothing_about_the_payer(page_of: PageOf, world: World) -> None:
    page = paid(page_of())
    issue_receipts(world.runtime)
    pdf = page.client.get(receipt_path(page)).data
    answer = page.client.get(check_path(pdf), query_string={"lang": "en"})
    assert answer.status_code == 200
    assert "is real" in seen(answer.text)
    assert "200,000" in seen(answer.text)
    for secret in (PAYER["name"], PAYER["national_id"], "G22.99.108-1", receipt_path(page)):
        assert secret not in answer.text


@pytest.mark.parametrize("use", ["", "check/"])
def test_a_link_that_is_not_ours_finds_nothing(page_of: PageOf, world: World, use: str) -> None:
    page = paid(page_of())
    issue_receipts(world.runtime)
    token = receipt_path(page).rsplit("/", 1)[1]
    other = token[:-1] + ("A" if token[-1] != "A" else "B")
    for forged in (other, token.partition(".")[0], "x", "00000000-0000-0000-0000-000000000000.x"):
        assert page.client.get(f"/receipts/{use}{forged}").status_code == 404
    if use:
        assert page.client.get(f"/receipts/{use}{token}").status_code == 404


def test_an_erased_payer_leaves_a_receipt_without_a_name(page_of: PageOf, world: World) -> None:
    page = paid(page_of())
    issue_receipts(world.runtime)
    with world.runtime.db.transaction() as tx:
        payer = tx.one_or_none(_PAYER_OF, {"session": page.session.id})
        assert payer is not None
        erase_payer(tx, world.finance, payer.payer_id)
    said = text_of(page.client.get(receipt_path(page)).data)
    assert PAYER["name"] not in said
    assert "Hai trăm nghìn đồng" in said


def test_a_certificate_of_another_key_is_refused() -> None:
    certificate, key = self_signed("one")
    other_certificate, other_key = self_signed("other")
    for pair in ((certificate, other_key), (other_certificate, key), (b"", key), (certificate, b"nonsense")):
        with pytest.raises(UnusableCertificate):
            DocumentSigner(*pair)
