"""Which passwords are good enough, and that only the right one matches."""

import pytest

from gateway.domain.errors import Invalid
from gateway.services.passwords import check_password, hashed, is_outdated, matches

EMAIL = "lan.nguyen@agency.gov"


@pytest.mark.parametrize("password", ["three blue herons", "ba con cò xanh", "xK9!vv2#QpLm", "        a b c d e f"])
def test_a_long_password_is_good_whatever_it_is_made_of(password: str) -> None:
    check_password(password, EMAIL)


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "x" * 257,
        "Password123456",
        "matkhau123456",
        "aaaaaaaaaaaaaa",
        "abababababab",
        f"x{EMAIL}",
        "Lan.Nguyen-2026!",
    ],
)
def test_a_password_that_is_easily_guessed_is_refused(password: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_password(password, EMAIL)
    assert password not in str(refused.value)
    assert set(refused.value.fields) == {"password"}


def test_only_the_password_matches_its_hash() -> None:
    kept = hashed("ba con cò xanh")
    assert matches("ba con cò xanh", kept)  # written with combining marks
    assert not matches("ba con co xanh", kept)
    assert not matches("nobody has this password", None)
    assert kept.startswith("$argon2id$v=19$m=47104,t=1,p=1$")
    assert not is_outdated(kept)
    assert is_outdated("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$MTIzNDU2Nzg5MDEyMzQ1Ng")
