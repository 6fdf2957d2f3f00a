"""Administrators look after officers, and every officer after their own account."""

import re
from datetime import timedelta
from uuid import UUID

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import select, update

from gateway.cli import Composer, Composition, cli
from gateway.domain.officer import Role
from gateway.store.tables.catalogue import agencies
from gateway.store.tables.identity import sign_in_tries
from gateway.store.tables.officers import officer_sessions, officers
from tests.integration.api import Api
from tests.integration.console.known import PASSWORD, Known, form_of, is_in
from tests.integration.officers import an_officer, browser_of, submit

LIST, NEW, ACCOUNT = "/console/officers", "/console/officers/new", "/console/account"
LINK = re.compile(r"<code>\S+(/console/welcome/[^<]+)</code>")


@pytest.fixture(autouse=True)
def clean(api: Api) -> None:
    """Nobody who could be the last administrator is left from another test, and nobody has tried."""
    with api.world.runtime.db.transaction() as tx:
        tx.execute(update(officers).values(disabled_at=tx.now))
        tx.execute(sign_in_tries.delete())


def state(api: Api, officer_id: UUID) -> tuple[list[str], bool]:
    with api.world.runtime.db.read() as tx:
        row = tx.execute(select(officers).where(officers.c.id == officer_id)).one()
    return list(row.roles), row.disabled_at is None


def own_id(api: Api, browser: FlaskClient) -> UUID:
    with api.world.runtime.db.read() as tx:
        newest = select(officer_sessions.c.officer_id).order_by(officer_sessions.c.begun_at.desc()).limit(1)
        return UUID(str(tx.execute(newest).scalar_one()))


def test_an_administrator_adds_an_officer_who_then_chooses_a_password(api: Api) -> None:
    browser = browser_of(api.app, api.world.runtime, Role.ADMINISTRATOR)
    email = "new.officer@gov.example"
    answer = submit(browser, NEW, NEW, email=email.title(), name=" Lê  Thị Mới ", roles="finance")
    link = LINK.search(answer.text)
    assert link
    assert "Lê Thị Mới" in browser.get(LIST).text
    assert email in api.app.test_client().get(link[1]).text
    again = submit(browser, NEW, NEW, email=email, name="Another", roles="finance")
    assert again.status_code == 422
    assert 'id="email-fault"' in again.text
    assert 'value="Another"' in again.text


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"email": "nobody", "name": "A", "roles": "finance"}, "email"),
        ({"email": "a@b.example", "name": " ", "roles": "finance"}, "name"),
        ({"email": "a@b.example", "name": "A"}, "roles"),
        ({"email": "a@b.example", "name": "A", "roles": "king"}, "roles"),
        ({"email": "a@b.example", "name": "A", "roles": "finance", "agency": "no-such"}, "agency"),
    ],
)
def test_what_is_wrong_with_a_new_officer_is_said_at_its_field(api: Api, fields: dict[str, str], fault: str) -> None:
    browser = browser_of(api.app, api.world.runtime, Role.ADMINISTRATOR)
    answer = submit(browser, NEW, NEW, **fields)
    assert answer.status_code == 422
    assert f'<a href="#{fault}">' in answer.text


def test_roles_change_at_once_and_are_on_record(api: Api) -> None:
    known = Known(api)
    theirs = known.signed_in()
    browser = browser_of(api.app, api.world.runtime, Role.ADMINISTRATOR)
    page = f"{LIST}/{known.id}"
    assert submit(browser, page, f"{page}/roles", roles="administrator").status_code == 303
    assert state(api, known.id)[0] == ["administrator"]
    assert theirs.get(LIST).status_code == 200
    told = known.audited("officer.roles_changed")
    assert [(line.before, line.after) for line in told] == [({"roles": ["finance"]}, {"roles": ["administrator"]})]
    assert told[0].actor == f"officer:{own_id(api, browser)}"
    assert submit(browser, page, f"{page}/roles").status_code == 422
    assert submit(browser, page, f"{page}/roles", roles="viewer").status_code == 303
    assert (theirs.get(LIST).status_code, is_in(theirs)) == (403, True)


def test_a_disabled_officer_is_out_at_once_and_can_be_let_in_again(api: Api) -> None:
    known = Known(api)
    theirs = known.signed_in()
    browser = browser_of(api.app, api.world.runtime, Role.ADMINISTRATOR)
    page = f"{LIST}/{known.id}"
    assert submit(browser, page, f"{page}/disable").status_code == 303
    assert not is_in(theirs)
    assert known.by_password(api.app.test_client()).status_code == 401
    assert submit(browser, page, f"{page}/enable").status_code == 303
    assert known.by_password(api.app.test_client()).status_code == 303
    assert not is_in(theirs)


def test_an_officer_who_lost_everything_begins_anew(api: Api) -> None:
    known = Known(api)
    theirs = known.signed_in()
    browser = browser_of(api.app, api.world.runtime, Role.ADMINISTRATOR)
    page = f"{LIST}/{known.id}/reset"
    link = LINK.search(submit(browser, page, page).text)
    assert link
    assert not is_in(theirs)
    fresh = api.app.test_client()
    assert known.by_password(fresh).status_code == 401
    other = "seven green turtles swim"
    assert submit(fresh, link[1], link[1], password=other, again=other).location.startswith("/console/sign-in/set-up")


