// Asks the npm package `vietnam-qr-pay`: a question on standard input, {do, ...}, an answer on standard output.
import { readFileSync } from "node:fs";
import { QRPay } from "vietnam-qr-pay";

const asked = JSON.parse(readFileSync(0, "utf8"));

const answers = {
  // What it reads in a code.
  read: () =>
    asked.payloads.map((payload) => {
      const code = new QRPay(payload);
      return {
        valid: code.isValid,
        bank: code.consumer.bankBin,
        account: code.consumer.bankNumber,
        amount: code.amount,
        purpose: code.additionalData.purpose,
      };
    }),
  // The code that it makes of these fields.
  built: () =>
    asked.codes.map(({ bank, account, amount, purpose }) =>
      QRPay.initVietQR({ bankBin: bank, bankNumber: account, amount, purpose }).build(),
    ),
};
process.stdout.write(JSON.stringify(answers[asked.do]()));
