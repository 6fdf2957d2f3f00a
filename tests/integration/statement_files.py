"""Statements as banks write them, for the tests of what becomes of them."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from gateway.services.runtime import Runtime
from gateway.store.database import Transaction
from reconciliation.statements.learn import learn_statement
from reconciliation.statements.load import Loaded, Then, Upload, load_statement

DAY = date(2026, 3, 2)


@dataclass(frozen=True)
class Movement:
    """`minor` is signed; `kind` is MT940's mark: C, D, RC (a credit taken back) or RD."""

    minor: int
    words: str = ""
    bank: str = ""
    kind: str = ""
    owner: str = "NONREF"


def mt940(
    account: str,
    movements: Sequence[Movement],
    *,
    number: int = 1,
    day: date = DAY,
    opening: int = 0,
    closing: int | None = None,
) -> bytes:
    """A statement in VND. With another `closing` than its movements make it contradicts itself."""
    written = f"{day:%y%m%d}"
    ends = opening + sum(movement.minor for movement in movements) if closing is None else closing
    lines = [f":20:STMT{number}", f":25:{account}", f":28C:{number}/1", f":60F:C{written}VND{opening},"]
    for movement in movements:
        mark = movement.kind or ("C" if movement.minor >= 0 else "D")
        bank = f"//{movement.bank}" if movement.bank else ""
        lines.append(f":61:{written}{written[2:]}{mark}{abs(movement.minor)},NTRF{movement.owner}{bank}")
        lines += [f":86:{movement.words}"] if movement.words else []
    return "\n".join([*lines, f":62F:C{written}VND{ends},", "-", ""]).encode()


def camt(
    account: str,
    movements: Sequence[Movement],
    *,
    number: int = 1,
    day: date = DAY,
    reversal: bool = False,
    end_to_end_id: str = "",
) -> bytes:
    """The same as camt.053, without balances. With `reversal` each undoes a booking that has this end-to-end id."""
    entries = "".join(
        f"<Ntry><Amt Ccy='VND'>{abs(movement.minor)}</Amt>"
        f"<CdtDbtInd>{'CRDT' if movement.minor >= 0 else 'DBIT'}</CdtDbtInd>"
        f"<RvslInd>{str(reversal).lower()}</RvslInd><Sts>BOOK</Sts><BookgDt><Dt>{day}</Dt></BookgDt>"
        f"<AcctSvcrRef>{movement.bank}</AcctSvcrRef><BkTxCd/><NtryDtls><TxDtls>"
        f"<Refs><EndToEndId>{end_to_end_id}</EndToEndId></Refs><RmtInf><Ustrd>{movement.words}</Ustrd></RmtInf>"
        "</TxDtls></NtryDtls></Ntry>"
        for movement in movements
    )
    return (
        "<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.053.001.02'><BkToCstmrStmt><Stmt>"
        f"<Id>STMT{number}</Id><Acct><Id><Othr><Id>{account}</Id></Othr></Id></Acct>{entries}"
        "</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def wait(tx: Transaction, file_id: UUID) -> None:
    """No worker runs in these tests."""


def load(runtime: Runtime, content: bytes, layout: str = "", then: Then = wait) -> Loaded:
    return load_statement(runtime, Upload(io.BytesIO(content), "statement.sta", layout), "test", then)


def learn(runtime: Runtime, content: bytes) -> int:
    """Load it and learn what it tells. Returns how many bookings were news."""
    return learn_statement(runtime, load(runtime, content).file_id)
