"""What is kept of a camt message: a table of the few paths that are needed, and for each shape that a part can have the
places of its texts, so that it is asked once for all parts of one shape."""

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from functools import cache
from typing import NamedTuple
from xml.etree.ElementTree import Element

from gateway.ports.statement import UnreadableStatement

Facts = dict[str, str]

MESSAGES = {  # the number in the namespace: the element of the message, and that of an account within it
    "053": ("BkToCstmrStmt", "Stmt"),
    "054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
}
DEPTH_MAX = 24  # the schema's deepest path has 15
TEXT_MAX = 500
REMITTANCE_MAX = 20 * TEXT_MAX  # of one payment, whose text may come in many parts

CURRENCY_OF = "{}@Ccy"
ENTRY = "Ntry"
RETURN = "RtrInf"
FREE_TEXT = "RmtInf/Ustrd"
_CODE = "BkTxCd/Domn/Fmly/Cd BkTxCd/Domn/Fmly/SubFmlyCd BkTxCd/Prtry/Cd"
_PARTS: Mapping[str, str] = {  # of an account: the texts that are kept of each
    "Id": "",
    "Acct": "Id/IBAN Id/Othr/Id",
    "FrToDt": "ToDtTm",
    "Bal": "Tp/CdOrPrtry/Cd Tp/CdOrPrtry/Prtry Amt CdtDbtInd Dt/Dt Dt/DtTm",
    "TxsSummry": "TtlNtries/NbOfNtries TtlNtries/Sum TtlCdtNtries/NbOfNtries TtlCdtNtries/Sum TtlDbtNtries/NbOfNtries "
    "TtlDbtNtries/Sum",
    ENTRY: "NtryRef Amt CdtDbtInd RvslInd Sts Sts/Cd Sts/Prtry BookgDt/Dt BookgDt/DtTm ValDt/Dt ValDt/DtTm AcctSvcrRef "
    + _CODE,
}
_DETAIL = "NtryDtls/TxDtls"
_DETAIL_TEXTS = (
    "Refs/AcctSvcrRef Refs/EndToEndId Refs/TxId Refs/InstrId Amt AmtDtls/TxAmt/Amt CdtDbtInd "
    f"{FREE_TEXT} RmtInf/Strd/CdtrRefInf/Ref {_CODE}"
)


class Kind(IntEnum):
    WAY = 0  # only leads to others
    TEXT = 1
    MARK = 2  # only that it is there counts
    DETAIL = 3
    PART = 4
    ACCOUNT = 5
    MESSAGE = 6


# As plain numbers: they are compared for every element.
_TEXT, _MARK, DETAILS, _PART, _ACCOUNT, _MESSAGE = map(int, list(Kind)[1:])


class Step(dict[str, "Step"]):
    """An element on a path that is needed, with those below it by their names with the namespace."""

    __slots__ = ("currency", "key", "kind")

    def __init__(self) -> None:
        super().__init__()
        self.kind = int(Kind.WAY)
        self.key = ""
        self.currency: str | None = None  # under which that of an amount is kept


@cache
def table(namespace: str, number: str) -> Step:
    """What stands below Document."""
    message, account = MESSAGES[number]
    document = Step()
    within = _step(_step(document, namespace, message, _MESSAGE), namespace, account, _ACCOUNT)
    for name, texts in _PARTS.items():
        part = _step(within, namespace, name, _PART)
        for path in texts.split():
            _step(part, namespace, path, _TEXT)
    detail = _step(within, namespace, f"{ENTRY}/{_DETAIL}", DETAILS)
    for path in _DETAIL_TEXTS.split():
        _step(detail, namespace, path, _TEXT)
    _step(detail, namespace, RETURN, _MARK)
    return document


def _step(start: Step, namespace: str, path: str, kind: int) -> Step:
    step = start
    for name in path.split("/"):
        step = step.setdefault(f"{{{namespace}}}{name}", Step())
    step.kind, step.key = kind, path
    if path.endswith("Amt"):
        step.currency = CURRENCY_OF.format(path)
    return step


# Whose it is, under which key it is kept, and its code.
Currency = tuple[int, str, str]


class _Kept(NamedTuple):
    """A text to keep: the place of its element in its part, and whose it is: of the part itself (0) or of a payment."""

    place: int
    owner: int
    key: str
    currency: str | None


class Plan:
    """What is kept of all parts of one shape. Raises UnreadableStatement for a shape that no part may have."""

    def __init__(self, part: Element, step: Step, depth: int) -> None:
        self.kept: list[_Kept] = []
        self.marks: list[int] = []
        self.owners = 1
        self._place = 0
        self._seen: set[tuple[int, str]] = set()
        if step:
            self._below(part, step, 0, depth)
        else:
            self._text(part, step, 0)

    def _below(self, element: Element, table: Step, owner: int, depth: int) -> None:
        for child in element:
            self._place += 1
            step = table.get(child.tag)
            if step is None:
                refuse_depth(child, depth + 1)
                self._place += sum(1 for _ in child.iter()) - 1
                continue
            whose = owner
            if step.kind == _TEXT:
                self._text(child, step, owner)
            elif step.kind == _MARK:
                self.marks.append(owner)
            elif step.kind == DETAILS:
                whose, self.owners = self.owners, self.owners + 1
            self._below(child, step, whose, depth + 1)

    def _text(self, element: Element, step: Step, owner: int) -> None:
        """The first of several counts, but of the remittance every one."""
        key = step.key if step.kind == _TEXT else ""
        if any(child.tag not in step for child in element):
            raise UnreadableStatement(f"{step.key} has an element where it must have a text", field=step.key)
        if (owner, key) not in self._seen or key == FREE_TEXT:
            self._seen.add((owner, key))
            self.kept.append(_Kept(self._place, owner, key, step.currency))

    def read(self, elements: Sequence[Element]) -> list[Facts]:
        """The texts of the part, and of each payment in it."""
        return self.facts([elements[one.place].text or "" for one in self.kept], self.currencies(elements))

    def currencies(self, elements: Sequence[Element]) -> list[Currency]:
        """Those of its amounts, where they are stated."""
        return [
            (one.owner, one.currency, named)
            for one in self.kept
            if one.currency is not None and (named := elements[one.place].get("Ccy")) is not None
        ]

    def facts(self, texts: Iterable[str], currencies: Iterable[Currency]) -> list[Facts]:
        """Raises UnreadableStatement for a text that is too long."""
        found: list[Facts] = [{} for _ in range(self.owners)]
        for (_, owner, key, _), text in zip(self.kept, map(str.strip, texts), strict=True):
            facts = found[owner]
            if len(text) > TEXT_MAX:
                raise UnreadableStatement(f"a text is longer than {TEXT_MAX}", field=key)
            if key not in facts:
                facts[key] = text
            elif len(facts[key]) < REMITTANCE_MAX:
                facts[key] += f" {text}"
            else:
                raise UnreadableStatement(f"its texts together are longer than {REMITTANCE_MAX}", field=key)
        for owner, key, named in currencies:
            found[owner][key] = named
        for owner in self.marks:
            found[owner][RETURN] = ""
        return found


def refuse_depth(element: Element, depth: int) -> None:
    """If anything below `element`, which stands so deep, is deeper than it may be."""
    if depth > DEPTH_MAX:
        raise UnreadableStatement(f"it is nested deeper than {DEPTH_MAX}")
    for child in element:
        refuse_depth(child, depth + 1)
