"""A catalogue of one's own for a test: its agencies and one procedure, written into a folder and read again."""

from pathlib import Path

import pytest
import yaml

from gateway.services.read_catalogue import CatalogueFault, read_catalogue

BOTH = {"vi": "Một", "en": "One"}
AGENCY: dict[str, object] = {
    "code": "a",
    "names": BOTH,
    "country": "VN",
    "time_zone": "Asia/Ho_Chi_Minh",
    "currency": "VND",
    "bank_account": "0123456789",
    "bank_code": "970436",
    "account_holder": "KBNN",
    "receipt_series": "DEMO",
    "providers": ["sandbox"],
}


def write(folder: Path, definition: object, agencies: object = (AGENCY,)) -> Path:
    (folder / "agencies.yaml").write_text(yaml.safe_dump({"agencies": list(agencies)}), encoding="utf-8")  # type: ignore[call-overload]
    (folder / "p.yaml").write_text(yaml.safe_dump({"procedures": [definition]}), encoding="utf-8")
    return folder


def faults(folder: Path) -> dict[str, str]:
    with pytest.raises(CatalogueFault) as refused:
        read_catalogue(folder)
    assert all(
        place in refused.value.detail and fix in refused.value.detail for place, fix in refused.value.fields.items()
    )
    return refused.value.fields
