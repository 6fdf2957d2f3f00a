"""The catalogue of fees: what is charged, since when and by which law, what comes next, and what a case costs.

/console/fees                    procedures, by words; changes that wait for a second editor
/console/fees/{code}             one procedure: every dated version of its fees
/console/fees/{code}/try         what a case costs, step by step, and beside it on another day or under a draft
"""

from collections.abc import Mapping
from datetime import date

from flask import Response, request

from gateway.console.facts_form import PREFIX, fact_fields, facts_of
from gateway.console.gate import officer
from gateway.console.rendering import language, page
from gateway.domain.errors import GatewayError
from gateway.domain.fee_draft import DraftStatus, FeeDraft
from gateway.domain.fees import Channel, Procedure
from gateway.domain.officer import Role
from gateway.forms.errors import ERRORS, OTHERWISE
from gateway.forms.reading import NO_DAY
from gateway.services.access import for_officers
from gateway.services.draft_fee import DraftNotFound
from gateway.services.fee_changes import parsed, with_change
from gateway.services.runtime import Runtime
from gateway.services.show_fees import (
    ShownProcedure,
    drafts_waiting,
    priced,
    procedures_by_words,
    show_procedure,
    versions_with_examples,
)
from gateway.services.surface import N_, ConsoleSurface, Section

WORDS_MAX = 80
SHOWN_AT_MOST = 200


def register(console: ConsoleSurface) -> None:
    fees = FeePages(console.runtime)
    console.add_section(Section(N_("Fees"), "console.fees", tuple(Role)))
    console.route("/fees", endpoint="fees")(fees.overview)
    console.route("/fees/<code>", endpoint="fee")(fees.show)
    console.route("/fees/<code>/try", endpoint="try_fee")(fees.try_it)


class FeePages:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @for_officers()
    def overview(self) -> Response:
        words = request.args.get("words", "")[:WORDS_MAX]
        with self._runtime.db.read() as tx:
            found = procedures_by_words(tx, officer().caller, words)
            waiting = drafts_waiting(tx, officer().caller)
        return page(
            "fees.html", found=found[:SHOWN_AT_MOST], more=len(found) > SHOWN_AT_MOST, words=words, waiting=waiting
        )

    @for_officers()
    def show(self, code: str) -> Response:
        shown = self._procedure(code)
        editor = officer().is_any_of(Role.CATALOGUE_EDITOR)
        return page("fee.html", shown=shown, items=versions_with_examples(shown), editor=editor)

    @for_officers()
    def try_it(self, code: str) -> Response:
        """Nothing of it concerns a person, so that the address holds all of it and can be sent to a colleague."""
        shown = self._procedure(code)
        typed = request.args.to_dict()
        faults: dict[str, str] = {}
        on = _day(typed, "on", faults) or shown.today
        other_day = _day(typed, "other", faults)
        draft = _draft(shown, typed.get("draft", ""))
        channel = Channel.ONLINE if typed.get("channel") == Channel.ONLINE else Channel.COUNTER
        asked = "tried" in typed or not shown.procedure.facts
        facts, wrong = facts_of(shown.procedure, typed, language())
        result = other = None
        if asked and not wrong and not faults:
            result = priced(shown.procedure, facts, channel, on)
            wrong = _facts_named(result)
            compared = _with(shown, draft) if draft else shown.procedure
            if draft or other_day:
                other_day = other_day or max(on, draft.first_day if draft else on)
                other = priced(compared, facts, channel, other_day)
        return page(
            "fee_try.html",
            422 if wrong or faults else 200,
            shown=shown,
            fields=fact_fields(shown.procedure, typed if "tried" in typed else {}),
            typed=typed,
            faults=faults,
            wrong=wrong,
            result=None if wrong else result,
            other=other,
            on=on,
            other_day=other_day or on,
            draft=draft,
            open_drafts=_open(shown),
            channel=channel,
            why_not=_why_not,
        )

    def _procedure(self, code: str) -> ShownProcedure:
        with self._runtime.db.read() as tx:
            return show_procedure(tx, officer().caller, code)


def _open(shown: ShownProcedure) -> list[FeeDraft]:
    return [draft for draft in shown.drafts if draft.status is DraftStatus.DRAFT]


def _draft(shown: ShownProcedure, draft_id: str) -> FeeDraft | None:
    """Raises DraftNotFound for one that is none of this procedure, or decided on."""
    if not draft_id:
        return None
    for draft in _open(shown):
        if str(draft.id) == draft_id:
            return draft
    raise DraftNotFound("There is no such draft any more. Choose another one.")


def _with(shown: ShownProcedure, draft: FeeDraft) -> Procedure:
    return parsed(with_change(shown.definition, draft.fee_item, draft.change))


def _day(typed: Mapping[str, str], name: str, faults: dict[str, str]) -> date | None:
    text = typed.get(name, "").strip()
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        faults[name] = NO_DAY
        return None


def _facts_named(result: object) -> list[str]:
    if not isinstance(result, GatewayError):
        return []
    return [name.replace("facts.", PREFIX) for name in result.fields if name.startswith("facts.")]


def _why_not(result: object) -> str:
    """Blank if there is an answer."""
    return ERRORS.get(result.code, OTHERWISE) if isinstance(result, GatewayError) else ""
