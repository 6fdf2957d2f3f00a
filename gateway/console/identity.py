"""The addresses of the pages that tell who an officer is."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint

from gateway.console.account import AccountPages
from gateway.console.first_factor import FirstFactorPages
from gateway.console.officers import READERS, OfficersPages
from gateway.console.openid import OpenIdPages
from gateway.console.passkeys import PasskeyPages
from gateway.console.rendering import Console
from gateway.console.sign_in import SignInPages
from gateway.services.surface import N_, Section


def add_identity(pages: Blueprint, console: Console) -> None:
    """The pages of signing in, of an officer's own account, and for administrators of all officers."""
    runtime = console.runtime
    signing_in, first, openid = SignInPages(runtime), FirstFactorPages(runtime), OpenIdPages(runtime)
    account, passkeys, all_of_them = AccountPages(runtime), PasskeyPages(runtime), OfficersPages(runtime)
    post, both = ["POST"], ["GET", "POST"]
    one = "/officers/<uuid:officer_id>"
    rules: tuple[tuple[str, str, Callable[..., Any], list[str]], ...] = (
        ("/sign-in", "sign_in", signing_in.sign_in, both),
        ("/sign-in/second-step", "second_step", signing_in.second_step, both),
        ("/sign-in/set-up", "set_up", first.choose, ["GET"]),
        ("/sign-in/set-up/authenticator", "set_up_authenticator", first.authenticator, both),
        ("/sign-in/set-up/passkey", "set_up_passkey", first.passkey, both),
        ("/sign-in/leave", "leave_sign_in", signing_in.leave, post),
        ("/sign-in/openid", "openid", openid.begin, ["GET"]),
        ("/sign-in/openid/callback", "openid_callback", openid.callback, ["GET"]),
        ("/welcome/<token>", "welcome", signing_in.welcome, both),
        ("/passkey.js", "passkey_script", passkeys.script, ["GET"]),
        ("/sign-in/passkey", "passkey", passkeys.sign_in, both),
        ("/account", "account", account.account, ["GET"]),
        ("/account/password", "password", account.password, both),
        ("/account/authenticator", "authenticator", account.authenticator, both),
        ("/account/recovery-codes", "recovery_codes", account.recovery_codes, post),
        ("/account/sign-out-elsewhere", "elsewhere", account.elsewhere, post),
        ("/account/passkeys/new", "add_passkey", passkeys.add, both),
        ("/account/passkeys/<uuid:passkey_id>/remove", "remove_passkey", passkeys.remove, post),
        ("/officers", "officers", all_of_them.officers, ["GET"]),
        ("/officers/new", "add_officer", all_of_them.add, both),
        (one, "officer", all_of_them.one, ["GET"]),
        (f"{one}/roles", "officer_roles", all_of_them.roles, post),
        (f"{one}/disable", "disable_officer", all_of_them.disable, post),
        (f"{one}/enable", "enable_officer", all_of_them.enable, post),
        (f"{one}/reset", "reset_officer", all_of_them.reset, both),
    )
    for rule, endpoint, view, methods in rules:
        pages.add_url_rule(rule, endpoint, view, methods=methods)
    console.sections.append(Section(N_("Officers"), "console.officers", READERS))
