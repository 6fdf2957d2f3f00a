"""Every text of the pages is said in every language, and what is compiled is what was written."""

import re
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

import gateway.pages
from gateway.pages.language import LANGUAGES

PAGES = Path(gateway.pages.__file__).parent
ROOT = PAGES.parents[1]
SPEAKING = ("gateway/pages", "gateway/console", "gateway/forms", "gateway/services", "reconciliation")
"""Where people are spoken to, in templates and in texts that N_ marks."""
WRITTEN_IN = "en"
TRANSLATED = [language for language in LANGUAGES if language != WRITTEN_IN]
PLACEHOLDER = re.compile(r"%\(\w+\)s")


def catalogue(language: str) -> Catalog:
    with file(language, "po").open("rb") as opened:
        return read_po(opened, locale=language)


def file(language: str, ending: str) -> Path:
    return PAGES / "translations" / language / "LC_MESSAGES" / f"pages.{ending}"


def texts() -> set[str]:
    options = {"**.html": {"trimmed": "true", "newstyle_gettext": "true", "silent": "false"}}
    methods = [("**.py", "python"), ("**.html", "jinja2")]
    found = [message for folder in SPEAKING for message in extract_from_dir(ROOT / folder, methods, options)]
    return {str(message) for _, _, message, _, _ in found}


def test_the_texts_are_found_at_all() -> None:
    assert {"Check again", "There is no such page", "Pay %(total)s", "Sign out"} <= texts()


def said(message: Message) -> list[str]:
    """The translation; of what is counted, one for each form of the language."""
    return list(message.string) if isinstance(message.string, (tuple, list)) else [str(message.string)]


@pytest.mark.parametrize("language", TRANSLATED)
def test_the_catalogue_holds_the_texts_and_no_others(language: str) -> None:
    assert {str(message.id) for message in catalogue(language) if message.id} == texts()


@pytest.mark.parametrize("language", TRANSLATED)
def test_nothing_is_untranslated_or_in_doubt(language: str) -> None:
    open_questions = [m.id for m in catalogue(language) if m.id and (not all(said(m)) or m.fuzzy or m.string == m.id)]
    assert open_questions == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_has_the_same_blanks_to_fill(language: str) -> None:
    for message in catalogue(language):
        asked = message.id[-1] if message.pluralizable else message.id
        for translation in said(message):
            assert sorted(PLACEHOLDER.findall(translation)) == sorted(PLACEHOLDER.findall(str(asked)))


@pytest.mark.parametrize("language", TRANSLATED)
def test_what_is_compiled_is_what_was_written(language: str) -> None:
    compiled = BytesIO()
    write_mo(compiled, catalogue(language))
    assert file(language, "mo").read_bytes() == compiled.getvalue()
