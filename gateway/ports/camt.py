"""ISO 20022 camt.053 (statement) and camt.054 (notification), versions 001.02 to 001.13, as a stream of neutral rows.

It is read from bytes as they come and holds one entry at a time. The message is believed only whole: its namespace is
one of those above, what an entry's details say adds up to the entry, where both balances are stated, opening + booked
entries = closing, and where the summary states counts and sums, they are those of the entries. A fault is found out at
the latest at the end, after rows were yielded, so a caller keeps all rows or none.

It lives with the ports because both who asks a bank and who reconciles with it read the same message.
"""

import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache

from gateway.domain.errors import GatewayError
from gateway.domain.money import Money, from_major
from gateway.ports.camt_shape import CURRENCY_OF, ENTRY, FREE_TEXT, RETURN, Facts
from gateway.ports.camt_xml import Part, Row, Walk
from gateway.ports.statement import BOOKED, Statement, StatementEntry, Tell, UnreadableStatement

OPENING, CLOSING = ("OPBD", "PRCD"), ("CLBD",)
DIRECTIONS = {"CRDT": True, "DBIT": False}
FLAGS = {"": False, "true": True, "1": True, "false": False, "0": False}
NOT_PROVIDED = "NOTPROVIDED"  # what payers' banks write where an id must stand and there is none
BALANCES_MAX = 100  # the standard knows some twenty types

_AMOUNT = re.compile(r"[0-9]{1,18}(\.[0-9]{1,5})?", re.ASCII)
_COUNT = re.compile(r"[0-9]{1,15}", re.ASCII)
_WRONG = "an amount or a date is wrong"
_BANKS_NAME, _BANKS_NAME_OF_DETAIL = "AcctSvcrRef", "Refs/AcctSvcrRef"
_OTHER_NAMES = ("Refs/TxId", "Refs/EndToEndId")  # in the order in which they are trusted to tell details apart
_DAYS = {path: (f"{path}/Dt", f"{path}/DtTm") for path in ("Dt", "BookgDt", "ValDt")}
_CURRENCY = {path: CURRENCY_OF.format(path) for path in ("Amt", "AmtDtls/TxAmt/Amt")}


def read(chunks: Iterable[bytes]) -> Iterator[Row]:
    """The statements of a message, each before its entries. Raises UnreadableStatement, which means the whole of it."""
    seen: set[tuple[str, str]] = set()
    for row in Walk(_Account).rows(chunks):
        if isinstance(row, Statement):
            if (row.account, row.id) in seen:
                raise UnreadableStatement("a statement stands twice in it", field="Id")
            seen.add((row.account, row.id))
        yield row


def read_on(chunks: Iterable[bytes], tell: Tell) -> Iterator[tuple[int | None, Row]]:
    """The rows of what can be read, each entry with its line, though some cannot. Raises UnreadableStatement where no
    further reading is possible."""
    ends = _Ends()
    lines: deque[int | None] = deque()

    class Account(_Lenient):
        def __init__(self) -> None:
            super().__init__(ends, lines, tell)

    for row in Walk(Account).rows(ends.passing(chunks)):
        yield lines.popleft(), row


@dataclass(slots=True)
class _Sum:
    """Entries of one direction, without their currency as the summary has none."""

    count: int = 0
    minor: int = 0


