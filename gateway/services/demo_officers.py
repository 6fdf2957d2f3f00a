"""The officers of the demo: one of each role, and one who is administrator. Production never calls this."""

import secrets
from collections.abc import Iterable, Mapping
from typing import Any

import pyotp

from gateway.domain.officer import Role
from gateway.services.invite_officer import NewOfficer, add_officer
from gateway.services.passwords import hashed
from gateway.services.runtime import Runtime
from gateway.services.second_factors import add_authenticator
from gateway.store import identity, officers

NAMES: Mapping[Role, str] = {
    Role.VIEWER: "Trần Thị Xem",
    Role.FINANCE: "Nguyễn Văn Thu",
    Role.APPROVER: "Lê Thị Duyệt",
    Role.CATALOGUE_EDITOR: "Phạm Văn Soạn",
    Role.AUDITOR: "Hoàng Thị Soát",
    Role.ADMINISTRATOR: "Vũ Văn Quản",
}


def new_demo_officers() -> list[dict[str, Any]]:
    """Who they are and what they prove it by, for the file that a newcomer reads."""
    return [
        {
            "email": f"{role.replace('_', '-')}@demo.example",
            "name": name,
            "roles": [str(role)],
            "password": "-".join(secrets.token_hex(3) for _ in range(3)),
            "authenticator": pyotp.random_base32(),
        }
        for role, name in NAMES.items()
    ]


def load_demo_officers(runtime: Runtime, demo_officers: Iterable[Mapping[str, Any]]) -> None:
    """Add those who are not there yet; who is stays as they are."""
    for one in demo_officers:
        with runtime.db.transaction() as tx:
            if officers.by_email(tx, one["email"]):
                continue
            officer_id = add_officer(tx, NewOfficer(one["email"], one["name"], one["roles"]), "demo")
            identity.set_password(tx, officer_id, hashed(one["password"]))
            added = add_authenticator(tx, runtime, officer_id, one["authenticator"])
            identity.confirm_authenticator(tx, added, officer_id)
