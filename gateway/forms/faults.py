"""What is wrong with a form, by its fields ("" is the whole), to be said in the officer's language by `told`."""

from collections.abc import Mapping

from flask import request

from gateway.domain.errors import GatewayError, Invalid
from gateway.forms.errors import ERRORS
from gateway.services.surface import N_


class Mistyped(Invalid):
    """A field of a form is wrong; what is said of it is a message of the catalogues."""

    code = "mistyped"


FIELDS: Mapping[str, str] = {
    "agency": N_("Choose one of these."),
    "amount": N_("Give an amount in figures, like 250,000."),
    "amount_minor": N_("This is more than can go back, or nothing."),
    "business_date": N_("Choose a day that is over, or today."),
    "entry": N_("Choose one of the proposed entries."),
    "expires_at": N_("This day is over. Choose a later one."),
    "invoice": N_("Give the number of an open invoice of this agency."),
    "purpose": N_("Say in a sentence what for."),
    "reason": N_("Say in a sentence why."),
    "scopes": N_("Choose at least one."),
    "until": N_("Choose a day after today, at most 45 days on."),
    "url": N_("This address cannot be called. It must begin with https:// and be on the public internet."),
}
"""What the use cases' complaints come to in a form, by their field."""

ELSEWHERE: Mapping[str, str] = {"amount_minor": "amount"}
"""Fields of the use cases that have another name in a form."""


def faults_of(error: GatewayError) -> dict[str, str]:
    """By the field that mends it: of a known error that its form has, or the whole."""
    if isinstance(error, Mistyped):
        return error.fields
    if error.code in ERRORS:
        sent = {*request.form, *request.files}
        at = [name for name in error.fields if name in sent]
        return dict.fromkeys(at or [""], ERRORS[error.code])
    if not error.fields:
        return {"": error.detail}
    return {ELSEWHERE.get(name, name): FIELDS.get(name, fault) for name, fault in error.fields.items()}
