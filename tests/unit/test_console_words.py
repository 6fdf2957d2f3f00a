"""What the console says of errors and names."""

import importlib
import pkgutil
from collections.abc import Iterator

import pytest
from flask import Flask

import gateway
import reconciliation
from gateway.domain.errors import GatewayError, Invalid
from gateway.domain.refund import SamePerson
from gateway.forms.errors import ERRORS, OTHERWISE
from gateway.forms.faults import FIELDS, Mistyped, faults_of
from gateway.pages.language import LANGUAGES, translations
from gateway.pages.rendering import environment_of
from reconciliation.console import words

ELSEWHERE = frozenset(
    {
        # of the API, which no page calls
        *("error", "bill_request_refused", "idempotency_key_required", "invalid_idempotency_key", "invalid_key"),
        *("invalid_request", "malformed_json", "no_bills", "no_webhooks", "not_ready", "scope_missing"),
        *("unauthorized", "webhook_refused"),
        # of the command line
        *("catalogue_fault", "day_already_sealed", "officer_not_found", "published_changes_lost"),
        # told at their field, or on a page of their own
        *("currency_mismatch", "fee_change_fault", "invalid", "invitation_over", "mistyped", "openid_refused"),
        *("openid_unavailable", "over_refund", "second_factor_needed", "sign_in_again", "wrong_credentials"),
    }
)
"""The codes that no page of the console shows."""


def subclasses(of: type[GatewayError]) -> Iterator[type[GatewayError]]:
    for each in of.__subclasses__():
        yield each
        yield from subclasses(each)


def every_code() -> set[str]:
    for package in (gateway, reconciliation):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".migrations" not in module.name:
                importlib.import_module(module.name)
    ours = [each for each in subclasses(GatewayError) if each.__module__.startswith(("gateway.", "reconciliation."))]
    return {each.code for each in ours} | {GatewayError.code}


def test_every_error_that_a_page_can_show_has_words_and_no_other_has() -> None:
    assert every_code() - ELSEWHERE == set(ERRORS)


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_what_a_page_says_is_wrong_is_said_in_its_language(language: str) -> None:
    said = translations(language)
    told = {*ERRORS.values(), *FIELDS.values(), OTHERWISE}
    assert sorted(text for text in told if said.gettext(text) == text) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_has_no_translation_is_said_in_other_words(language: str) -> None:
    shown = environment_of(language).from_string("{{ fault|told }}").render(fault="must be among 1, 2")
    assert shown == ("must be among 1, 2" if language == "en" else translations(language).gettext(OTHERWISE))


def test_an_error_is_told_at_the_field_that_mends_it() -> None:
    with Flask(__name__).test_request_context(method="POST", data={"layout": "x"}):
        assert faults_of(Invalid("Wrong.", fields={"kind": "must be later"})) == {"kind": "must be later"}
        assert faults_of(Invalid("Wrong.", fields={"amount_minor": "9"})) == {"amount": FIELDS["amount_minor"]}
        assert faults_of(Mistyped("Wrong.", fields={"until": "said here"})) == {"until": "said here"}
        assert faults_of(SamePerson("x", fields={"actor": "is you"})) == {"": ERRORS["same_person"]}
        assert faults_of(SamePerson("x", fields={"layout": "is odd"})) == {"layout": ERRORS["same_person"]}


def test_what_is_wrong_with_a_whole_form_is_told_in_its_own_words() -> None:
    assert faults_of(Invalid("There is no <b>100%</b>.")) == {"": "There is no <b>100%</b>."}


def test_a_name_without_a_word_stands_for_itself() -> None:
    assert words.word("kind", "timing") == "A matter of time"
    assert words.word("kind", "something_new") == "something new"
    assert words.account_word("vn-moj/in_transit:sandbox") == words.word("account", "in_transit")