class _Account:
    """One Stmt or Ntfctn: its head, which is complete when the first entry comes, and the sum of its entries."""

    def __init__(self) -> None:
        self.id = ""
        self.account = ""
        self._to: date | None = None
        self._balances: dict[str, tuple[Money, date]] = {}
        self._head: Statement | None = None
        self._currency: str | None = None
        self._summary: Facts = {}
        # By whether they are booked, and whether they are credits.
        self._sums = {(booked, credit): _Sum() for booked in (True, False) for credit in (True, False)}
        self.entries = 0

    def taken(self, part: Part) -> Sequence[Row]:
        if part.name != ENTRY:
            self._heading(part.name, part.facts)
            return ()
        begun = self._begun()
        self.entries += 1
        try:
            return (*begun, *self._entry(part.facts, part.details))
        except UnreadableStatement as fault:
            raise UnreadableStatement(f"entry {self.entries}: {fault.reason}", field=fault.field or ENTRY) from None

    def ended(self) -> Sequence[Row]:
        begun, head = self._begun(), self._head
        if self._summary:
            self._check_summary()
        if head is not None and head.opening is not None and head.closing is not None:
            booked = self._sums[True, True].minor - self._sums[True, False].minor
            if head.opening.amount_minor + booked != head.closing.amount_minor:
                raise UnreadableStatement(
                    "its opening balance and its entries do not make its closing balance", field="Bal"
                )
        return begun

    def _begun(self) -> Sequence[Row]:
        if self._head is not None:
            return ()
        if not self.id or not self.account:
            raise UnreadableStatement("an account has no id or no number", field="Acct" if self.id else "Id")
        opening = next((self._balances[code] for code in OPENING if code in self._balances), None)
        closing = next((self._balances[code] for code in CLOSING if code in self._balances), None)
        if opening is not None and closing is not None and opening[0].currency != closing[0].currency:
            raise UnreadableStatement("its balances are in two currencies", field="Bal")
        day = closing[1] if closing is not None else self._to
        self._head = Statement(
            self.id, self.account, day, None if opening is None else opening[0], None if closing is None else closing[0]
        )
        self._currency = None if closing is None else closing[0].currency
        return (self._head,)

    def _heading(self, name: str, facts: Facts) -> None:
        if self._head is not None:
            raise UnreadableStatement(f"{name} comes after the first entry", field=name)
        if name == "Id":
            self.id = facts[""]
        elif name == "Acct":
            self.account = (facts.get("Id/IBAN") or facts.get("Id/Othr/Id") or "").replace(" ", "")
        elif name == "FrToDt":
            self._to = _date(_needed(facts, "ToDtTm"), name)
        elif name == "TxsSummry":
            self._summary = facts
        else:
            self._balance(facts)

    def _balance(self, facts: Facts) -> None:
        if len(self._balances) >= BALANCES_MAX:
            raise UnreadableStatement(f"it has more than {BALANCES_MAX} balances", field="Bal")
        amount = _money(facts)
        signed = amount if _direction(facts) else -amount
        code = facts.get("Tp/CdOrPrtry/Cd") or facts.get("Tp/CdOrPrtry/Prtry") or ""
        self._balances[code] = (signed, _day(facts, "Dt")[0])

    def _entry(self, facts: Facts, details: Sequence[Facts]) -> Sequence[StatementEntry]:
        amount, credit = _money(facts), _direction(facts)
        status = facts.get("Sts/Cd") or facts.get("Sts/Prtry") or facts.get("Sts", "")
        self._add(amount, credit, booked=status == BOOKED)
        if len(details) <= 1:
            detail = details[0] if details else {}
            name = detail.get(_BANKS_NAME_OF_DETAIL) or facts.get(_BANKS_NAME, "")
            return (self._row(facts, detail, amount, credit, status, name),)
        rows = [
            self._row(facts, detail, _detail_amount(detail), _direction(detail, credit), status, name)
            for detail, name in zip(details, _bookings(facts.get(_BANKS_NAME, ""), details), strict=True)
        ]
        if any(row.amount.currency != amount.currency for row in rows):
            raise UnreadableStatement("its details are in another currency", field="TxDtls")
        if sum(row.amount.amount_minor if row.credit is credit else -row.amount.amount_minor for row in rows) != (
            amount.amount_minor
        ):
            raise UnreadableStatement("its details do not add up to it", field="TxDtls")
        return rows

    def _add(self, amount: Money, credit: bool, *, booked: bool) -> None:
        """Only what is booked is bound to the account's currency."""
        if booked:
            if self._currency is None:
                self._currency = amount.currency
            elif amount.currency != self._currency:
                raise UnreadableStatement("it is in another currency than its account", field="Amt")
        moved = self._sums[booked, credit]
        moved.count += 1
        moved.minor += amount.amount_minor

    def _check_summary(self) -> None:
        """Banks state them of all entries, or of those that are booked; one of the two must fit throughout."""
        if not any(self._is_summary_of(statuses) for statuses in ((True, False), (True,))):
            raise UnreadableStatement("its summary counts or adds up other entries than there are", field="TxsSummry")

    def _is_summary_of(self, statuses: Sequence[bool]) -> bool:
        for name, directions in (
            ("TtlNtries", (True, False)),
            ("TtlCdtNtries", (True,)),
            ("TtlDbtNtries", (False,)),
        ):
            sums = [self._sums[status, credit] for status in statuses for credit in directions]
            count, stated = self._summary.get(f"{name}/NbOfNtries"), self._summary.get(f"{name}/Sum")
            if count is not None and (not _COUNT.fullmatch(count) or int(count) != sum(one.count for one in sums)):
                return False
            if stated is not None and not self._is_sum(stated, sum(one.minor for one in sums)):
                return False
        return True

    def _is_sum(self, stated: str, minor: int) -> bool:
        if not _AMOUNT.fullmatch(stated):
            return False
        if self._currency is None:
            return minor != 0 or not Decimal(stated)
        return Decimal(stated) == Money(minor, self._currency).major()

    def _row(
        self, entry: Facts, detail: Facts, amount: Money, credit: bool, status: str, booking: str
    ) -> StatementEntry:
        booked_on, booked_at = _day(entry, "BookgDt")
        return StatementEntry(
            self.id,
            self.account,
            self.entries,
            amount,
            credit,
            _flag(entry, "RvslInd"),
            RETURN in detail,
            status,
            booked_on,
            booked_at,
            _day(entry, "ValDt")[0] if "ValDt/Dt" in entry or "ValDt/DtTm" in entry else None,
            _code(detail) or _code(entry),
            entry.get("NtryRef", ""),
            booking,
            _provided(detail, "Refs/EndToEndId"),
            _provided(detail, "Refs/TxId"),
            _provided(detail, "Refs/InstrId"),
            detail.get("RmtInf/Strd/CdtrRefInf/Ref", ""),
            detail.get(FREE_TEXT, ""),
        )


