"""The words of facts, in Vietnamese and English, a row a fact. They name the fact's own figures in braces.

`rate` is a percentage with the fixed part, written from `rate_basis_points` and `rate_fixed_minor`.
"""

from collections.abc import Mapping

from reconciliation.assistant.facts import Fact, Figure

F = Fact

FACT_WORDS: Mapping[Fact, tuple[str, str]] = {
    F.NO_BATCH_OF_DAY: (
        "Chưa nạp tệp đối soát nào của ngày {day} cho loại tiền này.",
        "No settlement of {day} in this currency is loaded.",
    ),
    F.BATCH_OF_DAY: (
        "Tệp đối soát của ngày {day} cho loại tiền này đã được nạp.",
        "A settlement of {day} in this currency is loaded.",
    ),
    F.MOST_MISSING: (
        "Ngày {missing_day} thiếu tới {missing} khoản; lần đối soát này khớp {matched} khoản.",
        "Of {missing_day} as many as {missing} are missing; this run matched {matched}.",
    ),
    F.FEW_MISSING: (
        "Ngày {missing_day} chỉ thiếu {missing} khoản; lần đối soát này khớp {matched} khoản.",
        "Of {missing_day} only {missing} are missing; this run matched {matched}.",
    ),
    F.WITHIN_DAYS: (
        "Vẫn trong thời hạn quyết toán {lag_days} ngày của nhà cung cấp.",
        "It is still within the {lag_days} days that the provider may take.",
    ),
    F.JUST_DUE: (
        "Hạn quyết toán {due_on} vừa đến trong lần đối soát này.",
        "It fell due on {due_on}, with this run.",
    ),
    F.OVERDUE: (
        "Lẽ ra phải được quyết toán chậm nhất ngày {due_on}; các tệp sau đó cũng không có.",
        "It should have been settled by {due_on}, and no later file has it either.",
    ),
    F.AT_MIDNIGHT: (
        "{near} trong {absent} khoản thiếu nằm sát nửa đêm theo giờ {midnight_zone}.",
        "{near} of {absent} missing movements lie close to midnight in {midnight_zone}.",
    ),
    F.FEW_AT_MIDNIGHT: (
        "Của ngày này chỉ thiếu {absent} khoản, đều sát nửa đêm theo giờ {midnight_zone} ({near} khoản).",
        "Only {absent} of the day are missing, and {near} of them lie close to midnight in {midnight_zone}.",
    ),
    F.ALONE_AT_MIDNIGHT: (
        "Giao dịch diễn ra sát nửa đêm theo giờ {midnight_zone}, nhưng phần lớn khoản thiếu thì không.",
        "It happened close to midnight in {midnight_zone}, but most of what is missing did not.",
    ),
    F.FAR_FROM_MIDNIGHT: (
        "Giao dịch diễn ra cách xa nửa đêm theo mọi múi giờ liên quan.",
        "It happened far from midnight in every zone concerned.",
    ),
    F.ZONES_DIFFER: (
        "Cơ quan theo giờ {zone}, nhà cung cấp theo giờ {provider_zone}.",
        "The agency is in {zone}, the provider cuts its day in {provider_zone}.",
    ),
    F.SAME_RATE: (
        "{fitting} trong {fees} khoản phí lệch đúng bằng một mức {rate}, từ {since}.",
        "{fitting} of {fees} fees that differ follow one rate, {rate}, since {since}.",
    ),
    F.NO_RATE: (
        "Mức phí này không theo biểu phí chung nào của các khoản lệch khác.",
        "The fee follows no rate that the others that differ have in common.",
    ),
    F.FEE_OFF_BY_ONE: (
        "Phí chỉ lệch một đơn vị tiền nhỏ nhất.",
        "The fee is off by one minor unit only.",
    ),
    F.IN_OUTAGE: (
        "Nhà cung cấp không trả lời từ {outage_from} đến {outage_until} ({failed_calls} lần gọi).",
        "The provider answered no call from {outage_from} until {outage_until} ({failed_calls} calls).",
    ),
    F.NO_OUTAGE: (
        "Không ghi nhận gián đoạn nào của nhà cung cấp vào lúc đó.",
        "No outage of the provider is on record at that time.",
    ),
    F.UNFINISHED_HERE: (
        "Ở đây giao dịch chưa có kết quả (trạng thái {payment_status}).",
        "Here it has no end (its status is {payment_status}).",
    ),
    F.UNFINISHED_TOGETHER: (
        "{unfinished} giao dịch cùng chưa có kết quả từ {unfinished_from} đến {unfinished_until}.",
        "{unfinished} of them had no end from {unfinished_from} until {unfinished_until}.",
    ),
    F.UNFINISHED_ALONE: (
        "Không có giao dịch nào khác chưa có kết quả vào lúc đó.",
        "Hardly any other had no end at that time.",
    ),
    F.LEARNT_FROM_SETTLEMENT: (
        "Kết quả chỉ được biết từ tệp đối soát.",
        "Its end was learnt from the settlement alone.",
    ),
    F.NEVER_TOLD: (
        "Chưa có thông báo nào về giao dịch này.",
        "No notification ever spoke of it.",
    ),
    F.WINDOW_CLOSED: (
        "Thời hạn tra cứu của nhà cung cấp đã hết.",
        "The provider's query window has closed.",
    ),
    F.BATCH_REPEATED: (
        "{repeated_percent}% số dòng của tệp {batch} đã được quyết toán trước đó.",
        "{repeated_percent}% of the lines of batch {batch} had been settled before.",
    ),
    F.BATCH_NOT_REPEATED: (
        "Chỉ {repeated_percent}% số dòng của tệp {batch} bị lặp.",
        "Only {repeated_percent}% of the lines of batch {batch} are repetitions.",
    ),
    F.PAYER_TYPES_AMOUNT: (
        "Với cách nộp này người nộp tự nhập số tiền.",
        "With this method the payer types the amount.",
    ),
    F.AMOUNT_SLIP: (
        "Hai số tiền chỉ khác nhau một lỗi gõ (một chữ số hoặc số 0).",
        "The amounts differ by one slip of the hand: a digit, or a zero.",
    ),
    F.PART_PAID_BEFORE: (
        "Khoản này đã được nộp đủ trước đó.",
        "It had been paid in full before.",
    ),
    F.UNDONE_WORD: (
        "Nhà cung cấp ghi trạng thái “{status}”.",
        "The provider's word for it is “{status}”.",
    ),
    F.NOT_SETTLED: (
        "Dòng này không thuộc số tiền được chi trả.",
        "The line is not part of what is paid out.",
    ),
    F.OPPOSITE_OPEN: (
        "Có một khoản cùng số tiền, ngược dấu, cũng đang mở.",
        "One of the same amount and the other sign stands open too.",
    ),
    F.MONEY_BACK: (
        "Tiền đi ngược lại, từ cơ quan ra.",
        "The money goes back, away from the agency.",
    ),
    F.KNOWN_PAYMENT: (
        "Giao dịch thuộc một khoản thanh toán có ở đây.",
        "It is of a payment that is known here.",
    ),
    F.NO_PAYMENT: (
        "Không có khoản thanh toán nào ở đây ứng với giao dịch này.",
        "No payment here answers to it.",
    ),
    F.FOREIGN_REFERENCE: (
        "Số tham chiếu “{merchant}” không phải dạng do hệ thống này cấp.",
        "The reference “{merchant}” is not of a form that this gateway gives out.",
    ),
    F.OUR_REFERENCE: (
        "Số tham chiếu “{merchant}” có dạng do hệ thống này cấp.",
        "The reference “{merchant}” is of a form that this gateway gives out.",
    ),
    F.SLIP_AWAY: (
        "Phía bên kia có “{other}”, cùng số tiền, chỉ khác một lỗi ghi.",
        "The other side has “{other}” over the same amount, one slip away.",
    ),
    F.PROPOSED_MATCH: (
        "Bước so khớp đề xuất một cặp phù hợp.",
        "The matching proposes a pair.",
    ),
    F.SAME_AMOUNT_OPEN: (
        "Phía bên kia có {same_amount} khoản đang mở với cùng số tiền.",
        "On the other side {same_amount} of the same amount stand open.",
    ),
    F.REFERENCE_UNREADABLE: (
        "Nội dung chuyển khoản không nêu được hóa đơn nào.",
        "The words of the transfer name no invoice that can be read.",
    ),
    F.SEVERAL_INVOICES: (
        "Nội dung chuyển khoản nêu nhiều hóa đơn.",
        "The words of the transfer name several invoices.",
    ),
    F.OTHER_ACCOUNT: (
        "Tài khoản nhận không phải tài khoản của hóa đơn.",
        "The account is not the one of the invoice.",
    ),
    F.REFUND_OURS: (
        "Khoản hoàn trả được yêu cầu tại đây.",
        "The refund was asked for here.",
    ),
    F.REFUND_NOT_OURS: (
        "Không ai ở đây yêu cầu khoản hoàn trả này.",
        "Nobody here asked for this refund.",
    ),
    F.AT_BANK: (
        "Số liệu này là của tài khoản ngân hàng.",
        "This is about an account at the bank.",
    ),
    F.NO_STATEMENT: (
        "Sao kê mới có đến ngày {statement_until}; ngày sau đó chưa được nạp.",
        "Statements tell only until {statement_until}; that of the day is not here.",
    ),
    F.STATEMENT_TELLS: (
        "Sao kê đã có đến ngày {statement_until} mà không có khoản này.",
        "Statements tell until {statement_until}, and this is in none.",
    ),
    F.SAME_CAME_UNNAMED: (
        "Ngân hàng có ghi có đúng số tiền này mà không rõ là khoản nào.",
        "The bank credited just this amount, under no name that is known.",
    ),
    F.SAME_SHORTFALL: (
        "{alike} khoản chi trả của cùng nhà cung cấp thiếu đúng số tiền này.",
        "{alike} payouts of the same provider lack just this amount.",
    ),
    F.SMALL_SHORTFALL: (
        "Phần thiếu không quá {small_percent}% của khoản chi trả.",
        "What is missing is no more than {small_percent}% of the payout.",
    ),
    F.EQUALS_MONEY_BACK: (
        "Một khoản hoàn trả hoặc đảo giao dịch chưa quyết toán của nhà cung cấp này đúng bằng số tiền đó.",
        "A refund or reversal of this provider that is in no settlement yet is just this amount.",
    ),
    F.REST_MAY_COME: (
        "Phần còn lại vẫn có thể đến cho tới {due_on}.",
        "The rest may still come until {due_on}.",
    ),
    F.REST_OVERDUE: (
        "Lẽ ra phải đến đủ chậm nhất ngày {due_on}.",
        "All of it should have come by {due_on}.",
    ),
    F.EQUALS_PAYOUT: (
        "Số tiền đúng bằng khoản chi trả {payout} đang chờ.",
        "The amount is that of payout {payout}, which is awaited.",
    ),
    F.TWICE_THE_AMOUNT: (
        "Số tiền đến gấp đúng hai lần khoản chi trả.",
        "What came is just twice the payout.",
    ),
    F.CHARGE_CODE: (
        "Ngân hàng ghi bút toán này là phí của họ.",
        "The bank says that the booking is its own charge.",
    ),
    F.NAMES_PAYOUTS: (
        "Bút toán nêu khoản chi trả mà dòng khác cũng nêu.",
        "The booking names payouts that other lines name too.",
    ),
    F.MONEY_OUT: (
        "Tiền đi ra khỏi tài khoản.",
        "The money left the account.",
    ),
    F.EQUALS_CREDIT: (
        "Một khoản ghi có chưa rõ đúng bằng số tiền này.",
        "A credit that nobody knows is just this amount.",
    ),
    F.SUM_OF_PAYOUTS: (
        "Số tiền đúng bằng tổng hai khoản chi trả đang chờ.",
        "The amount is that of two awaited payouts together.",
    ),
    F.STATEMENT_GAP: (
        "Thiếu sao kê giữa ngày {gap_after} và ngày {gap_before}: số dư không nối tiếp nhau.",
        "A statement between {gap_after} and {gap_before} is not here: the balances do not follow each other.",
    ),
    F.WAS_TAKEN_BACK: (
        "Khoản này đã về, rồi ngân hàng thu hồi.",
        "It came, and the bank took it back.",
    ),
    F.SAME_CAME_MISNAMED: (
        "Đúng số tiền này đã đến dưới tên khoản chi trả {named}.",
        "Just this amount came under the name of payout {named}.",
    ),
    F.CAME_WITH_OTHER: (
        "Khoản chi trả {with_payout} thừa đúng bằng số tiền này.",
        "Payout {with_payout} brought just this amount too much.",
    ),
    F.CAME_IN_SUM: (
        "Một khoản ghi có chưa rõ đúng bằng tổng khoản này và một khoản chi trả khác đang chờ.",
        "A credit that nobody knows is what this and another awaited payout are together.",
    ),
    F.NAMED_WITH_OTHERS: (
        "Một bút toán khớp được theo nhiều cách có nêu khoản này.",
        "A booking names it that could be matched in several ways.",
    ),
    F.LARGE_SHORTFALL: (
        "Phần thiếu hơn {large_percent}% của khoản chi trả.",
        "What is missing is more than {large_percent}% of the payout.",
    ),
    F.ROUND_SHORTFALL: (
        "Phần thiếu là một số tròn.",
        "What is missing is a round sum.",
    ),
    F.WHOLE_PERCENT: (
        "Phần thiếu đúng bằng {whole_percent}% của khoản chi trả.",
        "What is missing is just {whole_percent}% of the payout.",
    ),
    F.SUM_OF_MONEY_BACK: (
        "Hai khoản hoàn trả hoặc đảo giao dịch chưa quyết toán của nhà cung cấp này cộng lại đúng bằng số tiền đó.",
        "Two refunds or reversals of this provider that no settlement had then are just this amount together.",
    ),
    F.EQUALS_PAYMENT: (
        "Đã có người nộp đúng số tiền này qua nhà cung cấp này, có thể đã bị đòi lại.",
        "Somebody paid just this amount through this provider, which may have been charged back.",
    ),
    F.REST_CAME_UNNAMED: (
        "Ngân hàng có ghi có đúng phần còn thiếu mà không rõ là khoản nào.",
        "The bank credited just what is missing, under no name that is known.",
    ),
    F.OTHER_CAME_UNDER_ITS_NAME: (
        "Số tiền của khoản chi trả {other_payout} đang chờ đã đến dưới tên khoản này.",
        "What awaited payout {other_payout} is worth came under the name of this one.",
    ),
    F.EQUALS_CAME: (
        "Khoản chi trả {came} đã về đúng bằng số tiền này.",
        "Payout {came}, which came, is just this amount.",
    ),
    F.MARKED_REVERSAL: (
        "Ngân hàng ghi bút toán này là đảo một bút toán trước.",
        "The bank says that the booking undoes an earlier one.",
    ),
    F.SMALL_DEBIT: (
        "Số tiền rất nhỏ so với các khoản chi trả vào tài khoản này.",
        "It is very little beside the payouts to this account.",
    ),
    F.EQUALS_SHORTFALL: (
        "Số tiền đúng bằng phần còn thiếu của khoản chi trả {lacking}.",
        "It is just what payout {lacking} lacks.",
    ),
    F.EQUALS_DEBIT: (
        "Một khoản ghi nợ chưa rõ đúng bằng số tiền này.",
        "A debit that nobody knows is just this amount.",
    ),
    F.CAME_BEFORE: (
        "Bút toán nêu khoản chi trả {came}, đã về đúng số tiền này trước đó.",
        "The booking names payout {came}, which had come already, as just this amount.",
    ),
    F.NAMES_PROVIDER: (
        "Bút toán nêu {named_provider}, nhưng không nêu khoản chi trả nào đang chờ.",
        "The booking names {named_provider}, and no payout that is awaited.",
    ),
    F.LONG_UNKNOWN: (
        "Chưa rõ từ ngày {since}, trong khi các quyết toán sau đó đã đến.",
        "Nobody knows it since {since}, by when a late settlement would have come.",
    ),
}
"""Vietnamese, then English."""


def fact_text(fact: Fact, figures: Mapping[str, Figure], language: str) -> str:
    words = FACT_WORDS[fact][0 if language == "vi" else 1]
    return words.format(**figures, rate=_rate(figures, language))


def _rate(figures: Mapping[str, Figure], language: str) -> str:
    whole, part = divmod(int(figures.get("rate_basis_points", 0)), 100)
    fixed = int(figures.get("rate_fixed_minor", 0))
    percent = f"{whole}{',' if language == 'vi' else '.'}{part:02d}%"
    return f"{percent} + {fixed}" if fixed else percent
