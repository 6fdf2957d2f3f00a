"""What templates do with words that are none of their own."""

import pytest

from gateway.pages.language import LANGUAGES
from gateway.pages.rendering import environment_of


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translated_text_that_quotes_what_was_typed_is_neither_html_nor_a_format(language: str) -> None:
    template = environment_of(language).from_string("{{ _(fault) }}")
    assert template.render(fault="<b>100% (x)") == "&lt;b&gt;100% (x)"


def test_a_text_of_the_templates_is_translated() -> None:
    assert environment_of("vi").from_string("{{ _('Language') }}").render() == "Ngôn ngữ"
