"""The words for what a bank's statement says of payouts: what is wrong, the likely cause and the next step, by kind and
by what the evidence says of `why`. They may name what those of explain.py may, and {paid_by}, {account} and {due_on}.
"""

from collections.abc import Mapping

from gateway.domain.discrepancy import DiscrepancyKind

K = DiscrepancyKind

AT_BANK: Mapping[tuple[DiscrepancyKind, str], Mapping[str, tuple[str, str, str]]] = {
    (K.TIMING, "at_bank"): {
        "vi": (
            "Khoản chi trả {transaction} của {paid_by}, {amount}, chưa về tài khoản {account}; hạn đến {due_on}.",
            "Nhà cung cấp chuyển tiền sau vài ngày làm việc.",
            "Không cần làm gì: khoản này tự khớp khi sao kê có dòng tương ứng.",
        ),
        "en": (
            "Payout {transaction} of {paid_by}, {amount}, has not come to account {account}; it may until {due_on}.",
            "The provider pays out some banking days later.",
            "Nothing to do: it clears by itself when a statement brings the line.",
        ),
    },
    (K.PAYOUT_MISSING, "at_bank"): {
        "vi": (
            (
                "Khoản chi trả {transaction} của {paid_by}, {amount}, không có trong sao kê của tài khoản {account}"
                " đến hạn {due_on}."
            ),
            "Chuyển khoản chậm, bị trả lại, hoặc sai tài khoản nhận.",
            "Gửi yêu cầu tra soát cho {paid_by} và ngân hàng; nếu họ hẹn ngày, chuyển sang ngày đó.",
        ),
        "en": (
            (
                "Payout {transaction} of {paid_by}, {amount}, is in no statement of account {account} up to {due_on},"
                " when it was due."
            ),
            "The transfer is late, was returned, or went to another account.",
            "Open a trace request with {paid_by} and the bank; if they name a day, carry it until then.",
        ),
    },
    (K.PAYOUT_MISSING, "taken_back"): {
        "vi": (
            (
                "Khoản chi trả {transaction} của {paid_by}, {amount}, đã về tài khoản {account} nhưng ngân hàng thu hồi"
                " ngày {taken_back_on}."
            ),
            "Nhà cung cấp hoặc ngân hàng của họ hủy lệnh chuyển, hoặc ngân hàng ghi có nhầm.",
            "Hỏi ngân hàng và {paid_by} lý do thu hồi và ngày chuyển lại; nếu họ hẹn ngày, chuyển sang ngày đó.",
        ),
        "en": (
            (
                "Payout {transaction} of {paid_by}, {amount}, came to account {account}, and the bank took it back on"
                " {taken_back_on}."
            ),
            "The provider or its bank cancelled the transfer, or the bank had credited it by mistake.",
            "Ask the bank and {paid_by} why, and when it is paid again; if they name a day, carry it until then.",
        ),
    },
    (K.PAYOUT_SHORT, "at_bank"): {
        "vi": (
            (
                "Ngân hàng ghi có {reported} cho khoản chi trả {transaction} của {paid_by}; phải là {expected}, thiếu"
                " {amount}."
            ),
            "Một phần còn đang chuyển, hoặc phí đã bị trừ trên đường.",
            "Chờ phần còn lại đến {due_on}; sau đó gửi yêu cầu tra soát cho {paid_by}.",
        ),
        "en": (
            (
                "The bank credited {reported} for payout {transaction} of {paid_by}; it should be {expected}, so"
                " {amount} is missing."
            ),
            "A part of it is still on its way, or a charge was taken from it.",
            "Wait for the rest until {due_on}; then open a trace request with {paid_by}.",
        ),
    },
    (K.PAYOUT_OVER, "at_bank"): {
        "vi": (
            (
                "Ngân hàng ghi có {reported} cho khoản chi trả {transaction} của {paid_by}; phải là {expected}, thừa"
                " {amount}."
            ),
            "Khoản chi trả gồm các dòng chưa có trong báo cáo quyết toán, hoặc đã được trả hai lần.",
            "Hỏi {paid_by} phần thừa thuộc về giao dịch nào; không sử dụng trước khi rõ.",
        ),
        "en": (
            (
                "The bank credited {reported} for payout {transaction} of {paid_by}; it should be {expected}, so"
                " {amount} is too much."
            ),
            "It has lines that the settlement does not have yet, or was paid out twice.",
            "Ask {paid_by} what the rest is for, and do not use it before that is known.",
        ),
    },
    (K.MISSING_IN_GATEWAY, "at_bank"): {
        "vi": (
            (
                "Ngân hàng ghi có {amount} vào tài khoản {account} (bút toán {transaction}), không phải khoản chi trả"
                " hay khoản nộp nào đã biết."
            ),
            "Tiền của hệ thống khác dùng chung tài khoản, hoặc báo cáo quyết toán chưa được gửi.",
            "Hỏi ngân hàng người gửi và nội dung trước khi ghi nhận.",
        ),
        "en": (
            (
                "The bank credited {amount} to account {account} (booking {transaction}), which is no payout and no"
                " payment that is known."
            ),
            "It is money of another system that shares the account, or its settlement has not been sent yet.",
            "Ask the bank who sent it and what for before anything is booked.",
        ),
    },
    (K.MISSING_IN_GATEWAY, "debit_at_bank"): {
        "vi": (
            "Ngân hàng ghi nợ {amount} trên tài khoản {account} (bút toán {transaction}), sổ cái không có khoản này.",
            "Khoản chi được thực hiện ngoài hệ thống, hoặc ngân hàng thu hồi một khoản đã ghi có.",
            "Hỏi ngân hàng khoản này là gì trước khi ghi nhận.",
        ),
        "en": (
            "The bank debited {amount} from account {account} (booking {transaction}), which the ledger does not have.",
            "It was paid out outside this gateway, or the bank took a credit back.",
            "Ask the bank what it is before anything is booked.",
        ),
    },
    (K.MISSING_IN_GATEWAY, "charge_at_bank"): {
        "vi": (
            "Ngân hàng thu phí {amount} trên tài khoản {account} (bút toán {transaction}), không rõ cơ quan nào chịu.",
            "Nhiều cơ quan dùng chung tài khoản.",
            "Xác định cơ quan chịu phí, rồi ghi nhận ở cơ quan đó.",
        ),
        "en": (
            "The bank charged {amount} on account {account} (booking {transaction}), and it is not known who bears it.",
            "Several agencies share the account.",
            "Agree which agency bears the charge, and have it booked there.",
        ),
    },
    (K.MISSING_IN_GATEWAY, "several_payouts"): {
        "vi": (
            (
                "Ngân hàng ghi {amount} trên tài khoản {account} (bút toán {transaction}), nêu khoản chi trả mà dòng"
                " khác cũng nêu, theo nhiều cách khớp."
            ),
            "Nhiều khoản chi trả được chia và gộp lẫn nhau.",
            "So các khoản chi trả được nêu với các dòng của sao kê, và hỏi nhà cung cấp dòng nào là khoản nào.",
        ),
        "en": (
            (
                "The bank booked {amount} on account {account} (booking {transaction}); it names payouts that other"
                " lines name too, so that they could be matched in several ways."
            ),
            "Several payouts were divided and put together.",
            "Compare the payouts that are named with the statement, and ask the provider which line is which.",
        ),
    },
}
