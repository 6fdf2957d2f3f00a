"""The pages on which administrators look after officers."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from flask import Response, redirect, request, url_for
from werkzeug import Response as AnyResponse

from gateway.console.gate import officer
from gateway.console.rendering import page
from gateway.domain.errors import Invalid, NotFound
from gateway.domain.officer import Role
from gateway.services import manage_officers
from gateway.services.access import for_officers
from gateway.services.browse import agencies_of
from gateway.services.invite_officer import NewOfficer
from gateway.services.manage_officers import FIRST, LastAdministrator, OwnAccount
from gateway.services.runtime import Runtime
from gateway.services.surface import N_

READERS = (Role.ADMINISTRATOR, Role.AUDITOR)

ROLES: Mapping[Role, tuple[str, str]] = {
    Role.VIEWER: (N_("Viewer"), N_("Sees days, payments and reports; no personal data.")),
    Role.FINANCE: (
        N_("Finance officer"),
        N_("Runs reconciliation, decides on discrepancies, asks for refunds, takes payments at a counter."),
    ),
    Role.APPROVER: (N_("Approver"), N_("Approves what moves money, but never what they asked for themselves.")),
    Role.CATALOGUE_EDITOR: (N_("Catalogue editor"), N_("Drafts and publishes fees.")),
    Role.AUDITOR: (N_("Auditor"), N_("Reads everything, the audit trail too; changes nothing.")),
    Role.ADMINISTRATOR: (
        N_("Administrator"),
        N_("Looks after officers, API keys, webhook endpoints and providers."),
    ),
}
LAST = N_("This is the last administrator who acts for every agency. Make somebody else one first.")
OWN = N_("This is your own account: another administrator has to do it.")


class OfficersPages:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @for_officers(*READERS)
    def officers(self) -> Response:
        with self._runtime.db.read() as tx:
            found, following = manage_officers.list_officers(tx, officer().caller, _after())
            agencies = self._agencies(tx)
        return page("officers.html", found=found, following=following, agencies=agencies, titles=ROLES)

    @for_officers(Role.ADMINISTRATOR)
    def add(self) -> Response:
        """The link is shown in the answer itself: told once, it can stand at no address."""
        if request.method == "GET":
            return self._add_page()
        form = request.form
        new = NewOfficer(form.get("email", ""), form.get("name", ""), form.getlist("roles"))
        try:
            with self._runtime.db.transaction() as tx:
                _, link = manage_officers.add(tx, self._runtime, officer().caller, new, form.get("agency") or None)
        except Invalid as error:
            return self._add_page(422, error.fields)
        return page("officer_link.html", link=link, name=new.name)

    @for_officers(*READERS)
    def one(self, officer_id: UUID) -> Response:
        return self._page(officer_id)

    @for_officers(Role.ADMINISTRATOR)
    def roles(self, officer_id: UUID) -> AnyResponse:
        names = request.form.getlist("roles")
        return self._done(officer_id, lambda tx: manage_officers.set_roles(tx, officer().caller, officer_id, names))

    @for_officers(Role.ADMINISTRATOR)
    def disable(self, officer_id: UUID) -> AnyResponse:
        return self._done(officer_id, lambda tx: manage_officers.disable(tx, officer().caller, officer_id))

    @for_officers(Role.ADMINISTRATOR)
    def enable(self, officer_id: UUID) -> AnyResponse:
        return self._done(officer_id, lambda tx: manage_officers.enable(tx, officer().caller, officer_id))

    @for_officers(Role.ADMINISTRATOR)
    def reset(self, officer_id: UUID) -> AnyResponse:
        """What was forgotten does not come back, so it is asked once more; the link is shown in the answer itself."""
        with self._runtime.db.transaction() as tx:
            found = manage_officers.find_officer(tx, officer().caller, officer_id)
            if request.method == "GET":
                return page("officer_reset.html", found=found)
            link = manage_officers.reset(tx, self._runtime, officer().caller, officer_id)
        return page("officer_link.html", link=link, name=found.name)

    def _done(self, officer_id: UUID, change: Callable[[Any], None]) -> AnyResponse:
        try:
            with self._runtime.db.transaction() as tx:
                change(tx)
        except Invalid as error:
            return self._page(officer_id, 422, error.fields)
        except LastAdministrator:
            return self._page(officer_id, 409, {"roles": LAST})
        except OwnAccount:
            return self._page(officer_id, 403, {"roles": OWN})
        return redirect(url_for("console.officer", officer_id=officer_id, done=1), 303)

    def _page(self, officer_id: UUID, status: int = 200, faults: Mapping[str, str] | None = None) -> Response:
        with self._runtime.db.read() as tx:
            found = manage_officers.find_officer(tx, officer().caller, officer_id)
            agencies = self._agencies(tx)
        chosen = request.form.getlist("roles") if faults else [str(role) for role in found.roles]
        shown: dict[str, Any] = {"agencies": agencies, "titles": ROLES, "chosen": chosen, "faults": faults or {}}
        mine = found.id == officer().id
        return page("officer.html", status, found=found, mine=mine, done="done" in request.args, **shown)

    def _add_page(self, status: int = 200, faults: Mapping[str, str] | None = None) -> Response:
        with self._runtime.db.read() as tx:
            agencies = agencies_of(tx, officer().caller)
        shown: dict[str, Any] = {"agencies": agencies, "titles": ROLES, "faults": faults or {}}
        chosen = request.form.getlist("roles")
        for_all = officer().agency_id is None
        return page("officer_add.html", status, form=request.form, chosen=chosen, for_all=for_all, **shown)

    @staticmethod
    def _agencies(tx: Any) -> Mapping[UUID | None, Mapping[str, str]]:
        return {one.id: one.names for one in agencies_of(tx, officer().caller)}


def _after() -> UUID:
    try:
        return UUID(request.args.get("after", str(FIRST)))
    except ValueError:
        raise NotFound("There is no such page of the list.") from None