class _Lenient(_Account):
    """Tells of a part that is wrong and goes on without it. What it would have added to the balances and the summary is
    missing then, so that they are not looked at."""

    def __init__(self, ends: "_Ends", lines: deque[int | None], tell: Tell) -> None:
        super().__init__()
        self._ends, self._lines, self._tell = ends, lines, tell
        self._is_wrong = False

    def taken(self, part: Part) -> Sequence[Row]:
        line = self._ends.line_of(part.name)
        return self._told(lambda: super(_Lenient, self).taken(part), line)

    def ended(self) -> Sequence[Row]:
        return self._told(self._begun if self._is_wrong else super().ended, None)

    def _told(self, rows_of: Callable[[], Sequence[Row]], line: int | None) -> Sequence[Row]:
        try:
            rows = rows_of()
        except UnreadableStatement as fault:
            self._is_wrong = True
            self._tell(UnreadableStatement(fault.reason, line=line, field=fault.field))
            return ()
        self._lines.extend(line if isinstance(row, StatementEntry) else None for row in rows)
        return rows


class _Ends:
    """On which lines the parts of accounts ended, in their order."""

    _PART = re.compile(rb"</(?:[^\s<>/:]+:)?(%s)\s*>" % "|".join((ENTRY, "Bal", "TxsSummry")).encode())
    _LONGEST = 256  # of such a tag, which may be cut in two

    def __init__(self) -> None:
        self._found: dict[str, deque[int]] = {}

    def passing(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        line, rest = 1, b""
        for chunk in chunks:
            text = rest + chunk
            at = 0
            for tag in self._PART.finditer(text):
                line, at = line + text.count(b"\n", at, tag.end()), tag.end()
                self._found.setdefault(tag[1].decode(), deque()).append(line)
            cut = max(at, len(text) - self._LONGEST)
            line, rest = line + text.count(b"\n", at, cut), text[cut:]
            yield chunk

    def line_of(self, name: str) -> int | None:
        """Of the next part of that name; None if it is not looked for."""
        found = self._found.get(name)
        return found.popleft() if found else None


def _bookings(whole: str, details: Sequence[Facts]) -> list[str]:
    """The bank's name of each booking of an entry that it calls `whole`: distinct, and the same in camt.053 as in
    camt.054. Of a collective entry, a detail's own name counts if no other has it: some banks repeat the entry's in
    each. Else it is the entry's with whatever id only this detail has, or with its place."""
    own = [detail.get(_BANKS_NAME_OF_DETAIL, "") for detail in details]
    ids = [[_provided(detail, path) for path in _OTHER_NAMES] for detail in details]
    known, borne = Counter([whole, *own]), Counter(one for some in ids for one in set(some))
    borne.update(str(place) for place in range(1, len(details) + 1))  # so that no id is taken for a place
    names = []
    for place, (name, some) in enumerate(zip(own, ids, strict=True), start=1):
        part = next((one for one in some if one and borne[one] == 1), str(place))
        shared = whole or name
        names.append(name if name and known[name] == 1 else f"{shared}/{part}" if shared else "")
    return names


def _needed(facts: Facts, path: str) -> str:
    text = facts.get(path)
    if not text:
        raise UnreadableStatement(f"{path} is missing", field=path)
    return text


def _provided(facts: Facts, path: str) -> str:
    text = facts.get(path, "")
    return "" if text == NOT_PROVIDED else text


def _money(facts: Facts, path: str = "Amt") -> Money:
    stated = _needed(facts, path)
    try:
        return _amount(stated, facts.get(_CURRENCY[path], ""))
    except ValueError:
        raise UnreadableStatement(f"{path} is not an amount", field=path) from None
    except GatewayError:
        raise UnreadableStatement(f"{_WRONG}: {path}", field=path) from None


@lru_cache(maxsize=4096)  # the fees of a tariff come again and again
def _amount(stated: str, currency: str) -> Money:
    """Raises ValueError if it is none, and GatewayError if it is none of `currency`."""
    if not _AMOUNT.fullmatch(stated):
        raise ValueError
    return from_major(stated, currency)


def _detail_amount(detail: Facts) -> Money:
    """A payment's part of a collective booking; version 02 has it one level deeper."""
    return _money(detail, "Amt" if "Amt" in detail else "AmtDtls/TxAmt/Amt")


def _direction(facts: Facts, otherwise: bool | None = None) -> bool:
    """Whether money came to the account."""
    word = facts.get("CdtDbtInd", "")
    credit = DIRECTIONS.get(word, None if word else otherwise)
    if credit is None:
        raise UnreadableStatement("CdtDbtInd is neither CRDT nor DBIT", field="CdtDbtInd")
    return credit


def _flag(facts: Facts, path: str) -> bool:
    word = facts.get(path, "")
    if word not in FLAGS:
        raise UnreadableStatement(f"{path} is neither true nor false", field=path)
    return FLAGS[word]


def _day(facts: Facts, path: str) -> tuple[date, datetime | None]:
    """A date, with the instant if one is stated together with its zone."""
    of_day, of_moment = _DAYS[path]
    moment = facts.get(of_moment)
    if not moment:
        return _date(_needed(facts, of_day), path), None
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        raise UnreadableStatement(f"{_WRONG}: {path}", field=path) from None
    return at.date(), at if at.tzinfo is not None else None


@lru_cache(maxsize=256)
def _date(text: str, path: str) -> date:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise UnreadableStatement(f"{_WRONG}: {path}", field=path) from None


def _code(facts: Facts) -> str:
    family, subfamily = facts.get("BkTxCd/Domn/Fmly/Cd"), facts.get("BkTxCd/Domn/Fmly/SubFmlyCd")
    return f"{family}/{subfamily}" if family and subfamily else facts.get("BkTxCd/Prtry/Cd", "")
