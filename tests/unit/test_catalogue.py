"""The catalogue: the demo's is whole, and an editor's mistake is told with its file, its path and the fix."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.fees import LANGUAGES, procedure_from_dict
from gateway.services.read_catalogue import Catalogue, read_catalogue
from tests.unit.catalogue_folder import AGENCY, BOTH, faults, write

CODES = {
    "vn-passport-new",
    "vn-passport-lost",
    "vn-driving-licence",
    "vn-judicial-record",
    "vn-certified-copy",
    "vn-certified-signature",
    "vn-notarised-contract",
    "vn-judgment-enforcement",
    "vn-car-registration",
    "vn-motorbike-registration",
    "vn-citizen-id",
    "vn-construction-certificate",
    "vn-consular-legalisation",
    "vn-civil-court-first-instance",
    "vn-business-registration",
    "ee-id-card",
    "dk-passport",
    "sg-passport",
    "kr-passport",
}
ABROAD = {"ee-id-card", "dk-passport", "sg-passport", "kr-passport"}
FROM_MEMORY = {"vn-driving-licence", "vn-business-registration"} | ABROAD
VALUE = {"name": "value_minor", "kind": "money", "maximum": 1_000, "titles": BOTH}
PAGES = {"name": "pages", "kind": "integer", "minimum": 1, "maximum": 9, "titles": BOTH, "unit": BOTH, "units": BOTH}
ZONE = {
    "name": "zone",
    "kind": "choice",
    "titles": BOTH,
    "options": [{"value": 1, "titles": BOTH}, {"value": 2, "titles": BOTH}],
}
REDUCTION = {
    "titles": BOTH,
    "source": "memory",
    "legal_basis": "1/2020",
    "when": {"channel": ["online"]},
    "keep": "90%",
}
VERSION = {
    "valid_from": "2020-01-01",
    "source": "memory",
    "legal_basis": "1/2020",
    "share_kept_basis_points": 0,
    "rule": {"kind": "fixed", "amount_minor": 5},
    "reductions": [REDUCTION],
}
PROCEDURE = {
    "code": "p",
    "official_code": "",
    "agency": "a",
    "currency": "VND",
    **dict.fromkeys(("titles", "notice", "refund_policy"), BOTH),
    "facts": [ZONE, PAGES, VALUE],
    "items": [{"code": "i", "titles": BOTH, "revenue_code": "2716", "versions": [VERSION]}],
}
SLAB_ROWS = [{"when": {"zone": [1]}, "amount_minor": 1}, {"when": {"zone": [2]}, "amount_minor": 2}]
BANDS = [{"up_to_minor": 10, "rate": "10%"}, {"above_minor": 10, "base_minor": 1, "rate_above": "5%"}]


@pytest.fixture(scope="module")
def demo() -> Catalogue:
    return read_catalogue()


def test_the_demo_has_every_procedure_and_all_agencies_are_used(demo: Catalogue) -> None:
    assert {entry.procedure.code for entry in demo.procedures} == CODES
    assert {entry.procedure.agency for entry in demo.procedures} == {agency.code for agency in demo.agencies}


def test_every_demo_procedure_says_that_it_is_not_official(demo: Catalogue) -> None:
    for entry in demo.procedures:
        assert "not official" in entry.procedure.notice["en"]
        assert "placeholders" in entry.procedure.notice["en"]
        assert "không phải thông tin chính thức" in entry.procedure.notice["vi"]


def test_the_demo_marks_what_was_verified_and_what_is_from_memory(demo: Catalogue) -> None:
    from_memory = {
        entry.procedure.code
        for entry in demo.procedures
        if any(version.source == "memory" for item in entry.procedure.items for version in item.versions)
    }
    assert from_memory == FROM_MEMORY


def test_revenue_codes_of_the_demo_tell_its_fee_items_apart(demo: Catalogue) -> None:
    codes = [item.revenue_code for entry in demo.procedures for item in entry.procedure.items]
    assert len(codes) == len(set(codes))


def test_a_definition_survives_the_database_as_json(demo: Catalogue) -> None:
    for entry in demo.procedures:
        assert procedure_from_dict(json.loads(json.dumps(entry.definition))) == entry.procedure


def test_everything_people_read_is_there_in_every_language(demo: Catalogue) -> None:
    for entry in demo.procedures:
        procedure = entry.procedure
        texts = [
            procedure.titles,
            procedure.notice,
            procedure.refund_policy,
            *(item.titles for item in procedure.items),
        ]
        texts += [spec.titles for spec in procedure.facts]
        texts += [option.titles for spec in procedure.facts for option in spec.options]
        assert all(text[language].strip() for text in texts for language in LANGUAGES)


def test_a_small_catalogue_in_order_is_read(tmp_path: Path) -> None:
    catalogue = read_catalogue(write(tmp_path, PROCEDURE))
    assert [agency.code for agency in catalogue.agencies] == ["a"]
    assert [entry.definition for entry in catalogue.procedures] == [PROCEDURE]


def rule_is(rule: dict[str, Any], **version: Any) -> Callable[[dict[str, Any]], None]:
    return lambda procedure: procedure["items"][0]["versions"][0].update({"rule": rule, **version})


def set_in(*path: str | int, to: object) -> Callable[[dict[str, Any]], None]:
    def change(procedure: dict[str, Any]) -> None:
        target: Any = procedure
        for step in path[:-1]:
            target = target[step]
        target[path[-1]] = to

    return change


def test_a_text_may_be_there_in_the_language_of_the_country_too(tmp_path: Path) -> None:
    catalogue = read_catalogue(write(tmp_path, {**PROCEDURE, "titles": BOTH | {"et": "Üks"}}))
    assert catalogue.procedures[0].procedure.titles["et"] == "Üks"
    told = faults(write(tmp_path, {**PROCEDURE, "titles": BOTH | {"en_": "One"}}))
    assert "is not a key that belongs here" in told["p.yaml: procedures[0].titles.en_"]


VERSION_PATH = "items[0].versions[0]"
OF_VERSION = ("items", 0, "versions", 0)
SHAPE_FAULTS = [
    (set_in("colour", to="red"), "colour", "is not a key that belongs here; allowed: code"),
    (lambda procedure: procedure.pop("notice"), "notice", "is missing"),
    (set_in("titles", to={"vi": "Một"}), "titles.en", "is missing"),
    (set_in("code", to="Tên"), "code", "must look like vn-passport-new"),
    (set_in("code", to="p\n"), "code", "must look like vn-passport-new"),
    (set_in("currency", to="DONG"), "currency", "must be an ISO 4217 currency code"),
    (set_in("items", to=[]), "items", "must list at least 1"),
    (set_in("items", to="none"), "items", "must be a list"),
    (set_in("items", 0, "revenue_code", to=2716), "items[0].revenue_code", "must be text (put it in quotes)"),
    (set_in(*OF_VERSION, "valid_from", to="2020-02-30"), f"{VERSION_PATH}.valid_from", "must be a day such as"),
    (set_in(*OF_VERSION, "source", to="hearsay"), f"{VERSION_PATH}.source", "must be one of verified, memory"),
    (set_in(*OF_VERSION, "share_kept_basis_points", to=10_001), f"{VERSION_PATH}.share_kept_basis_points", "to 10000"),
    (set_in(*OF_VERSION, "rule", to={"kind": "magic"}), f"{VERSION_PATH}.rule.kind", "must be one of fixed, per_unit"),
    (
        set_in(*OF_VERSION, "rule", "amount_minor", to=5.0),
        f"{VERSION_PATH}.rule.amount_minor",
        "must be a whole number",
    ),
    (
        set_in(*OF_VERSION, "rule", "amount_minor", to=True),
        f"{VERSION_PATH}.rule.amount_minor",
        "must be a whole number",
    ),
    (set_in(*OF_VERSION, "rule", "amount_minor", to=-1), f"{VERSION_PATH}.rule.amount_minor", "must be a whole number"),
    (
        set_in(*OF_VERSION, "rule", "amount_minor", to=2**63),
        f"{VERSION_PATH}.rule.amount_minor",
        "must be a whole number",
    ),
    (set_in(*OF_VERSION, "rule", "rate", to="5%"), f"{VERSION_PATH}.rule.rate", "allowed: kind, amount_minor"),
    (
        set_in(*OF_VERSION, "reductions", 0, "keep", to="0.9"),
        f"{VERSION_PATH}.reductions[0].keep",
        "must look like 0.06%",
    ),
    (set_in(*OF_VERSION, "reductions", 0, "keep", to=0.9), f"{VERSION_PATH}.reductions[0].keep", "must be text"),
    (set_in(*OF_VERSION, "reductions", 0, "keep", to="101%"), f"{VERSION_PATH}.reductions[0].keep", "at most 100%"),
    (set_in(*OF_VERSION, "reductions", 0, "keep", to="1/0"), f"{VERSION_PATH}.reductions[0].keep", "must look like"),
    (
        set_in(*OF_VERSION, "reductions", 0, "reduced_to_minor", to=1),
        f"{VERSION_PATH}.reductions[0].keep",
        "either keep or reduced_to_minor",
    ),
    (
        set_in(*OF_VERSION, "reductions", 0, "when", to={"channel": "online"}),
        f"{VERSION_PATH}.reductions[0].when.channel.value",
        "must be a list of values",
    ),
    (set_in("facts", 1, "maximum", to=0), "facts[1].maximum", "must not be below the minimum"),
    (lambda procedure: procedure["facts"][0].pop("options"), "facts[0].options", "a choice needs its options"),
    (
        rule_is({"kind": "slab", "rows": [{"up_to_minor": 5, "amount_minor": 1}]}),
        f"{VERSION_PATH}.rule.value",
        "name the fact that they bound",
    ),
    (
        rule_is(
            {"kind": "slab", "value": "value_minor", "rows": [{"up_to_minor": 5, "below_minor": 5, "amount_minor": 1}]}
        ),
        f"{VERSION_PATH}.rule.rows[0].up_to_minor",
        "not both",
    ),
]
SENSE_FAULTS = [
    (set_in("agency", to="b"), "agency", "must be one of a, or be added to agencies.yaml"),
    (set_in("currency", to="USD"), "currency", "must be VND, the currency of a"),
    (set_in("facts", 1, "name", to="zone"), "facts[1].name", "is taken"),
    (set_in("facts", 1, "name", to="channel"), "facts[1].name", "is taken"),
    (set_in("facts", 1, "default", to=10), "facts[1].default", "must be a whole number from 1 to 9"),
    (set_in("facts", 1, "needed_when", to={"value_minor": [1]}), "facts[1].needed_when.value_minor", "use one of zone"),
    (set_in("items", 0, "when", to={"zone": [3]}), "items[0].when.zone", "must list one of 1, 2"),
    (
        set_in(*OF_VERSION, "reductions", 0, "when", to={"chanel": ["online"]}),
        f"{VERSION_PATH}.reductions[0].when.chanel",
        "is not a fact asked for; use one of zone, pages, value_minor, channel",
    ),
    (
        set_in(*OF_VERSION, "reductions", 0, "when", to={"channel": ["post"]}),
        f"{VERSION_PATH}.reductions[0].when.channel",
        "must list one of online, counter",
    ),
    (
        set_in(*OF_VERSION, "valid_until", to="2019-12-31"),
        f"{VERSION_PATH}.valid_until",
        "must not be before valid_from",
    ),
    (
        lambda procedure: procedure["items"][0]["versions"].append(deepcopy(VERSION)),
        "items[0].versions[1].valid_from",
        "must be after the last day of the version before it",
    ),
    (
        set_in(
            "items",
            0,
            "versions",
            to=[{**VERSION, "valid_until": "2021-01-01"}, {**VERSION, "valid_from": "2021-01-01"}],
        ),
        "items[0].versions[1].valid_from",
        "must be after the last day of the version before it",
    ),
    (
        lambda procedure: (
            procedure["facts"][2].update({"needed_when": {"zone": [1]}}),
            rule_is({"kind": "percentage", "value": "value_minor", "rate": "1%"})(procedure),
        ),
        "items",
        "must price {'zone': 2, 'pages': 1} by online on 2020-01-01: The fee cannot be worked out without value_minor",
    ),
    (lambda procedure: procedure["items"].append(procedure["items"][0]), "items[1].code", "is taken"),
    (
        rule_is({"kind": "per_unit", "unit": "zone", "tiers": [{"amount_minor": 1}]}),
        f"{VERSION_PATH}.rule.unit",
        "must name a fact of kind integer; there is pages",
    ),
    (
        lambda procedure: (
            procedure["facts"][1].pop("units"),
            rule_is({"kind": "per_unit", "unit": "pages", "tiers": [{"amount_minor": 1}]})(procedure),
        ),
        f"{VERSION_PATH}.rule.unit",
        "counts pages: give that fact a unit and units",
    ),
    (
        rule_is({"kind": "per_unit", "unit": "pages", "tiers": [{"up_to": 3, "amount_minor": 1}]}),
        f"{VERSION_PATH}.rule.tiers",
        "only the last has none",
    ),
    (
        rule_is({"kind": "percentage", "value": "pages", "rate": "1%"}),
        f"{VERSION_PATH}.rule.value",
        "must name a fact of kind money; there is value_minor",
    ),
    (
        rule_is({"kind": "percentage", "value": "value_minor", "rate": "1%", "floor_minor": 9, "cap_minor": 8}),
        f"{VERSION_PATH}.rule.floor_minor",
        "must not be above cap_minor",
    ),
    (
        rule_is({"kind": "progressive", "value": "value_minor", "bands": [BANDS[0], {**BANDS[1], "above_minor": 11}]}),
        f"{VERSION_PATH}.rule.bands[1]",
        "must begin where the band before it ends",
    ),
    (
        rule_is({"kind": "progressive", "value": "value_minor", "bands": [BANDS[0], {**BANDS[1], "base_minor": 0}]}),
        f"{VERSION_PATH}.rule.bands[1]",
        "must not cost less than the band before it",
    ),
    (
        rule_is({"kind": "progressive", "value": "value_minor", "bands": [BANDS[0]]}),
        f"{VERSION_PATH}.rule.bands",
        "must begin with a band without a lower bound",
    ),
    (
        rule_is(
            {"kind": "fixed", "amount_minor": 1},
            instalments={"value": "value_minor", "already_assessed": "value_minor"},
        ),
        f"{VERSION_PATH}.instalments.value",
        "must be the value of a progressive or percentage rule",
    ),
    (rule_is({"kind": "slab", "rows": SLAB_ROWS[:1]}), "items", "must price {'zone': 2"),
    (
        rule_is({"kind": "slab", "rows": [*SLAB_ROWS, SLAB_ROWS[0]]}),
        f"{VERSION_PATH}.rule.rows",
        "must not overlap: 2 fit {'zone': 1",
    ),
    (set_in("items", 0, "when", to={"zone": [1]}), "items", "must charge something, or a fixed 0, for {'zone': 2"),
    (
        lambda procedure: procedure["facts"].extend({**ZONE, "name": f"zone{number}"} for number in range(20)),
        "facts",
        "use fewer options",
    ),
]


@pytest.mark.parametrize(("change", "path", "fix"), [*SHAPE_FAULTS, *SENSE_FAULTS])
def test_a_mistake_is_told_with_its_place_and_its_fix(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], path: str, fix: str
) -> None:
    definition = deepcopy(PROCEDURE)
    change(definition)
    told = faults(write(tmp_path, definition))
    assert fix in told[f"p.yaml: procedures[0].{path}"]


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    folder = write(tmp_path, {**PROCEDURE, "code": "P", "currency": "?"}, [{**AGENCY, "time_zone": "Asia/Saigonn"}])
    assert set(faults(folder)) == {
        "agencies.yaml: agencies[0].time_zone",
        "p.yaml: procedures[0].code",
        "p.yaml: procedures[0].currency",
    }


def test_a_code_may_stand_in_one_file_only(tmp_path: Path) -> None:
    folder = write(tmp_path, PROCEDURE, [AGENCY, {**AGENCY, "bank_account": "1"}])
    (folder / "q.yaml").write_text((folder / "p.yaml").read_text())
    assert faults(folder) == {
        "agencies.yaml: agencies": "must have different codes",
        "q.yaml: procedures[0].code": "is taken by p.yaml: procedures[0]: choose another code",
    }


@pytest.mark.parametrize(
    ("text", "place", "fix"),
    [
        ("a: 1\nprocedures: [", "p.yaml: line 2", "is not YAML"),
        ("procedures: []\nprocedures: []", "p.yaml: line 1", "procedures is written twice: keep one"),
        ("- 1", "p.yaml:", "must be a block of keys"),
        ("", "p.yaml:", "must be a block of keys"),
        ("procedures: !!python/object/apply:os.getcwd []", "p.yaml: line 1", "is not YAML"),
        ("a: \x00", "p.yaml:", "is not YAML"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_by_its_line(tmp_path: Path, text: str, place: str, fix: str) -> None:
    folder = write(tmp_path, PROCEDURE)
    (folder / "p.yaml").write_text(text)
    assert fix in faults(folder)[place]


def test_a_folder_without_agencies_is_refused(tmp_path: Path) -> None:
    assert faults(tmp_path) == {"agencies.yaml:": "is missing: add the file with the agencies"}


def test_a_day_needs_no_quotes(tmp_path: Path) -> None:
    folder = write(tmp_path, PROCEDURE)
    text = (folder / "p.yaml").read_text().replace("'2020-01-01'", "2020-01-01")
    (folder / "p.yaml").write_text(text)
    assert "valid_from: 2020-01-01" in text
    assert read_catalogue(folder).procedures[0].definition == PROCEDURE
