"""What the console says of errors and names."""

from gateway.domain.errors import Invalid
from gateway.domain.refund import SamePerson
from reconciliation.console import words


def test_an_error_is_told_at_the_field_that_mends_it() -> None:
    assert words.faults_of(Invalid("Wrong.", fields={"until": "must be later"})) == {"until": "must be later"}
    assert words.faults_of(SamePerson("x")) == {"": words.FAULTS["same_person"]}


def test_what_is_wrong_with_a_whole_form_is_told_in_its_own_words() -> None:
    assert words.faults_of(Invalid("There is no <b>100%</b>.")) == {"": "There is no <b>100%</b>."}


def test_a_name_without_a_word_stands_for_itself() -> None:
    assert words.word("kind", "timing") == "A matter of time"
    assert words.word("kind", "something_new") == "something new"
    assert words.account_word("vn-moj/in_transit:sandbox") == words.word("account", "in_transit")
