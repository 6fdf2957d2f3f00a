"""Every provider in the registry has a conformance class, and every package under providers/ its parts."""

from pathlib import Path

import pytest

import providers
from providers import registry
from providers.bank_transfer.schemes import SCHEMES
from tests.providers.conformance import ProviderConformance, TransferConformance
from tests.providers.suite.facts import Facts
from tests.providers.test_bank_transfer import TestEpn, TestFik, TestPayNow, TestSepa, TestVietQr
from tests.providers.test_momo import TestMomo
from tests.providers.test_paygov import TestPayGov
from tests.providers.test_sandbox import TestSandbox
from tests.providers.test_stripe import TestStripe
from tests.providers.test_vnpay import TestVnpay
from tests.providers.test_zalopay import TestZaloPay

TESTED: tuple[type[Facts], ...] = (
    TestSandbox,
    TestStripe,
    TestVnpay,
    TestMomo,
    TestZaloPay,
    TestPayGov,
    TestVietQr,
    TestPayNow,
    TestSepa,
    TestFik,
    TestEpn,
)
BANK_TRANSFER = "bank_transfer"  # one package, a provider for each of its schemes
NO_PROVIDER = {"simulation"}  # what all simulators share
PARTS = {"__init__.py", "adapter.py", "wire.py", "settlement.py", "simulator.py"}

for tested in TESTED:  # they run in their own modules
    del globals()[tested.__name__]

ROOT = Path(providers.__file__).parent
PACKAGES = sorted(path.parent.name for path in ROOT.glob("*/__init__.py") if path.parent.name not in NO_PROVIDER)


def test_there_are_packages_to_look_at() -> None:
    assert {"sandbox", "stripe", "vnpay"} <= set(PACKAGES)


@pytest.mark.parametrize("provider", sorted(registry.ADAPTERS))
def test_every_provider_has_a_conformance_class(provider: str) -> None:
    classes = [tested for tested in TESTED if tested.provider == provider]
    assert len(classes) == 1, f"{provider} needs a class on ProviderConformance, listed in TESTED"
    assert issubclass(classes[0], ProviderConformance | TransferConformance)


def test_every_provider_has_a_simulator() -> None:
    assert set(registry.ADAPTERS) == set(registry.SIMULATORS)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_has_its_parts_and_its_lines_in_the_registry(package: str) -> None:
    assert {path.name for path in (ROOT / package).glob("*.py")} >= PARTS
    names = set(SCHEMES) if package == BANK_TRANSFER else {package}
    assert names <= set(registry.ADAPTERS)


def test_a_provider_that_does_not_exist_is_named() -> None:
    with pytest.raises(registry.UnknownProvider, match=r"'nobody'.*sandbox.*stripe.*vnpay"):
        registry.build("nobody", {})
    with pytest.raises(registry.UnknownProvider, match="'nobody'"):
        registry.serve("nobody", 0, Path("unused"), {})
