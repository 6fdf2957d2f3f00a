"""What the pages never do, whoever asks and however."""

from dataclasses import replace
from uuid import uuid4

import pytest

from gateway.services.show_checkout import Stage
from tests.integration.pages.payer import BROWSER, PageOf, seen
from tests.integration.web import app_of


def test_a_wrong_link_is_answered_alike_whatever_is_wrong_with_it(page_of: PageOf) -> None:
    page = page_of()
    unknown = uuid4()
    other_use = f"{page.session.id}.{page.form_token()}"
    wrong = ["x", ".", str(page.session.id), f"{page.session.id}.", f"{unknown}.AAAA", other_use, "é.ü"]
    wrong += [page.path.removeprefix("/pay/")[:-1], page.path.removeprefix("/pay/").upper()]
    answers = {
        (answer.status_code, answer.text)
        for token in wrong
        for answer in (page.client.get(f"/pay/{token}"), page.client.post(f"/pay/{token}/payments"))
    }
    assert {status for status, _ in answers} == {404}
    assert len(answers) == 1


def test_every_answer_protects_its_reader(page_of: PageOf) -> None:
    page = page_of()
    for answer in (page.client.get(page.path), page.choose(), page.client.get("/pay/x"), page.client.get("/")):
        assert answer.headers["Content-Security-Policy"] == (
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("change", "headers"),
    [
        ({"form": ""}, {}),
        ({"form": "é"}, {}),
        ({"form": "AAAAAAAAAAAAAAAAAAAAAAAA"}, {}),
        ({}, {"Sec-Fetch-Site": "cross-site"}),
        ({}, {"Sec-Fetch-Site": "same-site"}),
        ({}, {"Origin": "https://evil.example"}),
        ({}, {"Origin": "null", "Sec-Fetch-Site": "cross-site"}),
    ],
)
@pytest.mark.parametrize("act", ["payments", "cancel"])
def test_a_form_from_elsewhere_does_nothing(
    page_of: PageOf, act: str, change: dict[str, str], headers: dict[str, str]
) -> None:
    page = page_of()
    fields = {"form": page.form_token(), "provider": "sandbox"} | change
    answer = page.client.post(f"{page.path}/{act}", data=fields, headers=headers)
    assert answer.status_code == 403
    assert "That did not come from our page" in seen(answer.text) or "không được gửi từ trang" in seen(answer.text)
    assert (page.attempts(), page.stage()) == ([], Stage.READY)


def test_the_form_of_one_session_does_nothing_for_another(page_of: PageOf) -> None:
    page, other = page_of(), page_of()
    assert page.choose(form=other.form_token()).status_code == 403
    assert page.attempts() == []


def test_a_form_from_our_page_works_however_the_browser_names_us(page_of: PageOf) -> None:
    for origin in ("null", "http://localhost", "http://127.0.0.1:8080"):
        page = page_of()
        page.world = replace(page.world, runtime=replace(page.world.runtime, public_url="http://127.0.0.1:8080"))
        page.client = app_of(page.world).test_client()
        headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
        data = {"form": page.form_token(), "provider": "sandbox"}
        assert page.client.post(f"{page.path}/payments", data=data, headers=headers).status_code == 303
        assert len(page.attempts()) == 1


@pytest.mark.parametrize("provider", ["", "nobody", "x" * 10_000, "\x00", "stripe'; --", "é"])
def test_an_impossible_choice_starts_nothing(page_of: PageOf, provider: str) -> None:
    page = page_of()
    assert page.choose(provider).status_code == 303
    assert page.attempts() == []


def test_garbage_is_refused_kindly(page_of: PageOf) -> None:
    page = page_of()
    for body in (b"\xff\xfe", b"form=%zz&provider=%00", b"=&=&=", b"a" * 100_000):
        answer = page.client.post(
            f"{page.path}/payments", data=body, content_type="application/x-www-form-urlencoded", headers=BROWSER
        )
        assert answer.status_code == 403
    assert page.client.get("/pay/%00.%00").status_code in (404, 422)
    for query in ("lang=%ff", "lang=" + "x" * 5_000, "lang=en&lang=vi", "=&&="):
        assert page.client.get(f"{page.path}?{query}").status_code in (200, 400)
