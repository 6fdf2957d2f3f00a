"""The words of causes: what probably happened and what to do next, in Vietnamese and English, a row a cause."""

from collections.abc import Mapping
from dataclasses import dataclass

from reconciliation.assistant.causes import Cause

C = Cause


@dataclass(frozen=True, slots=True)
class CauseWords:
    cause: str
    next_step: str


CAUSE_WORDS: Mapping[Cause, Mapping[str, CauseWords]] = {
    C.MISSING_FILE: {
        "vi": CauseWords(
            "Tệp đối soát của ngày này chưa bao giờ đến.",
            "Yêu cầu nhà cung cấp gửi lại tệp đối soát, nạp tệp rồi chạy lại đối soát; không quyết toán từng dòng.",
        ),
        "en": CauseWords(
            "The settlement file of the day never came.",
            "Have the provider send the file again, load it and run the day again; do not settle row by row.",
        ),
    },
    C.LATE_FILE: {
        "vi": CauseWords(
            "Dòng này sẽ có trong tệp đối soát đến sau: nhà cung cấp gửi chậm hoặc quyết toán sau vài ngày.",
            "Chờ tệp kế tiếp, khoản này tự khớp khi có dòng tương ứng; nếu thiếu cả tệp, hỏi khi nào tệp đến.",
        ),
        "en": CauseWords(
            "The line comes with a later file: the provider sends late, or settles some days after.",
            "Wait for the next file, by which it clears itself. If the whole file is missing, ask when it comes.",
        ),
    },
    C.TIME_ZONE_CUT: {
        "vi": CauseWords(
            "Nhà cung cấp chốt ngày theo giờ khác, nên các giao dịch quanh nửa đêm nằm trong báo cáo ngày khác.",
            "Chuyển sang ngày kế tiếp; nếu lặp lại hằng ngày, thống nhất múi giờ chốt ngày với nhà cung cấp.",
        ),
        "en": CauseWords(
            "The provider cuts its day at another hour, so what happened around midnight is in another day's report.",
            "Carry it to the next day; if it comes every day, agree with the provider on the zone of the cut.",
        ),
    },
    C.LINE_LEFT_OUT: {
        "vi": CauseWords(
            "Nhà cung cấp bỏ sót dòng này trong báo cáo.",
            "Gửi yêu cầu tra soát giao dịch cho nhà cung cấp.",
        ),
        "en": CauseWords("The provider left this line out of its report.", "Open a trace request with the provider."),
    },
    C.FEE_CHANGE: {
        "vi": CauseWords(
            "Nhà cung cấp áp dụng một mức phí mới, khác hợp đồng.",
            "Đối chiếu với hợp đồng: cập nhật biểu phí nếu đã thỏa thuận, nếu không thì khiếu nại một lần cho tất cả.",
        ),
        "en": CauseWords(
            "The provider keeps another rate than agreed.",
            "Compare it with the contract: enter the new rate if it was agreed, else dispute all of it at once.",
        ),
    },
    C.ROUNDING_OF_FEE: {
        "vi": CauseWords(
            "Nhà cung cấp làm tròn phí theo cách khác.",
            "Ghi nhận phần lệch; thống nhất cách làm tròn với nhà cung cấp.",
        ),
        "en": CauseWords(
            "The provider rounds its fee in another way.",
            "Book the difference, and agree with the provider on how to round.",
        ),
    },
    C.FEE_ONCE_WRONG: {
        "vi": CauseWords(
            "Nhà cung cấp tính sai phí của giao dịch này.",
            "Yêu cầu nhà cung cấp hoàn lại phần thu thừa hoặc xác nhận mức phí.",
        ),
        "en": CauseWords(
            "The provider got the fee of this one payment wrong.",
            "Have the provider return what it kept too much, or confirm the fee.",
        ),
    },
    C.PROVIDER_OUTAGE: {
        "vi": CauseWords(
            "Kết nối với nhà cung cấp bị gián đoạn vào lúc đó, nên kết quả không đến được đây.",
            "Hỏi lại nhà cung cấp cho cả nhóm; chỉ tra soát những giao dịch vẫn chưa rõ kết quả.",
        ),
        "en": CauseWords(
            "The provider was not reached at that time, so the outcomes did not come through.",
            "Ask the provider again for the whole group; trace only what has no end after that.",
        ),
    },
    C.LOST_NOTIFICATION: {
        "vi": CauseWords(
            "Thông báo của nhà cung cấp về giao dịch này bị thất lạc.",
            "Không cần bút toán: kết quả có từ tệp đối soát hoặc lần hỏi lại. Nếu hay xảy ra, kiểm tra webhook.",
        ),
        "en": CauseWords(
            "The provider's notification of this one was lost.",
            "Nothing to post: the settlement or the next question tells the end. If it is frequent, check the webhook.",
        ),
    },
    C.REPEATED_FILE: {
        "vi": CauseWords(
            "Nhà cung cấp gửi cùng một tệp đối soát hai lần, dưới tên khác.",
            "Yêu cầu nhà cung cấp rút tệp trùng và xác nhận chỉ chi trả một lần.",
        ),
        "en": CauseWords(
            "The provider sent one file twice, under another name.",
            "Have the provider withdraw the second one and confirm that it pays out once.",
        ),
    },
    C.DUPLICATE_LINE: {
        "vi": CauseWords(
            "Nhà cung cấp liệt kê cùng một giao dịch hai lần.",
            "Yêu cầu nhà cung cấp xác nhận và điều chỉnh; không ghi sổ lần thứ hai.",
        ),
        "en": CauseWords(
            "The provider lists one transaction twice.",
            "Have the provider confirm and correct it; book nothing a second time.",
        ),
    },
    C.PAID_TWICE: {
        "vi": CauseWords(
            "Người nộp đã nộp hai lần cho cùng một khoản.",
            "Đề nghị hoàn trả khoản nộp thừa; biên lai của lần nộp đầu vẫn có hiệu lực.",
        ),
        "en": CauseWords(
            "The payer paid the same fee twice.",
            "Request a refund of what was paid too much; the receipt of the first payment stands.",
        ),
    },
    C.WRONG_AMOUNT_TYPED: {
        "vi": CauseWords(
            "Người nộp tự nhập số tiền khi chuyển khoản và nhập sai.",
            "Hoàn trả phần thừa hoặc thông báo cho người nộp phần còn thiếu.",
        ),
        "en": CauseWords(
            "The payer typed the amount of the transfer and typed it wrong.",
            "Refund what is too much, or tell the payer what is still due.",
        ),
    },
    C.WRONG_IN_REPORT: {
        "vi": CauseWords(
            "Báo cáo của nhà cung cấp ghi sai giao dịch này.",
            "Khiếu nại với nhà cung cấp kèm chứng từ của hai bên; sổ cái giữ nguyên.",
        ),
        "en": CauseWords(
            "The provider's report has this one wrong.",
            "Dispute it with the provider, with the evidence of both sides; the ledger stays as it is.",
        ),
    },
    C.OTHER_SYSTEM: {
        "vi": CauseWords(
            "Giao dịch thuộc một hệ thống khác dùng chung tài khoản với nhà cung cấp.",
            "Hỏi nhà cung cấp giao dịch thuộc đơn vị nào; đề nghị tách tài khoản.",
        ),
        "en": CauseWords(
            "It belongs to another system that shares the account with the provider.",
            "Ask the provider whose it is, and have the accounts parted.",
        ),
    },
    C.PROVIDER_REVERSED: {
        "vi": CauseWords(
            "Nhà cung cấp hoặc ngân hàng đã hủy hay đảo giao dịch sau khi báo thành công.",
            "Hỏi lại nhà cung cấp kết quả cuối cùng; nếu bị đảo thật, ghi nhận và thông báo cho cơ quan.",
        ),
        "en": CauseWords(
            "The provider or a bank undid it after it had been reported as done.",
            "Ask the provider for the final state; if it was undone, record it and tell the agency.",
        ),
    },
    C.REFUNDED_AT_PROVIDER: {
        "vi": CauseWords(
            "Khoản hoàn trả được thực hiện trên trang quản trị của nhà cung cấp, không qua hệ thống này.",
            "Tìm người đã thực hiện và ghi nhận lý do; yêu cầu hoàn trả qua hệ thống này.",
        ),
        "en": CauseWords(
            "The refund was made in the provider's own console, not here.",
            "Find who made it and record the reason; have refunds asked for here.",
        ),
    },
    C.GARBLED_REFERENCE: {
        "vi": CauseWords(
            "Số tham chiếu bị ghi sai hoặc bị cắt trên đường đi; hai bên nói về cùng một khoản.",
            "So sánh hai bên và chấp nhận cặp được đề xuất nếu đúng.",
        ),
        "en": CauseWords(
            "The reference was garbled or cut on the way: both sides speak of the same money.",
            "Compare both sides, and accept the proposed pair if it is right.",
        ),
    },
    C.SEVERAL_BILLS: {
        "vi": CauseWords("Người nộp chuyển một lần cho nhiều hóa đơn.", "Phân bổ số tiền cho từng hóa đơn được nêu."),
        "en": CauseWords(
            "The payer paid several invoices by one transfer.", "Share the money out over the invoices that it names."
        ),
    },
    C.WRONG_ACCOUNT: {
        "vi": CauseWords(
            "Tiền vào nhầm tài khoản: của cơ quan khác, hoặc tài khoản chưa được khai báo.",
            "Thỏa thuận với cơ quan kia, khai báo tài khoản, hoặc yêu cầu ngân hàng hoàn trả.",
        ),
        "en": CauseWords(
            "The money came to the wrong account: another agency's, or one that is not in the catalogue.",
            "Settle it with the other agency, enter the account, or have the bank return the money.",
        ),
    },
    C.PAYOUT_DIFFERS: {
        "vi": CauseWords(
            "Số tiền chi trả khác tổng các dòng: giữ lại một phần, hoặc báo cáo thiếu dòng.",
            "Yêu cầu nhà cung cấp giải trình phần chênh lệch kèm bảng kê.",
        ),
        "en": CauseWords(
            "The payout is not what its lines add up to: a part was withheld, or lines are not in the report.",
            "Have the provider account for the difference line by line.",
        ),
    },
    C.PAYOUT_LATE: {
        "vi": CauseWords(
            "Khoản chi trả đến chậm hoặc chuyển nhầm tài khoản.",
            "Kiểm tra sao kê ngân hàng ngày kế tiếp, sau đó gửi yêu cầu tra soát.",
        ),
        "en": CauseWords(
            "The payout is late, or went to another account.",
            "Look at the bank's statement of the next day; then open a trace request.",
        ),
    },
    C.STATEMENT_MISSING: {
        "vi": CauseWords(
            "Sao kê của ngày chưa được nạp.",
            "Nạp sao kê của ngân hàng; chuyển sang ngày sau cho đến khi có.",
        ),
        "en": CauseWords(
            "The statement of the day is not here.",
            "Hand in the bank's statement, and carry this until it is here.",
        ),
    },
    C.BANK_CHARGE: {
        "vi": CauseWords(
            "Ngân hàng hoặc ngân hàng trung gian đã trừ phí.",
            "Xác nhận phí với ngân hàng và ai chịu phí đó.",
        ),
        "en": CauseWords(
            "The bank, or one on the way, took a charge.",
            "Have the bank confirm the charge, and agree who bears it.",
        ),
    },
    C.NETTED_BY_PROVIDER: {
        "vi": CauseWords(
            "Nhà cung cấp đã trừ một khoản hoàn trả hoặc khiếu nại chưa có trong báo cáo.",
            "Yêu cầu nhà cung cấp đưa khoản đó vào báo cáo quyết toán.",
        ),
        "en": CauseWords(
            "The provider took off a refund or a chargeback that its settlement does not list yet.",
            "Have the provider put it into its settlement.",
        ),
    },
    C.PART_ON_ITS_WAY: {
        "vi": CauseWords(
            "Khoản chi trả được chia ra, một phần còn đang chuyển.",
            "Chờ sao kê có phần còn lại; sau hạn thì yêu cầu tra soát.",
        ),
        "en": CauseWords(
            "The payout was divided, and a part of it is on its way.",
            "Wait for the statement that has the rest; once it is due, open a trace request.",
        ),
    },
    C.PAYOUTS_TOGETHER: {
        "vi": CauseWords(
            "Hai khoản chi trả được chuyển trong một lần ghi có.",
            "So các khoản chi trả được nêu với bút toán, và hỏi nhà cung cấp.",
        ),
        "en": CauseWords(
            "Two payouts came in one credit.",
            "Compare the payouts with the booking, and ask the provider which they are.",
        ),
    },
    C.PAYOUT_TWICE: {
        "vi": CauseWords(
            "Khoản chi trả được chuyển hai lần.",
            "Báo nhà cung cấp và không sử dụng phần thừa.",
        ),
        "en": CauseWords(
            "The payout was sent twice.",
            "Tell the provider, and do not use what is too much.",
        ),
    },
    C.PAYOUT_UNNAMED: {
        "vi": CauseWords(
            "Khoản chi trả đã đến với nội dung sai hoặc thiếu mã.",
            "So với bút toán cùng số tiền; hỏi nhà cung cấp nội dung chuyển.",
        ),
        "en": CauseWords(
            "The payout came with its name mistyped or left out.",
            "Compare it with the booking of the same amount, and ask the provider under which words it was sent.",
        ),
    },
    C.OUTSIDE_PAYMENT: {
        "vi": CauseWords(
            "Tiền được chuyển ra ngoài hệ thống, hoặc sang tài khoản khác của chính cơ quan.",
            "Hỏi ngân hàng và kế toán ai đã chuyển và cho việc gì.",
        ),
        "en": CauseWords(
            "It was paid out outside this gateway, or moved to another account of the agency's own.",
            "Ask the bank and the agency's bookkeepers who moved it and what for.",
        ),
    },
    C.SETTLEMENT_LATE: {
        "vi": CauseWords(
            "Khoản chi trả đã về trước khi có báo cáo quyết toán của nó.",
            "Chờ báo cáo quyết toán để tự khớp; sau hai ngày làm việc chưa có thì yêu cầu nhà cung cấp gửi.",
        ),
        "en": CauseWords(
            "A payout came before its settlement is here.",
            "Wait for the settlement, by which it clears itself; after two banking days ask the provider for it.",
        ),
    },
    C.CREDIT_TAKEN_BACK: {
        "vi": CauseWords(
            "Ngân hàng thu hồi một khoản đã ghi có.",
            "Hỏi ngân hàng bút toán này thu hồi khoản nào.",
        ),
        "en": CauseWords(
            "The bank took back what it had credited.",
            "Ask the bank which credit it took back.",
        ),
    },
    C.UNKNOWN: {
        "vi": CauseWords(
            "Chưa đủ dữ kiện để biết nguyên nhân.", "So sánh hai bên và hỏi nhà cung cấp; ghi lại điều tìm được."
        ),
        "en": CauseWords(
            "What is known does not tell the cause.", "Compare both sides and ask the provider; note what you find."
        ),
    },
}

ASK_FIRST: Mapping[str, str] = {
    "vi": "Hỏi lại nhà cung cấp trước: câu trả lời của họ sẽ quyết định khoản này.",
    "en": "Ask the provider again first: its answer would decide this one.",
}
