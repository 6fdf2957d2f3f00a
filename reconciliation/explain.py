"""What a discrepancy means, in plain words: what is wrong with which figures, the likely cause, and what to do next.

The words are a table, a row a kind, in Vietnamese and English. The system proposes; a person decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.money import Money
from reconciliation.bank.words import AT_BANK

LANGUAGES = ("vi", "en")
NAMED = ("asked_until", "paid_by", "account", "due_on", "taken_back_on")

K = DiscrepancyKind


@dataclass(frozen=True, slots=True)
class Words:
    """`what` and `next_step` may name {provider}, {amount}, {transaction} and what of {expected}, {reported} and NAMED
    the evidence holds."""

    what: str
    cause: str
    next_step: str


TABLE: Mapping[DiscrepancyKind, Mapping[str, Words]] = {
    K.MISSING_IN_GATEWAY: {
        "vi": Words(
            "{provider} báo đã thu {amount} (giao dịch {transaction}), nhưng sổ cái không có khoản này.",
            "Giao dịch được tạo ngoài hệ thống, hoặc thuộc về một hệ thống khác dùng chung tài khoản.",
            "Hỏi nhà cung cấp giao dịch này thuộc về ai trước khi ghi nhận.",
        ),
        "en": Words(
            "{provider} reports {amount} (transaction {transaction}) that the ledger does not have.",
            "It was made outside this gateway, or belongs to another system that shares the account.",
            "Ask the provider whose transaction it is before anything is booked.",
        ),
    },
    K.MISSING_AT_PROVIDER: {
        "vi": Words(
            "Sổ cái ghi {amount} (giao dịch {transaction}), nhưng {provider} không báo cáo khoản này.",
            "Dòng bị thiếu trong báo cáo của nhà cung cấp, hoặc khoản thanh toán đã bị hủy phía họ.",
            "Yêu cầu nhà cung cấp tra soát giao dịch.",
        ),
        "en": Words(
            "The ledger has {amount} (transaction {transaction}) that {provider} does not report.",
            "The line is missing in the provider's report, or the payment was undone on their side.",
            "Open a trace request with the provider.",
        ),
    },
    K.AMOUNT_MISMATCH: {
        "vi": Words(
            "Giao dịch {transaction}: sổ cái ghi {expected}, {provider} báo {reported}.",
            "Người nộp đã trả số tiền khác, hoặc báo cáo của nhà cung cấp sai.",
            "Đối chiếu với nhà cung cấp, rồi thu thêm, hoàn lại hoặc yêu cầu sửa báo cáo.",
        ),
        "en": Words(
            "Transaction {transaction}: the ledger has {expected}, {provider} reports {reported}.",
            "The payer paid another amount, or the provider's report is wrong.",
            "Check with the provider; then collect the rest, refund the excess, or have the report mended.",
        ),
    },
    K.CURRENCY_MISMATCH: {
        "vi": Words(
            "Giao dịch {transaction}: sổ cái ghi {expected}, {provider} báo {reported}, khác loại tiền.",
            "Tài khoản của nhà cung cấp quyết toán bằng loại tiền khác, hoặc báo cáo sai.",
            "Yêu cầu nhà cung cấp xác nhận loại tiền đã thu.",
        ),
        "en": Words(
            "Transaction {transaction}: the ledger has {expected}, {provider} reports {reported}, in another currency.",
            "The provider's account settles in another currency, or the report is wrong.",
            "Ask the provider to confirm the currency that was collected.",
        ),
    },
    K.STATUS_MISMATCH: {
        "vi": Words(
            "Hai bên không thống nhất về trạng thái của {amount} (giao dịch {transaction}).",
            "Tiền đến sau khi phiên đã hết hạn, thông báo bị mất, hoặc nhà cung cấp đã đảo giao dịch.",
            "Hỏi lại nhà cung cấp; chấp nhận khoản nộp muộn, hoặc hoàn trả.",
        ),
        "en": Words(
            "The two sides disagree on the status of {amount} (transaction {transaction}).",
            "The money came after its time, a notification was lost, or the provider reversed the transaction.",
            "Ask the provider again; then accept the late payment or refund it.",
        ),
    },
    K.DUPLICATE_AT_PROVIDER: {
        "vi": Words(
            "{provider} báo cáo giao dịch {transaction} ({amount}) nhiều hơn một lần.",
            "Báo cáo của nhà cung cấp lặp lại một dòng.",
            "Yêu cầu nhà cung cấp sửa báo cáo; sổ cái chỉ ghi một lần.",
        ),
        "en": Words(
            "{provider} reports transaction {transaction} ({amount}) more than once.",
            "The provider's report repeats a line.",
            "Have the provider mend the report; the ledger counts it once.",
        ),
    },
    K.DUPLICATE_PAYMENT: {
        "vi": Words(
            "Người nộp đã trả hai lần qua {provider}: {amount} được giữ cho người nộp.",
            "Người nộp thanh toán lại vì chưa thấy kết quả, hoặc mở hai trang thanh toán.",
            "Đề nghị hoàn trả khoản nộp thừa.",
        ),
        "en": Words(
            "The payer paid twice through {provider}: {amount} is kept for the payer.",
            "The payer paid again before seeing the outcome, or had two payment pages open.",
            "Request a refund of the second payment.",
        ),
    },
    K.FEE_MISMATCH: {
        "vi": Words(
            "{provider} giữ phí {reported} cho giao dịch {transaction}; hợp đồng quy định {expected}.",
            "Biểu phí đã thay đổi, hoặc nhà cung cấp tính sai.",
            "So với hợp đồng; yêu cầu nhà cung cấp trả lại phần chênh lệch.",
        ),
        "en": Words(
            "{provider} kept a fee of {reported} for transaction {transaction}; {expected} was agreed.",
            "The tariff has changed, or the provider worked it out wrongly.",
            "Compare with the contract; claim the difference.",
        ),
    },
    K.PAYOUT_SHORT: {
        "vi": Words(
            "{provider} chi trả thiếu {amount} so với tổng các dòng: {reported} thay vì {expected}.",
            "Khoản khấu trừ không được liệt kê, hoặc tổng ghi sai.",
            "Yêu cầu nhà cung cấp giải thích phần thiếu.",
        ),
        "en": Words(
            "{provider} pays out {amount} less than its lines add up to: {reported} instead of {expected}.",
            "A deduction is not itemised, or the total is wrong.",
            "Ask the provider to account for the difference.",
        ),
    },
    K.PAYOUT_OVER: {
        "vi": Words(
            "{provider} chi trả thừa {amount} so với tổng các dòng: {reported} thay vì {expected}.",
            "Thiếu dòng trong báo cáo, hoặc tổng ghi sai.",
            "Yêu cầu nhà cung cấp bổ sung các dòng còn thiếu.",
        ),
        "en": Words(
            "{provider} pays out {amount} more than its lines add up to: {reported} instead of {expected}.",
            "Lines are missing in the report, or the total is wrong.",
            "Ask the provider for the missing lines.",
        ),
    },
    K.PAYOUT_MISSING: {
        "vi": Words(
            "Khoản chi trả {amount} của {provider} chưa về tài khoản ngân hàng.",
            "Chuyển khoản chậm, hoặc sai tài khoản nhận.",
            "Kiểm tra sao kê, rồi yêu cầu tra soát.",
        ),
        "en": Words(
            "A payout of {amount} by {provider} has not reached the bank account.",
            "The transfer is late, or went to another account.",
            "Check the statement; then open a trace request.",
        ),
    },
    K.UNIDENTIFIED_RECEIPT: {
        "vi": Words(
            "Đã nhận {amount} qua {provider} (giao dịch {transaction}), không rõ nộp cho khoản nào.",
            "Nội dung chuyển khoản thiếu hoặc sai số tham chiếu.",
            "Xem các hóa đơn được gợi ý, hoặc tìm theo số tiền và ngày; nếu không có, hỏi ngân hàng về người gửi.",
        ),
        "en": Words(
            "{amount} came in through {provider} (transaction {transaction}) and it is not known for what.",
            "The transfer has no reference, or a garbled one.",
            "Look at the invoices that are proposed, or for one by amount and date; else ask the bank for the sender.",
        ),
    },
    K.REFUND_UNKNOWN: {
        "vi": Words(
            "{provider} báo hoàn trả {amount} mà không ai ở đây yêu cầu hoặc chưa rõ kết quả.",
            "Hoàn trả được thực hiện trên trang quản trị của nhà cung cấp, hoặc báo cáo sai.",
            "Tìm người đã thực hiện; ghi nhận lý do, hoặc yêu cầu nhà cung cấp thu hồi.",
        ),
        "en": Words(
            "{provider} reports a refund of {amount} that nobody here asked for, or whose end is not known.",
            "It was made in the provider's own console, or the report is wrong.",
            "Find who made it; record the reason, or have the provider take it back.",
        ),
    },
    K.TIMING: {
        "vi": Words(
            "{amount} (giao dịch {transaction}) chưa có trong báo cáo của {provider}.",
            "Nhà cung cấp quyết toán sau vài ngày.",
            "Không cần làm gì: khoản này tự khớp khi báo cáo ngày sau có dòng tương ứng.",
        ),
        "en": Words(
            "{amount} (transaction {transaction}) is not in {provider}'s report yet.",
            "The provider settles some days later.",
            "Nothing to do: it clears by itself when a later report brings the line.",
        ),
    },
}

CASES: dict[tuple[DiscrepancyKind, str], Mapping[str, Words]] = {
    (K.AMOUNT_MISMATCH, "refund_excess"): {
        "vi": Words(
            "Người nộp trả {reported} qua {provider} (giao dịch {transaction}); chỉ còn phải nộp {expected}.",
            "Người nộp tự nhập số tiền, hoặc một phần đã được nộp trước đó.",
            "Khoản thừa {amount} được giữ cho người nộp; đề nghị hoàn trả.",
        ),
        "en": Words(
            "The payer paid {reported} through {provider} (transaction {transaction}); only {expected} was due.",
            "The payer typed the amount, or part of it had been paid before.",
            "The excess of {amount} is kept for the payer: request a refund of it.",
        ),
    },
    (K.MISSING_IN_GATEWAY, "unknown_account"): {
        "vi": Words(
            "{provider} báo có {amount} (giao dịch {transaction}) vào tài khoản không thuộc riêng cơ quan nào ở đây.",
            "Tài khoản của cơ quan chưa được khai báo, ghi sai, hoặc được khai cho nhiều cơ quan.",
            "Khai báo tài khoản trong danh mục cơ quan, hoặc yêu cầu ngân hàng không báo tài khoản này.",
        ),
        "en": Words(
            "{provider} credited {amount} (transaction {transaction}) to an account that is not one agency's here.",
            "The agency's account is missing in the catalogue or mistyped, or several agencies have it.",
            "Put the account into the catalogue of agencies, or have the bank stop telling of it.",
        ),
    },
    (K.UNIDENTIFIED_RECEIPT, "ambiguous"): {
        "vi": Words(
            "Đã nhận {amount} qua {provider} (giao dịch {transaction}), nội dung nêu nhiều hóa đơn.",
            "Người nộp chuyển một lần cho nhiều khoản.",
            "Xem các hóa đơn được nêu và quyết định chia số tiền.",
        ),
        "en": Words(
            "{amount} came in through {provider} (transaction {transaction}) and names more than one invoice.",
            "The payer paid several invoices by one transfer.",
            "Look at the invoices that it names, and decide how the money is shared out.",
        ),
    },
    (K.UNIDENTIFIED_RECEIPT, "without_check_digits"): {
        "vi": Words(
            "Đã nhận {amount} qua {provider} (giao dịch {transaction}) cho số không có chữ số kiểm tra, khác số tiền.",
            "Người nộp trả số tiền khác, hoặc gõ nhầm thành số của người khác.",
            "So với hóa đơn được nêu; chỉ ghi nhận khi chắc chắn đúng người nộp.",
        ),
        "en": Words(
            "{amount} came in through {provider} (transaction {transaction}) for a number without check digits, and is"
            " not what that invoice asks for.",
            "The payer paid another amount, or a slip made it somebody else's number.",
            "Compare it with the invoice that is named; accept it only if it is surely that payer's.",
        ),
    },
    (K.UNIDENTIFIED_RECEIPT, "of_another_account"): {
        "vi": Words(
            "Đã nhận {amount} qua {provider} (giao dịch {transaction}) cho hóa đơn của cơ quan hoặc loại tiền khác.",
            "Người nộp chuyển nhầm tài khoản.",
            "Thỏa thuận với cơ quan kia, hoặc yêu cầu ngân hàng trả lại.",
        ),
        "en": Words(
            "{amount} came in through {provider} (transaction {transaction}) for the invoice of another agency.",
            "The payer used the wrong account.",
            "Settle it with the other agency, or have the bank return the money.",
        ),
    },
    (K.STATUS_MISMATCH, "no_end"): {
        "vi": Words(
            "Không rõ kết quả của khoản thanh toán {amount} qua {provider}: đã hỏi đến {asked_until} mà chưa có câu trả"
            " lời cuối cùng.",
            "Câu trả lời bị mất, và nhà cung cấp không trả lời nữa sau thời hạn tra cứu của họ.",
            "Gửi yêu cầu tra soát cho nhà cung cấp; người nộp không được trả lại lần nữa trước khi có kết quả.",
        ),
        "en": Words(
            "It is not known what became of a payment of {amount} through {provider}: it was asked about until"
            " {asked_until} and no end was told.",
            "The answer was lost, and the provider gives none any more once its query window has closed.",
            "Open a trace request with the provider; the payer must not pay again before it is answered.",
        ),
    },
    (K.REFUND_UNKNOWN, "no_end"): {
        "vi": Words(
            "Không rõ kết quả của khoản hoàn trả {amount} qua {provider}: đã hỏi đến {asked_until} mà chưa có câu trả"
            " lời cuối cùng.",
            "Câu trả lời bị mất, và nhà cung cấp không trả lời nữa sau thời hạn tra cứu của họ.",
            "Gửi yêu cầu tra soát cho nhà cung cấp; không hoàn trả lần nữa trước khi có kết quả.",
        ),
        "en": Words(
            "It is not known what became of a refund of {amount} through {provider}: it was asked about until"
            " {asked_until} and no end was told.",
            "The answer was lost, and the provider gives none any more once its query window has closed.",
            "Open a trace request with the provider; do not refund again before it is answered.",
        ),
    },
}
CASES |= {case: {language: Words(*words) for language, words in told.items()} for case, told in AT_BANK.items()}
"""What is better told in words of its own, by what the evidence says of `why` it is so, or what is `proposed`."""


PROPOSED: Mapping[str, Mapping[str, str]] = {
    "one": {
        "vi": "So với khoản được gợi ý ở phía bên kia; nếu đúng là một, hãy chấp nhận gợi ý.",
        "en": "Compare it with the one that is proposed on the other side; if they are the same, accept the proposal.",
    },
    "several": {
        "vi": "Nhiều khoản ở phía bên kia cùng phù hợp: so từng khoản, rồi hỏi nhà cung cấp nếu vẫn chưa rõ.",
        "en": "Several on the other side fit: compare each, and ask the provider if it stays open which it is.",
    },
}
"""The next step where the matching proposes what it may be, by whether one fits or several."""


def explain(
    kind: DiscrepancyKind, amount: Money, provider: str, evidence: Mapping[str, Any]
) -> dict[str, dict[str, str]]:
    """By language: `text` (what is wrong), `cause` (the likely one) and `next_step` (what is proposed).

    Of `evidence` are read, where they are there: provider_transaction_id, expected_minor and expected_currency,
    reported_minor and reported_currency, those of NAMED, why, proposed and proposal. `amount` is shown without sign.
    """
    explained = {}
    proposal = evidence.get("proposal") or {}
    fitting = "one" if proposal.keys() & {"entry", "line"} else "several"
    for language in LANGUAGES:
        words = _words(kind, evidence)[language]
        figures = {
            "provider": provider,
            "amount": _money(abs(amount.amount_minor), amount.currency, language),
            "transaction": evidence.get("provider_transaction_id") or "-",
            "expected": _figure("expected", amount, evidence, language),
            "reported": _figure("reported", amount, evidence, language),
            **{name: evidence.get(name) or "-" for name in NAMED},
        }
        explained[language] = {
            "text": words.what.format(**figures),
            "cause": words.cause,
            "next_step": PROPOSED[fitting][language] if proposal else words.next_step.format(**figures),
        }
    return explained


def has_own_words(kind: DiscrepancyKind, evidence: Mapping[str, Any]) -> bool:
    """Whether the very case has words, not its kind alone."""
    return _words(kind, evidence) is not TABLE[kind]


def _words(kind: DiscrepancyKind, evidence: Mapping[str, Any]) -> Mapping[str, Words]:
    case = evidence.get("why") or evidence.get("proposed")
    return CASES.get((kind, case), TABLE[kind]) if isinstance(case, str) else TABLE[kind]


def _figure(name: str, amount: Money, evidence: Mapping[str, Any], language: str) -> str:
    minor = evidence.get(f"{name}_minor")
    return "-" if minor is None else _money(minor, evidence.get(f"{name}_currency") or amount.currency, language)


def _money(minor: int, currency: str, language: str) -> str:
    """In major units with the language's grouping; exact."""
    grouped = f"{Money(minor, currency).major():,f}"
    if language == "vi":
        grouped = grouped.translate(str.maketrans(",.", ".,"))
    return f"{grouped} {currency}"