def test_nobody_changes_themselves_and_the_last_administrator_stays(api: Api) -> None:
    runtime = api.world.runtime
    browser = browser_of(api.app, runtime, Role.ADMINISTRATOR)
    me = own_id(api, browser)
    form = form_of(browser.get(ACCOUNT))
    for what in ("roles", "disable", "reset"):
        answer = browser.post(f"{LIST}/{me}/{what}", data={"form": form, "roles": "finance"})
        assert answer.status_code == 403
    other = an_officer(runtime, [Role.ADMINISTRATOR])
    with runtime.db.transaction() as tx:
        tx.execute(update(officers).where(officers.c.id == me).values(roles=["finance"], disabled_at=tx.now))
    outcome = CliRunner().invoke(cli, ["officers", "disable", f"{other}@gov.example"], obj=composer(api))
    assert (outcome.exit_code, "last administrator" in outcome.output) == (1, True)
    assert state(api, other) == (["administrator"], True)


def test_an_administrator_of_one_agency_sees_and_adds_officers_of_it_only(api: Api) -> None:
    runtime = api.world.runtime
    with runtime.db.read() as tx:
        agency = tx.execute(select(agencies.c.id).limit(1)).scalar_one()
    elsewhere = an_officer(runtime, [Role.FINANCE], name="Elsewhere")
    browser = browser_of(api.app, runtime, Role.ADMINISTRATOR, agency_id=agency)
    assert "Elsewhere" not in browser.get(LIST).text
    form = form_of(browser.get(NEW))
    for path in (f"{LIST}/{elsewhere}/roles", f"{LIST}/{elsewhere}/disable", f"{LIST}/{elsewhere}/reset"):
        assert browser.post(path, data={"form": form, "roles": "finance"}).status_code == 404
    fields = {"form": form, "email": "z@gov.example", "name": "Z", "roles": "finance"}
    assert browser.post(NEW, data=fields).status_code == 403


def test_an_officer_changes_the_password_and_is_signed_out_elsewhere(api: Api) -> None:
    known = Known(api)
    elsewhere, here = api.app.test_client(), api.app.test_client()
    for browser, ago in ((elsewhere, timedelta(seconds=30)), (here, timedelta())):
        known.by_password(browser)
        assert known.by_code(browser, known.code(ago)).status_code == 303
    page, other = f"{ACCOUNT}/password", "seven green turtles swim"
    for current, new, fault in (("x", other, "current"), (PASSWORD, "short", "password")):
        answer = submit(here, page, page, current=current, password=new, again=new)
        assert (answer.status_code, f'id="{fault}-fault"' in answer.text) == (422, True)
    assert is_in(elsewhere)
    assert submit(here, page, page, current=PASSWORD, password=other, again=other).status_code == 303
    assert (is_in(here), is_in(elsewhere)) == (True, False)
    assert known.by_password(api.app.test_client()).status_code == 401
    assert known.by_password(api.app.test_client(), other).status_code == 303


def test_what_could_let_a_thief_stay_needs_a_session_of_a_moment_ago(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    known = Known(api)
    browser = known.signed_in()
    page = f"{ACCOUNT}/authenticator"
    form = form_of(browser.get(page))
    codes = browser.post(f"{ACCOUNT}/recovery-codes", data={"form": form})
    assert codes.text.count("<li><code>") == 10
    assert ">10" in browser.get(f"{ACCOUNT}?lang=en").text
    monkeypatch.setattr("gateway.services.my_account.FRESH", timedelta())
    for path in (page, f"{ACCOUNT}/recovery-codes", f"{ACCOUNT}/passkeys/new"):
        answer = browser.post(path, data={"form": form, "code": "000000", "label": "x"})
        assert answer.location.startswith("/console/sign-in?next=/console/account"), path
    assert is_in(browser)


def test_the_command_line_makes_the_first_administrator(api: Api) -> None:
    run, obj = CliRunner(), composer(api)
    arguments = ["officers", "add", "--email", "first@gov.example", "--name", "First", "--role", "administrator"]
    added = run.invoke(cli, arguments, obj=obj)
    link = added.output.strip().removeprefix(api.world.runtime.public_url)
    assert api.app.test_client().get(link).status_code == 200
    listed = run.invoke(cli, ["officers", "list"], obj=obj).output
    assert "first@gov.example\tFirst\tadministrator\tinvited" in listed
    assert run.invoke(cli, arguments, obj=obj).exit_code == 1
    assert run.invoke(cli, ["officers", "roles", "nobody@gov.example", "--role", "viewer"], obj=obj).exit_code == 1


def composer(api: Api) -> Composer:
    composition = Composition(api.settings, api.world.runtime, api.ring)
    return Composer(lambda: composition, lambda _: None, {})
